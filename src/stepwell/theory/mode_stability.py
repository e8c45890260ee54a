r"""Stability and speed of one aligned mode at its fixed points.

The optimal curve $(s,\kappa/s,w^\star)$ is stationary for every rule. All errors vanish there, so that only
two numbers of a rule enter: k, which stands for w in its way back, and B, which stands for a. With
$b=\kappa/s$, $S=1/(1-w^{\star2})$ and $D=1/(1-kw^\star)$ one eigenvalue of the flow is 0, and the others are
$-\mu_\pm$ with

$\mathrm{tr}=b^2S+BsD\,[1+b^2S^2D(1-kw^{\star3})]$ and $\det=Bs\,b^2(b^2+Bs)S^2D^2$.

| rule | k | B |
|---|---|---|
| BPTT | $w^\star$ | s |
| tBPTT(1) | 0 | s |
| RFLO | $\hat w$ | $\hat a$, symmetric: s |
| e-prop | $w^\star$ | $\hat a$, symmetric: s |
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from stepwell.rule.base import AbstractRule
from stepwell.rule.population import keeps_feedback, way_back


class HopfPoint(NamedTuple):
    """Where a pair of eigenvalues crosses the imaginary axis: its place s, and its frequency."""

    s: float
    frequency: float


def trace_and_determinant(
    rule: AbstractRule,
    s: Any,
    a_star: Any,
    b_star: Any,
    w_star: Any,
    feedback: Any = None,
    decay: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""$\mu_-+\mu_+$ and $\mu_-\mu_+$ at $(s,\kappa/s,w^\star)$; stable if and only if both are positive.

    Args:
        rule: an object from `RULES`.
        s: place on the optimal curve, the readout there; a number or an array.
        a_star, b_star, w_star, feedback, decay: as in `mode_flow`.

    Raises:
        ValueError: for tBPTT with a lag above 1, which has no closed form here.

    Example:
        >>> from stepwell.rule import RULES
        >>> trace, determinant = trace_and_determinant(RULES["rflo"](), -0.38, 0.4, 0.25, 0.7, 0.2, 0.3)
        >>> bool(trace > 0), bool(determinant > 0)
        (True, True)

    Source: ours; williams2026, Fig. 3, shows the eigenvalues.
    """
    s, w_star = np.asarray(s, float), np.asarray(w_star, float)
    k, B = _constants(rule, s, w_star, feedback, decay)
    b, S, D = a_star * b_star / s, 1 / (1 - w_star**2), 1 / (1 - k * w_star)
    trace = b**2 * S + B * s * D * (1 + b**2 * S**2 * D * (1 - k * w_star**3))
    return np.asarray(trace), np.asarray(B * s * b**2 * (b**2 + B * s) * S**2 * D**2)


def mode_rates(
    rule: AbstractRule,
    s: Any,
    a_star: Any,
    b_star: Any,
    w_star: Any,
    feedback: Any = None,
    decay: Any = None,
) -> np.ndarray:
    r"""The rates $\mu_-,\mu_+$ of approach to $(s,\kappa/s,w^\star)$, the slow one first, [..., 2], complex.

    Args:
        rule, s, a_star, b_star, w_star, feedback, decay: as in `trace_and_determinant`.

    Example:
        >>> from stepwell.rule import RULES
        >>> print(f"{mode_rates(RULES['bptt'](), 0.1, 0.4, 0.25, 0.7)[0].real:.6f}")
        0.073953

    Source: ours; williams2026, Fig. 3, shows the eigenvalues.
    """
    trace, determinant = trace_and_determinant(rule, s, a_star, b_star, w_star, feedback, decay)
    root = np.sqrt(trace**2 - 4 * determinant + 0j)
    large = (trace + np.where(trace < 0, -root, root)) / 2
    # Of two real roots the smaller is a quotient, not a difference of nearly equal numbers.
    small = np.where(np.imag(root) == 0, determinant / large, np.conj(large))
    pair = np.stack([small, large], axis=-1)
    return np.where((np.real(small) <= np.real(large))[..., None], pair, pair[..., ::-1])


def line_rate(
    rule: AbstractRule, w: Any, a_star: Any, b_star: Any, w_star: Any, decay: Any = None
) -> np.ndarray:
    r"""The rate $\lambda_0=|\kappa|/\sqrt{(1-ww^\star)(1-kw^\star)}$ of escape from the line a = b = 0.

    Eigenvalues there are 0 and $\pm\lambda_0$, so that a plateau grows by $\ln10/\lambda_0$ per decade by
    which initial weights shrink. k is w for BPTT, 0 for tBPTT(1) and the decay for RFLO.

    Args:
        rule, a_star, b_star, w_star, decay: as in `mode_flow`.
        w: place on the line.

    Raises:
        ValueError: for fixed feedback, under which the line is not stationary.

    Example:
        >>> from stepwell.rule import RULES
        >>> print(f"{line_rate(RULES['tbptt'](), 0.0, 1.0, 1.0, 0.7):.4f}")
        1.0000

    Source: ours.
    """
    if keeps_feedback(rule):
        raise ValueError("under fixed feedback the line a = b = 0 is not stationary; nothing rests there.")
    w, w_star = np.asarray(w, float), np.asarray(w_star, float)
    k, _ = _constants(rule, w, w, None, decay)
    return np.asarray(abs(a_star * b_star) / np.sqrt((1 - w * w_star) * (1 - k * w_star)))


