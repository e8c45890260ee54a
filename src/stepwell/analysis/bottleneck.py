r"""The normal form $\dot z=r+az^2$ of a field around a slow place, and how long a state takes to pass it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike
from scipy.integrate import quad
from scipy.linalg import eigh

from stepwell.analysis.fields import as_vector


class NormalForm(NamedTuple):
    r"""What is left of a field along its slowest direction: $\dot z=r+gz+az^2$.

    Attributes:
        distance: $r$, from the saddle-node bifurcation; 0 at a fold.
        curvature: $a$. Only the product $ra$ is free of the choice of coordinates: above 0 a ghost, below 0 two rests at
            $\pm\sqrt{-r/a}$.
        tilt: $g$, 0 at a ghost.
        direction: $v$, a unit vector whose largest entry is positive, [hidden].
    """

    distance: float
    curvature: float
    tilt: float
    direction: np.ndarray

    @property
    def passage_time(self) -> float:
        r"""Time $\pi/\sqrt{ra-g^2/4}$ of a full passage, in units of $\tau$; infinite if there are rests on the way."""
        room = self.distance * self.curvature - self.tilt**2 / 4
        return float(np.pi / np.sqrt(room)) if room > 0 else np.inf

    @property
    def half_width(self) -> float:
        r"""Half the width $\sqrt{|r/a|}$ of the bottleneck; infinite without curvature."""
        return float(np.sqrt(abs(self.distance / self.curvature))) if self.curvature else np.inf


def normal_form(
    field: Callable[[Any], Any], state: ArrayLike, jacobian: np.ndarray | None = None
) -> NormalForm:
    r"""The normal form of a field at a ghost, or along the direction in which its Jacobian J is closest to singular.

    With $u,v$ the left and right singular vectors of the smallest singular value of J and $w=u/(u\cdot v)$:
    $r=w\cdot F$, $a=\tfrac12w\cdot D^2F[v,v]$, $g=w\cdot Jv$. In one dimension $r=f$, $a=\tfrac12f''$, $g=f'$.

    Args:
        field: state [hidden] (or a number) to velocity in units of $\tau$.
        state: where, [hidden] or a number.
        jacobian: J if it is known.

    Example:
        >>> form = normal_form(lambda x: 0.01 + x**2, 0.0)
        >>> form.distance, form.curvature, form.passage_time
        (0.01, 1.0, 31.4159)

    Source: ghost2025, Eq. (17); many dimensions derived here.
    """
    vector, h = (field, np.asarray(state, float)) if np.ndim(state) else (as_vector(field), np.array([state]))
    J = np.asarray(_jacobian(vector, h)) if jacobian is None else jacobian
    u, v = _slowest(J)
    F, bend = map(np.asarray, _along(vector, h, v))
    overlap = u @ v
    w = u / overlap if overlap else np.full_like(u, np.inf)
    return NormalForm(float(w @ F), float(w @ bend) / 2, float(w @ J @ v), v)


def partial_passage(distance: float, curvature: float, start: float, end: float) -> float:
    r"""Time from start to end in the normal form $\dot z=r+az^2$, both measured from the ghost, in units of $\tau$.

    $\big[\arctan(z\sqrt{a/r})\big]_{\rm start}^{\rm end}/\sqrt{ra}$; it tends to the full passage $\pi/\sqrt{ra}$ for
    distant ends.

    Raises:
        ValueError: if $ra\le0$, where the normal form has rests.

    Example:
        >>> partial_passage(0.01, 1.0, -1.0, 1.0)
        29.42

    Source: ghost2025, Eq. (17); the ends are ours.
    """
    if not distance * curvature > 0:
        raise ValueError(
            f"r a = {distance * curvature:.6g} is not above 0: the normal form has rests and no passage."
        )
    rate, stretch = np.sqrt(distance * curvature), np.sqrt(curvature / distance)
    sign = np.sign(distance)
    return float(sign * (np.arctan(end * stretch) - np.arctan(start * stretch)) / rate)


def exact_passage(field: Callable[[Any], Any], start: float, end: float) -> float:
    r"""Time $\int d\kappa/f(\kappa)$ from start to end in one dimension, in units of $\tau$; infinite if a rest is between.

    Args:
        field: a number to its velocity. start, end: where, the end downstream.

    Example:
        >>> exact_passage(lambda x: 0.01 + x**2, -1.0, 1.0)
        29.42

    Source: ghost2025, text to Fig. 3A.
    """
    grid = np.linspace(start, end, 1001)
    f = np.asarray(velocities(as_vector(field), grid[:, None]))[:, 0]
    if (f * (end - start) <= 0).any():
        return np.inf
    slowest = grid[np.argmin(np.abs(f))]
    evaluate = jax.jit(field)
    return float(
        quad(
            lambda k: 1 / float(evaluate(k)), start, end, points=[slowest], limit=200, epsabs=0, epsrel=1e-10
        )[0]
    )


def _slowest(J: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left and right singular vectors of the smallest singular value."""
    v = eigh(J.T @ J, subset_by_index=[0, 0])[1][:, 0]
    u = J @ v
    if np.linalg.norm(u) > 1e-6 * np.linalg.norm(J):
        u /= np.linalg.norm(u)
    else:  # the product with v is lost in rounding, and so may be v itself
        left, _, right = np.linalg.svd(J)
        u, v = left[:, -1], right[-1]
    return u, v * np.sign(v[np.argmax(np.abs(v))])


@eqx.filter_jit
def _jacobian(field: Callable[[Any], Any], h: Float[Array, " hidden"]) -> Float[Array, "hidden hidden"]:
    return jax.jacfwd(field)(h)


@eqx.filter_jit
def _along(
    field: Callable[[Any], Any], h: Float[Array, " hidden"], v: Float[Array, " hidden"]
) -> tuple[Array, Array]:
    """The field and its second derivative along a direction."""
    return field(h), jax.jvp(lambda h: jax.jvp(field, (h,), (v,))[1], (h,), (v,))[1]
