r"""Models with one pole, in closed form: every minimum, the one that the flow reaches, and the first drop on the way.

The input is an impulse or white noise (`correlation` 0) or coloured noise with autocorrelation
$\rho^{|\tau|}$. With $a_p=(p^s)_{s\ge0}$ everything rests on the kernel $K(p,q)=a_p^\top
R\,a_q=\dfrac{1-\rho^2pq}{(1-pq)(1-\rho p)(1-\rho q)}$.
"""

from functools import lru_cache

import equinox as eqx
import numpy as np
from numpy.polynomial import polynomial as P
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from stepwell.theory.model import Model
from stepwell.theory.target import Numbers, siso_target


class FirstDrop(eqx.Module):
    """The model of a one-unit network half-way down its first drop.

    Attributes:
        pole, residue: where the loss passes $(L_0+L_1)/2$.
        profiled: the best residue for that pole, $G^{-1}d$.
    """

    pole: float
    residue: float
    profiled: float


def one_pole_minima(poles: ArrayLike, residues: ArrayLike, correlation: float = 0.0) -> tuple[Model, ...]:
    r"""All local minima of $L^*(p)=\tfrac12\big(g^{*\top}Rg^*-d(p)^2/K(p,p)\big)$, $d(p)=\sum_ir^*_iK(p^*_i,p)$.

    Stationary points are the real roots in $(-1,1)$ of a polynomial, so none is missed.

    Args:
        poles, residues: the target, [pole].
        correlation: $\rho$ of the input, 0 for an impulse.

    Returns:
        The minima, the global one first.

    Example:
        >>> [round(float(model.poles[0]), 6) for model in one_pole_minima([0.7, -0.88], [1, 0.7])]
        [-0.805403, 0.506598]

    Source: essay2026, section 7; the certificate is ours.
    """
    return _minima(*siso_target(poles, residues), _correlation(correlation))


def reached_one_pole(poles: ArrayLike, residues: ArrayLike, correlation: float = 0.0) -> Model:
    r"""The one-pole model that the flow reaches from the origin.

    For an impulse: $dL^*/dp=-g^*_0g^*_1$ at $p=0$, and the pole never comes back through 0, so it stops at
    the first minimum on the side $\operatorname{sign}(g^*_0g^*_1)$. Coloured input can turn it around; then
    the two-variable flow of pole and residue decides.

    Args:
        poles, residues: the target, [pole].
        correlation: $\rho$ of the input, 0 for an impulse.

    Raises:
        ValueError: if the target leaves no side to choose ($g^*_0=0$, or $g^*_1=0$ with a maximum at 0).

    Example:
        >>> round(reached_one_pole([0.7, -0.88], [1, 0.7]).loss, 6)
        0.962417

    Source: essay2026, section 7; the rule is ours.
    """
    p, r = siso_target(poles, residues)
    rho = _correlation(correlation)
    minima = _minima(p, r, rho)
    if rho:
        end = _one_unit_flow(p, r, rho)[0]
        return min(minima, key=lambda model: abs(model.poles[0] - end))
    side = np.prod(_start(p, r, rho))
    ahead = [model for model in minima if model.poles[0] * side > 0 or abs(model.poles[0]) < 1e-12]
    if side == 0 and (not ahead or _start(p, r, rho)[0] == 0):
        raise ValueError(
            "the first stair has no side, since g*_0 or g*_1 of the target is 0: the initial weights decide; "
            "change a residue a little to choose one."
        )
    return min(ahead, key=lambda model: abs(model.poles[0]))


def first_drop(poles: ArrayLike, residues: ArrayLike, correlation: float = 0.0) -> FirstDrop:
    r"""Pole and residue half-way down the first drop, from the one-unit flow that leaves the origin.

    With $b^2=c^2=|r|$ the flow closes in two variables: $\dot p=r\,d'(p)-\tfrac12r^2\,\tfrac{d}{dp}K(p,p)$,
    $\dot r=2|r|\,(d(p)-r\,K(p,p))$. Pole and residue grow together, so the residue is not the profiled one.

    Args:
        poles, residues: the target, [pole].
        correlation: $\rho$ of the input, 0 for an impulse.

    Example:
        >>> drop = first_drop([0.5, -0.45, -0.75], [0.9, 0.7, -0.65])
        >>> round(drop.residue / drop.profiled, 3)
        0.365

    Source: essay2026, section 7, whose equilibrated residues do not extend to this drop.
    """
    p, r = siso_target(poles, residues)
    rho = _correlation(correlation)
    rest = reached_one_pole(poles, residues, rho)
    half_way = 0.25 * rest.residues[0] ** 2 * kernel(rest.poles[0], rest.poles[0], rho)
    pole, residue = _one_unit_flow(p, r, rho, half_way)
    return FirstDrop(pole, residue, _projection(p, r, pole, rho)[0] / float(kernel(pole, pole, rho)))


