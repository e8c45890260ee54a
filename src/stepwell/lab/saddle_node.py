"""The loss of the one-parameter model with an output of finite confidence, by quadrature."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stepwell.lab.engine import AbstractEngine
from stepwell.network import saddle_node_exact as exact

POINTS = 160


class SaddleNode(AbstractEngine):
    """The loss over r/r* from 0.1 to 20.

    Attributes:
        delay: T.
        confidence: of the output, whose threshold is 10.
    """

    delay: float
    confidence: float

    def scene(self) -> dict[str, Any]:
        """`ratio` is r/r*, `loss` the loss there, `slope` its derivative by r/r*."""
        ratio, best = np.geomspace(0.1, 20, POINTS), exact.optimum(float(self.delay))
        options = {"T": float(self.delay), "confidence": float(self.confidence)}
        slope = exact.finite_gradient(ratio * best, **options) * best
        return {"ratio": ratio, "loss_curve": exact.finite_loss(ratio * best, **options), "slope": slope}

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """Nothing."""
        return ()
