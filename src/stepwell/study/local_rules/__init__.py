"""What locality costs: BPTT, tBPTT, RFLO and e-prop in linear recurrent networks."""

# Claims register themselves in the order in which their files are imported: the order of the story.
from stepwell.study.local_rules import fixed_points, paths, rank_and_loss, plateaus  # noqa: F401, I001
from stepwell.study.base import Study
from stepwell.study.local_rules.protocols import BPTT, RFLO, claim, noisy, trajectories, unaligned

STUDY = Study(
    title="Local rules",
    source="williams2026",
    question="What can a learning rule still do that uses only what is local in space and time: where does "
    "it come to rest, how fast, and which weight changes can it reach?",
    claims=tuple(claim.all),
    experiments={
        "noisy": noisy(RFLO)("quick")[0][0],
        "unaligned": unaligned(RFLO)("quick")[0][0],
        "mode": trajectories(RFLO)[0][0],
        "mode_bptt": trajectories(BPTT)[0][0],
    },
    errata=(
        "Rebuttal in the review: an update by RFLO is an outer product of rank one for a single time step "
        "alone; a trial or a batch gives the rank of the feedback, and only with linear units and one decay.",
        "Caption of Fig. 4: the square of the product of the teacher's outer weights leaves its sign open, "
        "and with the negative sign BPTT's start lies on the stable manifold of a line of saddles.",
    ),
)
