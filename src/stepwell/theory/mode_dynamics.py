r"""The learning dynamics of one aligned mode: readout a, input b and recurrent weight w against a*, b*, w*.

Where student and teacher share their input, hidden and output axes, BPTT, tBPTT and RFLO let every mode learn
alone; only $\kappa=a^\star b^\star$ of the teacher's outer weights enters. The updates are those of
`rule/population.py`; here they become a flow in learning time.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from stepwell.rule.base import AbstractRule
from stepwell.rule.population import mode_update


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

    Example:
        >>> from stepwell.rule import RULES
        >>> da, db, dw = mode_flow(RULES["rflo"](), 0.0, 0.0, 0.5, 0.4, 0.25, 0.7, feedback=0.2, decay=0.3)
        >>> print(f"{float(db):.6f}")
        0.025316

    Source: williams2026, section 3.
    """
    update = mode_update(rule, a, b, w, a_star, b_star, w_star, feedback, decay, steps)
    return tuple(-change for change in update)  # type: ignore[return-value]


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
    place = jnp.broadcast_arrays(*(jnp.asarray(x, float) for x in (a, b, w)))

    def flow(a: Array, b: Array, w: Array) -> tuple[Array, Array, Array]:
        return mode_flow(rule, a, b, w, a_star, b_star, w_star, feedback, decay, steps)

    def column(i: int) -> Array:
        tangents = tuple(jnp.full_like(x, float(i == j)) for j, x in enumerate(place))
        return jnp.stack(jnp.broadcast_arrays(*jax.jvp(flow, tuple(place), tangents)[1]), axis=-1)

    return jnp.stack([column(i) for i in range(3)], axis=-1)


def mode_loss(a: Any, b: Any, w: Any, a_star: Any, b_star: Any, w_star: Any) -> Array:
    r"""The loss of a mode; that of an aligned network is the sum over its modes.

    $\ell=\tfrac12\left(\frac{a^2b^2}{1-w^2}-\frac{2ab\kappa}{1-ww^\star}
    +\frac{\kappa^2}{1-w^{\star2}}\right)$.

    Args:
        a, b, w, a_star, b_star, w_star: as in `mode_flow`.

    Example:
        >>> print(f"{float(mode_loss(0.7, 0.4, 0.3, 0.9, 0.6, -0.5)):.6f}")
        0.105999

    Source: williams2026, section 3.
    """
    a, b, w, w_star = (jnp.asarray(x, float) for x in (a, b, w, w_star))
    product, target = a * b, jnp.asarray(a_star, float) * b_star
    student, both, teacher = 1 / (1 - w**2), 1 / (1 - w * w_star), 1 / (1 - w_star**2)
    return 0.5 * (product**2 * student - 2 * product * target * both + target**2 * teacher)
