"""Random initial connectivity and the change that learning adds to it: its size, its rank, its theory."""

# Claims are collected as their files are imported: the order of the story.
from stepwell.study.low_rank_change import functional_rank, speed_and_size  # noqa: F401, I001
from stepwell.study.low_rank_change import linear_theory, linear_descent, linear_limits  # noqa: F401
from stepwell.study.low_rank_change import sentiment  # noqa: F401
from stepwell.study.base import Study
from stepwell.study.low_rank_change.protocols import FLIPFLOP, claim, descent, trained

STUDY = Study(
    title="Low-rank change",
    source="schuessler2020",
    question="How large is the change that learning makes to random initial weights, of what rank is it, and "
    "how do both depend on the strength of these weights?",
    claims=tuple(claim.all),
    experiments={
        "flipflop": trained(FLIPFLOP, 128, 0.9, 300).experiment,
        "flipflop_small": trained(FLIPFLOP, 32, 0.0, 300).experiment,
        "linear": descent(256, 0.6, 2.0),
    },
)
