r"""Rests and ghosts of low-rank networks through training, and where rests are born or collide."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from stepwell.analysis.fields import LatentField, latent_field
from stepwell.analysis.rest_points import RestPoint, fixed_points
from stepwell.analysis.system import Numbers, finite

GRID = np.linspace(-15, 15, 1001)
SCAN = np.linspace(0, 1, 41)
SAMPLES = 128


class Census(NamedTuple):
    """What rank-one fields hold, [...].

    Attributes:
        rests: zeros of $f$.
        ghosts: minima of the speed $|f|$ that are no rests.
        steepest: largest slope $f'$ on the grid.
    """

    rests: np.ndarray
    ghosts: np.ndarray
    steepest: np.ndarray


class SaddleNode(NamedTuple):
    """Two rests are born or collide, between two snapshots.

    Attributes:
        seed: of the network.
        update: of the snapshot before.
        fraction: where on the straight line of the parameters to the next snapshot, from 0 to 1.
        state: the latent variables there, [rank]; a number for rank one.
    """

    seed: int
    update: int
    fraction: float
    state: Any


class Sighting(NamedTuple):
    """A point of a network at a recorded update."""

    seed: int
    update: int
    point: RestPoint


def census(m: Numbers, n: Numbers, b: Numbers, grid: Numbers = GRID) -> Census:
    r"""Counts of the rests and ghosts of rank-one fields $-\kappa+n\cdot\tanh(m\kappa+b)$, many at once.

    Every change of sign of $f'$ gives a critical point, whose $f$ follows from the cubic through its
    neighbours; so two rests between neighbours on the grid are not missed. For the points themselves use
    `fixed_points`.

    Args:
        m, n, b: [..., hidden].
        grid: increasing places, [place].

    Example:
        >>> count = census([2.0], [2.0], [0.0])
        >>> int(count.rests), int(count.ghosts)
        (3, 0)
    """
    parts = np.broadcast_arrays(finite("m", m), finite("n", n), finite("b", b))
    flat = tuple(jnp.asarray(a.reshape(-1, a.shape[-1])) for a in parts)
    counts = _census(flat, jnp.asarray(finite("the grid", grid)))
    return Census(*(np.asarray(count).reshape(parts[0].shape[:-1]) for count in counts))


def saddle_node_events(record: xr.Dataset, starts: Numbers | None = None) -> list[SaddleNode]:
    r"""The saddle-nodes of low-rank networks through training, located inside an update.

    Where the number of rests differs between two snapshots, 41 points of the straight line between their
    parameters are looked at. Newton's method then solves for the fold, $F=0$ and $Jv=0$ with $|v|=1$, in the
    state, the direction and the place on the line. What comes and goes between two snapshots is not seen.

    Args:
        record: `m`, `n` [seed, snapshot, unit, rank], `b` [seed, snapshot, unit, input], every input being 1.
        starts: where rests are looked for; None for a grid on [-15, 15], and for higher rank 128 random
            places.

    Returns:
        The events in the order of seeds and updates.

    Example:
        >>> dims = ("seed", "snapshot", "unit", "rank")
        >>> m, b = np.ones((1, 2, 1, 1)), np.array([0.63, 0.43])[None, :, None, None]
        >>> record = xr.Dataset({"m": (dims, m), "n": (dims, 2 * m), "b": ((*dims[:3], "input"), b)})
        >>> [event] = saddle_node_events(record)
        >>> print(event.update, round(event.fraction, 4), round(event.state, 4))
        0 0.4858 -1.4142

    Source: ghost2025, Fig. 3B; the location is ours.
    """
    arrays, updates, found = _arrays(record), _updates(record), []
    for seed, *rows in zip(record["seed"].values, *arrays):
        usable = np.all([np.isfinite(row).all(axis=(1, 2)) for row in rows], axis=0)
        counts = _counts(rows, usable, starts)
        for u in np.flatnonzero((counts[:-1] != counts[1:]) & usable[:-1] & usable[1:]):
            for fraction, state in _folds([row[u : u + 2] for row in rows], starts):
                place = float(state[0]) if len(state) == 1 else state
                found.append(SaddleNode(int(seed), int(updates[u]), fraction, place))
    return found


def recorded_points(
    record: xr.Dataset, updates: Sequence[int] | np.ndarray | None = None, starts: Numbers | None = None
) -> list[Sighting]:
    """The rests and ghosts of low-rank networks at recorded updates, in their latent variables.

    Args:
        record: as for `saddle_node_events`.
        updates: which snapshots; None for all.
        starts: as for `saddle_node_events`.

    Raises:
        ValueError: for an update that is not in the record.

    Example:
        >>> dims = ("seed", "snapshot", "unit", "rank")
        >>> m = np.ones((1, 2, 1, 1))
        >>> record = xr.Dataset({"m": (dims, m), "n": (dims, 2 * m), "b": ((*dims[:3], "input"), 0 * m)})
        >>> [round(float(sighting.point.state), 3) for sighting in recorded_points(record, [1])]
        [-1.915, 0.0, 1.915]
    """
    arrays, at = _arrays(record), _updates(record)
    wanted = at if updates is None else np.asarray(updates)
    missing = np.setdiff1d(wanted, at)
    if missing.size:
        near = at[np.argmin(np.abs(at - missing[0]))]
        raise ValueError(f"update {missing[0]} is not among the {len(at)} snapshots; the nearest is {near}.")
    return [
        Sighting(int(seed), int(update), point)
        for seed, *rows in zip(record["seed"].values, *arrays)
        for update in wanted
        for point in _points([row[np.argmax(at == update)] for row in rows], starts)
    ]


def _arrays(record: xr.Dataset) -> list[np.ndarray]:
    """m, n [seed, snapshot, unit, rank] and the drive of the constant input, [seed, snapshot, unit, 1]."""
    missing = [name for name in ("m", "n", "b") if name not in record]
    if missing:
        raise ValueError(f"the record has no {' and no '.join(missing)}; a low-rank network has m, n and b.")
    m, n = (record[name].transpose("seed", "snapshot", "unit", "rank").values for name in ("m", "n"))
    b = record["b"].transpose("seed", "snapshot", "unit", "input").values
    return [m, n, b.sum(axis=-1, keepdims=True)]


def _updates(record: xr.Dataset) -> np.ndarray:
    return record["snapshot_update" if "snapshot_update" in record.coords else "snapshot"].values


def _points(parts: list[np.ndarray], starts: Numbers | None) -> list[RestPoint]:
    """The points of one network from its m, n and b."""
    m, n, b = parts
    reach = np.abs(n).sum(axis=0)  # no rest lies beyond, since |tanh| < 1
    places = np.random.default_rng(0).uniform(-1, 1, (SAMPLES, len(reach))) * reach
    default = GRID if len(reach) == 1 else places
    return fixed_points(latent_field(m, n, b), default if starts is None else starts)


def _rests(parts: list[np.ndarray], starts: Numbers | None) -> list[RestPoint]:
    return [point for point in _points(parts, starts) if point.kind == "fixed"]


def _counts(rows: list[np.ndarray], usable: np.ndarray, starts: Numbers | None) -> np.ndarray:
    """The number of rests at every usable snapshot, [snapshot]; -1 at the others."""
    counts = np.full(len(usable), -1)
    if rows[0].shape[-1] == 1:
        m, n, b = (row[usable, :, 0] for row in rows)
        counts[usable] = census(m, n, b, GRID if starts is None else np.unique(np.asarray(starts))).rests
    else:
        counts[usable] = [len(_rests([row[j] for row in rows], starts)) for j in np.flatnonzero(usable)]
    return counts


def _folds(pairs: list[np.ndarray], starts: Numbers | None) -> list[tuple[float, np.ndarray]]:
    """The folds on the line between two snapshots: fraction and state."""
    first, change = [pair[0] for pair in pairs], [pair[1] - pair[0] for pair in pairs]
    line = [a + SCAN[:, None, None] * d for a, d in zip(first, change)]
    counts = _counts(line, np.ones(len(SCAN), bool), starts)
    found: list[tuple[float, np.ndarray]] = []
    for j in np.flatnonzero(counts[:-1] != counts[1:]):
        fuller = int(j if counts[j] > counts[j + 1] else j + 1)
        wanted = len(found) + abs(int(counts[j + 1] - counts[j])) // 2
        # Those about to collide have the Jacobians closest to singular.
        rests = _rests([a[fuller] for a in line], starts)
        for point in sorted(rests, key=lambda point: np.linalg.svd(point.jacobian, compute_uv=False)[-1]):
            fraction, state = _fold(first, change, point, float(SCAN[fuller]))
            new = not any(np.allclose(state, known, atol=1e-8) for _, known in found)
            if new and SCAN[j] - 1e-9 <= fraction <= SCAN[j + 1] + 1e-9 and len(found) < wanted:
                found.append((fraction, state))
    return sorted(found, key=lambda fold: fold[0])


def _fold(
    first: list[np.ndarray], change: list[np.ndarray], point: RestPoint, fraction: float
) -> tuple[float, np.ndarray]:
    """The fraction and the state of the fold near a rest."""
    state, v = np.atleast_1d(point.state), np.linalg.svd(point.jacobian)[2][-1]
    fold = np.asarray(_newton(first, change, jnp.concatenate([state, v, jnp.array([fraction])])))
    return float(fold[-1]), fold[: len(state)]


@jax.jit
def _newton(first: list[Array], change: list[Array], guess: Array) -> Array:
    """Newton's method on F = 0, J v = 0, |v| = 1 in the unknowns state, v and fraction."""
    rank = (len(guess) - 1) // 2

    def gaps(unknown: Array) -> Array:
        state, v, fraction = unknown[:rank], unknown[rank:-1], unknown[-1]
        m, n, b = (a + fraction * d for a, d in zip(first, change))
        F, Jv = jax.jvp(LatentField(m, n, b[:, 0]), (state,), (v,))
        return jnp.concatenate([F, Jv, (v @ v - 1)[None]])

    def improved(_: Any, unknown: Array) -> Array:
        return unknown - jnp.linalg.solve(jax.jacfwd(gaps)(unknown), gaps(unknown))

    return jax.lax.fori_loop(0, 20, improved, guess)


