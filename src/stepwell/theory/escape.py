"""How long learning waits: escape rates, dwell times, and the predicted staircase of a target."""

import equinox as eqx
import numpy as np

from stepwell.network.linear import Numbers
from stepwell.theory.best_approximation import degree
from stepwell.theory.one_pole import kernel, reached_one_pole
from stepwell.theory.reached_models import reach_is_certified, reached_poles
from stepwell.theory.saddles import active_curvatures, expansion_matrix
from stepwell.theory.target import Fixed, siso_target

TESTED = 3
"""The dwell law was compared with training on plateaus up to this one."""


class Staircase(eqx.Module):
    """What learning from small weights is predicted to do, plateau by plateau.

    One entry per plateau k = 0, 1, ... up to the last that is left, or up to the one on which a network with
    too few units rests for ever (escape rate 0, infinite dwell). Times are learning times to leading order in
    ln(1/sigma0), without constants of order one. NaN stands where the theory abstains; `notes` says why.

    Attributes:
        levels: losses, [plateau].
        escape_rates: growth rates of the unstable amplitude, [plateau].
        dwell_times: lengths of the plateaus, [plateau].
        transition_times: their running sum, when each plateau ends, [plateau].
        certified: whether the model follows from a rule or a complete list, and not from a flow, [plateau].
        tested: whether the dwell law was compared with training on this plateau, on other targets, [plateau].
        notes: what limits the prediction, in sentences.
    """

    levels: np.ndarray
    escape_rates: np.ndarray
    dwell_times: np.ndarray
    transition_times: np.ndarray
    certified: tuple[bool, ...]
    tested: tuple[bool, ...]
    notes: tuple[str, ...]


def staircase(
    poles: Numbers, residues: Numbers, units: int, sigma0: float, learning_rate: float | None = None
) -> Staircase:
    r"""The predicted staircase of a network that learns a target from small weights.

    Args:
        poles, residues: the target, [pole].
        units: hidden units of the network.
        sigma0: initial scale, between 0 and 1.
        learning_rate: of plain gradient descent; None for the gradient flow.

    Returns:
        Levels, rates and times of all plateaus.

    Raises:
        ValueError: for what is no target, no scale, no number of units.

    Example:
        >>> stairs = staircase([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], units=3, sigma0=1e-4)
        >>> stairs.levels.round(6), stairs.transition_times.round(2)
        (array([0.732106, 0.099559, 0.008655]), array([  9.7 ,  73.43, 133.37]))

    Source: essay2026, sections 7 and 8.6; the rates are ours.
    """
    p, r = siso_target(poles, residues)
    if isinstance(units, bool) or not isinstance(units, (int, np.integer)) or units < 1:
        raise ValueError(f"units={units!r} is no size of a network; it must be a whole number, 1 or above.")
    dwell_time(1.0, sigma0, learning_rate)  # refuses a bad scale or learning rate
    plateaus = min(len(p), units + 1)
    levels, rates, dwells = np.full((3, plateaus), np.nan)
    certified, notes = [False] * plateaus, []
    for k in range(plateaus):
        try:
            levels[k], certified[k] = reached_poles(p, r, k).loss, reach_is_certified(p, r, k)
            rates[k] = escape_rate(p, r, k) if k < units else 0.0
            dwells[k] = dwell_time(rates[k], sigma0, learning_rate) if k < units else np.inf
        except ValueError as reason:
            notes.append(f"No prediction from plateau {k} on: {reason}")
            break
    else:
        notes += _notes(p, r, units, certified, sigma0, learning_rate)
    tested = tuple(k <= TESTED for k in range(plateaus))
    return Staircase(levels, rates, dwells, np.cumsum(dwells), tuple(certified), tested, tuple(notes))


def escape_rate(poles: Numbers, residues: Numbers, k: int, correlation: float = 0.0) -> float:
    r"""The rate $s_k$ at which the unstable amplitude grows in learning time at reached saddle k.

    $s_k=|\varepsilon_0|\sqrt{1+|W_1^{-1}b_1|^2}\sqrt{1+|c_1W_1^{-1}|^2}$ with
    $\varepsilon_0=\sum_sR(s)\,(g_s-g^*_s)$ and $(W_1,b_1,c_1)$ norm-balanced; all escape directions of a
    saddle share it. $s_0=|g^*_0|$ and $s_1=|r_1-g^*_0|\,(1+|r_1|/p_1^2)$ for an impulse.

    Args:
        poles, residues: the target, [pole].
        k: number of poles already learned.
        correlation: $\rho$ of a coloured input, for k up to 1; 0 for an impulse.

    Raises:
        ValueError: for k out of range, or what `reached_poles` refuses.

    Example:
        >>> [round(escape_rate([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], k), 6) for k in range(3)]
        [0.95, 0.144517, 0.153654]

    Source: essay2026, section 8.6, which leaves the rate open.
    """
    p, r = siso_target(poles, residues)
    k = degree(k, p)
    if k == len(p):
        return 0.0
    if correlation == 0:
        rate = float(np.linalg.norm(expansion_matrix(p, r, k), 2))
    else:
        rate = _coloured_rate(p, r, k, correlation)
    return rate if rate > 1e-12 * np.abs(r).sum() else 0.0


