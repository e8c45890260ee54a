"""Training as a recorded trajectory: compiled chunks of updates, state in and out by value.

One compiled program serves every chunk of a block of networks: it takes the number of updates as an argument,
so the bits of a run do not depend on how it was cut into chunks or interrupted.
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

from stepwell.experiment import Experiment, keys
from stepwell.network.base import apart
from stepwell.network.rate import perturbed
from stepwell.run.block import Block, as_arrays, own_numbers, width
from stepwell.run.pieces import Piece, fetched, recorded, start_piece
from stepwell.run.readings import read, uses_direction
from stepwell.run.stability import warn_if_unstable
from stepwell.run.store import checked_seeds, recall
from stepwell.task.base import sizes

CHUNK_SECONDS = 0.5
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
    return recall(experiment, seeds, store, width(experiment), lambda block: train_block(block, progress))


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


def start(experiment: Experiment, seeds: Sequence[int]) -> Carry:
    """The carry before the first update, each network drawn by itself: no start depends on its block."""
    return _drawn([experiment], [(0, seed) for seed in seeds])


def _drawn(settings: Sequence[Experiment], runs: Sequence[tuple[int, int]]) -> Carry:
    dtype = settings[0].dtype
    with jax.enable_x64(True):  # in either precision a seed draws the same numbers
        given = [
            (as_arrays((each.network, each.rule), "float64"), as_arrays(each.optimiser, dtype))
            for each in settings
        ]
        rows = [_begin(*given[index], dtype, np.asarray(seed)) for index, seed in runs]
    params, optimiser, rule, key = jax.tree.map(_on_host, *rows)
    return Carry(params, optimiser, rule, jax.random.wrap_key_data(key), jnp.zeros((), jnp.int32))


@eqx.filter_jit
def _begin(given: tuple[Any, Any], optimiser: Any, dtype: str, seed: Any) -> tuple[Any, Any, Any, Any]:
    """One network before its first update; numbers go in as arrays, so that a new value compiles nothing."""
    (network, rule), key = given, keys(seed)
    params, state = network.init(key.init), rule.init(network, key.rule)
    params, state = jax.tree.map(lambda a: jnp.asarray(a, dtype), (params, state))
    return params, optimiser.transformation().init(params), state, jax.random.key_data(key.trials)


def _on_host(*leaves: Any) -> Any:
    """Leaves of several networks as one array; on the host, where a new number of them compiles nothing."""
    return jnp.asarray(np.stack([np.asarray(leaf) for leaf in leaves]))


def _update(experiment: Experiment, update: Any, params: Any, optimiser: Any, rule: Any, key: Any) -> Any:
    """One update of one network: the new (params, optimiser, rule), the loss, the norm, and the direction."""
    key = jax.random.fold_in(key, update)
    trials = perturbed(experiment.network, experiment.task.trials(key), apart(key))
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


def advance(
    experiment: Experiment, carry: Carry, count: int, room: int, slots: int, own: Any = None
) -> tuple[Carry, Any]:
    """`count` updates of a block; curves in buffers of `room` entries, snapshots in `slots` slots.

    `own` holds the numbers of the experiment of which each network has its own, as from `own_numbers`.
    """
    own = jax.tree.map(lambda _: None, experiment) if own is None else own
    # The count goes in as an array: a plain number is static, and every new one would compile a program.
    return _advance(experiment, own, carry, jnp.asarray(count), room, slots)


@eqx.filter_jit
def _advance(
    experiment: Experiment, own: Any, carry: Carry, count: Any, room: int, slots: int
) -> tuple[Carry, Any]:
    """The compiled program of `advance`: segments from snapshot to snapshot, and in them the updates.

    A segment begins with a write to the slot of the next snapshot, which the snapshot itself overwrites. A
    branch in every update ("write only if due") would copy the buffers.
    """
    every, single = experiment.recording.every, len(jax.tree.leaves(carry.params)[0]) == 1
    directed, at, end = uses_direction(experiment.recording.what), carry.update, carry.update + count

    def slot(update: Any) -> Any:
        return (update + every - 1) // every - (at + every - 1) // every

    def batched(update: Any, row: Any) -> Any:
        def one(own: Any, row: Any) -> Any:
            return _update(eqx.combine(own, experiment), update, *row)

        if single:  # stacking one network would turn its matrix products into batched ones, which are slower
            return jax.tree.map(lambda a: a[None], one(*jax.tree.map(lambda a: a[0], (own, row))))
        return jax.vmap(one)(own, row)

    def body(update: Any, state: Any) -> Any:
        carry, buffers, directions = state
        row = (carry.params, carry.optimiser, carry.rule, carry.key)
        (params, optimiser, rule), loss, norm, direction = batched(update, row)
        buffers = _written(buffers, update - at, (loss, norm))
        directions = _written(directions, slot(update), direction if directed else {})
        return Carry(params, optimiser, rule, carry.key, update + 1), buffers, directions

    def segment(state: Any) -> Any:
        carry, buffers, shots, directions = state
        shots = _written(shots, slot(carry.update), {"params": carry.params, "rule": carry.rule})
        stop = jnp.minimum(end, (carry.update // every + 1) * every)
        carry, buffers, directions = jax.lax.fori_loop(carry.update, stop, body, (carry, buffers, directions))
        return carry, buffers, shots, directions

    blank = {"params": carry.params, "rule": carry.rule}, carry.params if directed else {}
    shots, directions = jax.tree.map(lambda a: jnp.zeros((slots, *a.shape), a.dtype), blank)
    curve = jnp.zeros((room, len(carry.key)), experiment.dtype)
    state = carry, (curve, curve), shots, directions
    carry, curves, shots, directions = jax.lax.while_loop(lambda s: s[0].update < end, segment, state)
    return carry, (curves, {**shots, "direction": directions})


def _written(buffers: Any, at: Any, values: Any) -> Any:
    return jax.tree.map(lambda buffer, value: buffer.at[at].set(value), buffers, values)


def train_block(block: Block, progress: Callable[[Progress], None] | None = None) -> xr.Dataset:
    """The record of one block of experiments, from its start or from its last checkpoint."""
    with jax.enable_x64(block.settings[0].dtype == "float64"):
        return _train(block, progress)


def _train(block: Block, progress: Callable[[Progress], None] | None) -> xr.Dataset:
    began, notes, pieces, experiment = time.monotonic(), [], [], block.settings[0]
    carry = _drawn(block.settings, block.runs)
    directed = uses_direction(experiment.recording.what)
    first = start_piece(carry.params, carry.rule, directed)
    read(experiment.recording.what, first.snapshots, 1)  # a reading that cannot be had is found out now
    if block.checkpoints is not None:
        resumed = block.checkpoints.load(carry, first)
        if resumed is not None:
            carry, pieces, notes = resumed
    for reached, piece in _chunks(block, carry, experiment.updates):
        pieces.append(piece)
        loss = piece.curves["loss"][-1]
        if progress is not None:
            progress(Progress(int(reached.update), experiment.updates + 1, loss))
        if not np.isfinite(loss).any():
            break
        # With all updates made only the last entry is left: kept as a piece it would come twice on resuming.
        if block.checkpoints is not None and reached.update < experiment.updates:
            block.checkpoints.save(reached, pieces)
    return recorded(block, pieces, time.monotonic() - began, notes)


def _chunks(block: Block, carry: Carry, total: int) -> Iterator[tuple[Carry, Piece]]:
    """The run in chunks of about `CHUNK_SECONDS`; the next chunk computes while the last one is looked at.

    The entry after the last update is made by the same program, and the carry after it is thrown away: so it
    has the bits that it would have in a longer run.
    """
    experiment = as_arrays(block.settings[0], block.settings[0].dtype)
    own, every = own_numbers(block, experiment.dtype), experiment.recording.every
    snapshot = 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(carry.params))
    room = min(BUFFER_BYTES // (16 * len(carry.key)), 1 << max(5, total.bit_length()))
    slots = 2 + min(room // every, max(1, BUFFER_BYTES // snapshot))
    most, count, at, ahead = min(room, (slots - 1) * every), 32, int(carry.update), None
    clock, compiled = time.monotonic(), False
    while at < total or ahead is not None:
        behind, ahead = ahead, None
        if at < total:
            count_now = min(count, most, total - at)
            carry, shown = advance(experiment, carry, count_now, room, slots, own)
            ahead, at = (carry, shown, at, count_now), at + count_now
        if behind is not None:
            yield behind[0], fetched(every, *behind[1:])
            elapsed, clock = time.monotonic() - clock, time.monotonic()
            if compiled and elapsed < CHUNK_SECONDS / 2:
                count = min(most, 4 * count)
            elif compiled and elapsed > 2 * CHUNK_SECONDS:
                count = max(1, count // 2)
            compiled = True
    _, shown = advance(experiment, carry, 1, room, slots, own)
    yield carry, fetched(every, shown, total, 1, last=True)
