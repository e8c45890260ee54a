"""Linear recurrent networks go down the stairs: poles, zeros, saddles, and how long each plateau lasts."""

from stepwell.study.base import Claims, Study

claim = Claims("essay2026")

STUDY = Study(
    title="Saddle to saddle",
    source="essay2026",
    question="Why does the loss of a linear recurrent network fall in steps, what is learned at each, and how long does it wait?",
    claims=tuple(claim.all),
    experiments={},
)