def dwell_time(rate: float, sigma0: float, learning_rate: float | None = None) -> float:
    r"""The length of a plateau in learning time, $\ln(1/\sigma_0)/s$, without constants of order one.

    An update with learning rate $\eta$ multiplies the unstable amplitude by $1+\eta s$, so that gradient
    descent takes $\eta\ln(1/\sigma_0)/\ln(1+\eta s)$.

    Args:
        rate: escape rate s.
        sigma0: initial scale, between 0 and 1.
        learning_rate: $\eta$ of plain gradient descent; None for the gradient flow.

    Example:
        >>> round(dwell_time(0.95, 1e-4), 3), round(dwell_time(0.95, 1e-4, learning_rate=0.1), 3)
        (9.695, 10.149)

    Source: essay2026, section 8.6; the law for updates is ours.
    """
    if not 0 < sigma0 < 1:
        raise ValueError(f"sigma0={sigma0} is no small initial scale; it must lie between 0 and 1.")
    if learning_rate is not None and not 0 < learning_rate < np.inf:
        raise ValueError(f"learning_rate={learning_rate} must be positive, or None for the gradient flow.")
    if not rate > 0:
        raise ValueError(
            f"the escape rate is {rate}: without quadratic escape the time is no multiple of ln(1/sigma0) "
            "(it grows like 1/sigma0 at an origin with g*_0 = 0)."
        )
    growth = rate if learning_rate is None else np.log1p(learning_rate * rate) / learning_rate
    return float(np.log(1 / sigma0) / growth)


def update_lag(sigma0: float, learning_rate: float) -> float:
    r"""How much longer than the flow gradient descent stays on any plateau: $\tfrac\eta2\ln(1/\sigma_0)$.

    Args:
        sigma0: initial scale, between 0 and 1.
        learning_rate: $\eta$ of plain gradient descent.

    Example:
        >>> round(update_lag(1e-6, 0.2), 2)
        1.38

    Source: essay2026, section 8.6; derived here to first order in the learning rate.
    """
    return float(0.5 * learning_rate * np.log(1 / sigma0))


def plateau_error_exponent(poles: Numbers, residues: Numbers, k: int) -> float:
    r"""The power of sigma0 with which a plateau's level approaches $L_k$.

    It is 2 for k = 0 and $2\mu_k/(\mu_k+s_k)$ above. The excess loss falls like $e^{-2\mu_k\tau}$ with
    $\mu_k$ the smallest positive curvature of the active units, and rises like $\sigma_0^2e^{2s_k\tau}$; the
    level is taken at the best moment in between.

    Args:
        poles, residues: the target, [pole].
        k: number of active units.

    Example:
        >>> [round(plateau_error_exponent([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], k), 3) for k in range(3)]
        [2.0, 1.83, 1.785]

    Source: essay2026, section 7; the exponent is ours.
    """
    if k == 0:
        return 2.0
    slowest = active_curvatures(poles, residues, k)[0]
    return float(2 * slowest / (slowest + escape_rate(poles, residues, k)))


def largest_learning_rate(poles: Numbers, residues: Numbers, units: int) -> float:
    r"""$2/\lambda_{\max}$, above which plain gradient descent is unstable on some plateau or at the solution.

    Args:
        poles, residues: the target, [pole].
        units: hidden units of the network.

    Example:
        >>> round(largest_learning_rate([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], units=2), 4)
        0.3098

    Source: essay2026; the sharpest curvature along the staircase.
    """
    p, r = siso_target(poles, residues)
    return float(2 / max(active_curvatures(p, r, k)[-1] for k in range(1, min(len(p), units) + 1)))


def _coloured_rate(p: Fixed, r: Fixed, k: int, rho: float) -> float:
    if k > 1:
        raise ValueError(
            f"k={k}: under coloured input the rates are known for k = 0 and 1; take correlation=0."
        )
    error = -np.real(np.array(r) @ kernel(p, 0.0, rho))
    if k == 0:
        return float(abs(error))
    model = reached_one_pole(p, r, rho)
    (pole,), (residue,) = model.poles, model.residues
    return float(abs(error + residue * kernel(pole, 0.0, rho)) * (1 + abs(residue) / pole**2))


def _notes(
    p: Fixed, r: Fixed, units: int, certified: list[bool], sigma0: float, learning_rate: float | None
) -> list[str]:
    notes = []
    followed = [str(k) for k, proved in enumerate(certified) if not proved]
    if followed:
        notes.append(
            f"Plateau {', '.join(followed)}: the model was found by following the flow, not certified."
        )
    if len(certified) > TESTED + 1:
        notes.append(f"Plateaus above {TESTED}: the dwell law was not compared with training there.")
    if units < len(p):
        notes.append(f"With {units} units for a target of degree {len(p)} learning ends on plateau {units}.")
    if sigma0 > 1e-2:
        notes.append(f"sigma0={sigma0:g} is large: above 0.01 plateaus are blurred, and some are skipped.")
    if learning_rate is not None and learning_rate > (bound := largest_learning_rate(p, r, units)):
        notes.append(
            f"learning_rate={learning_rate:g} exceeds 2/lambda_max = {bound:.4g}: the updates are unstable."
        )
    return notes