def kernel(p: ArrayLike, q: ArrayLike, correlation: float = 0.0) -> np.ndarray:
    r"""$K(p,q)=\sum_{st}p^s\rho^{|s-t|}q^t$, element by element.

    Example:
        >>> float(kernel(0.5, 0.5))
        1.3333333333333333
    """
    p, q, rho = np.asarray(p), np.asarray(q), correlation
    return (1 - rho**2 * p * q) / ((1 - p * q) * (1 - rho * p) * (1 - rho * q))


@lru_cache(maxsize=256)
def _minima(p: Numbers, r: Numbers, rho: float) -> tuple[Model, ...]:
    ones = [[1.0, -pole] for pole in p]
    D = _product(ones)
    N = sum(
        ri / (1 - rho * pi) * P.polymul([1, -(rho**2) * pi], _product(ones[:i] + ones[i + 1 :]))
        for i, (pi, ri) in enumerate(zip(p, r))
    )
    D, N = D.real, N.real
    slope = P.polysub(P.polymul(P.polyder(N), D), P.polymul(N, P.polyder(D)))
    stationary = P.polysub(
        P.polymul([0, 1 - rho**2], P.polymul(N, D)),
        P.polymul(P.polymul([1, 0, -1], [1, 0, -(rho**2)]), slope),
    )
    roots = P.polyroots(P.polytrim(stationary, 1e-15 * np.abs(stationary).max()))
    real = roots.real[(np.abs(roots.imag) < 1e-8) & (np.abs(roots.real) < 1)]
    falling_then_rising = P.polyval(real, N) * P.polyval(real, P.polyder(stationary)) > 0
    models = [_profiled_model(p, r, pole, rho) for pole in real[falling_then_rising]]
    return tuple(sorted(models, key=lambda model: model.loss))


def _product(factors: list[list[complex]]) -> np.ndarray:
    product = np.ones(1, complex)
    for factor in factors:
        product = P.polymul(product, factor)
    return product


def _profiled_model(p: Numbers, r: Numbers, pole: float, rho: float) -> Model:
    residue = _projection(p, r, pole, rho)[0] / kernel(pole, pole, rho)
    q, e = np.array([*p, pole]), np.array([*r, -residue])
    return Model(0.5 * (e @ kernel(q[:, None], q, rho) @ e).real, [pole], [residue])


def _projection(p: Numbers, r: Numbers, q: float, rho: float) -> tuple[float, float]:
    """$d(q)$ and its derivative."""
    pole = np.array(p)
    terms = np.array(r) * kernel(pole, q, rho)
    return terms.sum().real, (terms * _log_slope(pole, q, rho)).sum().real


def _log_slope(p: ArrayLike, q: float, rho: float) -> np.ndarray:
    """The derivative of ln K(p, q) by q."""
    p = np.asarray(p)
    return p / (1 - p * q) + rho / (1 - rho * q) - rho**2 * p / (1 - rho**2 * p * q)


def _start(p: Numbers, r: Numbers, rho: float) -> tuple[float, float]:
    """$(Rg^*)_0$ and $(Rg^*)_1$, with what is rounding set to 0."""
    values = _projection(p, r, 0.0, rho)
    size = np.abs(r).sum()
    return tuple(value if abs(value) > 1e-12 * size else 0.0 for value in values)


def _one_unit_flow(p: Numbers, r: Numbers, rho: float, drop: float = np.inf) -> tuple[float, float]:
    """Pole and residue where the flow from the origin comes to rest, or where the loss has fallen by `drop`."""
    first, second = _start(p, r, rho)
    if first == 0:
        raise ValueError("the first value of the target, weighted by the input, is 0: no quadratic escape.")

    def velocity(_: float, state: np.ndarray) -> list[float]:
        pole, residue = state
        d, d_slope = _projection(p, r, pole, rho)
        K = kernel(pole, pole, rho)
        return [
            residue * d_slope - residue**2 * K * _log_slope(pole, pole, rho),
            2 * abs(residue) * (d - residue * K),
        ]

    def above(_: float, state: np.ndarray) -> float:
        pole, residue = state
        return drop + residue * (0.5 * residue * kernel(pole, pole, rho) - _projection(p, r, pole, rho)[0])

    above.terminal = True
    # The unstable direction of the origin: the pole follows the residue as p = r g_1 / (2 g_0).
    residue = 1e-6 * first
    start = [residue * second / (2 * first), residue]
    flow = solve_ivp(velocity, (0, 1e4 / abs(first)), start, "LSODA", rtol=1e-10, atol=1e-13, events=above)
    return tuple(flow.y[:, -1].tolist())


def _correlation(correlation: float) -> float:
    if not abs(correlation) < 1:
        raise ValueError(
            f"correlation={correlation} is no correlation of neighbours; it must lie between -1 and 1."
        )
    return float(correlation)
