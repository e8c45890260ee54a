"""Training as a recorded trajectory: compiled chunks of updates, state in and out by value.

Settings become arrays here and nowhere else. One compiled program serves every chunk of a block of networks:
it takes the number of updates as an argument, so the bits of a run do not depend on how it was cut into
chunks or interrupted.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

from stepwell.experiment import Experiment, Keys, keys
from stepwell.run.readings import read
from stepwell.run.record import dataset
from stepwell.run.stability import warn_if_unstable
from stepwell.run.store import Block, checked_seeds, recall
from stepwell.task.base import sizes

CHUNK_SECONDS = 0.5
BLOCK_BYTES = 2**19
BUFFER_BYTES = 2**26


class Progress(NamedTuple):
    """Where a run is: entries done of those wanted, and the losses now, [seed]."""

    done: int
    wanted: int
    loss: np.ndarray


class Carry(NamedTuple):
    """All that one update hands to the next; every array but `update` has the block's seeds as first axis."""

    params: Any
    optimiser: Any
    rule: Any
    key: Any
    update: Any


class Piece(NamedTuple):
    """What a chunk showed: curves [update, seed], snapshots [snapshot, seed, ...] and their own updates."""

    curves: dict[str, np.ndarray]
    snapshots: dict[str, Any]
    updates: np.ndarray


def train(
    experiment: Experiment,
    seeds: Sequence[int],
    store: Any = None,
    progress: Callable[[Progress], None] | None = None,
) -> xr.Dataset:
    """Train one network per seed and record the trajectory.

    Args:
        experiment: what to train.
        seeds: integers; each gives its own start and its own trials.
        store: folder (or `Store`) in which runs are kept: what is there is not trained again, and an
            interrupted run goes on with the same bits. None keeps nothing.
        progress: called after every chunk of updates.

    Returns:
        A record, see `docs/record.md`: `loss`, `gradient_norm` [seed, update]; parameters
        [seed, snapshot, ...]; `diverged_at` [seed]. Entry u belongs to the parameters after u updates, before
        the next one.

    Raises:
        ValueError: if network and task do not fit, or a float64 experiment meets a float32 process.
    """
    seeds = checked_seeds(seeds)
    check(experiment)
    warn_if_unstable(experiment)
    with jax.enable_x64(experiment.dtype == "float64"):
        return recall(
            experiment, seeds, store, width(experiment), lambda block: _train(experiment, block, progress)
        )


def check(experiment: Experiment) -> None:
    """Refuse what cannot run, before anything is computed."""
    if experiment.dtype == "float64" and jnp.result_type(float) != np.float64:
        raise ValueError(
            "this experiment is float64 and the process computes in float32; put "
            "`jax.config.update('jax_enable_x64', True)` before it, or set dtype='float32'."
        )
    task, network = sizes(experiment.task), experiment.network
    if (task.input, task.output) != (network.input, network.output):
        raise ValueError(
            f"the task has {task.input} inputs and {task.output} outputs, the network {network.input} and "
            f"{network.output}; set network.input={task.input} and network.output={task.output}."
        )
    names = set(jax.eval_shape(network.init, jax.random.key(0)))
    unknown = set(experiment.trainable or ()) - names
    if unknown:
        raise ValueError(f"trainable names {sorted(unknown)}, but the network has {sorted(names)}.")


