"""One network at many learning rates, stacked into few programs and kept as one record."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
import xarray as xr

from stepwell.analysis.abrupt_learning import drop
from stepwell.experiment import Experiment, experiment_fingerprint
from stepwell.run.plan import planned
from stepwell.run.record import dataset
from stepwell.run.store import Store, join, settle
from stepwell.run.trainer import train_block
from stepwell.study.base import varied

ROWS = 100
"""Networks of a block: the stored states of as many are near the size of a cache."""


class RateScan(eqx.Module):
    """A scan of learning rates; a run that is in the store is not trained again.

    The record has `losses`, `onset` and `streak` [seed, snapshot, rate], `left_at` [seed, rate], the first
    update with less than 0.9 of the first loss (-1 for never), and as `loss` and `gradient_norm` the means
    over rates.

    Attributes:
        experiment: what is trained. rates: its learning rates.
    """

    experiment: Experiment
    rates: tuple[float, ...]

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Train every seed at every rate."""
        each = [varied(self.experiment, optimiser__learning_rate=rate) for rate in self.rates]
        store = Store.temporary() if store is None else store if isinstance(store, Store) else Store(store)
        for block in planned(each, seeds, ROWS):
            settle(block, store, train_block)
        prints = [experiment_fingerprint(settings) or "" for settings in each]
        runs = [join(store.find(fingerprint, set(seeds)), seeds) for fingerprint in prints]
        at, due = runs[0]["update"].values, runs[0].snapshot_update.values
        times = {"update": at, "learning_time": at, "snapshot_update": due, "snapshot_learning_time": due}
        curves = {
            name: np.mean([run[name].values for run in runs], axis=0) for name in ("loss", "gradient_norm")
        }
        shots = {name: np.stack([run[name].values for run in runs], axis=-1) for name in ("onset", "streak")}
        shots["losses"] = np.stack([run.loss.values[:, due] for run in runs], axis=-1)
        found = dataset(self, seeds, curves, shots, times, 0.0)
        left = [drop(run.loss.values / run.loss.values[:, :1], level=0.9) for run in runs]
        return found.assign(left_at=(("seed", "rate"), np.stack(left, axis=-1)))
