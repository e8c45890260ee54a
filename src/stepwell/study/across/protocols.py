"""Experiments that the claims of this study share."""

from typing import Any

import numpy as np

from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import Linear
from stepwell.rule import RULES
from stepwell.run.reduced_modes import PopulationDescent
from stepwell.study.base import Claims
from stepwell.task import WhiteNoise

claim = Claims("stepwell2026")

POLES, RESIDUES = (0.5, -0.45, -0.75), (0.9, 0.7, -0.65)
"""Target A, the one with three poles of which the others are variations."""


def one_output(rule: str, sigma0: float = 1e-3, hidden: int = 6, **options: Any) -> PopulationDescent:
    """Descent on expected updates with one input and one output, towards target A."""
    task = WhiteNoise(teacher=(np.diag(POLES), np.ones((3, 1)), np.array([RESIDUES])))
    steps = Optimiser("sgd", 0.1), 12_000, Recording(100)
    return PopulationDescent(Experiment(task, Linear(hidden, sigma0=sigma0), RULES[rule](**options), *steps))
