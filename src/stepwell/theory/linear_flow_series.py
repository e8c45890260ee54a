r"""Exact rational series of the linear flow, and the moments of its initial weights."""

from fractions import Fraction
from math import factorial
from typing import Any

# One polynomial in the target per power of the variable, from its power to its coefficient; zeros are left
# out.
Series = list[dict[int, Any]]

IN_NORM = ("y", "s1", "s2", "sigma")


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
    plain = {f"{name}(nu)": [term.get(0, Fraction(0)) for term in by_norm[name]] for name in IN_NORM}
    return {**by_time, "A22": by_time["A11"], "nu": nu, **plain}


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
    r = _scaled(eta, 1 / (1 - G))
    for _ in range(count):  # every round settles two more powers
        square = _product(r, r)
        cubic = _product(_product(square, r), _inverse(_sum(one, square)))
        r = _scaled(_sum(eta, _scaled(cubic, -G)), 1 / (1 - G))
    w = _product(r, _inverse(_sum(one, _product(r, r))))
    return [(-1) ** k * w[2 * k + 1][0] for k in range(count)]


def _in_nuclear_norm(order: int) -> dict[str, Series]:
    """The quantities of the exact solution as series in the nuclear norm."""
    full = order + 1  # one power is lost in dividing by the nuclear norm
    one, nu = _power(0, full), _power(1, full)
    cosh, sinh = (_series([Fraction((k + odd) % 2, factorial(k)) for k in range(full + 1)]) for odd in (1, 0))
    q = _inverse(cosh)
    t = _product(sinh, q)
    D, A11, A21 = (_sum(a, _scaled(b, -1)) for a, b in ((one, _product(nu, t)), (one, q), (nu, t)))
    determinant = _sum(_product(t, A21), _scaled(_product(A11, A11), -1))
    s2 = _series([0] * (full + 1))
    for _ in range(order):  # s1 + s2 = nu and s1 s2 = determinant
        s2 = [*_sum(determinant, _product(s2, s2))[1:], {}]
    s1, clock = _sum(nu, _scaled(s2, -1)), _integral(_product(D, D))
    y = _product(t, _inverse(D))
    known = {"y": y, "D": D, "A11": A11, "A12": t, "A21": A21, "s1": s1, "s2": s2, "sigma": clock}
    return {name: terms[: order + 1] for name, terms in known.items()}


def _nuclear_norm_in_time(y: Series, D: Series, order: int) -> Series:
    r"""The solution of $d\nu/d\tau=(y^*-y(\nu))/D(\nu)^2$ by Picard iteration, one power per round."""
    speed = _inverse(_product(D, D))
    target: Series = [{1: Fraction(1)}, *({} for _ in range(order))]
    nu = _series([0] * (order + 1))
    for _ in range(order):
        error = _sum(target, _scaled(_composed(y, nu), -1))
        nu = _integral(_product(error, _composed(speed, nu)))
    return nu


def _series(coefficients: list[Any]) -> Series:
    """A series without target."""
    return [{0: c} if c else {} for c in coefficients]


def _power(k: int, order: int) -> Series:
    return _series([Fraction(i == k) for i in range(order + 1)])


def _sum(a: Series, b: Series) -> Series:
    return [_tidy({m: p.get(m, 0) + q.get(m, 0) for m in p | q}) for p, q in zip(a, b)]


def _scaled(a: Series, factor: Any) -> Series:
    return [_tidy({m: factor * c for m, c in p.items()}) for p in a]


def _product(a: Series, b: Series) -> Series:
    """The product of two series, cut at their order."""
    out: Series = [{} for _ in a]
    for i, p in enumerate(a):
        for j, q in enumerate(b[: len(a) - i]):
            for m, x in p.items():
                for n, y in q.items():
                    out[i + j][m + n] = out[i + j].get(m + n, 0) + x * y
    return [_tidy(p) for p in out]


def _inverse(a: Series) -> Series:
    """1 over a series without target."""
    x = [p.get(0, 0) for p in a]
    out = [1 / x[0]]
    for k in range(1, len(x)):
        out.append(-sum(x[i] * out[k - i] for i in range(1, k + 1)) / x[0])
    return _series(out)


def _composed(outer: Series, inner: Series) -> Series:
    """outer(inner) for an outer series without target, by Horner's rule."""
    out = _series([0] * len(inner))
    for term in reversed(outer):
        out = _product(out, inner)
        out[0] = _tidy({0: out[0].get(0, 0) + term.get(0, 0)})
    return out


def _integral(a: Series) -> Series:
    return [{}, *({m: c / (k + 1) for m, c in p.items()} for k, p in enumerate(a[:-1]))]


def _tidy(p: dict[int, Any]) -> dict[int, Any]:
    return {m: c for m, c in sorted(p.items()) if c}
