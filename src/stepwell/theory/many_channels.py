"""The plateaus of targets with several inputs and outputs, whose escape directions differ in rate."""

import equinox as eqx
import numpy as np

from stepwell.network.linear import Numbers, balanced, realisation
from stepwell.task.impulse import check_target
from stepwell.theory.best_systems import best_models
from stepwell.theory.exact_loss import ErrorSystem


class FirstPlateaus(eqx.Module):
    r"""The first plateaus of learning from a small start, plateau k at the best model of degree k.

    Attributes:
        levels: losses, [plateau].
        pole: of the one-pole model on plateau 1.
        escape_rates: falling, [plateau, direction].
        dwell_factors: dwell times divided by $\ln(1/\sigma_0)$, [plateau].
    """

    levels: np.ndarray
    pole: float
    escape_rates: np.ndarray
    dwell_factors: np.ndarray


def first_plateaus(poles: Numbers, residues: Numbers, plateaus: int = 2) -> FirstPlateaus:
    r"""Levels, escape rates and dwell times of the first plateaus for a target with matrix residues.

    The rates are the singular values of the expansion matrix, at the origin those of $g^*_0$. While one
    direction escapes the others grow too, each in a unit of its own, and start the next plateau with a lead.
    Let $\sigma_0^{e_j}$ be the amplitudes of the silent units at the start of plateau k, the largest first:
    all $e_j=1$ at the origin. The plateau lasts $e_1/s_k^{(1)}$ in units of $\ln(1/\sigma_0)$, its first unit
    is used up, and the others start plateau k + 1 with $e_j-s_k^{(j)}e_1/s_k^{(1)}$. So plateau 1 lasts
    $(1-s_0^{(2)}/s_0^{(1)})/s_1^{(1)}$.

    Args:
        poles, residues: the target, [pole] and [pole, output, input].
        plateaus: how many, up to the degree of the target.

    Raises:
        ValueError: for what is no target, or more plateaus than it has.

    Example:
        >>> target = [0.6, -0.5], [[[0.9, -0.2], [0.36, -0.08]], [[-0.09, -0.21], [0.24, 0.56]]]
        >>> first = first_plateaus(*target)
        >>> float(first.levels[1].round(6)), round(first.pole, 6), first.escape_rates[:, 0].round(6)
        (0.27893, 0.596597, array([1.009571, 0.652134]))

    Source: essay2026, section 9, which leaves this case open.
    """
    p, R = np.asarray(poles, np.complex128), np.asarray(residues, np.complex128)
    check_target(list(p), list(R))
    target = realisation(p, R)
    models = [best_models(target, k) for k in range(max(2, plateaus))]
    directions = min(target[1].shape[1], len(target[2]))
    errors = [ErrorSystem.between(balanced(*model.realisation), target) for model in models[:plateaus]]
    rates = np.array([np.linalg.svd(error.silent_coupling())[1][:directions] for error in errors])
    levels = np.array([model.loss for model in models[:plateaus]])
    return FirstPlateaus(levels, float(models[1].poles[0].real), rates, _dwell_factors(rates))


def _dwell_factors(rates: np.ndarray) -> np.ndarray:
    """The bookkeeping of amplitudes, as exponents of sigma0, for rates [plateau, direction]."""
    exponents, factors = np.ones(rates.size), []
    for row in rates:
        factors.append(exponents[0] / row[0])
        exponents[: len(row)] -= row * factors[-1]
        exponents = np.sort(exponents[1:])
    return np.array(factors)
