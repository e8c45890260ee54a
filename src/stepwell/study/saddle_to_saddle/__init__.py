"""Linear recurrent networks go down the stairs: poles, zeros, saddles, and how long each plateau lasts."""

# Claims register themselves in the order in which their files are imported: the order of the story.
from stepwell.study.saddle_to_saddle import levels, saddles, drops, dwell, dwell_limits  # noqa: F401, I001
from stepwell.study.saddle_to_saddle import start, sign_flip, spectrum, complex_target  # noqa: F401
from stepwell.study.base import Study
from stepwell.study.saddle_to_saddle.protocols import claim, descent, gradient_flow, target

STUDY = Study(
    title="Saddle to saddle",
    source="essay2026",
    question="Why does the loss of a linear recurrent network fall in steps, what is learned at each step, "
    "and how long does it wait in between?",
    claims=tuple(claim.all),
    experiments={
        "staircase": descent(target("A"), 1e-2, 180.0),
        "staircase_flow": gradient_flow(target("A"), 1e-2, 180.0),
        "complex": gradient_flow(target("C"), 1e-4, 60.0, hidden=2),
        "degree_five": descent(target("FIVE"), 1e-2, 400.0, hidden=5, learning_rate=0.05),
    },
    errata=(
        "Section 8.1: the gradients pair the adjoint of step t with the input and the state of step t, "
        "one index earlier than printed, if the adjoint is the error times c plus the transposed W times "
        "the next adjoint.",
        "Section 8.4: the coefficient of the rank-one gradient is the lag-one sum of the error, not the "
        "lag-zero one.",
        "Section 3: the geometric sum of the modes is r z/(z - p), a factor z more than the fraction "
        "beside it.",
        "Section 5: the escape runs along equal signs of drive and readout for a positive residue and "
        "along opposite signs for a negative one; n poles have at most n - 1 zeros, also at the origin.",
        "Section 3: poles and zeros describe the map completely only for a start at rest, a minimal "
        "system, and up to gain.",
    ),
)
