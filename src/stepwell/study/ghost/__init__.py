"""Ghosts: why a network learns late and at once, and how it is lost at high learning rates."""

# Claims are collected as their files are imported: the order of the story.
from stepwell.study.ghost import toy_descent, toy_confidence, plateau, zone, rates_and_ranks  # noqa: F401, I001
from stepwell.study.base import Study
from stepwell.study.ghost.protocols import claim, descents, rank_one

STUDY = Study(
    title="Ghosts",
    source="ghost2025",
    question="Why does a network learn to switch its output late and then at once, and why does it forget "
    "for good when the learning rate is high?",
    claims=tuple(claim.all),
    experiments={
        "low_rate": rank_one(0.003, 60000),
        "high_rate": rank_one(0.02, 6000),
        "toy": descents(1e-10)("quick")[0][0],
    },
)
