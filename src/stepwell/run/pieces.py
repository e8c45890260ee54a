"""Pieces of a run, as the chunks of updates show them, and the record that is put together from them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from stepwell.run.block import Block
from stepwell.run.readings import read
from stepwell.run.record import dataset
from stepwell.run.rows import of_several


class Piece(NamedTuple):
    """What a chunk showed: curves [update, seed], snapshots [snapshot, seed, ...] and their own updates."""

    curves: dict[str, np.ndarray]
    snapshots: dict[str, Any]
    updates: np.ndarray


def fetched(every: int, shown: Any, at: int, count: int, last: bool = False) -> Piece:
    """A chunk's outputs on the host, with the slots that are not yet a snapshot left out."""
    first = -(-at // every)
    updates = np.arange(first * every, at + count, every) if not last else np.array([at])
    (loss, norm), shots = jax.tree.map(np.asarray, shown)
    curves = {"loss": loss[:count].copy(), "gradient_norm": norm[:count].copy()}
    return Piece(curves, jax.tree.map(lambda a: a[: len(updates)].copy(), shots), updates)


def start_piece(params: Any, rule: Any, directed: bool) -> Piece:
    """A piece of the structure of those that `fetched` returns: the start, with no updates."""
    shots = {"params": params, "rule": rule, "direction": params if directed else {}}
    shots = jax.tree.map(lambda a: np.asarray(a)[:, None], shots)
    return Piece({"loss": np.zeros(0), "gradient_norm": np.zeros(0)}, shots, np.zeros(0))


def recorded(block: Block, pieces: Sequence[Piece], seconds: float, notes: Sequence[str]) -> xr.Dataset:
    """The record of a block of experiments, without the rows that only fill its width."""
    experiment = block.settings[0]
    total, every = experiment.updates, experiment.recording.every
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
    rates = np.array([block.settings[index].optimiser.learning_rate for index, _ in block.wanted])
    rate = rates[0] if (rates == rates[0]).all() else rates[:, None]
    times = {
        "update": updates,
        "learning_time": rate * updates,
        "snapshot_update": due,
        "snapshot_learning_time": rate * due,
    }
    record = dataset(experiment, block.seeds[: block.rows], curves, snapshots, times, seconds, notes)
    return record if len(block.settings) == 1 else of_several(record, block, notes)


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    missing = [(0, 0)] * values.ndim
    missing[1] = (0, length - values.shape[1])
    return np.pad(values, missing, constant_values=np.nan) if missing[1][1] else values
