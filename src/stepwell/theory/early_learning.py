"""The first steps from small weights under fixed feedback: when the loss falls, and in which direction."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from stepwell.network.linear import Numbers
from stepwell.rule.base import AbstractRule
from stepwell.rule.population import keeps_feedback, way_back


def departure_time(
    rule: AbstractRule,
    a_star: Numbers,
    b_star: Numbers,
    w_star: Numbers,
    feedback: Numbers,
    decay: float | None = None,
    share: float = 0.05,
) -> float:
    r"""When the loss of modes that start at zero has lost a small share, in learning time.

    $b\approx\hat a\kappa E_\star t$ and $ab\approx\hat a^2\kappa^3E_\star^2t^3/2$ with $E_\star=1/(1-\hat
    ww^\star)$, or 1 for e-prop; so $\sum\hat a^2\kappa^4E_\star^2t^3/2$, summed over modes, is the share of
    $\sum\kappa^2/(2(1-w^{\star2}))$. No plateau grows as initial weights shrink.

    Args:
        rule: RFLO or e-prop with random feedback.
        a_star, b_star, w_star: the teacher's modes, [mode].
        feedback: of every mode, [mode] or one number.
        decay: of RFLO; None takes the rule's own, or 0.
        share: of the loss that is lost; small.

    Raises:
        ValueError: for a rule without fixed feedback, which stays at the saddle for ever.

    Example:
        >>> from stepwell.rule import RULES
        >>> t = departure_time(RULES["rflo"](), [1, 0.6, 0.3], [1, 0.5, 0.3], [0.7, 0.6, 0.5], 0.5, 0.3)
        >>> print(f"{t:.4f}")
        0.6396

    Source: ours.
    """
    if not keeps_feedback(rule):
        raise ValueError("without fixed feedback zero weights are a saddle, and nothing leaves it by itself.")
    target, w_star = np.multiply(a_star, b_star), np.asarray(w_star, float)
    zero = jnp.zeros(w_star.shape)
    k, _, _ = way_back(rule, zero, zero, zero, feedback, decay)
    E_star = 1 / (1 - np.asarray(k) * w_star)
    fall = np.sum(np.asarray(feedback) ** 2 * target**4 * E_star**2) / 2
    return float(np.cbrt(share * np.sum(target**2 / (2 * (1 - w_star**2))) / fall))


def early_cosine(teacher: tuple[Any, Any, Any], decay: float = 0.0, feedback: Numbers | None = None) -> float:
    r"""The cosine between RFLO's direction in b and the gradient, once feedback has written itself into c.

    From a small start $b\propto FM$ with $M=c^\star(I-dW^\star)^{-1}b^\star$ and $c\propto NM^\top F^\top$
    with $N=c^\star b^\star$, before the loss has moved: it is the cosine between $FM$ and $FMN^\top N$.
    With many hidden units $F^\top F\propto I$ drops out. It is 1 for one mode.

    Args:
        teacher: (W, b, c).
        decay: d of RFLO.
        feedback: F [hidden, output]; None for many hidden units.

    Example:
        >>> w, b, c = (np.diag(x) for x in ([0.8, 0.65, 0.5, 0.35], [1, 0.7, 0.5, 0.35], [1, 0.9, 0.8, 0.7]))
        >>> print(f"{early_cosine((w, b, c), decay=0.3):.5f}")
        0.91548

    Source: ours.
    """
    W, b, c = (np.asarray(x, float) for x in teacher)
    M, N = c @ np.linalg.solve(np.eye(len(W)) - decay * W, b), c @ b
    F = np.eye(len(c)) if feedback is None else np.asarray(feedback, float)
    local, exact = F @ M, F @ M @ N.T @ N
    return float(np.sum(local * exact) / (np.linalg.norm(local) * np.linalg.norm(exact)))
