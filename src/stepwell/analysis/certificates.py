r"""Proofs about computed rests and ghosts, by Newton and Kantorovich: on the field F, and on the gradient of its speed.

A certificate is a statement about the numbers that were computed; rounding in F is not enclosed by intervals. It promises
what is near a point, and nothing about points that were not found.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from stepwell.analysis.rest_search import End

WORST_CONDITION = 1e12
PROBES = 256
DISPLACEMENT = 1e-6

Bounds = tuple[float, float]


class Certificate(NamedTuple):
    """What is proved about a point.

    Attributes:
        converged: Newton's method converges quadratically from here: the condition of Kantorovich holds.
        holds: the promise of `rest_certificate` or `ghost_certificate`.
        radius: within this distance lies exactly one rest (one stationary point of the speed).
        alone: within this distance there is no other one.
        note: whether the bound on the derivatives is known or estimated, or why the promise fails.
    """

    converged: bool
    holds: bool
    radius: float
    alone: float
    note: str


def rest_certificate(
    field: Callable[[Any], Any], end: End, weakest: float, bounds: Bounds | None
) -> Certificate:
    r"""Whether exactly one rest lies within $2|J^{-1}F|$ of a state: $\|J^{-1}\|\,|J^{-1}F|\,K\le\tfrac12$.

    Args:
        field: state [hidden] to velocity [hidden].
        end: the state, with F and J there. weakest: the smallest singular value of J.
        bounds: bounds on the second and third derivative, which make the promise a theorem. With None, K is twice the
            Frobenius norm of $D^2F$ at the state (sampled above a few dimensions), and the promise holds provided that
            this norm does not double within the radius, usually below 1e-8.
    """
    if not weakest * WORST_CONDITION > np.linalg.norm(end.J):
        return Certificate(
            False, False, np.inf, 0.0, "a fold: the Jacobian is singular where the field vanishes"
        )
    K = bounds[0] if bounds else 2 * _size(_second, field, end.h)
    step = float(np.linalg.norm(np.linalg.solve(end.J, end.F)))
    condition = step * K / weakest
    converged = bool(condition <= 0.5)
    smooth = bounds is not None or _smooth(field, end, K)
    alone = float(weakest / K) if K > 0 else np.inf
    note = _note(bounds, smooth, np.isfinite(K), converged)
    return Certificate(converged, converged and smooth, 2 * step, alone, note)


def ghost_certificate(field: Callable[[Any], Any], end: End, bounds: Bounds | None) -> Certificate:
    r"""Whether within $2|H^{-1}\nabla q|$ the speed has exactly one stationary point, a strict minimum, and is not 0.

    Needs H positive definite, $\|H^{-1}\|\,|H^{-1}\nabla q|\,M\le\tfrac12$ with M a bound on the derivative of H, and
    $|F|>2|H^{-1}\nabla q|\sup\|J\|$.

    Args:
        field, end: as for `rest_certificate`; the end has H.
        bounds: K and $K_3$, from which $M=3\|J\|K+|F|K_3$; with None, K and M are estimated as there.
    """
    values = np.linalg.eigvalsh(end.H)
    if not values[0] * WORST_CONDITION > values[-1]:
        return Certificate(
            False, False, np.inf, 0.0, "the Hessian of the speed is not safely positive definite"
        )
    step = float(np.linalg.norm(np.linalg.solve(end.H, end.slope)))
    K = bounds[0] if bounds else 2 * _size(_second, field, end.h)
    largest = float(np.linalg.norm(end.J, 2)) + 2 * step * K
    fastest = end.speed + 2 * step * largest
    M = 3 * largest * K + fastest * bounds[1] if bounds else 2 * _size(_third, field, end.h)
    converged = bool(step * M / values[0] <= 0.5 and end.speed > 2 * step * largest)
    smooth = bounds is not None or _smooth(field, end, K)
    alone = float(values[0] / M) if M > 0 else np.inf
    note = _note(bounds, smooth, np.isfinite(K) and np.isfinite(M), converged)
    return Certificate(converged, converged and smooth, 2 * step, alone, note)


def _note(bounds: Bounds | None, smooth: bool, finite: bool, converged: bool) -> str:
    if not finite:
        return "a derivative is not finite here"
    if not smooth:
        return "the field is not smooth here"
    if not converged:
        return "not certified: the condition of Kantorovich fails"
    return "bound known" if bounds else "bound estimated"


def _smooth(field: Callable[[Any], Any], end: End, K: float) -> bool:
    """Whether the Jacobian changes no faster than its bound says, across the state in a generic direction."""
    direction = np.random.default_rng(0).standard_normal(len(end.h))
    direction *= DISPLACEMENT / np.linalg.norm(direction)
    ahead, behind = (np.asarray(_jacobian(field, end.h + d)) for d in (direction, -direction))
    jump = np.linalg.norm(ahead - behind)
    return bool(jump <= 2 * DISPLACEMENT * K + 1e-8 * np.linalg.norm(end.J))


@eqx.filter_jit
def _jacobian(field: Callable[[Any], Any], h: Float[Array, " hidden"]) -> Float[Array, "hidden hidden"]:
    return jax.jacfwd(field)(h)


def _second(field: Callable[[Any], Any], h: Array, u: Array, v: Array) -> Array:
    """$D^2F[u,v]$."""
    return jax.jvp(lambda h: jax.jvp(field, (h,), (u,))[1], (h,), (v,))[1]


def _third(field: Callable[[Any], Any], h: Array, u: Array, v: Array) -> Array:
    """$DH[u]\\,v$, H the Hessian of the squared speed."""

    def slope(h: Array) -> Array:
        F, pull_back = jax.vjp(field, h)
        return pull_back(F)[0]

    return jax.jvp(lambda h: jax.jvp(slope, (h,), (u,))[1], (h,), (v,))[1]


def _size(derivative: Callable[..., Array], field: Callable[[Any], Any], h: np.ndarray) -> float:
    """The Frobenius norm of a derivative: exact in a few dimensions, else the mean over pairs of random directions."""
    hidden = len(h)
    if hidden**2 <= PROBES:
        u, v = np.repeat(np.eye(hidden), hidden, axis=0), np.tile(np.eye(hidden), (hidden, 1))
    else:
        u, v = np.random.default_rng(0).standard_normal((2, PROBES, hidden)) * PROBES**-0.25
    return float(_root_of_squares(derivative, field, h, u, v))


@eqx.filter_jit
def _root_of_squares(
    derivative: Callable[..., Array], field: Callable[[Any], Any], h: Array, u: Array, v: Array
) -> Array:
    return jnp.sqrt(jnp.sum(jax.vmap(lambda u, v: derivative(field, h, u, v))(u, v) ** 2))
