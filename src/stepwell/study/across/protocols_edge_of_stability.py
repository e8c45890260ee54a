"""Plain descents below and beyond the edge of stability, on the stairs."""

from collections.abc import Callable

from stepwell.study.base import Run
from stepwell.study.saddle_to_saddle.protocols import descent, target

BELOW, BEYOND = (0.1, 0.2, 0.3), (0.32, 0.34, 0.36, 0.38)
"""Learning rates below and above 2 over the largest curvature on the stairs of target A, 0.3098."""


def stairs_at(*rates: float) -> Callable[[str], list[Run]]:
    """The staircase of target A by plain descent at several learning rates, with every update recorded."""

    def runs(scale: str) -> list[Run]:
        seeds = range({"quick": 4, "full": 12}[scale])
        return [(descent(target("A"), 1e-4, 300, learning_rate=rate, every=rate), seeds) for rate in rates]

    return runs
