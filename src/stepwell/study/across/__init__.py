"""Across the sources: how far local rules go down the stairs, whether drops are bifurcations, and what lies
beyond one input, one output and linear units."""

from stepwell.study.across import bifurcations, delayed_low_rank, many_channels  # noqa: F401
from stepwell.study.across import edge_of_stability, lazy_limit, nonlinear_units  # noqa: F401
from stepwell.study.across.protocols import claim, one_output
from stepwell.study.base import Study

STUDY = Study(
    title="Across the sources",
    source="stepwell2026",
    question="What do the four sources say together: how many stairs can a local rule go down, how long does "
    "it wait on each, are the drops bifurcations, and where do the linear laws end?",
    claims=tuple(claim.all),
    experiments={"one_output": one_output("rflo")},
)
