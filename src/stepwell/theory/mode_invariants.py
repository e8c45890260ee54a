r"""What the flow of a rule conserves, and the end points that follow.

Every rule whose way back is made of powers of one matrix K from one entry B (see `rule/population.py`) obeys,
sample by sample and for linear units without leak, $B\,\Delta c+K\,\Delta W=\Delta W\,W^\top+\Delta
b\,b^\top$. Integrated, it leaves a matrix constant where K is $W^\top$ or a multiple of I, and one number per
unit where K is diagonal.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from stepwell.rule.base import AbstractRule
from stepwell.rule.bptt import BPTT
from stepwell.rule.eprop import EProp
from stepwell.rule.population import keeps_feedback, way_back
from stepwell.rule.rflo import RFLO
from stepwell.rule.rtrl import RTRL
from stepwell.rule.tbptt import TBPTT
from stepwell.theory.mode_stability import trace_and_determinant


class ModeEnd(NamedTuple):
    r"""Where a mode ends: on the optimal curve $(s,\kappa/s,w^\star)$.

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
    RFLO. The last term is missing for BPTT and e-prop. The teacher does not enter.

    Args:
        rule, a, b, w, a_star, b_star, w_star, feedback, decay: as in `mode_flow`.

    Raises:
        ValueError: for tBPTT with a lag above 1, which conserves nothing of this form.

    Example:
        >>> from stepwell.rule import RULES
        >>> float(mode_invariant(RULES["bptt"](), 2.0, 1.0, 0.3))
        3.0
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
    r"""The end point of the flow of a mode, from the invariant alone.

    With I the invariant at the start, C = I plus $(w^\star-k)^2$ where the invariant has that term:
    $s^2-\kappa^2/s^2=C$, or under fixed feedback $2\hat as-\kappa^2/s^2=C$, which has exactly one root with
    $\hat as>0$. The sign of s: that of $\hat a$ under fixed feedback; that of a where I > 0, since a cannot
    vanish; for BPTT with I < 0 that of $\kappa b$. Elsewhere it takes integrating. That the flow stays within
    $|w|<1$ is presumed.

    Args:
        rule, a, b, w, a_star, b_star, w_star, feedback, decay: as in `mode_flow`, at the start.

    Example:
        >>> from stepwell.rule import RULES
        >>> end = mode_end(RULES["rflo"](), 1, 1, 0.6, 1, 0.5, 0.7, feedback=-0.2, decay=0.3)
        >>> print(f"{end.a:.5f}")
        -0.40912
    """
    product = a_star * b_star
    start = float(mode_invariant(rule, a, b, w, feedback=feedback, decay=decay))
    k = _constant(rule, decay)
    goal = start + (0 if k is None else (w_star - k) ** 2)
    if keeps_feedback(rule):
        return _end_under_feedback(rule, goal, a_star, b_star, w_star, feedback, decay)
    magnitude = float(np.sqrt((goal + np.hypot(goal, 2 * product)) / 2))
    if start > 0:
        sign = np.sign(a)
    elif k is None and start < 0:
        sign = np.sign(product * b)
    else:
        reason = "a and b may both change sign, so the invariant does not tell on which branch the flow ends"
        return ModeEnd(np.nan, np.nan, np.nan, magnitude, reason)
    return ModeEnd(float(sign * magnitude), float(product / (sign * magnitude)), float(w_star), magnitude, "")


def matrix_invariant(
    rule: AbstractRule, W: Any, b: Any, c: Any, feedback: Any = None, decay: Any = None
) -> Array:
    r"""The quantity that the flow of a linear network without leak conserves, for any task.

    A symmetric matrix [hidden, hidden] for BPTT, tBPTT(1) and RFLO with one decay, e.g.
    $Fc+c^\top F^\top+d(W+W^\top)-WW^\top-bb^\top$; one number per unit, its diagonal with $d_i$ or $W_{ii}$
    for d, for unequal decays and e-prop.

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
    """
    W, b, c = (jnp.asarray(x, float) for x in (W, b, c))
    _constant(rule, decay)
    K, B, _ = way_back(rule, W.T, jnp.diagonal(W), c.T, feedback, decay)
    readout = B @ c + c.T @ B.T if keeps_feedback(rule) else c.T @ c
    spent = W @ W.T + b @ b.T
    if isinstance(rule, (BPTT, RTRL)):
        return readout + W.T @ W - spent
    if isinstance(rule, TBPTT):
        return readout - spent
    own = jnp.diagonal(W)
    if isinstance(rule, EProp):
        return jnp.diagonal(readout - spent) + own**2
    if jnp.ndim(jnp.asarray(rule.decay if decay is None else decay, float)) == 1:
        return jnp.diagonal(readout - spent) + 2 * K * own
    return readout + K[0] * (W + W.T) - spent


def _end_under_feedback(
    rule: AbstractRule, goal: float, a_star: float, b_star: float, w_star: float, feedback: Any, decay: Any
) -> ModeEnd:
    roots = np.roots([2 * feedback, -goal, 0, -((a_star * b_star) ** 2)])
    real = roots[np.abs(roots.imag) < 1e-9 * np.abs(roots)].real
    s = float(real[real * feedback > 0][0])
    for rival in real[real * feedback < 0]:
        slopes = trace_and_determinant(rule, rival, a_star, b_star, w_star, feedback, decay)
        if min(slopes) > 0:
            reason = f"the point with a = {rival:.6g}, of the wrong sign, has the same invariant and is stable
            too" return ModeEnd(np.nan, np.nan, np.nan, np.nan, reason)
    return ModeEnd(s, a_star * b_star / s, w_star, abs(s), "")


def _constant(rule: AbstractRule, decay: Any) -> Any:
    """What stands for w in the way back, if it does not learn; None if it is w itself."""
    if isinstance(rule, TBPTT) and rule.lag > 1:
        raise ValueError(f"tbptt with lag {rule.lag} conserves nothing of this form; only lag 1 does.")
    if isinstance(rule, TBPTT):
        return 0.0
    if isinstance(rule, RFLO):
        own = rule.decay if decay is None else RFLO(decay).decay
        return 0.0 if own is None else own
    return None
