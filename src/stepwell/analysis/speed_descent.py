r"""Descent on the squared speed $q=\tfrac12|F|^2$ of a field, from many starts, with the full Hessian of q.

The Gauss-Newton matrix $J^\top J$ will not do: at a ghost J is singular, and what makes the minimum is the
curvature of the field. A trust region keeps a descent in the basin of its start. Conjugate gradients need no
matrix, so a batch of starts costs a few products with the weights per step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from stepwell.analysis.derivatives import Field

FIRST_RADIUS, LARGEST_RADIUS, SMALLEST_RADIUS = 1.0, 2.0, 1e-14
ROUNDING = 1e-15


class _Descent(NamedTuple):
    """Where a descent is: state, q there, trust radius, steps done, whether it has ended."""

    h: Array
    q: Array
    radius: Array
    steps: Array
    ended: Array


class _Step(NamedTuple):
    """A step d that grows by conjugate gradients, its residual r, direction p and H d, and how it ended."""

    d: Array
    r: Array
    p: Array
    Hd: Array
    products: Array
    border: Array
    ended: Array


def descents(field: Field, starts: np.ndarray, shortest: float, products: int) -> np.ndarray:
    """Where descents on q end that stop when a step inside the trust region is short, [start, hidden].

    Args:
        field: state [hidden] to velocity [hidden].
        starts: [start, hidden].
        shortest: length of a step that is short.
        products: most products with the Hessian in one step.
    """
    ends = _descents(field, jnp.asarray(padded(starts)), shortest, products, 60)
    return np.asarray(ends, float)[: len(starts)]


def padded(states: np.ndarray) -> np.ndarray:
    """The states, filled up with copies to a power of two: few sizes, few compilations."""
    room = max(8, 1 << (len(states) - 1).bit_length())
    return np.concatenate([states, np.repeat(states[:1], room - len(states), axis=0)])


@eqx.filter_jit
def _descents(field: Field, starts: Any, shortest: Any, products: Any, most: Any) -> Array:
    def squared_speed(h: Array) -> Array:
        F = field(h).astype(h.dtype)
        return 0.5 * F @ F

    def advance(now: _Descent) -> _Descent:
        g, hessian = jax.linearize(jax.grad(squared_speed), now.h)
        step = _step(hessian, g, now.radius, products)
        length = jnp.linalg.norm(step.d)
        promised = -(g @ step.d + 0.5 * step.d @ step.Hd)
        q = squared_speed(now.h + step.d)
        kept, better = (now.q - q) / promised, q < now.q
        wider = jnp.where((kept > 0.75) & step.border, 2 * now.radius, now.radius)
        radius = jnp.minimum(jnp.where(kept > 0.25, wider, length / 4), LARGEST_RADIUS)
        short = ~step.border & (length < shortest)
        ended = short | (promised <= ROUNDING * now.q) | (radius < SMALLEST_RADIUS)
        h, q = jnp.where(better, now.h + step.d, now.h), jnp.where(better, q, now.q)
        return _Descent(h, q, radius, now.steps + 1, ended)

    def one(h: Array) -> Array:
        radius, ended = jnp.asarray(FIRST_RADIUS, h.dtype), jnp.asarray(False)
        start = _Descent(h, squared_speed(h), radius, jnp.asarray(0), ended)
        return jax.lax.while_loop(lambda now: ~now.ended & (now.steps < most), advance, start).h

    return jax.vmap(one)(starts)


def _step(hessian: Callable[[Array], Array], g: Array, radius: Array, products: Any) -> _Step:
    """Steihaug's step: conjugate gradients on H d = -g, up to the border or where curvature is negative."""
    size = jnp.linalg.norm(g)
    goal = size * jnp.minimum(0.3, jnp.sqrt(size))

    def advance(s: _Step) -> _Step:
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
        return _Step(s.d + t * s.p, r, p, s.Hd + t * Hp, s.products + 1, border, ended)

    zero, no = jnp.zeros_like(g), jnp.asarray(False)
    start = _Step(zero, g, -g, zero, jnp.asarray(0), no, size == 0)
    return jax.lax.while_loop(lambda s: ~s.ended, advance, start)
