r"""The places where descents on the squared speed $q=\tfrac12|F|^2$ of a field end, followed to rounding."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from stepwell.analysis.derivatives import Field, jet, slopes
from stepwell.analysis.speed_descent import descents, padded

REST, LEVEL = 1e-9, 1e-7
NEAR, FAR = 0.1, 0.3
MOST_STEPS = 60


class End(NamedTuple):
    """Where a search ended.

    Attributes:
        h: state, [hidden].
        F: velocity there, [hidden].
        J: Jacobian of the field, [hidden, hidden].
        H: Hessian of q, [hidden, hidden]; empty at a rest, where it is not needed.
    """

    h: np.ndarray
    F: np.ndarray
    J: np.ndarray
    H: np.ndarray = np.empty((0, 0))

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


def ends(field: Field, starts: np.ndarray, rests: np.ndarray, minima: np.ndarray) -> list[End]:
    """The ends of descents on q from all starts, and those near known rests and minima.

    A first descent brings every start near its end. From there Newton's method finds rests; what it does not
    finish goes on by a second descent and dense Hessians. A state that one Newton step sends to a known end
    is not followed any more. One end may still be found twice.

    Args:
        field: state [hidden] to velocity [hidden].
        starts: [start, hidden].
        rests, minima: states known to be close to an end of either kind, [candidate, hidden].
    """
    states = np.concatenate([rests, descents(*_single(field, starts), NEAR, 20)])
    found, left = _finished(field, states, _rest)
    # At a minimum the Jacobian is singular, and Newton's method would leap to a rest elsewhere.
    found += [_settled(field, h) for h in minima]
    if len(left):
        settled = descents(field, left, 1e-8, 4 * states.shape[1])
        found += _finished(field, settled, lambda *at: _rest(*at) or _settled(*at))[0]
    return found


def _single(field: Field, states: np.ndarray) -> tuple[Field, np.ndarray]:
    """Field and states in single precision, which is twice as fast, if the field is a tree of arrays."""
    if not jax.tree.leaves(eqx.filter(field, eqx.is_inexact_array)):
        return field, states
    single = jax.tree.map(lambda a: a.astype(np.float32) if eqx.is_inexact_array(a) else a, field)
    return single, states.astype(np.float32)


def _finished(
    field: Field, states: np.ndarray, finish: Callable[[Field, np.ndarray], End | None]
) -> tuple[list[End], np.ndarray]:
    """The ends that `finish` makes of the states, and the states of which it makes none."""
    found, left, filled = [], [], jnp.asarray(padded(states))
    velocities, gradients = slopes(field, filled)
    waiting = np.arange(len(filled)) < len(states)
    while waiting.any():
        first = int(np.argmax(waiting))
        waiting[first] = False
        end = finish(field, states[first])
        if end is None:
            left.append(states[first])
            continue
        found.append(end)
        if not end.H.size:
            waiting &= ~np.asarray(_drawn(filled, end.h, end.J, velocities))
        elif end.level:
            waiting &= ~np.asarray(_drawn(filled, end.h, end.H, gradients))
    return found, np.reshape(left, (-1, states.shape[1]))


def _rest(field: Field, h: np.ndarray) -> End | None:
    """The rest that Newton's method finds from a state, if it does."""
    end = End(*map(np.asarray, _newton(field, jnp.asarray(h))))
    return end if end.speed < REST else None


def _settled(field: Field, h: np.ndarray) -> End:
    """Descent with the dense Hessian, its eigenvalues made positive, until the slope falls no more."""
    end, damping = _looked_at(field, h), 1e-2
    for _ in range(MOST_STEPS):
        if not np.isfinite(end.H).all():
            break
        values, vectors = np.linalg.eigh(end.H)
        step = -vectors @ ((vectors.T @ end.slope) / (np.abs(values) + damping))
        tried = _looked_at(field, end.h + step / max(1.0, float(np.linalg.norm(step)) / 2))
        # Within rounding of the speed the slope alone can tell.
        flatter = np.linalg.norm(tried.slope) < np.linalg.norm(end.slope) / 2
        if tried.speed < end.speed or (flatter and tried.speed < end.speed * (1 + 1e-6)):
            end, damping = tried, max(damping / 10, 1e-14)
        elif end.level or end.speed < REST:
            break
        else:
            damping = min(10 * damping, 1e3)
    return end


def _looked_at(field: Field, h: np.ndarray) -> End:
    return End(h, *map(np.asarray, jet(field, jnp.asarray(h))))


@eqx.filter_jit
def _newton(field: Field, h: Array) -> tuple[Array, Array, Array]:
    """Newton's method for as long as its steps are short and halve the speed: state, velocity, Jacobian."""

    def tried(h: Array) -> tuple[Array, Array, Array, Array, Array]:
        F, J = field(h), jax.jacfwd(field)(h)
        step = -jnp.linalg.solve(J, F)
        halved = jnp.linalg.norm(field(h + step)) < jnp.linalg.norm(F) / 2
        return h, F, J, step, halved & (jnp.linalg.norm(step) < FAR)

    # Counted, since within rounding a step there and a step back may both seem to halve the speed.
    (h, F, J, _, _), _ = jax.lax.while_loop(
        lambda s: s[0][4] & (s[1] < MOST_STEPS), lambda s: (tried(s[0][0] + s[0][3]), s[1] + 1), (tried(h), 0)
    )
    return h, F, J


@jax.jit
def _drawn(states: Array, h: Array, matrix: Array, values: Array) -> Array:
    """Which states come to half their distance from a known end by a Newton step with its matrix, [state]."""
    away = states - h[None]
    step = jnp.linalg.solve(matrix, values.T).T
    return jnp.linalg.norm(away - step, axis=1) <= jnp.linalg.norm(away, axis=1) / 2
