"""The first plateaus of targets with several inputs and outputs, whose escape directions differ in rate."""

import equinox as eqx
import numpy as np
from scipy.optimize import brentq

from stepwell.network.linear import Numbers, realisation
from stepwell.task.impulse import check_target
from stepwell.theory.exact_loss import ErrorSystem


class FirstPlateaus(eqx.Module):
    r"""Plateaus 0 and 1 of learning from a small start.

    Attributes:
        levels: losses, [2].
        pole: of the one-pole model on plateau 1.
        escape_rates: of plateau 0 and of plateau 1, falling, [2, direction].
        dwell_factors: dwell times divided by $\ln(1/\sigma_0)$, [2].
    """

    levels: np.ndarray
    pole: float
    escape_rates: np.ndarray
    dwell_factors: np.ndarray


def first_plateaus(poles: Numbers, residues: Numbers) -> FirstPlateaus:
    r"""Levels, escape rates and dwell times of plateaus 0 and 1 for a target with matrix residues.

    The best one-pole model has the loss $\tfrac12\big(\|g^*\|^2-(1-p^2)\sigma_{\max}^2(\sum_sg^*_sp^s)\big)$;
    the rates are the singular values of the expansion matrix, at the origin those of $g^*_0$. While the first
    direction escapes from the origin the second grows too and starts plateau 1 at the amplitude
    $\sigma_0^\theta$, $\theta=1-s_0^{(2)}/s_0^{(1)}$, so that this plateau lasts $\theta\ln(1/\sigma_0)/s_1$.

    Args:
        poles, residues: the target, [pole] and [pole, output, input].

    Raises:
        ValueError: for what is no target.

    Example:
        >>> target = [0.6, -0.5], [[[0.9, -0.2], [0.36, -0.08]], [[-0.09, -0.21], [0.24, 0.56]]]
        >>> first = first_plateaus(*target)
        >>> float(first.levels[1].round(6)), round(first.pole, 6), first.escape_rates[:, 0].round(6)
        (0.27893, 0.596597, array([1.009571, 0.652134]))

    Source: essay2026, section 9, which leaves this case open.
    """
    p, R = np.asarray(poles, np.complex128), np.asarray(residues, np.complex128)
    check_target(list(p), list(R))
    R = R.reshape(len(p), *(R.shape[1:] or (1, 1)))
    outputs, inputs = R.shape[1:]
    pole = _best_pole(p, R)
    u, size, v = np.linalg.svd(_seen(p, R, pole))
    root = np.sqrt((1 - pole**2) * size[0])
    origin = np.zeros((0, 0)), np.zeros((0, inputs)), np.zeros((outputs, 0))
    one_pole = np.array([[pole]]), root * v[:1], root * u[:, :1]
    errors = [ErrorSystem.between(network, realisation(p, R)) for network in (origin, one_pole)]
    rates = np.array([np.linalg.svd(e.silent_coupling())[1][: min(inputs, outputs)] for e in errors])
    head_start = 1 - rates[0, 1] / rates[0, 0] if rates.shape[1] > 1 else 1.0
    factors = np.array([1, head_start]) / rates[:, 0]
    return FirstPlateaus(np.array([error.loss() for error in errors]), pole, rates, factors)


def _best_pole(p: np.ndarray, R: np.ndarray) -> float:
    r"""The global maximum of $(1-p^2)\sigma_{\max}^2$, at a fall of its slope through 0."""

    def slope(q: Numbers) -> np.ndarray | float:
        q = np.asarray(q)
        u, size, v = np.linalg.svd(_seen(p, R, q))
        change = np.real(np.einsum("...i,ioj->...oj", p / (1 - p * q[..., None]) ** 2, R))
        gain = np.einsum("...o,...oj,...j->...", u[..., 0], change, v[..., 0, :])
        return (1 - q**2) * gain - q * size[..., 0]

    grid = np.tanh(np.linspace(-5, 5, 801))
    slopes = np.asarray(slope(grid))
    turns = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    maxima = np.array([brentq(slope, grid[i], grid[i + 1], xtol=1e-15) for i in turns])
    return float(maxima[np.argmax((1 - maxima**2) * np.linalg.svd(_seen(p, R, maxima))[1][:, 0] ** 2)])


def _seen(p: np.ndarray, R: np.ndarray, q: Numbers) -> np.ndarray:
    r"""$\sum_sg^*_sq^s$, [..., output, input]."""
    return np.real(np.einsum("...i,ioj->...oj", 1 / (1 - p * np.asarray(q)[..., None]), R))
