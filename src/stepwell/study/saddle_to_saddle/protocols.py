"""Targets, experiments and readings that the claims of this study share."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import equinox as eqx
import numpy as np
import xarray as xr

from stepwell import analysis, theory
from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import Linear
from stepwell.run import Flow
from stepwell.run.record import dataset
from stepwell.settings import setting
from stepwell.study.base import Claims, Run, value_of
from stepwell.task import Impulse

claim = Claims("essay2026")

_TURN = complex(math.cos(math.pi / 4), math.sin(math.pi / 4))
_FAST = complex(math.cos(2.4), math.sin(2.4))

TARGETS: dict[str, tuple[tuple[Any, ...], tuple[Any, ...], int]] = {
    "A": ((0.5, -0.45, -0.75), (0.9, 0.7, -0.65), 100),
    "B": ((0.83, 0.03, -0.62), (-0.42, 0.55, 0.95), 150),
    "C": ((0.8 * _TURN, 0.8 * _TURN.conjugate()), (0.5 - 0.15j, 0.5 + 0.15j), 150),
    "CE": ((0.7, -0.88), (1.0, 0.7), 250),
    "G0": ((0.7, -0.5), (1.0, -1.0), 100),
    "R": ((-0.72, -0.05, 0.62), (0.85, -1.0, 0.73), 80),
    "FIVE": ((0.8, 0.45, -0.1, -0.5, -0.85), (0.5, -0.6, 0.8, 0.7, 0.4), 120),
    "LP": ((0.8, 0.85 * _FAST, 0.85 * _FAST.conjugate()), (1.0, 0.25, 0.25), 80),
}
"""Poles, residues and horizon of the targets. A and B were picked from a scan for sharp staircases, R for
rival models that lie far apart; CE, G0 and LP are counter-examples and limits."""

SEEDS = {"smoke": range(3), "quick": range(6), "full": range(12)}
FINE = (1e-4, 1e-5, 1e-6)


def target(name: str, **options: Any) -> Impulse:
    """The task of one of the targets; `options` describe its input."""
    poles, residues, steps = TARGETS[name]
    return Impulse(poles, residues, steps=steps, **options)


def descent(
    task: Impulse,
    sigma0: float,
    duration: float,
    hidden: int = 3,
    learning_rate: float = 0.1,
    every: float = 0.2,
) -> Experiment:
    """Plain gradient descent over a duration in learning time, with a snapshot every `every` of it."""
    return Experiment(
        task=task,
        network=Linear(hidden, sigma0=sigma0),
        optimiser=Optimiser("sgd", learning_rate),
        updates=round(duration / learning_rate),
        recording=Recording(max(1, round(every / learning_rate))),
    )


def gradient_flow(
    task: Impulse, sigma0: float, duration: float, hidden: int = 3, every: float = 0.2, solver: str = "rk4"
) -> Flow:
    """Gradient flow over a duration, in fixed steps of a quarter of `every`.

    An adaptive solver leaves noise of the size of its tolerance in the stiff directions; on a plateau at
    small sigma0 that noise would be larger than the gradient that is to be measured.
    """
    return Flow(Experiment(task=task, network=Linear(hidden, sigma0=sigma0)), duration, every, solver=solver)


@cache
def horizon(name: str, sigma0: float, plateaus: int = 3) -> float:
    """A duration that shows the given number of plateaus and their ends with room to spare."""
    poles, residues, _ = TARGETS[name]
    rates = [theory.escape_rate(poles, residues, k) for k in range(plateaus)]
    return 100 + 1.3 * sum(math.log(1 / sigma0) / rate for rate in rates)


def flows(name: str, *sigma0s: float, seeds: Sequence[int] | None = None) -> Callable[[str], list[Run]]:
    """The staircase of a target under gradient flow from several initial scales; at `smoke`, gradient
    descent."""

    def runs(scale: str) -> list[Run]:
        make = descent if scale == "smoke" else gradient_flow
        return [(make(target(name), s, horizon(name, s)), seeds or SEEDS[scale]) for s in sigma0s]

    return runs


def descents(
    name: str, *sigma0s: float, seeds: Sequence[int] | None = None, **options: Any
) -> Callable[[str], list[Run]]:
    """The staircase of a target under gradient descent."""

    def runs(scale: str) -> list[Run]:
        return [
            (descent(target(name), s, horizon(name, s), **options), seeds or SEEDS[scale]) for s in sigma0s
        ]

    return runs


class Saddle(eqx.Module):
    """An exact saddle as a run without training: k modes of the reached model, the other units silent.

    Attributes:
        experiment: its task gives the target, its network the number of units.
        modes: k.
        silent_poles: eigenvalues of the silent units, one per silent unit; 0 where none is given.
    """

    experiment: Experiment
    modes: int = setting()
    silent_poles: tuple[float, ...] = ()

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record of the saddle's parameters, one snapshot."""
        task, hidden = self.experiment.task, value_of(self.experiment, "network__hidden")
        W, b, c = theory.saddle(value_of(task, "poles"), value_of(task, "residues"), hidden, self.modes)
        for i, pole in enumerate(self.silent_poles):
            W[self.modes + i, self.modes + i] = pole
        params = {"W": W, "b": b, "c": c}
        loss, gradient = analysis.gradient(self.experiment, params)
        norm = math.sqrt(sum(np.sum(g**2) for g in gradient.values()))
        curves = {"loss": np.full((len(seeds), 1), loss), "gradient_norm": np.full((len(seeds), 1), norm)}
        shots = {
            name: np.broadcast_to(value, (len(seeds), 1, *value.shape)) for name, value in params.items()
        }
        zero = np.zeros(1)
        names = ("update", "learning_time", "snapshot_update", "snapshot_learning_time")
        return dataset(self, seeds, curves, shots, {name: zero for name in names}, 0.0)


def saddles(name: str, modes: Sequence[int], hidden: Sequence[int] = (3,), **options: Any) -> list[Run]:
    """The exact saddles of a target for several k and network sizes."""
    return [
        (Saddle(Experiment(task=target(name), network=Linear(n)), k, **options), (0,))
        for n in hidden
        for k in modes
    ]
