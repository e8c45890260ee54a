"""tanh networks that learn the impulse response of target A at several amplitudes of the pulse."""

from collections.abc import Callable, Sequence

from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.study.across.protocols import POLES, RESIDUES
from stepwell.study.across.tanh_units import TanhUnits
from stepwell.study.base import Run
from stepwell.task import Impulse

AMPLITUDES = (1e-4, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0)
SCALES = (1e-4, 1e-6, 1e-8)
RATE = 0.1


def pulses(amplitudes: Sequence[float], scales: Sequence[float] = SCALES) -> Callable[[str], list[Run]]:
    """Plain descent at every amplitude from every initial scale, amplitude by amplitude."""

    def runs(scale: str) -> list[Run]:
        seeds = range({"smoke": 3, "quick": 4, "full": 24}[scale])
        return [(descent(a, s), seeds) for a in amplitudes for s in scales]

    return runs


def descent(amplitude: float, sigma0: float) -> Experiment:
    """Plain descent until all stairs are over."""
    return Experiment(
        task=Impulse(POLES, RESIDUES, steps=60),
        network=TanhUnits(3, sigma0, amplitude),
        optimiser=Optimiser("sgd", RATE),
        updates=5000,
        recording=Recording(20),
    )
