"""Gradient flows towards targets with several inputs and outputs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stepwell import theory
from stepwell.experiment import Experiment
from stepwell.network import Linear
from stepwell.run import Flow
from stepwell.study.base import Run, value_of
from stepwell.task import Impulse

TARGETS: dict[str, tuple[tuple[float, ...], list[Any]]] = {
    "2 × 2, degree 2": (
        (0.6, -0.5),
        [np.outer([1, 0.4], [0.9, -0.2]), np.outer([-0.3, 0.8], [0.3, 0.7])],
    ),
    "2 × 2, degree 3": (
        (0.6, -0.5, 0.2),
        [
            np.outer([1, 0.4], [0.9, -0.2]),
            np.outer([-0.3, 0.8], [0.3, 0.7]),
            np.outer([0.5, -0.6], [-0.2, 0.6]),
        ],
    ),
    "3 × 3, degree 3": (
        (0.7, -0.6, 0.3),
        [
            1.2 * np.outer([1, 0.2, 0.1], [0.9, -0.2, 0.1]),
            np.outer([-0.3, 0.9, 0.2], [0.2, 0.8, -0.1]),
            0.8 * np.outer([0.1, -0.2, 0.7], [0.1, 0.3, 0.8]),
        ],
    ),
}
"""Poles and residues, of rank one so that the degree is the number of poles."""

SCALES = (1e-4, 1e-6, 1e-8, 1e-10)
HIDDEN = 4


def matrix_flow(poles: Any, residues: Any, sigma0: float) -> Flow:
    """The flow towards a target, until its last drop is over."""
    outputs, inputs = residues[0].shape
    network = Linear(HIDDEN, inputs, outputs, sigma0=sigma0)
    factors = theory.first_plateaus(poles, residues, len(poles)).dwell_factors
    duration = 40 + 1.4 * factors.sum() * np.log(1 / sigma0)
    return Flow(Experiment(Impulse(poles, residues, steps=40), network), float(duration), 0.4, solver="rk4")


def matrix_flows(*scales: float) -> Callable[[str], list[Run]]:
    """All targets from several initial scales, target by target."""

    def runs(scale: str) -> list[Run]:
        seeds = range({"smoke": 3, "quick": 6, "full": 24}[scale])
        names = {"smoke": list(TARGETS)[:1], "quick": list(TARGETS)[1:], "full": list(TARGETS)}[scale]
        return [(matrix_flow(*TARGETS[name], sigma0), seeds) for name in names for sigma0 in scales]

    return runs


def random_flows(scale: str) -> list[Run]:
    """Freshly drawn 2 × 2 targets of norm 1: poles 0.2 apart, and stairs that end in bearable time."""
    random, runs = np.random.default_rng(0), []
    while len(runs) < 24:
        poles, factors = np.sort(random.uniform(-0.8, 0.8, 3)), random.standard_normal((3, 2, 2))
        residues = np.array([np.outer(*pair) for pair in factors])
        residues /= np.sqrt(2 * theory.first_plateaus(poles, residues, 1).levels[0])
        if np.diff(poles).min() >= 0.2:
            if theory.first_plateaus(poles, residues, 3).dwell_factors.sum() < 40:
                runs.append((matrix_flow(poles.tolist(), list(residues), 1e-6), range(1)))
    return runs


def target_of(settings: Any) -> tuple[Any, Any]:
    """Poles and residues of the target of a settings object."""
    task = value_of(settings, "task")
    return task.poles, task.residues
