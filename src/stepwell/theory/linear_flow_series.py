r"""Exact rational series of the linear flow, and the moments of its initial weights.

Inside this file a series is an array of exact numbers [power of the variable, power of the target].
"""

from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np


def series(order: int) -> dict[str, list[Any]]:
    r"""The flow without initial connectivity (g = 0), term by term.

    Args:
        order: highest power.

    Returns:
        By quantity, the coefficients of powers 0 to `order`. "y(nu)", "s1(nu)", "s2(nu)" and "sigma(nu)"
        (output, singular values, clock) are series in the nuclear norm with plain fractions. "y", "nu",
            "A11",
        "A12", "A21" and "A22" (the weight change in the basis of readout and input) are series in learning
        time: each coefficient is a mapping from the power of the target to a fraction.

    Raises:
        ValueError: for an order below 1.

    Example:
        >>> terms = series(3)
        >>> print(*terms["y(nu)"], terms["A11"][2])
        0 1 0 2/3 {2: Fraction(1, 2)}

    Source: schuessler2020, eq. 10 (there to third order).
    """
    if order < 1:
        raise ValueError(f"order={order} is no order; a series has at least order 1.")
    by_norm = _in_nuclear_norm(order)
    nu = _nuclear_norm_in_time(by_norm["y"], by_norm["D"], order)
    by_time = {name: _composed(by_norm[name], nu) for name in ("y", "A11", "A12", "A21")}
    by_time |= {"A22": by_time["A11"], "nu": nu}
    polynomials = {
        name: [{m: c for m, c in enumerate(row) if c} for row in terms] for name, terms in by_time.items()
    }
    return polynomials | {f"{name}(nu)": list(by_norm[name][:, 0]) for name in ("y", "s1", "s2", "sigma")}


def moments(G: Any, count: int) -> list[Any]:
    r"""The spectral moments $\mu_k=\hat c^\top(M_0^\top M_0)^{-k}\hat c$ of $M_0=I-W_0$ for infinite width.

    With $\eta=r-Gr/(1+r^2)$ they are the coefficients in $r/(1+r^2)=\sum_k(-1)^{k-1}\mu_k\eta^{2k-1}$.

    Args:
        G: $g^2$; a fraction gives exact moments.
        count: how many.

    Returns:
        $\mu_1,\mu_2,\dots$, [count].

    Example:
        >>> print(*moments(Fraction(1, 2), 3))
        2 16 256

    Source: ours; the first is beta of schuessler2020.
    """
    order = 2 * count - 1
    one, eta = _power(0, order), _power(1, order)
    r = eta / (1 - G)
    for _ in range(count):  # every round settles two more powers
        square = _product(r, r)
        r = (eta - G * _product(_product(square, r), _inverse(one + square))) / (1 - G)
    w = _product(r, _inverse(one + _product(r, r)))[:, 0]
    return [(-1) ** k * w[2 * k + 1] for k in range(count)]


def _in_nuclear_norm(order: int) -> dict[str, np.ndarray]:
    """The quantities of the exact solution as series in the nuclear norm."""
    full = order + 1  # one power is lost in dividing by the nuclear norm
    one, nu = _power(0, full), _power(1, full)
    cosh = _column([Fraction((k + 1) % 2, factorial(k)) for k in range(full + 1)])
    sinh = _column([Fraction(k % 2, factorial(k)) for k in range(full + 1)])
    q = _inverse(cosh)
    t = _product(sinh, q)
    D, A11, A21 = one - _product(nu, t), one - q, nu - t
    determinant = _product(t, A21) - _product(A11, A11)
    s2 = 0 * one
    for _ in range(order):  # s1 + s2 = nu and s1 s2 = determinant
        s2 = _raised(determinant + _product(s2, s2), -1)
    clock = _integral(_product(D, D))
    known = {"y": _product(t, _inverse(D)), "D": D, "A11": A11, "A12": t, "A21": A21}
    return {
        name: terms[: order + 1]
        for name, terms in (known | {"s1": nu - s2, "s2": s2, "sigma": clock}).items()
    }


def _nuclear_norm_in_time(y: np.ndarray, D: np.ndarray, order: int) -> np.ndarray:
    r"""The solution of $d\nu/d\tau=(y^*-y(\nu))/D(\nu)^2$ by Picard iteration, one power per round."""
    speed = _inverse(_product(D, D))
    slowed = _product(y, speed)
    target = np.full((order + 1, order + 1), Fraction(0))
    target[0, 1] = Fraction(1)
    nu = 0 * target
    for _ in range(order):
        nu = _integral(_product(target, _composed(speed, nu)) - _composed(slowed, nu))
    return nu


def _power(k: int, order: int) -> np.ndarray:
    return _column([Fraction(i == k) for i in range(order + 1)])


def _column(terms: list[Fraction]) -> np.ndarray:
    return np.array(terms, dtype=object)[:, None]


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product of two series, cut at their order."""
    out = 0 * a
    for i in range(len(a)):
        for j in range(len(a) - i):
            out[i + j] += np.convolve(a[i], b[j])[: a.shape[1]]
    return out


def _inverse(a: np.ndarray) -> np.ndarray:
    """1 over a series without target."""
    out = 0 * a
    out[0, 0] = 1 / a[0, 0]
    for k in range(1, len(a)):
        out[k, 0] = -out[0, 0] * sum(a[i, 0] * out[k - i, 0] for i in range(1, k + 1))
    return out


def _composed(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """outer(inner) for an outer series without target, by Horner's rule."""
    out = 0 * inner
    for term in outer[::-1, 0]:
        out = _product(out, inner)
        out[0, 0] += term
    return out


def _integral(a: np.ndarray) -> np.ndarray:
    divided = a / np.array([Fraction(k + 1) for k in range(len(a))], dtype=object)[:, None]
    return _raised(divided, 1)


def _raised(a: np.ndarray, by: int) -> np.ndarray:
    """A series times its variable to the power `by`, 1 or -1."""
    out = 0 * a
    out[max(by, 0) : len(a) + min(by, 0)] = a[max(-by, 0) : len(a) - max(by, 0)]
    return out
