r"""The exact expected update of every rule, for linear networks under white inputs and a linear teacher.

A rule sends the error back by powers of some matrix K from some entry B,
$\Delta W=\sum_kK^kB\,\varepsilon\,h_{T-1-k}^\top$, and rules differ in K, in B and in the number of terms:

| rule | K | B | terms |
|---|---|---|---|
| BPTT, RTRL | $W^\top$ | $c^\top$ | all |
| tBPTT | $W^\top$ | $c^\top$ | lag |
| RFLO | $\mathrm{diag}(d)$ | F or $c^\top$ | all |
| e-prop | $\mathrm{diag}(W_{ii})$ | F or $c^\top$ | all |

The loss is $\tfrac12|\varepsilon|^2$ at the last step of an infinitely long trial, which is also the limit
of the mean over steps. There is no leak.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from stepwell.rule.base import AbstractRule
from stepwell.rule.bptt import BPTT
from stepwell.rule.eprop import EProp
from stepwell.rule.rflo import RFLO
from stepwell.rule.rtrl import RTRL
from stepwell.rule.tbptt import TBPTT

System = tuple[Any, Any, Any]
DOUBLINGS = 12


class WayBack(NamedTuple):
    """How a rule sends the error back: K (a vector for a diagonal matrix), B, and the number of terms."""

    power: Array
    entry: Array
    terms: int | None


def way_back(
    rule: AbstractRule, recurrent: Array, own: Array, readout: Array, feedback: Any = None, decay: Any = None
) -> WayBack:
    r"""The way back of a rule in a network, or in modes side by side (the three arrays are then w, w and a).

    Args:
        rule: one of the library's rules.
        recurrent: $W^\top$ [hidden, hidden].
        own: its diagonal [hidden].
        readout: $c^\top$ [hidden, output].
        feedback: F [hidden, output], for rules with random feedback; others do not look at it.
        decay: of RFLO; None takes the rule's own, or 0, the leak of these networks.

    Raises:
        TypeError: for a rule without a closed form here.
        ValueError: for a missing feedback or a decay outside [0, 1).
    """
    if isinstance(rule, (BPTT, RTRL)):
        return WayBack(recurrent, readout, None)
    if isinstance(rule, TBPTT):
        return WayBack(recurrent, readout, rule.lag)
    if not isinstance(rule, (RFLO, EProp)):
        raise TypeError(f"{type(rule).__name__} has no closed form; average it over trials.")
    if keeps_feedback(rule) and feedback is None:
        raise ValueError("this rule has random feedback; give the matrix, feedback [hidden, output].")
    entry = jnp.asarray(feedback, readout.dtype) if keeps_feedback(rule) else readout
    if isinstance(rule, EProp):
        return WayBack(own, entry, None)
    share = jnp.asarray(constant_decay(rule, decay), own.dtype)
    return WayBack(jnp.broadcast_to(share, own.shape), entry, None)


def keeps_feedback(rule: AbstractRule) -> bool:
    """Whether the error enters by a fixed random matrix, which does not learn."""
    return isinstance(rule, (RFLO, EProp)) and rule.feedback == "random"


def constant_decay(rule: RFLO, decay: Any = None) -> Any:
    """The decay of RFLO in a network without leak: the one given here, else the rule's own, else 0.

    Raises:
        ValueError: for a decay outside [0, 1).
    """
    chosen = rule.decay if decay is None else RFLO(decay).decay
    return 0.0 if chosen is None else chosen


def population_update(
    rule: AbstractRule, student: System, teacher: System, feedback: Any = None, decay: Any = None
) -> tuple[Array, tuple[Array, Array, Array]]:
    r"""The loss and the exact expected update of a linear student.

    With $X=E[hh^\top]$, $Y=E[h^\star h^\top]$, $\Lambda=\sum_kK^kB\,cW^k$ and
    $\Lambda_\star=\sum_kK^kB\,c^\star W^{\star k}$:
    $\Delta W=\Lambda WX-\Lambda_\star W^\star Y$, $\Delta b=\Lambda b-\Lambda_\star b^\star$,
    $\Delta c=cX-c^\star Y$. Sums are taken by doubling, $2^{12}$ terms, so that the function may stand inside
    a compiled loop.

    Args:
        rule: an object from `RULES`.
        student: (W [hidden, hidden], b [hidden, input], c [output, hidden]).
        teacher: the same, with its own number of units.
        feedback: F [hidden, output], for rules with random feedback.
        decay: of RFLO, a number or one per unit; None takes the rule's own.

    Returns:
        The loss, infinite where the student is unstable or so close to it that the sums have not converged;
        and (dW, db, dc), to be subtracted.

    Raises:
        ValueError: for sizes that do not fit, or an unstable teacher.

    Example:
        >>> student, teacher = ([[0.3]], [[0.4]], [[0.7]]), ([[-0.5]], [[0.6]], [[0.9]])
        >>> loss, (dW, db, dc) = population_update(BPTT(), student, teacher)
        >>> print(f"{float(loss):.6f} {float(dW[0, 0]):.6f}")
        0.105999 0.085567

    Source: williams2026, section 2 (the setting); closed forms ours.
    """
    _check(student, teacher, feedback)
    own, given = (tuple(jnp.asarray(x, float) for x in system) for system in (student, teacher))
    return _update(rule, own, given, feedback, decay)


@eqx.filter_jit
def _update(rule: AbstractRule, student: Any, teacher: Any, feedback: Any, decay: Any) -> Any:
    (W, b, c), (Ws, bs, cs) = student, teacher
    K, B, terms = way_back(rule, W.T, jnp.diagonal(W), c.T, feedback, decay)

    def double(_: Array, sums: tuple) -> tuple:
        (P, Q, K), (X, Y, Z), back = sums
        back = tuple(L + _times(K, L) @ R for L, R in zip(back, (P, Q)))
        states = X + P @ X @ P.T, Y + Q @ Y @ P.T, Z + Q @ Z @ Q.T
        return (P @ P, Q @ Q, _times(K, K)), states, back

    start = (W, Ws, K), (b @ b.T, bs @ b.T, bs @ bs.T), (B @ c, B @ cs)
    (left, _, _), (X, Y, Z), back = jax.lax.fori_loop(0, DOUBLINGS, double, start)
    if terms is not None:
        back = _summed(K, B @ c, W, terms), _summed(K, B @ cs, Ws, terms)
    loss = jnp.trace(0.5 * c @ X @ c.T - cs @ Y @ c.T + 0.5 * cs @ Z @ cs.T)
    update = back[0] @ W @ X - back[1] @ Ws @ Y, back[0] @ b - back[1] @ bs, c @ X - cs @ Y
    # Of the power that the doubling leaves out 1e-4 is too much: the sums are then not what they stand for.
    return jnp.where(jnp.abs(left).max() < 1e-4, loss, jnp.inf), update


def _summed(K: Array, middle: Array, W: Array, terms: int) -> Array:
    """The first terms of $\\sum_kK^kHW^k$, one by one."""
    return jax.lax.fori_loop(1, terms, lambda _, total: middle + K @ total @ W, middle)


def _times(K: Array, M: Array) -> Array:
    """$KM$, where a vector K stands for a diagonal matrix."""
    return K @ M if K.ndim == 2 else (K[:, None] * M if M.ndim == 2 else K * M)


def _check(student: System, teacher: System, feedback: Any) -> None:
    (W, b, c), (Ws, bs, cs) = ([np.shape(x) for x in system] for system in (student, teacher))
    for name, shapes in (("student", (W, b, c)), ("teacher", (Ws, bs, cs))):
        if any(len(shape) != 2 for shape in shapes) or len({*shapes[0], shapes[1][0], shapes[2][1]}) > 1:
            raise ValueError(
                f"the {name} is W [hidden, hidden], b [hidden, input], c [output, hidden]; got {shapes}."
            )
    if (b[1], c[0]) != (bs[1], cs[0]):
        raise ValueError(
            f"the student has {b[1]} inputs and {c[0]} outputs, the teacher {bs[1]} and {cs[0]}; "
            "they need as many."
        )
    if feedback is not None and np.shape(feedback) != (W[0], c[0]):
        raise ValueError(
            f"feedback has shape {np.shape(feedback)}; it needs [hidden, output] = {W[0], c[0]}."
        )
    if not isinstance(teacher[0], Tracer):
        radius = np.abs(np.linalg.eigvals(np.asarray(teacher[0]))).max()
        if not radius < 1:
            raise ValueError(f"the teacher is unstable: spectral radius {radius:.6g}; it must be below 1.")
