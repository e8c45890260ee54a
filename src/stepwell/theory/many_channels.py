r"""The first two plateaus of a target with several inputs and outputs, where escape directions have different rates."""

import equinox as eqx
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from stepwell.network.linear import realisation
from stepwell.task.impulse import check_target
from stepwell.theory.exact_loss import ErrorSystem


class FirstPlateaus(eqx.Module):
    r"""Plateaus 0 and 1 of learning from a small start.

    Attributes:
        levels: losses, [2].
        pole: of the one-pole model on plateau 1.
        escape_rates: of plateau 0 and of plateau 1, falling, each [direction].
        dwell_factors: dwell times divided by $\ln(1/\sigma_0)$, [2].
    """

    levels: np.ndarray
    pole: float
    escape_rates: tuple[np.ndarray, np.ndarray]
    dwell_factors: np.ndarray


def first_plateaus(poles: ArrayLike, residues: ArrayLike) -> FirstPlateaus:
    r"""Levels, escape rates and dwell times of plateaus 0 and 1 for a target with matrix residues.

    The one-pole model has the loss $\tfrac12\big(\|g^*\|^2-(1-p^2)\sigma_{\max}^2(\sum_sg^*_sp^s)\big)$; the
    rates are the singular values of the expansion matrix, at the origin those of $g^*_0$. While the first
    direction escapes from the origin the second grows too, and starts plateau 1 at $\sigma_0^\theta$,
    $\theta=1-s_0^{(2)}/s_0^{(1)}$: it lasts $\theta\ln(1/\sigma_0)/s_1$.

    Args:
        poles, residues: the target, [pole] and [pole, output, input].

    Example:
        >>> target = [0.6, -0.5], [[[0.9, -0.2], [0.36, -0.08]], [[-0.09, -0.21], [0.24, 0.56]]]
        >>> first = first_plateaus(*target)
        >>> first.levels.round(6)[1], round(first.pole, 6), round(float(first.escape_rates[1][0]), 6)
        (0.27893, 0.596597, 0.652134)

    Source: essay2026, section 9, which leaves this case open.
    """
    p, R = np.asarray(poles, complex), np.asarray(residues, complex)
    check_target(list(p), list(R))
    R = R.reshape(len(p), *(R.shape[1:] or (1, 1)))
    target = realisation(p, R)
    inputs, outputs = target[1].shape[1], len(target[2])
    empty = np.zeros((0, 0)), np.zeros((0, inputs)), np.zeros((outputs, 0))
    pole = _best_pole(p, R)
    u, size, v = np.linalg.svd(_seen(p, R, pole))
    root = np.sqrt((1 - pole**2) * size[0])
    states = [ErrorSystem.of(x, target) for x in (empty, (np.array([[pole]]), root * v[:1], root * u[:, :1]))]
    rates = tuple(np.linalg.svd(state.silent_coupling())[1][: min(inputs, outputs)] for state in states)
    head_start = 1 - rates[0][1] / rates[0][0] if len(rates[0]) > 1 else 1.0
    factors = np.array([1 / rates[0][0], head_start / rates[1][0]])
    return FirstPlateaus(np.array([state.loss() for state in states]), pole, rates, factors)


def _best_pole(p: np.ndarray, R: np.ndarray) -> float:
    r"""The global maximum of $(1-p^2)\sigma_{\max}^2$: every sign change of its slope on a fine grid, refined."""

    def slope(q: float) -> float:
        u, size, v = np.linalg.svd(_seen(p, R, q))
        change = np.einsum("i,ioj->oj", p / (1 - p * q) ** 2, R).real
        return float((1 - q**2) * (u[:, 0] @ change @ v[0]) - q * size[0])

    grid = np.tanh(np.linspace(-5, 5, 801))
    slopes = np.array([slope(q) for q in grid])
    turns = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    maxima = [brentq(slope, grid[i], grid[i + 1], xtol=1e-15) for i in turns]
    return max(maxima, key=lambda q: (1 - q**2) * np.linalg.norm(_seen(p, R, q), 2) ** 2)


def _seen(p: np.ndarray, R: np.ndarray, q: float) -> np.ndarray:
    """$\\sum_sg^*_sq^s$, [output, input]."""
    return np.einsum("i,ioj->oj", 1 / (1 - p * q), R).real
