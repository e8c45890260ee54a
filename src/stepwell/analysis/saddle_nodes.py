r"""Rests and ghosts of low-rank networks through training, and the updates in which rests are born or collide."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from stepwell.analysis.fields import LatentField, latent_field
from stepwell.analysis.rest_points import RestPoint, fixed_points
from stepwell.analysis.system import Numbers, finite

GRID = np.linspace(-15, 15, 1001)
SCAN = np.linspace(0, 1, 41)
SAMPLES = 128


class Census(NamedTuple):
    """Numbers of points of a rank-one field.

    Attributes:
        rests: zeros of $f$, [...]. ghosts: minima of the speed $|f|$ that are no rests, [...].
        steepest: largest slope $f'$ on the grid, [...].
    """

    rests: np.ndarray
    ghosts: np.ndarray
    steepest: np.ndarray


class SaddleNode(NamedTuple):
    """Two rests are born or collide, between two snapshots.

    Attributes:
        seed: of the network. update: of the snapshot before.
        fraction: where on the straight line of the parameters to the next snapshot, from 0 to 1.
        state: the latent variables there: a number for rank one, else [rank].
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
    r"""Counts the rests and ghosts of rank-one fields $f(\kappa)=-\kappa+n\cdot\tanh(m\kappa+b)$, many at once.

    Every change of sign of $f'$ gives a critical point, whose $f$ follows from the cubic through its neighbours; so two
    rests between two points of the grid are not missed. For the points themselves use `fixed_points`.

    Args:
        m, n, b: [..., hidden]. grid: increasing places, [place].

    Example:
        >>> count = census([2.0], [2.0], [0.0])
        >>> int(count.rests), int(count.ghosts)
        (3, 0)
    """
    m, n, b = np.broadcast_arrays(*(finite(name, value) for name, value in (("m", m), ("n", n), ("b", b))))
    flat = [jnp.asarray(a.reshape(-1, a.shape[-1])) for a in (m, n, b)]
    counts = _census(*flat, jnp.asarray(finite("the grid", grid)))
    return Census(*(np.asarray(count).reshape(m.shape[:-1]) for count in counts))


def saddle_node_events(record: xr.Dataset, starts: Numbers | None = None) -> list[SaddleNode]:
    r"""The saddle-nodes of low-rank networks through training, located inside an update.

    Where the number of rests differs between two snapshots, 41 points of the straight line between their parameters are
    looked at, and the fold, $F=0$ and $Jv=0$ with $|v|=1$, is solved for by Newton's method in state, direction and place.

    Args:
        record: `m`, `n` [seed, snapshot, unit, rank], `b` [seed, snapshot, unit, input], the input being constantly 1.
        starts: where rests are looked for; None for a grid on [-15, 15], or for higher rank 128 places within reach.

    Example:
        >>> units = ("seed", "snapshot", "unit", "rank")
        >>> drive = np.array([0.63, 0.43])[None, :, None, None]
        >>> m, n, b = np.ones((1, 2, 1, 1)), 2 * np.ones((1, 2, 1, 1)), drive
        >>> record = xr.Dataset({"m": (units, m), "n": (units, n), "b": ((*units[:3], "input"), b)})
        >>> saddle_node_events(record)
        [SaddleNode(seed=0, update=0, fraction=0.4858, state=-1.4142)]

    Source: ghost2025, Fig. 3B; located by us.
    """
    arrays = _arrays(record)
    seeds, updates = record["seed"].values, _updates(record)
    found = []
    for i, seed in enumerate(seeds):
        rows = [a[i] for a in arrays]
        usable = np.all([np.isfinite(row).all(axis=(1, 2)) for row in rows], axis=0)
        counts = _counts(rows, usable, starts)
        for u in np.flatnonzero((counts[:-1] != counts[1:]) & usable[:-1] & usable[1:]):
            for fraction, state in _folds([row[u : u + 2] for row in rows], starts):
                place = state[0] if len(state) == 1 else state
                found.append(SaddleNode(int(seed), int(updates[u]), fraction, place))
    return found


def recorded_points(
    record: xr.Dataset, updates: Sequence[int] | None = None, starts: Numbers | None = None
) -> list[Sighting]:
    """The rests and ghosts of low-rank networks at recorded updates, in their latent variables.

    Args:
        record: as for `saddle_node_events`. updates: which snapshots; None for all. starts: as there.

    Raises:
        ValueError: for an update that is not in the record.
    """
    arrays, at = _arrays(record), _updates(record)
    wanted = at if updates is None else np.asarray(updates)
    missing = np.setdiff1d(wanted, at)
    if missing.size:
        near = at[np.argmin(np.abs(at - missing[0]))]
        raise ValueError(
            f"update {missing[0]} is not in the record of {len(at)} snapshots; the nearest is {near}."
        )
    return [
        Sighting(int(seed), int(update), point)
        for i, seed in enumerate(record["seed"].values)
        for update in wanted
        for point in _points([a[i, np.argmax(at == update)] for a in arrays], starts)
    ]


def _arrays(record: xr.Dataset) -> list[np.ndarray]:
    """m, n [seed, snapshot, unit, rank] and the drive of the constant input, [seed, snapshot, unit, 1]."""
    missing = [name for name in ("m", "n", "b") if name not in record]
    if missing:
        raise ValueError(f"the record has no {', '.join(missing)}; a low-rank network has m, n and b.")
    m, n = (record[name].transpose("seed", "snapshot", "unit", "rank").values for name in ("m", "n"))
    return [
        m,
        n,
        record["b"].transpose("seed", "snapshot", "unit", "input").values.sum(axis=-1, keepdims=True),
    ]


