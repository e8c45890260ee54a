r"""The linear flow without initial connectivity (g = 0), in closed form."""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from stepwell.theory.linear_flow_closure import QUADRATURE, Numbers, Values, check

# Below this nuclear norm nu - tanh nu is taken from its series.
SMALL = 1e-2


class Exact(NamedTuple):
    r"""The flow without initial connectivity at given nuclear norms.

    Attributes:
        A: the weight change in the orthonormal basis (readout, input), [..., 2, 2]; A[0, 1] multiplies
            readout times input transposed.
        output: [...]. singular_values: [..., 2]. norm: Frobenius norm, [...].
        clock: [...]. growth: p, [...].
        eigenvalues: of the weight change, the outlier first, [..., 2].
    """

    A: np.ndarray
    output: np.ndarray
    singular_values: np.ndarray
    norm: np.ndarray
    clock: np.ndarray
    growth: np.ndarray
    eigenvalues: np.ndarray


def exact_g0(nuclear_norm: Numbers) -> Exact:
    r"""The exact solution without initial connectivity, as a function of the nuclear norm $\nu$ alone.

    With $t=\tanh\nu$ and $q=1/\cosh\nu$: $A_{12}=t$, $A_{11}=A_{22}=1-q$, $A_{21}=\nu-t$, $y=t/(1-\nu t)$.

    Args:
        nuclear_norm: [...], of modulus below that of `divergence(0)`; negative for targets below 0.

    Raises:
        ValueError: beyond the divergence.

    Example:
        >>> print(exact_g0(0.436185645).A.round(6))
        [[0.088129 0.410478]
         [0.025708 0.088129]]

    Source: ours; schuessler2020, eq. 10, is its expansion.
    """
    nu = np.asarray(nuclear_norm, float)
    t, q = np.tanh(nu), 1 / np.cosh(nu)
    D = 1 - nu * t
    if not (D > 0).all():
        raise ValueError("a nuclear norm of 1.19968 or more is never reached: the output diverges there.")
    diagonal, lower = 2 * np.sinh(nu / 2) ** 2 * q, _nu_minus_tanh(nu)
    A = np.stack([np.stack([diagonal, t], axis=-1), np.stack([lower, diagonal], axis=-1)], axis=-2)
    largest = np.abs(nu) / 2 + np.sqrt((t - nu / 2) ** 2 + diagonal**2)
    product = t * lower - diagonal**2
    second = np.divide(product, largest, out=np.zeros_like(largest), where=largest > 0)
    split = np.sqrt(t * lower)
    return Exact(
        A=A,
        output=t / D,
        singular_values=np.stack([largest, second], axis=-1),
        norm=np.sqrt((A**2).sum((-2, -1))),
        clock=np.asarray(_clock(nu)),
        growth=1 / D**2,
        eigenvalues=np.stack([diagonal + split, diagonal - split], axis=-1),
    )


def final_g0(target: float) -> float:
    r"""The nuclear norm at a target: the root of $\tanh\nu=y^*(1-\nu\tanh\nu)$.

    Example:
        >>> print(round(final_g0(2.0), 9))
        0.897984942

    Source: ours.
    """
    check(0.0, target)

    def excess(nu: float) -> float:
        return np.tanh(nu) - abs(target) * (1 - nu * np.tanh(nu))

    # Below 1.2 there is one root; beyond 1.1997, where nu tanh nu = 1, the excess is positive.
    root: Any = brentq(excess, 0, 1.2, xtol=1e-15)
    return float(np.copysign(root, target))


def _nu_minus_tanh(nu: np.ndarray) -> np.ndarray:
    """nu - tanh nu, by its series where the two nearly cancel."""
    squared = nu * nu
    terms = nu * squared * (1 / 3 - squared * (2 / 15 - squared * (17 / 315 - squared * 62 / 2835)))
    return np.where(np.abs(nu) < SMALL, terms, nu - np.tanh(nu))


def _clock(nu: np.ndarray) -> Values:
    """The integral of (1 - x tanh x)^2 from 0 to nu."""
    x, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    past = nu[..., None] * (1 + x) / 2
    return nu / 2 * (((1 - past * np.tanh(past)) ** 2) @ weights)
