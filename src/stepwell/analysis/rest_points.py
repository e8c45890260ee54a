r"""Where a field rests, and where it almost does: fixed points, ghosts and slow points."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq
from scipy.spatial.distance import cdist

from stepwell.analysis.bottleneck import normal_form
from stepwell.analysis.certificates import Bounds, ghost_certificate, rest_certificate
from stepwell.analysis.derivatives import Field, on_a_line, velocities
from stepwell.analysis.fields import as_vector
from stepwell.analysis.rest_search import REST, End, ends
from stepwell.analysis.system import Numbers, finite

KINDS = ("fixed", "ghost", "slow")
MERGING = 1e-3
FLAT = -1e-9
MOST_DESCENTS = 32


class RestPoint(eqx.Module):
    r"""A place where the speed of a field $\dot h=F(h)$ is least.

    Attributes:
        kind: "fixed", a rest: $|F|<10^{-9}$, and Newton's method converges quadratically; "ghost", a local
            minimum of the speed that is no rest: $|J^\top F|\le10^{-7}|F|$ and
            $\nabla^2\tfrac12|F|^2\succeq0$; "slow", a ghost that the trajectory does not see, or the end of
            a search that did not settle.
        state: [hidden], or a number.
        speed: $|F|$ there, per $\tau$.
        jacobian: $J=\partial F/\partial h$, [hidden, hidden].
        distance, curvature: $r$ and $a$ of the normal form, along the direction in which J is closest to
            singular.
        passage_time: of a full passage, $\pi/\sqrt{ra}$ at a ghost, in units of $\tau$; infinite at a rest.
        certified: what `stepwell.analysis.certificates` promises is proved; never for a slow point.
        note: whether the bound behind the certificate is known or estimated, or why there is none.
    """

    kind: str
    state: Any
    speed: float
    jacobian: np.ndarray
    distance: float
    curvature: float
    passage_time: float
    certified: bool
    note: str

    @property
    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues of the Jacobian, per $\\tau$, [hidden]."""
        return np.linalg.eigvals(self.jacobian)

    def stable(self, step: float = 0) -> bool:
        """Whether nearby states return: under the flow, or the map $h+\\Delta F(h)$, $\\Delta$ = `step`."""
        values = self.eigenvalues
        return bool((np.abs(1 + step * values) < 1).all() if step else (np.real(values) < 0).all())


class _Candidate(NamedTuple):
    point: RestPoint
    half_width: float
    alone: float


def fixed_points(
    field: Field, starts: Numbers, trajectory: Numbers | None = None, bounds: Bounds | None = None
) -> list[RestPoint]:
    r"""The rests and ghosts of a field that descents on its squared speed reach from given starts.

    In one dimension the sorted starts also serve as a grid: every change of sign of $f$ or $f'$ between
    neighbours is refined. What lies near no start may be missed.

    Args:
        field: state [hidden] (or a number) to velocity in units of $\tau$, written in `jax.numpy`. For a
            map h to step(h) pass `lambda h: step(h) - h`; times are then in steps.
        starts: [start, hidden]; in one dimension also [start], for a field of numbers.
        trajectory: states of the network at work, [step, hidden] or [step]. If given, a ghost must act on
            it: be no wider than the trajectory, no farther from it than its own half-width $\sqrt{|r/a|}$,
            and slower than its median speed; else it is "slow".
        bounds: bounds on the norms of the second and third derivative of the field, for certificates; None
            takes those that the field states, else they are estimated.

    Returns:
        The points, fixed ones first.

    Raises:
        TypeError: for a field that JAX cannot differentiate.
        ValueError: for no starts, sizes that do not fit, a field that is not finite at a start, or a
            float32 process.

    Example:
        >>> for point in fixed_points(lambda x: (x**2 + 0.01) * (1 - x), np.linspace(-2, 2, 101)):
        ...     print(point.kind, round(point.state, 3), round(point.passage_time, 1), point.certified)
        fixed 1.0 inf True
        ghost 0.005 31.7 True

    Source: ghost2025, text before Fig. 2 and Fig. 3A; definitions, search and certificates are ours.
    """
    vector, points, scalar = _checked(field, starts)
    path = None if trajectory is None else finite("the trajectory", trajectory).reshape(-1, points.shape[1])
    bounds = bounds or getattr(field, "bounds", None)
    rests = minima = np.empty((0, points.shape[1]))
    if points.shape[1] == 1:
        grid = np.unique(points)
        rests, minima = _brackets(vector, grid)
        points = grid[np.unique(np.linspace(0, len(grid) - 1, MOST_DESCENTS).round().astype(int)), None]
    found = _merged([_classified(vector, end, bounds, scalar) for end in ends(vector, points, rests, minima)])
    if path is not None:
        found = [_effective(vector, candidate, path) for candidate in found]
    order = sorted(found, key=lambda c: (KINDS.index(c.point.kind), *np.atleast_1d(c.point.state)))
    return [candidate.point for candidate in order]