def width(experiment: Experiment) -> int:
    """How many networks make one block: as many as keep the block's states in the second-level cache."""
    task = sizes(experiment.task)
    states = task.steps * experiment.network.hidden * task.batch * 8
    return 1 if states * 4 > BLOCK_BYTES else min(128, max(1, BLOCK_BYTES // states))


def as_arrays(settings: Any, dtype: str) -> Any:
    """The settings with every number an array of the run's dtype, so that a new value compiles nothing."""

    def array(leaf: Any) -> Any:
        if isinstance(leaf, bool) or not isinstance(leaf, (int, float, complex, np.ndarray)):
            return leaf
        kind = jnp.result_type(dtype, jnp.complex64) if np.iscomplexobj(leaf) else dtype
        return jnp.asarray(leaf, kind)

    return jax.tree.map(array, settings)


def start(experiment: Experiment, seeds: Sequence[int]) -> Carry:
    """The carry before the first update, drawn outside compiled code: no start depends on its block."""
    rows = [_row(experiment, keys(seed)) for seed in seeds]
    params, optimiser, rule, key = jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows)
    return Carry(params, optimiser, rule, key, jnp.zeros((), jnp.int32))


def _row(experiment: Experiment, key: Keys) -> tuple[Any, Any, Any, Any]:
    dtype = experiment.dtype
    params = {name: jnp.asarray(value, dtype) for name, value in experiment.network.init(key.init).items()}
    rule = jax.tree.map(lambda a: jnp.asarray(a, dtype), experiment.rule.init(experiment.network, key.rule))
    return params, as_arrays(experiment.optimiser, dtype).transformation().init(params), rule, key.trials


def _update(experiment: Experiment, update: Any, params: Any, optimiser: Any, rule: Any, key: Any) -> Any:
    """One update of one network: the new (params, optimiser, rule), the loss, the norm, and the direction."""
    trials = experiment.task.trials(jax.random.fold_in(key, update))
    loss, direction, rule = experiment.rule.gradient(
        experiment.network, experiment.task, params, trials, rule
    )
    direction = _trainable(experiment, direction)
    changes, optimiser = experiment.optimiser.transformation().update(direction, optimiser, params)
    params = optax.apply_updates(params, _trainable(experiment, changes))
    return (params, optimiser, rule), loss, _norm(direction), direction


def _trainable(experiment: Experiment, arrays: Any) -> Any:
    """The arrays, with zeros for the parameters that do not change."""
    names = experiment.trainable
    return arrays if names is None else {k: v if k in names else jnp.zeros_like(v) for k, v in arrays.items()}


def _norm(direction: Any) -> Any:
    return jnp.sqrt(sum(jnp.sum(jnp.abs(leaf) ** 2) for leaf in jax.tree.leaves(direction)))


def advance(experiment: Experiment, carry: Carry, count: int, room: int, slots: int) -> tuple[Carry, Any]:
    """`count` updates of a block; curves in buffers of `room` entries, snapshots in `slots` slots."""
    # The count goes in as an array: a plain number is static, and every new one would compile a program.
    return _advance(experiment, carry, jnp.asarray(count), room, slots)


@eqx.filter_jit
def _advance(experiment: Experiment, carry: Carry, count: Any, room: int, slots: int) -> tuple[Carry, Any]:
    """The compiled program of `advance`.

    Every entry is written to the slot of the next snapshot; the last one written, the snapshot itself, stays.
    A branch ("write only if due") would copy the buffers.
    """
    every, single = experiment.recording.every, len(jax.tree.leaves(carry.params)[0]) == 1
    first = (carry.update + every - 1) // every

    def batched(update: Any, row: Any) -> Any:
        if single:  # stacking one network would turn its matrix products into batched ones, which are slower
            out = _update(experiment, update, *jax.tree.map(lambda a: a[0], row))
            return jax.tree.map(lambda a: a[None], out)
        return jax.vmap(lambda *r: _update(experiment, update, *r))(*row)

    def body(i: Any, state: Any) -> Any:
        carry, buffers, shots = state
        row = (carry.params, carry.optimiser, carry.rule, carry.key)
        (params, optimiser, rule), loss, norm, direction = batched(carry.update, row)
        buffers = jax.tree.map(lambda buffer, value: buffer.at[i].set(value), buffers, (loss, norm))
        slot = (carry.update + every - 1) // every - first
        shot = {"params": carry.params, "rule": carry.rule, "direction": direction}
        shots = jax.tree.map(lambda buffer, value: buffer.at[slot].set(value), shots, shot)
        return Carry(params, optimiser, rule, carry.key, carry.update + 1), buffers, shots

    blank = {"params": carry.params, "rule": carry.rule, "direction": carry.params}
    shots = jax.tree.map(lambda a: jnp.zeros((slots, *a.shape), a.dtype), blank)
    curve = jnp.zeros((room, len(carry.key)), experiment.dtype)
    carry, buffers, shots = jax.lax.fori_loop(0, count, body, (carry, (curve, curve), shots))
    return carry, (buffers, shots)


def _train(experiment: Experiment, block: Block, progress: Callable[[Progress], None] | None) -> xr.Dataset:
    """A record of one block, from its start or from its last checkpoint."""
    began, notes, pieces = time.monotonic(), [], []
    traced, carry = as_arrays(experiment, experiment.dtype), start(experiment, block.seeds)
    first = _start_piece(carry)
    read(experiment.recording.what, first.snapshots, 1)  # a reading that cannot be had is found out now
    if block.checkpoints is not None:
        resumed = block.checkpoints.load(carry, first)
        if resumed is not None:
            carry, pieces, notes = resumed
    for now, piece in _chunks(traced, carry, experiment.updates):
        pieces.append(piece)
        loss = piece.curves["loss"][-1]
        if progress is not None:
            progress(Progress(int(now.update), experiment.updates + 1, loss))
        if not np.isfinite(loss).any():
            break
        if block.checkpoints is not None:
            block.checkpoints.save(now, pieces)
    return _record(experiment, block, pieces, time.monotonic() - began, notes)


def _chunks(experiment: Experiment, carry: Carry, total: int) -> Iterator[tuple[Carry, Piece]]:
    """The run in chunks of about `CHUNK_SECONDS`; the next chunk computes while the last one is looked at.

    The entry after the last update is made by the same program, and the carry after it is thrown away: so it
    has the bits that it would have in a longer run.
    """
    every = experiment.recording.every
    snapshot = 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(carry.params))
    room = min(BUFFER_BYTES // (16 * len(carry.key)), 1 << max(5, total.bit_length()))
    slots = 2 + min(room // every, max(1, BUFFER_BYTES // snapshot))
    most, count, at, ahead = min(room, (slots - 1) * every), 32, int(carry.update), None
    clock, compiled = time.monotonic(), False
    while at < total or ahead is not None:
        behind, ahead = ahead, None
        if at < total:
            count_now = min(count, most, total - at)
            carry, shown = advance(experiment, carry, count_now, room, slots)
            ahead, at = (carry, shown, at, count_now), at + count_now
        if behind is not None:
            yield behind[0], _fetch(every, *behind[1:])
            elapsed, clock = time.monotonic() - clock, time.monotonic()
            if compiled and elapsed < CHUNK_SECONDS / 2:
                count = min(most, 4 * count)
            elif compiled and elapsed > 2 * CHUNK_SECONDS:
                count = max(1, count // 2)
            compiled = True
    _, shown = advance(experiment, carry, 1, room, slots)
    yield carry, _fetch(every, shown, total, 1, last=True)


def _fetch(every: int, shown: Any, at: int, count: int, last: bool = False) -> Piece:
    """A chunk's outputs on the host, with the slots that are not yet a snapshot left out."""
    first = -(-at // every)
    updates = np.arange(first * every, at + count, every) if not last else np.array([at])
    (loss, norm), shots = jax.tree.map(np.asarray, shown)
    curves = {"loss": loss[:count].copy(), "gradient_norm": norm[:count].copy()}
    return Piece(curves, jax.tree.map(lambda a: a[: len(updates)].copy(), shots), updates)


def _start_piece(carry: Carry) -> Piece:
    """A piece of the record with the structure of those that `_fetch` returns: the start, with no updates."""
    shots = {"params": carry.params, "rule": carry.rule, "direction": carry.params}
    shots = jax.tree.map(lambda a: np.asarray(a)[:, None], shots)
    return Piece({"loss": np.zeros(0), "gradient_norm": np.zeros(0)}, shots, np.zeros(0))


def _record(
    experiment: Experiment, block: Block, pieces: Sequence[Piece], seconds: float, notes: Sequence[str]
) -> xr.Dataset:
    rate, total, every = experiment.optimiser.learning_rate, experiment.updates, experiment.recording.every
    curves = {name: np.concatenate([p.curves[name] for p in pieces]).T for name in ("loss", "gradient_norm")}
    shots = jax.tree.map(
        lambda *parts: np.moveaxis(np.concatenate(parts), 0, 1), *[p.snapshots for p in pieces]
    )
    snapshots = {
        **shots["params"],
        **shots["rule"],
        **read(experiment.recording.what, shots, len(block.seeds)),
    }
    updates, due = np.arange(total + 1), np.unique(np.append(np.arange(0, total + 1, every), total))
    # A run that stopped early since all its networks diverged is NaN from there on.
    curves = {name: _filled(values, total + 1)[: block.rows] for name, values in curves.items()}
    snapshots = {name: _filled(values, len(due))[: block.rows] for name, values in snapshots.items()}
    times = {
        "update": updates,
        "learning_time": rate * updates,
        "snapshot_update": due,
        "snapshot_learning_time": rate * due,
    }
    return dataset(experiment, block.seeds[: block.rows], curves, snapshots, times, seconds, notes)


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    missing = [(0, 0)] * values.ndim
    missing[1] = (0, length - values.shape[1])
    return np.pad(values, missing, constant_values=np.nan) if missing[1][1] else values