def _updates(record: xr.Dataset) -> np.ndarray:
    return record["snapshot_update" if "snapshot_update" in record.coords else "snapshot"].values


def _counts(rows: list[np.ndarray], usable: np.ndarray, starts: Numbers | None) -> np.ndarray:
    """The number of rests at every usable snapshot, -1 at the others; [snapshot]."""
    counts = np.full(len(usable), -1)
    if rows[0].shape[-1] == 1:
        counts[usable] = census(
            *(row[usable, :, 0] for row in rows), GRID if starts is None else starts
        ).rests
    else:
        counts[usable] = [len(_rests([row[j] for row in rows], starts)) for j in np.flatnonzero(usable)]
    return counts


def _points(parts: list[np.ndarray], starts: Numbers | None) -> list[RestPoint]:
    m, n, b = parts
    if starts is None:
        reach = np.abs(n).sum(axis=0)
        places = np.random.default_rng(0).uniform(-1, 1, (SAMPLES, len(reach))) * reach
        starts = GRID if len(reach) == 1 else places
    return fixed_points(latent_field(m, n, b), starts)


def _rests(parts: list[np.ndarray], starts: Numbers | None) -> list[RestPoint]:
    return [point for point in _points(parts, starts) if point.kind == "fixed"]


def _folds(pairs: list[np.ndarray], starts: Numbers | None) -> list[tuple[float, np.ndarray]]:
    """The folds on the line between two snapshots: fraction and state."""
    first, change = [p[0] for p in pairs], [p[1] - p[0] for p in pairs]
    line = [a + SCAN[:, None, None] * d for a, d in zip(first, change)]
    counts = _counts(line, np.ones(len(SCAN), bool), starts)
    found: list[tuple[float, np.ndarray]] = []
    for j in np.flatnonzero(counts[:-1] != counts[1:]):
        side = j if counts[j] > counts[j + 1] else j + 1
        rests = _rests([a[side] for a in line], starts)
        # Of the rests on the fuller side those about to collide have the Jacobian closest to singular.
        rests.sort(key=lambda point: np.linalg.svd(point.jacobian, compute_uv=False)[-1])
        wanted = len(found) + abs(int(counts[j + 1] - counts[j])) // 2
        for point in rests:
            guess = np.append(np.atleast_1d(point.state), np.linalg.svd(point.jacobian)[2][-1])
            fold = np.asarray(_fold(first, change, jnp.append(guess, SCAN[side])))
            state, fraction = fold[: len(fold) // 2], float(fold[-1])
            inside = SCAN[j] - 1e-9 <= fraction <= SCAN[j + 1] + 1e-9
            if inside and not any(np.allclose(state, known, atol=1e-8) for _, known in found):
                found.append((fraction, state))
            if len(found) == wanted:
                break
    return sorted(found, key=lambda fold: fold[0])


@jax.jit
def _fold(
    first: list[Array], change: list[Array], guess: Float[Array, " unknown"]
) -> Float[Array, " unknown"]:
    """Newton's method on F = 0, J v = 0, |v| = 1 in the unknowns state, v and fraction."""
    rank = (len(guess) - 1) // 2

    def gaps(z: Array) -> Array:
        m, n, b = (a + z[-1] * d for a, d in zip(first, change))
        field = LatentField(m, n, b[:, 0])
        state, v = z[:rank], z[rank:-1]
        F, Jv = jax.jvp(field, (state,), (v,))
        return jnp.concatenate([F, Jv, (v @ v - 1)[None]])

    return jax.lax.fori_loop(0, 20, lambda _, z: z - jnp.linalg.solve(jax.jacfwd(gaps)(z), gaps(z)), guess)


@jax.jit
def _census(
    m: Float[Array, "field hidden"],
    n: Float[Array, "field hidden"],
    b: Float[Array, "field hidden"],
    grid: Float[Array, " place"],
) -> tuple[Array, Array, Array]:
    step = jnp.diff(grid)

    def one(parts: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        m, n, b = parts
        rates = jnp.tanh(m[:, None] * grid + b[:, None])
        f, slope = n @ rates - grid, (n * m) @ (1 - rates**2) - 1
        rising = slope >= 0
        turning = rising[:-1] != rising[1:]
        # The cubic through values and slopes at both neighbours, at the zero of the linear slope.
        t = jnp.where(turning, slope[:-1] / (slope[:-1] - slope[1:]), 0.0)
        blend = t**2 * (3 - 2 * t)
        between = (
            f[:-1] + blend * (f[1:] - f[:-1]) + step * t * (1 - t) * ((1 - t) * slope[:-1] - t * slope[1:])
        )
        above = jnp.stack([f[:-1], between], axis=1).ravel() >= 0
        rests = jnp.sum(above[:-1] != above[1:]) + (above[-1] != (f[-1] >= 0))
        ghosts = jnp.sum(turning & (between * (slope[1:] - slope[:-1]) > 0))
        return rests, ghosts, jnp.max(slope)

    return jax.lax.map(one, (m, n, b), batch_size=8)
