r"""Models with one pole: every minimum, the one that the flow reaches, and the first drop on the way.

The input is an impulse or white noise (`correlation` 0) or coloured noise with autocorrelation
$\rho^{|\tau|}$. With $a_p=(p^s)_{s\ge0}$ everything rests on the kernel $K(p,q)=a_p^\top
R\,a_q=\dfrac{1-\rho^2pq}{(1-pq)(1-\rho p)(1-\rho q)}$.
"""

from collections.abc import Sequence
from functools import lru_cache

import equinox as eqx
import numpy as np
from numpy.polynomial import polynomial as P
from scipy.integrate import solve_ivp

from stepwell.network.linear import Numbers
from stepwell.theory.model import Model
from stepwell.theory.target import Fixed, siso_target


class FirstDrop(eqx.Module):
    """The model of a one-unit network half-way down its first drop.

    Attributes:
        pole, residue: where the loss passes $(L_0+L_1)/2$.
        profiled: the best residue for that pole.
    """

    pole: float
    residue: float
    profiled: float


def one_pole_minima(poles: Numbers, residues: Numbers, correlation: float = 0.0) -> tuple[Model, ...]:
    r"""All local minima over p of the loss of the best model with the pole p.

    $L^*(p)=\tfrac12\big(g^{*\top}Rg^*-d(p)^2/K(p,p)\big)$ with $d(p)=\sum_ir^*_iK(p^*_i,p)$. The stationary
    points are the real roots in $(-1,1)$ of a polynomial, so that none is missed.

    Args:
        poles, residues: the target, [pole].
        correlation: $\rho$ of the input, 0 for an impulse.

    Returns:
        The minima, the global one first; their losses are those under that input.

    Raises:
        ValueError: for what is no target or no correlation.

    Example:
        >>> [round(float(model.poles[0]), 6) for model in one_pole_minima([0.7, -0.88], [1, 0.7])]
        [-0.805403, 0.506598]

    Source: essay2026, section 7; the certificate is ours.
    """
    return _minima(*siso_target(poles, residues), _checked(correlation))


def reached_one_pole(poles: Numbers, residues: Numbers, correlation: float = 0.0) -> Model:
    r"""The one-pole model that the flow reaches from the origin.

    For an impulse $dL^*/dp=-g^*_0g^*_1$ at $p=0$, and the pole never comes back through 0: it stops at the
    first minimum on the side $\operatorname{sign}(g^*_0g^*_1)$. Under coloured input it can turn around, and
    the two-variable flow of pole and residue decides.

    Args:
        poles, residues: the target, [pole].
        correlation: $\rho$ of the input, 0 for an impulse.

    Raises:
        ValueError: if the target leaves no side to choose ($g^*_0=0$, or $g^*_1=0$ without a minimum at 0).

    Example:
        >>> round(reached_one_pole([0.7, -0.88], [1, 0.7]).loss, 6)
        0.962417

    Source: essay2026, section 7; the rule is ours.
    """
    (p, r), rho = siso_target(poles, residues), _checked(correlation)
    minima = _minima(p, r, rho)
    if rho:
        end, _ = _one_unit_flow(p, r, rho)
        return min(minima, key=lambda model: abs(model.poles[0] - end))
    g0, g1 = _start(p, r, rho)
    ahead = [model for model in minima if model.poles[0] * g0 * g1 > 0 or abs(model.poles[0]) < 1e-12]
    if g0 == 0 or not ahead:
        raise ValueError(
            "the first stair has no side, since g*_0 or g*_1 of the target is 0: the initial weights decide; "
            "change a residue a little to choose one."
        )
    return min(ahead, key=lambda model: abs(model.poles[0]))


def first_drop(poles: Numbers, residues: Numbers, correlation: float = 0.0) -> FirstDrop:
    r"""Pole and residue half-way down the first drop, on the one-unit flow that leaves the origin.

    With $b^2=c^2=|r|$ the flow closes in two variables: $\dot p=r\,d'(p)-\tfrac12r^2\,\tfrac{d}{dp}K(p,p)$
    and $\dot r=2|r|\,(d(p)-r\,K(p,p))$. Pole and residue grow together, so that the residue is not the
    profiled one.

    Args:
        poles, residues: the target, [pole].
        correlation: $\rho$ of the input, 0 for an impulse.

    Raises:
        ValueError: as `reached_one_pole`.

    Example:
        >>> drop = first_drop([0.5, -0.45, -0.75], [0.9, 0.7, -0.65])
        >>> round(drop.residue / drop.profiled, 4)
        0.3654

    Source: essay2026, section 7, whose equilibrated residues do not extend to this drop.
    """
    (p, r), rho = siso_target(poles, residues), _checked(correlation)
    rest = reached_one_pole(poles, residues, rho)
    half_depth = 0.25 * rest.residues[0] ** 2 * kernel(rest.poles[0], rest.poles[0], rho)
    pole, residue = _one_unit_flow(p, r, rho, half_depth)
    return FirstDrop(pole, residue, _projection(p, r, pole, rho)[0] / float(kernel(pole, pole, rho)))


