r"""The stairs that a linear network would go down on trials with one pulse each, whatever the teacher.

With pulses of sizes $x_k$ in the first step and targets $y^\star_k$ its loss is
$\tfrac12\sum_s(g_s-\bar g_s)^2$ beside a rest that it cannot learn: $\bar g$, the mean of $y^\star_k/x_k$
with weights $x_k^2$, is the best linear approximation of the teacher within a trial.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.optimize import minimize_scalar


class LinearStudent(NamedTuple):
    r"""Plateaus 0 and 1 of a linear network.

    Attributes:
        rest: the loss that no linear network gets below.
        pole, residue: of its model on plateau 1.
        levels: losses on the plateaus, with the rest, [2].
        rates: at which it escapes from them, [2].
    """

    rest: float
    pole: float
    residue: float
    levels: np.ndarray
    rates: np.ndarray


@lru_cache
def linear_student(task) -> LinearStudent:
    r"""The first two plateaus on a task; the model with one pole is the best one near 1.

    That its poles and residue are stationary gives the escape rate of the infinite horizon on a finite one,
    too: $|r-\bar g_0|\,(1+|r|/p^2)$.
    """
    trials = task.trials(jax.random.key(0))
    x, y = np.asarray(trials.inputs[:, 0, 0]), np.asarray(trials.targets[:, :, 0])
    g = x @ y / (x @ x)
    rest = 0.5 * ((y - x[:, None] * g) ** 2).sum() / (x @ x)

    def residue(pole):
        powers = pole ** np.arange(len(g))
        return (g @ powers) / (powers @ powers)

    def loss(pole):
        return 0.5 * ((g - residue(pole) * pole ** np.arange(len(g))) ** 2).sum()

    found: Any = minimize_scalar(loss, bounds=(0.8, 1.1), method="bounded", options={"xatol": 1e-12})
    pole, r = float(found.x), float(residue(found.x))
    rates = np.array([abs(g[0]), abs(r - g[0]) * (1 + abs(r) / pole**2)])
    return LinearStudent(rest, pole, r, rest + np.array([0.5 * g @ g, loss(pole)]), rates)
