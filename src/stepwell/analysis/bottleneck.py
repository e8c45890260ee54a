r"""The normal form $\dot z=r+az^2$ of a field around a slow place, and how long a state takes to pass it."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.integrate import quad
from scipy.linalg import eigh

from stepwell.analysis.derivatives import Field, bending, jacobian, velocities
from stepwell.analysis.fields import as_vector
from stepwell.analysis.system import Numbers, finite

SINGULAR = 1e-6


class NormalForm(NamedTuple):
    r"""What is left of a field along its slowest direction: $\dot z=r+gz+az^2$.

    Attributes:
        distance: $r$, from the saddle-node bifurcation.
        curvature: $a$. Only the product $ra$ is free of the choice of coordinates: above 0 at a ghost, 0 at a
            fold; below 0 there are two rests at $\pm\sqrt{-r/a}$.
        tilt: $g$, 0 at a ghost.
        direction: $v$, a unit vector whose largest entry is positive, [hidden].
    """

    distance: float
    curvature: float
    tilt: float
    direction: np.ndarray

    @property
    def passage_time(self) -> float:
        r"""Time $\pi/\sqrt{ra-g^2/4}$ of a full passage, in units of $\tau$; infinite if there are rests."""
        room = self.distance * self.curvature - self.tilt**2 / 4
        return float(np.pi / np.sqrt(room)) if room > 0 else np.inf

    @property
    def half_width(self) -> float:
        r"""Half the width of the bottleneck, $\sqrt{|r/a|}$; infinite without curvature."""
        return float(np.sqrt(abs(self.distance / self.curvature))) if self.curvature else np.inf


def normal_form(
    field: Field, state: Numbers | float, F: np.ndarray | None = None, J: np.ndarray | None = None
) -> NormalForm:
    r"""The normal form of a field at a ghost, or where its Jacobian J is nearest to singular.

    With $u,v$ the left and right singular vectors of the smallest singular value of J and $w=u/(u\cdot v)$:
    $r=w\cdot F$, $a=\tfrac12w\cdot D^2F[v,v]$, $g=w\cdot Jv$. In one dimension $r=f$, $a=\tfrac12f''$,
    $g=f'$.

    Args:
        field: state [hidden] (or a number) to velocity, in units of $\tau$.
        state: [hidden], or a number.
        F, J: velocity and Jacobian there, if they are known.

    Example:
        >>> form = normal_form(lambda x: 0.01 + x**2, 0.0)
        >>> print(form.distance, form.curvature, round(form.passage_time, 2))
        0.01 1.0 31.42

    Source: ghost2025, Eq. (17); many dimensions derived here.
    """
    h = finite("the state", np.asarray(state))
    vector, h = (field, h) if h.ndim else (as_vector(field), h[None])
    speed = np.asarray(velocities(vector, jnp.asarray(h)[None]))[0] if F is None else F
    slope = np.asarray(jacobian(vector, jnp.asarray(h))) if J is None else J
    u, v = _slowest(slope, speed)
    bend = np.asarray(bending(vector, jnp.asarray(h), jnp.asarray(v)))
    overlap = u @ v
    w = u / overlap if overlap else np.full_like(u, np.inf)
    return NormalForm(float(w @ speed), float(w @ bend) / 2, float(w @ slope @ v), v)


def partial_passage(distance: float, curvature: float, start: float, end: float) -> float:
    r"""Time from start to end in the normal form $\dot z=r+az^2$, in units of $\tau$.

    $\big[\arctan(z\sqrt{a/r})\big]_{\rm start}^{\rm end}/\sqrt{ra}$; for distant ends the full passage
    $\pi/\sqrt{ra}$.

    Args:
        distance, curvature: $r$ and $a$.
        start, end: measured from the ghost, the end downstream.

    Raises:
        ValueError: for $ra\le0$, where the normal form has rests.

    Example:
        >>> print(round(partial_passage(0.01, 1.0, -1.0, 1.0), 2))
        29.42

    Source: ghost2025, Eq. (17); the ends are ours.
    """
    if not distance * curvature > 0:
        raise ValueError(
            f"r a = {distance * curvature:.6g} is not above 0: the normal form rests on the way."
        )
    rate, stretch = np.sqrt(distance * curvature), np.sqrt(curvature / distance)
    return float(np.sign(distance) * (np.arctan(end * stretch) - np.arctan(start * stretch)) / rate)


def exact_passage(field: Field, start: float, end: float) -> float:
    r"""Time $\int d\kappa/f(\kappa)$ from start to end in one dimension, in units of $\tau$.

    Args:
        field: a number to its velocity.
        start, end: where, the end downstream.

    Returns:
        The time; infinite if a rest is in the way, or the field points upstream.

    Example:
        >>> print(round(exact_passage(lambda x: 0.01 + x**2, -1.0, 1.0), 2))
        29.42

    Source: ghost2025, text to Fig. 3A.
    """
    line, grid = as_vector(field), np.linspace(start, end, 1001)
    f = np.asarray(velocities(line, grid[:, None]))[:, 0]
    if (f * (end - start) <= 0).any():
        return np.inf
    # The integrand peaks where the field is slowest.
    slowest = grid[np.argmin(np.abs(f))]
    return float(
        quad(
            lambda k: 1 / float(velocities(line, np.array([[k]]))[0, 0]),
            start,
            end,
            points=[slowest],
            limit=200,
        )[0]
    )


def _slowest(J: np.ndarray, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left and right singular vectors of the smallest singular value; along F if it is 0 more than once."""
    v = eigh(J.T @ J, subset_by_index=[0, 0])[1][:, 0]
    u = J @ v
    if np.linalg.norm(u) > SINGULAR * np.linalg.norm(J):
        u /= np.linalg.norm(u)
    else:  # what is left of J v is rounding
        left, values, right = np.linalg.svd(J)
        kernel = values <= SINGULAR * values[0]
        u, v = _within(left[:, kernel], F), _within(right[kernel].T, F)
    return u, v * np.sign(v[np.argmax(np.abs(v))])


def _within(basis: np.ndarray, F: np.ndarray) -> np.ndarray:
    """The unit vector of a subspace, given by an orthonormal basis [hidden, vector], that is closest to F."""
    inside = basis @ (basis.T @ F)
    size = np.linalg.norm(inside)
    return inside / size if size > 0 else basis[:, -1]