def fold_point(a_star: float, b_star: float, feedback: float) -> float:
    r"""$s_f=-\mathrm{sign}(\hat a)(\kappa^2/|\hat a|)^{1/3}$, within which the wrong-sign branch is saddles.

    Args:
        a_star, b_star, feedback: as in `mode_flow`; RFLO and e-prop alike.

    Example:
        >>> print(f"{fold_point(0.4, 0.25, 0.2):.5f}")
        -0.36840

    Source: ours.
    """
    return float(-np.sign(feedback) * np.cbrt((a_star * b_star) ** 2 / abs(feedback)))


def hopf_point(
    rule: AbstractRule,
    a_star: float,
    b_star: float,
    w_star: float,
    feedback: float,
    decay: float | None = None,
) -> HopfPoint | None:
    r"""Where the trace vanishes beyond the fold of the wrong-sign branch; None if nowhere.

    There $\mathrm{tr}\,s^2=\kappa^2S-|\hat a|D|s|^3-|\hat a|D^2\kappa^2S^2(1-kw^{\star3})|s|$ falls along the
    branch, so that it vanishes beyond the fold if and only if it is positive at the fold.

    Args:
        rule: RFLO or e-prop with random feedback.
        a_star, b_star, w_star, feedback, decay: as in `mode_flow`.

    Example:
        >>> from stepwell.rule import RULES
        >>> point = hopf_point(RULES["rflo"](), 0.4, 0.25, 0.7, 0.2, 0.3)
        >>> print(f"{point.s:.6f} {point.frequency:.6f}")
        -0.392199 0.020539

    Source: ours.
    """

    def trace(s: float) -> float:
        return float(trace_and_determinant(rule, s, a_star, b_star, w_star, feedback, decay)[0])

    near = fold_point(a_star, b_star, feedback)
    if not trace(near) > 0:
        return None
    far = 2 * near
    while trace(far) > 0:
        far *= 2
    s = float(brentq(trace, near, far, xtol=1e-15))  # type: ignore[arg-type]
    determinant = trace_and_determinant(rule, s, a_star, b_star, w_star, feedback, decay)[1]
    return HopfPoint(s, float(np.sqrt(determinant)))


def stable_window(
    rule: AbstractRule,
    a_star: float,
    b_star: float,
    w_star: float,
    feedback: float,
    decay: float | None = None,
) -> tuple[float, float] | None:
    r"""The interval of s in which the wrong-sign branch is stable, lower end first; None if there is none.

    It lies between the fold and the Hopf point. It needs $w^{\star2}>kw^\star$, so e-prop never has one.

    Args:
        rule, a_star, b_star, w_star, feedback, decay: as in `hopf_point`.

    Example:
        >>> from stepwell.rule import RULES
        >>> lower, upper = stable_window(RULES["rflo"](), 0.4, 0.25, 0.7, 0.2, 0.3)
        >>> print(f"{lower:.5f} {upper:.5f}")
        -0.39220 -0.36840
        >>> stable_window(RULES["eprop"](), 0.4, 0.25, 0.7, 0.2) is None
        True

    Source: ours.
    """
    hopf = hopf_point(rule, a_star, b_star, w_star, feedback, decay)
    if hopf is None:
        return None
    lower, upper = sorted((hopf.s, fold_point(a_star, b_star, feedback)))
    return lower, upper


def equal_rate(
    rule: AbstractRule,
    other: AbstractRule,
    between: tuple[float, float],
    a_star: float,
    b_star: float,
    w_star: float,
    feedback: float | None = None,
    decay: float | None = None,
) -> float:
    """The place s on the optimal curve at which the slow rates of two rules are equal.

    Args:
        rule, other: objects from `RULES`.
        between: two places; one rule is the slower one at the first, the other at the second.
        a_star, b_star, w_star, feedback, decay: as in `mode_flow`.

    Raises:
        ValueError: if the same rule is the slower one at both places.

    Example:
        >>> from stepwell.rule import RULES
        >>> s = equal_rate(RULES["rflo"](), RULES["bptt"](), (0.01, 0.3), 0.4, 0.25, 0.7, 0.2, 0.3)
        >>> print(f"{s:.5f}")
        0.08310

    Source: ours; that there is a crossing, williams2026, Fig. 3.
    """

    def gap(s: float) -> float:
        one, two = (mode_rates(r, s, a_star, b_star, w_star, feedback, decay)[0].real for r in (rule, other))
        return float(one - two)

    if not gap(between[0]) * gap(between[1]) < 0:
        raise ValueError(f"the same rule is the slower one at both {between[0]} and {between[1]}; move one.")
    return float(brentq(gap, *between, xtol=1e-14))  # type: ignore[arg-type]


def _constants(
    rule: AbstractRule, a: Any, w: Any, feedback: Any, decay: Any
) -> tuple[np.ndarray, np.ndarray]:
    """What stands for w and for a in the way back of a rule."""
    a, w = (jnp.asarray(x) for x in np.broadcast_arrays(a, w))
    k, B, terms = way_back(rule, w, w, a, feedback, decay)
    if terms is not None and terms > 1:
        raise ValueError(f"tbptt with lag {terms} has no closed form here; use mode_jacobian.")
    return np.zeros(k.shape) if terms == 1 else np.asarray(k), np.asarray(B)
