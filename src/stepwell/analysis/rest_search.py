r"""Descent on the squared speed $q=\tfrac12|F|^2$ from many starts at once, with its full Hessian.

The Gauss-Newton matrix $J^\top J$ will not do: at a ghost $J$ is singular, and what holds the minimum is the curvature
of the field. A trust region keeps the descent in the basin of its start; conjugate gradients need no matrix, so that a
batch of starts costs a few products with it. What ends unsettled is finished with dense Hessians.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Field = Callable[[Any], Any]

REST, LEVEL = 1e-9, 1e-7
COARSE = 0.1
FIRST_RADIUS, LARGEST_RADIUS, SMALLEST_RADIUS = 1.0, 2.0, 1e-14
ROUNDING = 1e-15


class End(NamedTuple):
    """Where a search ended.

    Attributes:
        h: state, [hidden]. F: velocity, [hidden]. J: Jacobian of the field, [hidden, hidden].
        H: Hessian of q, [hidden, hidden]; None at a rest, where it is not needed.
    """

    h: np.ndarray
    F: np.ndarray
    J: np.ndarray
    H: np.ndarray | None = None

    @property
    def speed(self) -> float:
        """The speed $|F|$."""
        return float(np.linalg.norm(self.F))

    @property
    def slope(self) -> np.ndarray:
        """The gradient $J^\\top F$ of q, [hidden]."""
        return self.J.T @ self.F

    @property
    def level(self) -> bool:
        """Whether the gradient of q vanishes beside the speed."""
        return bool(np.linalg.norm(self.slope) <= LEVEL * self.speed)


def ends(field: Field, starts: np.ndarray, candidates: np.ndarray) -> list[End]:
    """The different places where descents on q from all starts end; and from candidates, which are known to be near one.

    A first descent brings every start near its end. There Newton's method takes over; where it does not find a rest, a
    second descent and dense Hessians do. Whatever one more Newton step would send to a known end is not followed.

    Args:
        field: state [hidden] to velocity [hidden]. starts: [start, hidden]. candidates: [candidate, hidden].
    """
    hidden = starts.shape[1]
    near = _batch(*_single(field, starts), COARSE, 20)
    states = np.concatenate([candidates, near])
    found, left = _finished(field, states, _newton)
    if len(left):
        more, _ = _finished(
            field, _batch(field, left, 1e-8, 4 * hidden), lambda *at: _newton(*at) or _settled(*at)
        )
        found += more
    return found


class Descent(NamedTuple):
    """Where the descent from one start is: state, q there, trust radius, iterations, whether it has ended."""

    h: Array
    q: Array
    radius: Array
    iterations: Array
    ended: Array


class Step(NamedTuple):
    """A step being built by conjugate gradients: step d, residual r, direction p, H d, whether it met the border."""

    d: Array
    r: Array
    p: Array
    Hd: Array
    products: Array
    border: Array
    ended: Array


@eqx.filter_jit
def descend(
    field: Field, starts: Float[Array, "start hidden"], shortest: Any, products: Any, iterations: Any = 60
) -> Float[Array, "start hidden"]:
    """Trust-region descent on q from every start, until a step inside the region is shorter than `shortest`.

    Args:
        field: state [hidden] to velocity [hidden].
        starts: [start, hidden].
        shortest: length of the last step.
        products: most Hessian products in one step.
        iterations: most steps.
    """

    def squared_speed(h: Array) -> Array:
        F = field(h).astype(h.dtype)
        return 0.5 * F @ F

    def advance(state: Descent) -> Descent:
        g, hessian = jax.linearize(jax.grad(squared_speed), state.h)
        step = _step(hessian, g, state.radius, products)
        length = jnp.linalg.norm(step.d)
        promised = -(g @ step.d + 0.5 * step.d @ step.Hd)
        q = squared_speed(state.h + step.d)
        better = q < state.q
        kept = (state.q - q) / promised
        wider = jnp.where((kept > 0.75) & step.border, 2 * state.radius, state.radius)
        radius = jnp.minimum(jnp.where(kept > 0.25, wider, length / 4), LARGEST_RADIUS)
        short = ~step.border & (length < shortest)
        ended = short | (promised <= ROUNDING * state.q) | (radius < SMALLEST_RADIUS)
        h = jnp.where(better, state.h + step.d, state.h)
        return Descent(h, jnp.where(better, q, state.q), radius, state.iterations + 1, ended)

    def one(h: Array) -> Array:
        start = Descent(
            h, squared_speed(h), jnp.asarray(FIRST_RADIUS, h.dtype), jnp.asarray(0), jnp.asarray(False)
        )
        return jax.lax.while_loop(lambda s: ~s.ended & (s.iterations < iterations), advance, start).h

    return jax.vmap(one)(starts)


def _step(hessian: Callable[[Array], Array], g: Array, radius: Array, products: Any) -> Step:
    """Steihaug's step: conjugate gradients on H d = -g, stopped at the border or where the curvature is negative."""
    size = jnp.linalg.norm(g)
    goal = size * jnp.minimum(0.3, jnp.sqrt(size))

    def advance(s: Step) -> Step:
        Hp = hessian(s.p)
        curvature, length, across = s.p @ Hp, s.p @ s.p, s.d @ s.p
        full = (s.r @ s.r) / curvature
        ahead = s.d + full * s.p
        border = (curvature <= ROUNDING * length) | (ahead @ ahead >= radius**2)
        room = across**2 + length * (radius**2 - s.d @ s.d)
        t = jnp.where(border, (jnp.sqrt(jnp.maximum(room, 0.0)) - across) / length, full)
        r = s.r + t * Hp
        p = (r @ r) / (s.r @ s.r) * s.p - r
        ended = border | (jnp.linalg.norm(r) <= goal) | (s.products + 1 >= products)
        return Step(s.d + t * s.p, r, p, s.Hd + t * Hp, s.products + 1, border, ended)

    zero = jnp.zeros_like(g)
    start = Step(zero, g, -g, zero, jnp.asarray(0), jnp.asarray(False), size == 0)
    return jax.lax.while_loop(lambda s: ~s.ended, advance, start)


