"""Networks of four kinds, recorded closely while their loss drops."""

from collections.abc import Callable
from typing import Any

from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import Rate
from stepwell.study.base import Run
from stepwell.study.ghost.protocols import Closeup, high_rate_closely
from stepwell.study.ghost.protocols import low_rate as low_rate_of_ghosts
from stepwell.study.saddle_to_saddle.protocols import flows
from stepwell.task import FlipFlop, Mante

HIDDEN, EVERY = 64, 5
HOLD, MANTE = FlipFlop("hold"), Mante()
UPDATES = {"quick": {HOLD: 300, MANTE: 800}, "full": {HOLD: 1000, MANTE: 4000}}
CHANNELS = {HOLD: (2, 2), MANTE: (4, 1)}


def linear(scale: str) -> list[Run]:
    """The staircase of target A; at `quick`, under plain descent."""
    return flows("A", 1e-4, seeds=range(24))("full") if scale == "full" else flows("A", 1e-4)("smoke")


def low_rate(scale: str) -> list[Run]:
    """Rank one at the low learning rate, every update around the drop."""
    experiment, seeds = low_rate_of_ghosts(scale)[0]
    return [(Closeup(experiment, 200, 400, most=24), seeds)]


def high_rate(scale: str) -> list[Run]:
    """Rank one at the high learning rate, every update around the drop."""
    return high_rate_closely(scale)[1:]


def on_task(task: Any) -> Callable[[str], list[Run]]:
    """tanh networks without initial connectivity, by Adam at the source's learning rate."""

    def runs(scale: str) -> list[Run]:
        experiment = Experiment(
            task=task,
            network=Rate(HIDDEN, *CHANNELS[task], g=0.0),
            optimiser=Optimiser("adam", 0.05 / HIDDEN),
            updates=UPDATES[scale][task],
            recording=Recording(EVERY),
            dtype="float32",
        )
        return [(experiment, range(24 if scale == "full" else 2))]

    return runs


def every_kind(scale: str) -> list[Run]:
    """Linear networks, those of rank one, and those on tasks; at `quick`, not all."""
    slow, decision = (low_rate(scale), on_task(MANTE)(scale)) if scale == "full" else ([], [])
    return [*linear(scale), *slow, *high_rate(scale), *on_task(HOLD)(scale), *decision]
