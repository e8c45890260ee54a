"""Networks and descents that the claims of this study share, by scale."""

from collections.abc import Callable, Sequence
from typing import Any

from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import Rate
from stepwell.run.reduced_fixed_point import FixedPointDescent
from stepwell.study.base import Claims, Run
from stepwell.study.low_rank_change.weight_change import WeightChange
from stepwell.task import FlipFlop, Mante, Romo

claim = Claims("schuessler2020")

OF_SOURCE: dict[str, Any] = {"reading": "literal", "scope": "source"}
MEASURE_FIRST: dict[str, Any] = {"predict": None, "scales": "full", "kind": "mean"}
"""Words that many claims share."""

FLIPFLOP, HOLD = FlipFlop("zero"), FlipFlop("hold")
UPDATES = {FlipFlop: 1000, Mante: 2000, Romo: 6000}
"""Of the source."""
CHANNELS = {FlipFlop: (2, 2), Mante: (4, 1), Romo: (1, 2)}
STRENGTHS = {
    FlipFlop: (0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1),
    Mante: (0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4, 2.7),
    Romo: (0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4, 2.7, 3.0),
}

RATES = {0.5: 0.015, 1.0: 0.009, 2.0: 0.003}
"""Learning rates of the authors' code by target, at g = 0; with g they shrink by (1 - g^2)^2."""


def trained(
    task: Any,
    hidden: int,
    g: float,
    updates: int,
    trainable: tuple[str, ...] | None = None,
    ranks: int = 26,
    plain: float | None = None,
) -> WeightChange:
    """A tanh network trained by Adam at the source's learning rate, in single precision as there; or by plain
    steps of a given rate, which suit the text's scaling alone."""
    inputs, outputs = CHANNELS[type(task)]
    experiment = Experiment(
        task=task,
        network=Rate(hidden, inputs, outputs, g=g, scaling="text" if plain else "code"),
        optimiser=Optimiser("sgd", plain) if plain else Optimiser("adam", 0.05 / hidden),
        updates=updates,
        recording=Recording(50),
        trainable=trainable,
        dtype="float32",
    )
    return WeightChange(experiment, ranks)


def flipflops(
    task: Any, updates: int, *strengths: float, seeds: int = 3, trainable: tuple[str, ...] | None = None
) -> Callable[[str], list[Run]]:
    """The flip-flop with 128 units; at `full` with 256 units, five seeds and the source's updates."""

    def runs(scale: str) -> list[Run]:
        hidden, count, ranks = (256, 1000, 26) if scale == "full" else (128, updates, 13)
        rows = range(5 if scale == "full" else seeds)
        return [(trained(task, hidden, g, count, trainable, ranks), rows) for g in strengths]

    return runs


def source_size(task: Any) -> list[Run]:
    """One of the three tasks at the source's size."""
    kind = type(task)
    return [(trained(task, 256, g, UPDATES[kind]), range(5)) for g in STRENGTHS[kind]]


WEAK = (0.0, 0.3, 0.6, 0.9)
"""Strengths below the edge of chaos."""

weak = flipflops(FLIPFLOP, 300, *WEAK, seeds=6)
chaotic = flipflops(FLIPFLOP, 300, 1.5, 2.1)
held = flipflops(HOLD, 400, 0.0, 0.9)
recurrent_alone = flipflops(FLIPFLOP, 400, 0.0, 0.9, trainable=("W",))


def strengths_shown(scale: str) -> list[Run]:
    """The flip-flop at all strengths of the initial weights; at `quick` at six."""
    return source_size(FLIPFLOP) if scale == "full" else [*weak(scale), *chaotic(scale)]


def linear(*cells: tuple[float, float], **options: Any) -> Callable[[str], list[Run]]:
    """Descent on the fixed point in cells (g, target), at the learning rates of the authors' code."""

    def runs(scale: str) -> list[Run]:
        hidden, seeds = {"smoke": (256, 8), "quick": (1024, 3), "full": (1024, 5)}[scale]
        return [(descent(hidden, g, target, **options), range(seeds)) for g, target in cells]

    return runs


def descent(hidden: int, g: float, target: float, **options: Any) -> FixedPointDescent:
    """A descent at the learning rate of the authors' code."""
    rate = RATES[target] * (1 - g**2) ** 2
    given: dict[str, Any] = {"learning_rate": rate} | options
    return FixedPointDescent(hidden, g=g, target=target, **given)


def grid(*targets: float) -> Callable[[str], list[Run]]:
    """All strengths of the scale for some targets."""

    def runs(scale: str) -> list[Run]:
        strengths: Sequence[float] = {
            "smoke": (0.0, 0.6),
            "quick": (0.0, 0.2, 0.4, 0.6, 0.8, 0.9),
            "full": tuple(k / 10 for k in range(10)),
        }[scale]
        return linear(*((g, target) for target in targets for g in strengths))(scale)

    return runs
