r"""What can be proved about a computed rest or ghost, by Newton and Kantorovich.

The promises are about the numbers that were computed; rounding in F is not enclosed by intervals. They tell
what is near a point, and nothing about points that were not found.
"""

from typing import NamedTuple

import numpy as np

from stepwell.analysis.derivatives import Field, frobenius, jacobian, second, third
from stepwell.analysis.rest_search import End

WORST_CONDITION = 1e12
DISPLACEMENT, ROUNDING = 1e-6, 1e-16
FOLD = "a fold, to rounding: the Jacobian is singular where the field vanishes"
FLAT = "the speed is too flat here to prove that this is its only minimum nearby"

Bounds = tuple[float, float]


class Certificate(NamedTuple):
    """What is proved about a point.

    Attributes:
        converged: the condition of Kantorovich holds, so Newton's method converges quadratically from here.
        holds: the promise of `rest_certificate` or `ghost_certificate` holds.
        radius: within this distance lies exactly one rest (one stationary point of the speed).
        alone: within this distance there is no second one.
        note: whether the bound on the derivatives is known or estimated, or why there is no promise.
    """

    converged: bool
    holds: bool
    radius: float
    alone: float
    note: str


def rest_certificate(field: Field, end: End, weakest: float, bounds: Bounds | None) -> Certificate:
    r"""Whether exactly one rest lies within $2|J^{-1}F|$ of a state: $\|J^{-1}\|\,|J^{-1}F|\,K\le\tfrac12$.

    Args:
        field: state [hidden] to velocity [hidden].
        end: the state, with F and J there.
        weakest: the smallest singular value of J.
        bounds: bounds on the norms of the second and third derivative, which make the promise a theorem.
            With None $K$ is twice the Frobenius norm of $D^2F$ at the state, and the promise holds provided
            that this norm does not double within the radius, which is usually below 1e-8.
    """
    if not weakest * WORST_CONDITION > np.linalg.norm(end.J):
        return Certificate(False, False, np.inf, 0.0, FOLD)
    K = bounds[0] if bounds else 2 * frobenius(second, field, end.h)
    # No velocity is known better than to rounding, even if it comes out as 0.
    step = max(float(np.linalg.norm(np.linalg.solve(end.J, end.F))), ROUNDING / weakest)
    reason = "" if step * K / weakest <= 0.5 else FOLD
    return _certificate(field, end, bounds, K, step, reason, weakest / max(K, 1e-300))


def ghost_certificate(field: Field, end: End, bounds: Bounds | None) -> Certificate:
    r"""Whether within $2|H^{-1}\nabla q|$ the speed has one stationary point, a strict minimum, and is not 0.

    Needs H positive definite, $\|H^{-1}\|\,|H^{-1}\nabla q|\,M\le\tfrac12$ with M a bound on the derivative
    of H, and $|F|>2|H^{-1}\nabla q|\sup\|J\|$.

    Args:
        field: state [hidden] to velocity [hidden].
        end: the state, with F, J and H there.
        bounds: K and $K_3$, from which $M=3\|J\|K+|F|K_3$; with None K and M are twice the Frobenius norms
            at the state, with the proviso of `rest_certificate`.
    """
    values = np.linalg.eigvalsh(end.H)
    if not values[0] * WORST_CONDITION > values[-1]:
        return Certificate(False, False, np.inf, 0.0, FLAT)
    step = float(np.linalg.norm(np.linalg.solve(end.H, end.slope)))
    K = bounds[0] if bounds else 2 * frobenius(second, field, end.h)
    steepest = float(np.linalg.norm(end.J, 2)) + 2 * step * K
    fastest = end.speed + 2 * step * steepest
    M = 3 * steepest * K + fastest * bounds[1] if bounds else 2 * frobenius(third, field, end.h)
    converged = step * M / values[0] <= 0.5 and end.speed > 2 * step * steepest
    reason = "" if converged else FLAT
    return _certificate(field, end, bounds, K, step, reason, float(values[0]) / max(M, 1e-300))


def _certificate(
    field: Field, end: End, bounds: Bounds | None, K: float, step: float, reason: str, alone: float
) -> Certificate:
    """The certificate; `reason` says why the condition of Kantorovich fails, if it does."""
    note = "bound known" if bounds else "bound estimated"
    if not np.isfinite(alone):
        note = "a derivative is not finite here"
    elif bounds is None and not _smooth(field, end, K):
        note = "the field is not smooth here"
    elif reason:
        note = reason
    return Certificate(not reason, note.startswith("bound"), 2 * step, alone, note)


def _smooth(field: Field, end: End, K: float) -> bool:
    """Whether the Jacobian changes no faster than its bound says, across the state in a generic direction."""
    direction = np.random.default_rng(0).standard_normal(len(end.h))
    direction *= DISPLACEMENT / np.linalg.norm(direction)
    ahead, behind = (np.asarray(jacobian(field, end.h + d)) for d in (direction, -direction))
    return bool(np.linalg.norm(ahead - behind) <= 2 * DISPLACEMENT * K + 1e-8 * np.linalg.norm(end.J))
