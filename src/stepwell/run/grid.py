"""Sweeps: an experiment over a grid of settings and seeds, on as many workers as there are."""

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from stepwell.experiment import TABLES, Experiment, experiment_fingerprint
from stepwell.run.block import Block, block_name, blocks_of, structure, width
from stepwell.run.campaign import Listener, settled
from stepwell.run.cube import cube
from stepwell.run.failures import lost
from stepwell.run.plan import Grid, planned, points
from stepwell.run.store import Store, checked_seeds
from stepwell.settings import to_json


def sweep(
    experiment: Any,
    grid: Grid,
    seeds: Sequence[int],
    store: Any = None,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Listener | None = None,
) -> xr.Dataset:
    """Run an experiment over a grid of settings and seeds.

    What the store has is not run again, and what was stopped goes on: the same call, or another one with a
    larger grid, does only what is missing. Results do not depend on the number of workers.

    Args:
        experiment: an `Experiment`, a `Flow`, or another settings object with a method `run(seeds, store)`.
        grid: lists of values by the path of a setting, e.g.
            `{"network.sigma0": [1e-4, 1e-3], "rule": ["bptt", "rflo"]}`; a text is read as on the command
            line.
        seeds: of each point of the grid.
        store: folder (or `Store`) in which runs are kept; None for one that lasts as long as the result.
        workers: processes; None for one per core once the work proves worth it, 1 for this process alone.
        scheduler: of dask: "local", an address, or a queue such as "slurm" or "slurm:profile".
        progress: called with a `Tally` whenever it changes.

    Returns:
        A record with one dimension per varied setting before `seed`, opened lazily: arrays are read when they
        are used. Cells that failed are NaN, and `attrs["failures"]` says why.

    Raises:
        ValueError: for a grid, seeds, a store or a scheduler that cannot be used.
        ConnectionError: if the scheduler is lost; what is done is in the store.
    """
    seeds = checked_seeds(seeds)
    labels, settings = points(experiment, grid)
    blocks = planned(list(settings.flat), seeds)
    store = Store.temporary() if store is None else store if isinstance(store, Store) else Store(store)
    failed = settled(blocks, store, workers, scheduler, progress)
    failures = [{"runs": lost(store, blocks[at]), "reason": reason} for at, reason in failed.items()]
    prints = [experiment_fingerprint(each) for each in settings.flat]
    store.index.refresh()
    if failures:
        cells = sum(len(each["runs"]) for each in failures)
        told = f"{cells} of {settings.size * len(seeds)} cells failed ({failures[0]['reason']})"
        if not store.index.rows.keys() & set(prints):
            raise ValueError(f"{told}, and there is none to show.")
        warnings.warn(f"{told}; the same sweep tries them again.", stacklevel=2)
    found = cube(store.index, labels, np.array(prints, object).reshape(settings.shape), seeds)
    return found.assign_attrs(
        settings=json.dumps(to_json(experiment, TABLES)),
        fingerprint=experiment_fingerprint(experiment),
        grid=json.dumps(labels),
        failures=json.dumps(failures),
    )


def run_all(
    runs: Sequence[tuple[Any, Sequence[int]]],
    store: Any,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Listener | None = None,
) -> dict[tuple[str, int], str]:
    """Make sure that a store has some runs, so that `settings.run(seeds, store)` finds them there.

    Args:
        runs: pairs of settings and seeds. Those that no store can tell apart are left out.
        store: folder or `Store`.
        workers, scheduler, progress: as for `sweep`.

    Returns:
        The reasons of the runs that failed, by fingerprint and seed.
    """
    blocks: dict[str, Block] = {}
    widths: dict[Any, int] = {}
    for settings, some in runs:
        if experiment_fingerprint(settings) is not None:
            seeds, most = checked_seeds(some), None
            if isinstance(settings, Experiment):
                alike = structure(settings)
                most = widths[alike] = widths.get(alike) or width(settings)
            made = blocks_of(settings, seeds, most or len(seeds))
            blocks |= {block_name(block): block for block in made}
    store, wanted = store if isinstance(store, Store) else Store(store), list(blocks.values())
    failed = settled(wanted, store, workers, scheduler, progress)
    return {cell: reason for at, reason in failed.items() for cell in lost(store, wanted[at])}