def _checked(field: Field, starts: Numbers) -> tuple[Field, np.ndarray, bool]:
    """The field of vectors, the starts [start, hidden], and whether states are numbers."""
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "points are told apart in float64; put `jax.config.update('jax_enable_x64', True)` first."
        )
    array = finite("the starts", starts)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(
            f"starts have shape {array.shape}; at least one is needed, [start, hidden] or [start]."
        )
    scalar = array.ndim == 1
    vector, points = (as_vector(field), array[:, None]) if scalar else (field, array)
    try:
        F = np.asarray(velocities(vector, jnp.asarray(points)))
    except (jax.errors.JAXTypeError, TypeError) as error:
        raise TypeError(f"the field cannot be differentiated; write it with jax.numpy. ({error})") from error
    if F.shape != points.shape:
        raise ValueError(f"the field maps states {points.shape[1:]} to {F.shape[1:]}; they need one shape.")
    lost = ~np.isfinite(F).all(axis=1)
    if lost.any():
        raise ValueError(f"the field is not finite at start {int(lost.argmax())}; start where it is defined.")
    return vector, points, scalar


def _classified(field: Field, end: End, bounds: Bounds | None, scalar: bool) -> _Candidate:
    form = normal_form(field, end.h, end.F, end.J)
    proof, kind, note = None, "slow", "the search stopped before the speed was level"
    if end.speed < REST:
        proof = rest_certificate(field, end, float(np.linalg.norm(end.J @ form.direction)), bounds)
        kind, note = "fixed" if proof.converged else "slow", proof.note
    elif end.level and np.linalg.eigvalsh(end.H)[0] > FLAT:
        proof = ghost_certificate(field, end, bounds)
        if not MERGING < proof.radius < np.inf:  # else the minimum is far away still
            kind, note = "ghost", proof.note
    elif end.level:
        note = "a saddle of the speed"
    point = RestPoint(
        kind=kind,
        state=end.h[0] if scalar else end.h,
        speed=end.speed,
        jacobian=end.J,
        distance=form.distance,
        curvature=form.curvature,
        passage_time=np.inf if kind == "fixed" else form.passage_time,
        certified=kind != "slow" and proof is not None and proof.holds,
        note=note,
    )
    return _Candidate(point, form.half_width, proof.alone if proof else 0.0)


def _merged(candidates: list[_Candidate]) -> list[_Candidate]:
    """One candidate per point, the best one."""
    kept: list[_Candidate] = []
    for new in sorted(candidates, key=lambda c: (not c.point.certified, c.point.speed)):
        if not any(_same(new, old) for old in kept):
            kept.append(new)
    return kept


def _same(one: _Candidate, other: _Candidate) -> bool:
    """Whether two are one point; certified rests only if each lies where the other is proved to be alone."""
    if one.point.kind != other.point.kind:
        return False
    gap = np.linalg.norm(np.subtract(one.point.state, other.point.state))
    proved = one.point.kind == "fixed" and one.point.certified and other.point.certified
    return bool(gap < (min(one.alone, other.alone) if proved else MERGING))


def _effective(field: Field, candidate: _Candidate, path: np.ndarray) -> _Candidate:
    """The candidate; a slow point if it is a ghost that does not act on the trajectory."""
    point, width = candidate.point, candidate.half_width
    if point.kind != "ghost":
        return candidate
    away = cdist(np.reshape(point.state, (1, -1)), path).min()
    median = np.median(np.linalg.norm(velocities(field, jnp.asarray(path)), axis=1))
    reasons = {
        f"its half-width {width:.3g} exceeds the extent of the trajectory": width > cdist(path, path).max(),
        f"it is {away:.3g} from the trajectory, more than its half-width {width:.3g}": away > width,
        f"its speed {point.speed:.3g} is not below the trajectory's median {median:.3g}": point.speed
        >= median,
    }
    failed = [reason for reason, holds in reasons.items() if holds]
    if not failed:
        return candidate
    changed = ("slow", False, f"not effective: {failed[0]}")
    return candidate._replace(point=eqx.tree_at(lambda p: (p.kind, p.certified, p.note), point, changed))


def _brackets(field: Field, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rests, and minima of the speed, between the points of a grid in one dimension, each [candidate, 1].

    Critical points join the grid, so that two rests between neighbours are not missed.
    """
    values = np.asarray(on_a_line(field, jnp.asarray(grid)))
    critical = _zeros(field, 1, grid, values)
    there = np.reshape([_at(field, x) for x in critical], (-1, 3)).T
    places, order = np.unique(np.concatenate([grid, critical]), return_index=True)
    rests = _zeros(field, 0, places, np.concatenate([values, there], axis=1)[:, order])
    return rests[:, None], critical[there[0] * there[2] > 0][:, None]


def _zeros(field: Field, order: int, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Zeros of the derivative of a given order between places; values [order, place]."""
    signs = np.sign(values[order])
    crossing = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    roots = [brentq(lambda x: _at(field, x)[order], *places[i : i + 2], xtol=1e-13) for i in crossing]
    return np.concatenate([places[signs == 0], np.array(roots)])


def _at(field: Field, x: float) -> np.ndarray:
    """The field and its first two derivatives at one place, [order]."""
    return np.asarray(on_a_line(field, jnp.array([x])))[:, 0]
