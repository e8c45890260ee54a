"""tanh networks that learn from slow flip-flops, the slower the more linear, under gradient flow."""

from collections.abc import Callable, Sequence

from stepwell.experiment import Experiment
from stepwell.run import Flow
from stepwell.study.across.slow_flipflop_task import SlowFlipFlop
from stepwell.study.across.tanh_units import TanhUnits
from stepwell.study.base import Run

LINEAR, HELD = 1e-4, 0.3
"""The state that is held, in units of the saturation: without and with an effect of the nonlinearity."""
FINEST = (0.01, 0.02, 0.04)
"""Nearly linear, with a square far above the smallest initial scale."""
SCALES = (1e-4, 1e-5, 1e-6)


def students(held: Sequence[float], scales: Sequence[float] = SCALES) -> Callable[[str], list[Run]]:
    """A flow for every held state from every initial scale; at `quick`, short ones from the largest scale."""

    def runs(scale: str) -> list[Run]:
        if scale == "quick":
            return [(student(a, scales[0], 16.0), range(3)) for a in held]
        return [(student(a, sigma0), range(5)) for a in held for sigma0 in scales]

    return runs


def student(held: float, sigma0: float, duration: float = 60.0) -> Flow:
    """The flow of three units from small weights, in implicit steps, as a slow pole is steep to learn."""
    experiment = Experiment(SlowFlipFlop(held), TanhUnits(3, sigma0, held))
    return Flow(experiment, duration, 0.1, rtol=1e-6, atol=1e-4 * sigma0, solver="kvaerno3")
