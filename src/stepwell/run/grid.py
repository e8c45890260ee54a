"""Sweeps: an experiment over a grid of settings and seeds, on as many workers as there are."""

import json
import os
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from stepwell.experiment import TABLES, experiment_fingerprint
from stepwell.run.block import Block, of_seeds
from stepwell.run.cluster import Cluster
from stepwell.run.cube import cube
from stepwell.run.failures import give_up, made
from stepwell.run.plan import Grid, planned, points
from stepwell.run.pools import AbstractPool, Here, Processes
from stepwell.run.progress import Tally
from stepwell.run.store import Store, checked_seeds
from stepwell.run.work import BUSY, DONE, FAILED, STOPPED, Outcome
from stepwell.settings import to_json

ATTEMPTS = 3
"""How often a block is begun whose failure may pass: a lost worker, a lack of memory."""
TRIAL = 3.0
"""Seconds of work in this process before others are started; many sweeps are done by then."""
POLL = 0.5

Listener = Callable[[Tally], None]


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
        grid: lists of values by the path of a setting, e.g. `{"network.sigma0": [1e-4, 1e-3], "rule": ["bptt",
            "rflo"]}`; a text is read as on the command line.
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
    keep = _Keep(store)
    blocks = planned(list(settings.flat), seeds)
    failed = settled(blocks, keep.store, workers, scheduler, progress)
    prints = np.array([experiment_fingerprint(each) for each in settings.flat], object).reshape(settings.shape)
    keep.store.index.refresh()
    if not any(print in keep.store.index.rows for print in prints.flat):
        raise ValueError(f"no cell could be made; the first failed so: {next(iter(failed.values()))}")
    told = [{"runs": _named(blocks[at]), "reason": reason} for at, reason in failed.items()]
    if told:
        lost = sum(len(each["runs"]) for each in told)
        warnings.warn(
            f"{lost} cells failed ({told[0]['reason']}); the same sweep tries them again.", stacklevel=2
        )
    found = cube(keep.store.index, labels, prints, seeds)
    found.attrs |= {"settings": json.dumps(to_json(experiment, TABLES)), "failures": json.dumps(told)}
    found.attrs |= {"fingerprint": experiment_fingerprint(experiment), "grid": json.dumps(labels)}
    found.encoding["store"] = keep  # a temporary store lasts as long as what was opened from it
    return found
