r"""What the flow of a rule conserves, and the end points that follow.

With K and B of a rule's way back (see `rule/population.py`), linear units without leak obey, sample by
sample, $B\,\Delta c+K\,\Delta W=\Delta W\,W^\top+\Delta b\,b^\top$. Along the flow this conserves a matrix
where K is $W^\top$ or a multiple of I, and one number per unit where K is diagonal.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from stepwell.rule.base import AbstractRule
from stepwell.rule.bptt import BPTT
from stepwell.rule.eprop import EProp
from stepwell.rule.population import constant_decay, keeps_feedback, way_back
from stepwell.rule.rflo import RFLO
from stepwell.rule.rtrl import RTRL
from stepwell.rule.tbptt import TBPTT
from stepwell.theory.mode_stability import trace_and_determinant


class ModeEnd(NamedTuple):
    r"""Where a mode ends on the optimal curve $(s,\kappa/s,w^\star)$.

    Attributes:
        a, b, w: the end point; NaN where the prediction abstains.
        magnitude: $|s|$, also where only its sign is not predicted.
        reason: why the prediction abstains, or "".
    """

    a: float
    b: float
    w: float
    magnitude: float
    reason: str


def mode_invariant(
    rule: AbstractRule,
    a: Any,
    b: Any,
    w: Any,
    a_star: Any = None,
    b_star: Any = None,
    w_star: Any = None,
    feedback: Any = None,
    decay: Any = None,
) -> Array:
    r"""The quantity that the flow of a mode conserves.

    $r-b^2-(w-k)^2$ with $r=a^2$, or $2\hat aa$ under fixed feedback; k is 0 for tBPTT(1) and the decay for
    RFLO. BPTT and e-prop lack the last term. The teacher does not enter.

    Args:
        rule, a, b, w, a_star, b_star, w_star, feedback, decay: as in `mode_flow`.

    Raises:
        ValueError: for tBPTT with a lag above 1, which conserves nothing of this form.

    Example:
        >>> from stepwell.rule import RULES
        >>> float(mode_invariant(RULES["bptt"](), 2.0, 1.0, 0.3))
        3.0

    Source: ours.
    """
    a, b, w = (jnp.asarray(x, float) for x in (a, b, w))
    k = _constant(rule, decay)
    readout = 2 * way_back(rule, w, w, a, feedback, decay).entry * a if keeps_feedback(rule) else a**2
    return readout - b**2 - (0 if k is None else (w - k) ** 2)


def mode_end(
    rule: AbstractRule,
    a: float,
    b: float,
    w: float,
    a_star: float,
    b_star: float,
    w_star: float,
    feedback: float | None = None,
    decay: float | None = None,
) -> ModeEnd:
    r"""The end point of the flow of a mode, from its invariant.

    With I the invariant at the start and C = I, plus $(w^\star-k)^2$ where it has that term:
    $s^2-\kappa^2/s^2=C$, or under fixed feedback $2\hat as-\kappa^2/s^2=C$, which has exactly one root with
    $\hat as>0$. The sign of s is that of $\hat a$ under fixed feedback; that of a for I > 0, since a cannot
    vanish; for BPTT that of $\kappa b$ for I < 0. Elsewhere it takes integrating. That the flow stays within
    $|w|<1$ and comes to rest is presumed.

    Args:
        rule, a, b, w, a_star, b_star, w_star, feedback, decay: as in `mode_flow`, at the start.

    Example:
        >>> from stepwell.rule import RULES
        >>> end = mode_end(RULES["rflo"](), 1.0, 1.0, 0.6, 1.0, 0.5, 0.7, feedback=-0.2, decay=0.3)
        >>> print(f"{end.a:.5f}")
        -0.40912

    Source: ours.
    """
    product, k = a_star * b_star, _constant(rule, decay)
    start = float(mode_invariant(rule, a, b, w, feedback=feedback, decay=decay))
    goal = start + (0 if k is None else (w_star - k) ** 2)
    if keeps_feedback(rule):
        return _end_under_feedback(rule, goal, a_star, b_star, w_star, feedback, decay)
    magnitude = float(np.sqrt((goal + np.hypot(goal, 2 * product)) / 2))
    if start > 0:
        s = np.copysign(magnitude, a)
    elif k is None and start < 0:
        s = np.copysign(magnitude, product * b)
    else:
        reason = "a and b may both change sign, so the invariant does not tell on which branch the flow ends"
        return ModeEnd(np.nan, np.nan, np.nan, magnitude, reason)
    return ModeEnd(float(s), float(product / s), float(w_star), magnitude, "")


def matrix_invariant(
    rule: AbstractRule, W: Any, b: Any, c: Any, feedback: Any = None, decay: Any = None
) -> Array:
    r"""The quantity that the flow of a linear network without leak conserves, whatever the task.

    A symmetric matrix [hidden, hidden] for BPTT, tBPTT(1) and RFLO with one decay, e.g. $Fc+c^\top
    F^\top+d(W+W^\top)-WW^\top-bb^\top$; for unequal decays and e-prop one number per unit, [hidden].

    Args:
        rule: an object from `RULES`.
        W, b, c: [hidden, hidden], [hidden, input], [output, hidden].
        feedback: F [hidden, output], for rules with random feedback.
        decay: of RFLO; None takes the rule's own, or 0.

    Raises:
        ValueError: for tBPTT with a lag above 1, which conserves nothing of this form.

    Example:
        >>> from stepwell.rule import RULES
        >>> matrix_invariant(RULES["eprop"]("symmetric"), [[0.5]], [[1.0]], [[2.0]]).tolist()
        [3.0]

    Source: ours.
    """
    W, b, c = (jnp.asarray(x, float) for x in (W, b, c))
    k, own = _constant(rule, decay), jnp.diagonal(W)
    B = way_back(rule, W.T, own, c.T, feedback, decay).entry
    gained = (B @ c + c.T @ B.T if keeps_feedback(rule) else c.T @ c) - W @ W.T - b @ b.T
    if isinstance(rule, (BPTT, RTRL)):
        return gained + W.T @ W
    if isinstance(rule, EProp):
        return jnp.diagonal(gained) + own**2
    if jnp.ndim(jnp.asarray(k)) == 1:
        return jnp.diagonal(gained) + 2 * jnp.asarray(k) * own
    return gained + k * (W + W.T)


def _end_under_feedback(
    rule: AbstractRule, goal: float, a_star: float, b_star: float, w_star: float, feedback: Any, decay: Any
) -> ModeEnd:
    roots = np.roots([2 * feedback, -goal, 0, -((a_star * b_star) ** 2)])
    real = roots[np.abs(roots.imag) < 1e-9 * np.abs(roots)].real
    s = float(real[real * feedback > 0][0])
    for rival in real[real * feedback < 0]:
        if min(trace_and_determinant(rule, rival, a_star, b_star, w_star, feedback, decay)) > 0:
            reason = f"a second end of the same invariant, with a = {rival:.6g}, is stable too"
            return ModeEnd(np.nan, np.nan, np.nan, np.nan, reason)
    return ModeEnd(s, a_star * b_star / s, float(w_star), abs(s), "")


def _constant(rule: AbstractRule, decay: Any) -> Any:
    """What stands for w in the way back where that does not learn; None where it is w itself."""
    if isinstance(rule, TBPTT) and rule.lag > 1:
        raise ValueError(f"tbptt with lag {rule.lag} conserves nothing of this form; only lag 1 does.")
    if isinstance(rule, TBPTT):
        return 0.0
    return constant_decay(rule, decay) if isinstance(rule, RFLO) else None
