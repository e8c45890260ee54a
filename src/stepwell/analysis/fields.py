r"""Velocity fields of networks at constant input: $\dot h=F(h)$, in units of the time constant $\tau$."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from stepwell.analysis.derivatives import Field
from stepwell.analysis.system import Numbers, finite
from stepwell.network import AbstractNetwork, Params


class LatentField(eqx.Module):
    r"""The field $f(\kappa)=-\kappa+n^\top\tanh(m\kappa+b)$ of a low-rank network in its latent variables.

    Attributes:
        m, n: [hidden, rank].
        b: [hidden].
    """

    m: Float[Array, "hidden rank"]
    n: Float[Array, "hidden rank"]
    b: Float[Array, " hidden"]

    def __call__(self, kappa: Float[Array, "..."] | float) -> Float[Array, "..."]:
        """The velocity at latent variables [rank], or at a number for rank one; of the same shape."""
        flat = jnp.reshape(kappa, self.m.shape[1])
        return jnp.reshape(self.n.T @ jnp.tanh(self.m @ flat + self.b) - flat, jnp.shape(kappa))

    @property
    def bounds(self) -> tuple[float, float]:
        r"""Bounds on $D^2f$ and $D^3f$: $\tfrac4{3\sqrt3}\sum|n_i||m_i|^2$ and $2\sum|n_i||m_i|^3$."""
        into, out = (np.linalg.norm(np.asarray(a), axis=1) for a in (self.m, self.n))
        return float(4 / (3 * np.sqrt(3)) * (out @ into**2)), float(2 * (out @ into**3))


class NetworkField(eqx.Module):
    r"""The field $F(h)=(\mathrm{step}(h)-h)/(1-\ell)$ of a network at constant input.

    Attributes:
        network, params: the network and its parameters.
        x: the input, [input].
    """

    network: Any
    params: Params
    x: Float[Array, " input"]

    def __call__(self, h: Float[Array, " state"]) -> Float[Array, " state"]:
        """The velocity at a state; for a network without a leak the change per step."""
        return (self.network.step(self.params, h, self.x) - h) / (1 - getattr(self.network, "leak", 0.0))

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Bounds on the norms of the second and third derivative, if the network states them."""
        known = hasattr(self.network, "derivative_bounds")
        return self.network.derivative_bounds(self.params) if known else None


class _Line(eqx.Module):
    field: Field

    def __call__(self, h: Float[Array, " 1"]) -> Float[Array, " 1"]:
        return jnp.reshape(self.field(h[0]), (1,))


def as_vector(field: Field) -> Field:
    """A field of one number as a field of vectors with one entry."""
    return _Line(field)


def latent_field(m: Numbers, n: Numbers, b: Numbers) -> LatentField:
    r"""The field of the latent variables $\kappa=n^\top h$ of a network with $W=mn^\top$.

    Args:
        m, n: [hidden, rank], or [hidden] for rank one.
        b: [hidden] or [hidden, 1].

    Returns:
        A function of $\kappa$ [rank] to its velocity [rank], in units of $\tau$; for rank one also of
        numbers.

    Raises:
        ValueError: for sizes that do not fit, NaN or infinity.

    Example:
        >>> field = latent_field([1.0, 1.0], [1.0, 1.0], [0.0, 0.0])
        >>> print(round(float(field(0.5)), 4))
        0.4242

    Source: ghost2025, Eqs. (4) and (16).
    """
    m, n, b = (finite(name, value) for name, value in (("m", m), ("n", n), ("b", b)))
    m, n = (a[:, None] if a.ndim == 1 else a for a in (m, n))
    if m.ndim != 2 or m.shape != n.shape or b.size != len(m):
        raise ValueError(
            f"m {m.shape}, n {n.shape}, b {b.shape} do not fit; needed: [hidden, rank] twice, and [hidden]."
        )
    return LatentField(jnp.asarray(m), jnp.asarray(n), jnp.asarray(b.ravel()))


def lifted(m: Numbers, n: Numbers, b: Numbers, kappa: float) -> np.ndarray:
    r"""The state of the whole network at a rest or ghost $\kappa$ of its latent field of rank one.

    $h=\tanh(m\kappa+b)-f(\kappa)\,n/|n|^2$ is a rest or ghost of the network too, with $n\cdot h=\kappa$,
    speed $|f|/|n|$, and the same product $ra$.

    Args:
        m, n, b: [hidden], or [hidden, 1].
        kappa: the latent variable.

    Returns:
        [hidden].

    Example:
        >>> print(lifted([2.0, 2.0], [1.0, 1.0], [0.5, 0.5], -0.25))
        [-0.125 -0.125]
    """
    field = latent_field(m, n, b)
    if field.m.shape[1] != 1:
        raise ValueError(f"the network has rank {field.m.shape[1]}; a ghost is lifted from rank one.")
    m, n, b = np.asarray(field.m)[:, 0], np.asarray(field.n)[:, 0], np.asarray(field.b)
    return np.tanh(m * kappa + b) - float(field(jnp.asarray(kappa, float))) * n / (n @ n)


def network_field(network: AbstractNetwork, params: Mapping[str, Numbers], x: Numbers) -> NetworkField:
    r"""The field of a network at constant input, for `fixed_points`.

    Args:
        network: any network with a `step`; its `leak`, if it has one, sets the unit of time.
        params: its parameters.
        x: the input, [input], or one number for all channels.

    Returns:
        A function of the state [hidden] to its velocity [hidden], in units of $\tau$ (steps if there is no
        leak). It knows its derivative bounds if the network has a method `derivative_bounds(params)`.

    Example:
        >>> from stepwell.network import Linear
        >>> params = {"W": np.array([[0.5]]), "b": np.ones((1, 1)), "c": np.ones((1, 1))}
        >>> print(network_field(Linear(hidden=1), params, [1.0])(jnp.array([1.0])))
        [0.5]
    """
    arrays = {name: jnp.asarray(finite(name, value)) for name, value in params.items()}
    # Settings become arrays so that another value compiles nothing.
    network = jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, float) else leaf, network)
    return NetworkField(network, arrays, jnp.broadcast_to(finite("x", x), (network.input,)))