@eqx.filter_jit
def velocities(field: Field, states: Float[Array, "state hidden"]) -> Float[Array, "state hidden"]:
    """The field at many states."""
    return jax.vmap(field)(states)


@eqx.filter_jit
def _newton_loop(field: Field, h: Float[Array, " hidden"]) -> tuple[Array, Array, Array]:
    """Newton's method while it is short and halves the speed: state, velocity, Jacobian."""

    def tried(h: Array) -> tuple[Array, Array, Array, Array, Array]:
        F, J = field(h), jax.jacfwd(field)(h)
        step = -jnp.linalg.solve(J, F)
        good = (jnp.linalg.norm(field(h + step)) < jnp.linalg.norm(F) / 2) & (jnp.linalg.norm(step) < 0.3)
        return h, F, J, step, good

    h, F, J, _, _ = jax.lax.while_loop(lambda s: s[4], lambda s: tried(s[0] + s[3]), tried(h))
    return h, F, J


@eqx.filter_jit
def _jet(field: Field, h: Float[Array, " hidden"]) -> tuple[Array, Array, Array]:
    """Velocity, Jacobian, and the Hessian of q."""
    return field(h), jax.jacfwd(field)(h), jax.jacfwd(lambda h: _slope(field, h)[1])(h)


@eqx.filter_jit
def _motion(field: Field, states: Float[Array, "state hidden"]) -> tuple[Array, Array]:
    """Velocity and slope of q at many states."""
    return jax.vmap(lambda h: _slope(field, h))(states)


def _slope(field: Field, h: Array) -> tuple[Array, Array]:
    """The velocity F and the gradient of q, $J^\\top F$."""
    F, pull_back = jax.vjp(field, h)
    return F, pull_back(F)[0]


def _batch(field: Field, states: np.ndarray, shortest: float, products: int) -> np.ndarray:
    """The ends of `descend`, in double precision."""
    return np.asarray(descend(field, _filled(states), shortest, products), float)[: len(states)]


def _single(field: Field, states: np.ndarray) -> tuple[Field, np.ndarray]:
    """Field and states in single precision, twice as fast; a field that is no tree of arrays stays as it is."""
    if not jax.tree.leaves(eqx.filter(field, eqx.is_inexact_array)):
        return field, states
    single = jax.tree.map(lambda a: a.astype(np.float32) if eqx.is_inexact_array(a) else a, field)
    return single, states.astype(np.float32)


def _filled(states: np.ndarray) -> np.ndarray:
    """The states, filled up with copies to a power of two: few sizes, few compilations."""
    room = max(8, 1 << (len(states) - 1).bit_length())
    return np.concatenate([states, np.repeat(states[:1], room - len(states), axis=0)])


def _finished(
    field: Field, states: np.ndarray, finish: Callable[[Field, np.ndarray], End | None]
) -> tuple[list[End], np.ndarray]:
    """The ends that `finish` makes of the states, and the states of which it makes none."""
    found, left, filled = [], [], _filled(states)
    F, slope = _motion(field, filled)
    waiting = np.arange(len(filled)) < len(states)
    while waiting.any():
        first = int(np.argmax(waiting))
        waiting[first] = False
        end = finish(field, states[first])
        if end is None:
            left.append(states[first])
            continue
        found.append(end)
        if end.H is None:
            waiting &= ~np.asarray(_drawn(end.h, end.J, F, filled))
        elif end.level:
            waiting &= ~np.asarray(_drawn(end.h, end.H, slope, filled))
    return found, np.reshape(left, (-1, states.shape[1]))


def _newton(field: Field, h: np.ndarray) -> End | None:
    """The rest that Newton's method finds from a state."""
    end = End(*map(np.asarray, _newton_loop(field, h)))
    return end if end.speed < REST else None


def _settled(field: Field, h: np.ndarray) -> End:
    """Descent with the dense Hessian, its eigenvalues made positive, until the slope is level and falls no more."""
    end, damping = End(h, *map(np.asarray, _jet(field, h))), 1e-2
    for _ in range(60):
        if end.H is None or not np.isfinite(end.H).all():
            break
        values, vectors = np.linalg.eigh(end.H)
        step = -vectors @ ((vectors.T @ end.slope) / (np.abs(values) + damping))
        at = end.h + step * min(1.0, 2.0 / max(float(np.linalg.norm(step)), 1e-300))
        tried = End(at, *map(np.asarray, _jet(field, at)))
        # Within rounding of q the slope alone can tell.
        flatter = np.linalg.norm(tried.slope) < np.linalg.norm(end.slope) / 2
        if tried.speed < end.speed or (flatter and tried.speed < end.speed * (1 + 1e-6)):
            end, damping = tried, max(damping / 10, 1e-14)
        elif end.level or end.speed < REST:
            break
        else:
            damping = min(10 * damping, 1e3)
    return end


@jax.jit
def _drawn(h: Array, matrix: Array, values: Array, states: Array) -> Array:
    """Of which states a Newton step with the matrix of a known end at least halves the distance to it, [state]."""
    away = states - h
    step = jnp.linalg.solve(matrix, values.T).T
    return jnp.linalg.norm(away - step, axis=1) <= jnp.linalg.norm(away, axis=1) / 2
