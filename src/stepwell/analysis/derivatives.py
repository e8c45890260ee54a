r"""Derivatives of a velocity field $F$ and of its squared speed $q=\tfrac12|F|^2$, compiled once per field.

A field is a function of a state [hidden]. One that is an `equinox.Module` is compiled once for all values
of its arrays; any other function once for itself.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

Field = Callable[[Any], Any]

PROBES = 256


def slope(field: Field, h: Any) -> tuple[Array, Array]:
    """The velocity F and the gradient $J^\\top F$ of q at a state, each [hidden]."""
    F, pull_back = jax.vjp(field, h)
    return F, pull_back(F)[0]


@eqx.filter_jit
def slopes(field: Field, states: Any) -> tuple[Array, Array]:
    """Velocity and gradient of q at many states, each [state, hidden]."""
    return jax.vmap(lambda h: slope(field, h))(states)


@eqx.filter_jit
def velocities(field: Field, states: Any) -> Array:
    """The velocity at many states, [state, hidden]."""
    return jax.vmap(field)(states)


@eqx.filter_jit
def jacobian(field: Field, h: Any) -> Array:
    """The Jacobian J of the field at a state, [hidden, hidden]."""
    return jax.jacfwd(field)(h)


@eqx.filter_jit
def jet(field: Field, h: Any) -> tuple[Array, Array, Array]:
    """Velocity, Jacobian, and the Hessian $J^\\top J+\\sum_iF_i\\nabla^2F_i$ of q at a state."""
    return field(h), jax.jacfwd(field)(h), jax.jacfwd(lambda h: slope(field, h)[1])(h)


@eqx.filter_jit
def bending(field: Field, h: Any, v: Any) -> Array:
    """The second derivative $D^2F[v,v]$ along a direction, [hidden]."""
    return second(field, h, v, v)


@eqx.filter_jit
def on_a_line(field: Field, places: Any) -> Array:
    """A field of one dimension and its first two derivatives at many places, [order, place]."""

    def f(x: Array) -> Array:
        return field(x[None])[0]

    orders = (f, jax.grad(f), jax.grad(jax.grad(f)))
    return jnp.stack([jax.vmap(order)(places) for order in orders])


def second(field: Field, h: Any, u: Any, v: Any) -> Array:
    """$D^2F[u,v]$, [hidden]."""
    return jax.jvp(lambda h: jax.jvp(field, (h,), (u,))[1], (h,), (v,))[1]


def third(field: Field, h: Any, u: Any, v: Any) -> Array:
    """$D(\\nabla^2q)[u]\\,v$, [hidden]."""
    return second(lambda h: slope(field, h)[1], h, u, v)


def frobenius(derivative: Callable[..., Array], field: Field, h: np.ndarray) -> float:
    """The Frobenius norm of `second` or `third` at a state.

    Exact up to 16 dimensions; above, from 256 pairs of random directions, to about a tenth.
    """
    hidden = len(h)
    if hidden**2 <= PROBES:
        u, v = np.repeat(np.eye(hidden), hidden, axis=0), np.tile(np.eye(hidden), (hidden, 1))
    else:
        u, v = np.random.default_rng(0).standard_normal((2, PROBES, hidden)) * PROBES**-0.25
    return float(_root_of_squares(derivative, field, h, u, v))


@eqx.filter_jit
def _root_of_squares(derivative: Callable[..., Array], field: Field, h: Any, u: Any, v: Any) -> Array:
    return jnp.linalg.norm(jax.vmap(lambda u, v: derivative(field, h, u, v))(u, v))
