r"""The learning dynamics of one aligned mode: readout a, input b and recurrent weight w against a*, b*, w*.

Where student and teacher share their input, hidden and output axes, BPTT, tBPTT and RFLO let every mode learn
alone; only $\kappa=a^\star b^\star$ of the teacher's outer weights enters. The updates are those of
`rule/aligned_modes.py`; here they become a flow in learning time.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from stepwell.rule.aligned_modes import Mode, ModeWay, mode_update, mode_way
from stepwell.rule.base import AbstractRule


def mode_flow(
    rule: AbstractRule,
    a: Any,
    b: Any,
    w: Any,
    a_star: Any,
    b_star: Any,
    w_star: Any,
    feedback: Any = None,
    decay: Any = None,
    steps: int | None = None,
) -> tuple[Array, Array, Array]:
    r"""The flow $(\dot a,\dot b,\dot w)$ of a mode in learning time: minus the expected update.

    Args:
        rule: an object from `RULES`; e-prop is meant in the basis of the modes.
        a, b, w: readout, input and recurrent weight of the mode, numbers or arrays of one shape.
        a_star, b_star, w_star: the teacher's.
        feedback: $\hat a$, for rules with random feedback.
        decay: $\hat w$ of RFLO; None takes the rule's own, or 0.
        steps: length of the trial; None for an infinite one.

    Raises:
        ValueError: for an unstable teacher, a decay outside [0, 1) or a missing feedback.

    Example:
        >>> from stepwell.rule import RULES
        >>> da, db, dw = mode_flow(RULES["rflo"](), 0.0, 0.0, 0.5, 0.4, 0.25, 0.7, feedback=0.2, decay=0.3)
        >>> print(f"{float(db):.6f}")
        0.025316

    Source: williams2026, section 3.
    """
    mode, teacher = _numbers(a, b, w), _stable(*_numbers(a_star, b_star, w_star))
    return _flow(mode_way(rule, mode[0].shape, feedback, decay), mode, teacher, steps)


def mode_jacobian(
    rule: AbstractRule,
    a: Any,
    b: Any,
    w: Any,
    a_star: Any,
    b_star: Any,
    w_star: Any,
    feedback: Any = None,
    decay: Any = None,
    steps: int | None = None,
) -> Array:
    r"""The Jacobian $\partial(\dot a,\dot b,\dot w)/\partial(a,b,w)$ of the flow, [..., 3, 3], anywhere.

    Args:
        rule, a, b, w, a_star, b_star, w_star, feedback, decay, steps: as in `mode_flow`.

    Example:
        The line a = b = 0 is a saddle for BPTT, with rates $\pm\kappa/(1-ww^\star)$.

        >>> from stepwell.rule import RULES
        >>> J = mode_jacobian(RULES["bptt"](), 0.0, 0.0, 0.5, 0.4, 0.25, 0.7)
        >>> print(f"{float(J[0, 1]):.6f}")
        0.153846

    Source: williams2026, section 3.
    """
    mode, teacher = _numbers(a, b, w), _stable(*_numbers(a_star, b_star, w_star))
    return _jacobian(mode_way(rule, mode[0].shape, feedback, decay), mode, teacher, steps)


def _numbers(*values: Any) -> Mode:
    x, y, z = jnp.broadcast_arrays(*(jnp.asarray(value, float) for value in values))
    return x, y, z


def _stable(a_star: Array, b_star: Array, w_star: Array) -> Mode:
    if not isinstance(w_star, Tracer) and not np.all(np.abs(w_star) < 1):
        worst = np.abs(w_star).max()
        raise ValueError(f"the teacher is unstable: |w_star| = {worst:.6g}; every mode needs it below 1.")
    return a_star, b_star, w_star


@eqx.filter_jit
def _flow(way: ModeWay, mode: Mode, teacher: Mode, steps: int | None) -> Mode:
    da, db, dw = mode_update(way, mode, teacher, steps)
    return -da, -db, -dw


@eqx.filter_jit
def _jacobian(way: ModeWay, mode: Mode, teacher: Mode, steps: int | None) -> Array:
    def column(i: int) -> Array:
        tangents = tuple(jnp.full_like(x, float(i == j)) for j, x in enumerate(mode))
        slopes = jax.jvp(lambda *mode: _flow(way, mode, teacher, steps), mode, tangents)[1]
        return jnp.stack(jnp.broadcast_arrays(*slopes), axis=-1)

    return jnp.stack([column(i) for i in range(3)], axis=-1)