def kernel(p: Numbers, q: Numbers, correlation: float = 0.0) -> np.ndarray | float:
    r"""$K(p,q)=\sum_{st}p^s\rho^{|s-t|}q^t$, element by element.

    Example:
        >>> float(kernel(0.5, 0.5))
        1.3333333333333333
    """
    p, q, rho = np.asarray(p), np.asarray(q), correlation
    return (1 - rho**2 * p * q) / ((1 - p * q) * (1 - rho * p) * (1 - rho * q))


def _checked(correlation: float) -> float:
    if not abs(correlation) < 1:
        raise ValueError(f"correlation={correlation} of neighbouring inputs must lie between -1 and 1.")
    return float(correlation)


@lru_cache(maxsize=256)
def _minima(p: Fixed, r: Fixed, rho: float) -> tuple[Model, ...]:
    r"""With $d\propto N/D$ the loss is stationary where $(1-\rho^2)pND=(1-p^2)(1-\rho^2p^2)(N'D-ND')$."""
    factors = [np.array([1.0, -pole]) for pole in p]
    D, N = np.real(_product(factors)), np.zeros(1)
    for i, (pole, residue) in enumerate(zip(p, r)):
        others = _product([*factors[:i], *factors[i + 1 :], np.array([1.0, -(rho**2) * pole])])
        N = P.polyadd(N, np.real(residue / (1 - rho * pole) * others))
    slope = P.polysub(P.polymul(P.polyder(N), D), P.polymul(N, P.polyder(D)))
    narrow = _product([np.array([1.0, 0.0, -1.0]), np.array([1.0, 0.0, -(rho**2)]), slope])
    stationary = P.polysub(_product([np.array([0.0, 1 - rho**2]), N, D]), narrow)
    roots = P.polyroots(P.polytrim(stationary, 1e-15 * np.abs(stationary).max()))
    real = np.real(roots[(np.abs(np.imag(roots)) < 1e-8) & (np.abs(roots) < 1)])
    # The slope of L* has the sign of N times this polynomial.
    minimum = P.polyval(real, N) * P.polyval(real, P.polyder(stationary)) > 0
    return tuple(sorted((_profiled_model(p, r, pole, rho) for pole in real[minimum]), key=lambda m: m.loss))


def _product(factors: list[np.ndarray]) -> np.ndarray:
    product = np.ones(1)
    for factor in factors:
        product = np.convolve(product, factor)
    return product


def _profiled_model(p: Fixed, r: Fixed, pole: float, rho: float) -> Model:
    residue = float(_projection(p, r, pole, rho)[0] / kernel(pole, pole, rho))
    q, e = np.array([*p, pole]), np.array([*r, -residue])
    return Model(float(0.5 * np.real(e @ kernel(q[:, None], q, rho) @ e)), [pole], [residue])


def _projection(p: Fixed, r: Fixed, q: float, rho: float) -> tuple[float, float]:
    """$d(q)$ and its derivative."""
    pole = np.array(p)
    terms = np.array(r) * kernel(pole, q, rho)
    return float(np.real(np.sum(terms))), float(np.real(np.sum(terms * _log_slope(pole, q, rho))))


def _log_slope(p: Numbers, q: float, rho: float) -> np.ndarray | float:
    """The derivative of ln K(p, q) by q."""
    p = np.asarray(p)
    return p / (1 - p * q) + rho / (1 - rho * q) - rho**2 * p / (1 - rho**2 * p * q)


def _start(p: Fixed, r: Fixed, rho: float) -> tuple[float, float]:
    """$(Rg^*)_0$ and $(Rg^*)_1$, which are d and its slope at 0; what is rounding is set to 0."""
    value, slope = _projection(p, r, 0.0, rho)
    rounding = 1e-13 * np.abs(r).sum()
    return value * (abs(value) > rounding), slope * (abs(slope) > rounding)


def _one_unit_flow(p: Fixed, r: Fixed, rho: float, drop: float = np.inf) -> tuple[float, float]:
    """Pole and residue where the flow from the origin rests, or where the loss has fallen by `drop`."""
    first, second = _start(p, r, rho)
    if first == 0:
        raise ValueError(
            "the target (weighted by the input) starts with 0: no quadratic escape from the origin."
        )

    def velocity(_: float, state: Sequence[float] | np.ndarray) -> list[float]:
        pole, residue = state
        d, d_slope = _projection(p, r, pole, rho)
        K = float(kernel(pole, pole, rho))
        bend = K * float(_log_slope(pole, pole, rho))
        return [residue * d_slope - residue**2 * bend, 2 * abs(residue) * (d - residue * K)]

    def above(_: float, state: Sequence[float] | np.ndarray) -> float:
        pole, residue = state
        return drop + residue * (
            0.5 * residue * float(kernel(pole, pole, rho)) - _projection(p, r, pole, rho)[0]
        )

    above.terminal = True
    residue = 1e-6 * first
    start = [residue * second / (2 * first), residue]  # along the unstable direction of the origin
    flow = solve_ivp(velocity, (0, 1e4 / abs(first)), start, "LSODA", rtol=1e-10, atol=1e-13, events=above)
    return float(flow.y[0, -1]), float(flow.y[1, -1])