@jax.jit
def _census(fields: tuple[Array, ...], grid: Array) -> tuple[Array, Array, Array]:
    """Rests, ghosts and the largest slope of fields given by m, n, b, each [field, hidden]."""
    step = jnp.diff(grid)

    def one(parts: tuple[Array, ...]) -> tuple[Array, Array, Array]:
        m, n, b = parts
        rates = jnp.tanh(m[:, None] * grid[None] + b[:, None])
        f, slope = n @ rates - grid, (n * m) @ (1 - rates**2) - 1
        rising = slope >= 0
        turning = rising[:-1] != rising[1:]
        # f at the critical point, by the cubic through values and slopes of both neighbours.
        t = jnp.where(turning, slope[:-1] / (slope[:-1] - slope[1:]), 0.0)
        blend, bend = t**2 * (3 - 2 * t), t * (1 - t) * ((1 - t) * slope[:-1] - t * slope[1:])
        critical = f[:-1] + blend * jnp.diff(f) + step * bend
        above = jnp.append(jnp.stack([f[:-1], critical], axis=1), f[-1]) >= 0
        ghosts = turning & (critical * jnp.diff(slope) > 0)
        return jnp.sum(above[:-1] != above[1:]), jnp.sum(ghosts), jnp.max(slope)

    return jax.lax.map(one, fields, batch_size=8)
