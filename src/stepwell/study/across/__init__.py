"""Across the sources: how far local rules go down the stairs, whether drops are bifurcations, and what lies
beyond one input, one output and linear units."""

# Claims register themselves in the order in which their files are imported: the order of the story.
from stepwell.study.across import stairs_per_output, stairs_measured, dwell_per_rule, random_start  # noqa: F401, I001
from stepwell.study.across import bifurcations, task_dimension, delayed_low_rank  # noqa: F401
from stepwell.study.across import many_channels, nonlinear_units, tanh_models  # noqa: F401
from stepwell.study.across import slow_flipflop, size  # noqa: F401
from stepwell.study.across import edge_of_stability, lazy_limit  # noqa: F401
from stepwell.study.across.protocols import RFLO, claim, rule_flow, target
from stepwell.study.base import Study

STUDY = Study(
    title="Across the sources",
    source="stepwell2026",
    question="What do the four sources say together: how many stairs can a local rule go down, how long does "
    "it wait on each, are the drops bifurcations, and where do the linear laws end?",
    claims=tuple(claim.all),
    experiments={"one_output": rule_flow(RFLO, target(3), 1e-3, 1e6)},
)
