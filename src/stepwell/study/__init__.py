"""Studies: one source each, made executable."""

from stepwell.names import Table
from stepwell.study.across import STUDY as across
from stepwell.study.base import Claim, Claims, Study
from stepwell.study.ghost import STUDY as ghost
from stepwell.study.judge import Finding, check, compare
from stepwell.study.local_rules import STUDY as local_rules
from stepwell.study.low_rank_change import STUDY as low_rank_change
from stepwell.study.saddle_to_saddle import STUDY as saddle_to_saddle

STUDIES: Table = Table(
    "study",
    {
        "saddle_to_saddle": saddle_to_saddle,
        "ghost": ghost,
        "local_rules": local_rules,
        "low_rank_change": low_rank_change,
        "across": across,
    },
)

__all__ = ["STUDIES", "Claim", "Claims", "Finding", "Study", "check", "compare"]
