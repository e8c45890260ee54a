"""What learning added to the weights of trained networks, measured once for all claims."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr

from stepwell import analysis
from stepwell.experiment import Experiment
from stepwell.run.record import dataset
from stepwell.settings import setting
from stepwell.study.base import value_of

WINDOW = 20
"""Updates over which a running loss is a mean: that of a single batch is noisy."""

EVALUATION = 512
"""Trials of the one batch on which all truncations are evaluated."""


class WeightChange(eqx.Module):
    r"""An experiment, trained, and its weight change taken apart.

    The record has the curves of the runs and, as snapshots, their parameters at the start, at the recorded
    update of lowest running loss, and at the end. Of the latter two (axis `when`) it has `truncated_loss`
    [seed, when, rank], `shuffled_loss` [seed, when, shuffle] and `singular_values` [seed, when, k];
    `initial_loss` [seed] is the loss of the same trials before learning.

    Attributes:
        experiment: what is trained.
        ranks: truncations from rank 0 to one less than this.
        shuffles: permutations of the initial weights.
    """

    experiment: Experiment
    ranks: int = setting(26)
    shuffles: int = setting(3)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Train every seed, or read it from the store, and measure."""
        run = self.experiment.run(seeds, store)
        network, task = self.experiment.network, self.experiment.task
        best = [_quietest(loss, run.snapshot_update.values) for loss in run.loss.values]
        rows = [np.array([0, at, -1]) for at in best]
        names = [name for name in ("W", "b", "c") if name in run]
        kept = {name: np.stack([run[name].values[i, row] for i, row in enumerate(rows)]) for name in names}
        trials = jax.tree.map(
            lambda a: a.astype(self.experiment.dtype), task.trials(jax.random.key(0), EVALUATION)
        )
        found: dict[str, list[Any]] = {"truncated_loss": [], "shuffled_loss": [], "initial_loss": []}
        for i, seed in enumerate(seeds):
            start, *ends = ({name: kept[name][i, k] for name in names} for k in range(3))
            common, key = (network, task, trials), jax.random.key(seed)
            found["truncated_loss"].append(
                [analysis.truncated_loss(end, start, range(self.ranks), *common) for end in ends]
            )
            found["shuffled_loss"].append(
                [analysis.shuffled_loss(end, start, *common, key, self.shuffles) for end in ends]
            )
            found["initial_loss"].append(analysis.truncated_loss(start, start, [0], *common)[0])
        values = analysis.singular_values(kept["W"][:, 1:], kept["W"][:, :1])
        axes = {"truncated_loss": ("when", "rank"), "shuffled_loss": ("when", "shuffle"), "initial_loss": ()}
        measured: dict[str, Any] = {name: (("seed", *axes[name]), np.array(found[name])) for name in axes}
        times = {name: run[name].values for name in ("update", "learning_time")}
        times |= dict.fromkeys(("snapshot_update", "snapshot_learning_time"), np.arange(3.0))
        curves = {name: run[name].values for name in ("loss", "gradient_norm")}
        record = dataset(self, seeds, curves, kept, times, run.attrs["seconds"])
        return record.assign(
            **measured,
            singular_values=(("seed", "when", "mode"), values),
            best_update=("seed", run.snapshot_update.values[best]),
        )


def _quietest(loss: np.ndarray, updates: np.ndarray) -> int:
    """The snapshot with the lowest mean loss of the updates up to it."""
    means = [loss[max(0, int(u) + 1 - WINDOW) : int(u) + 1].mean() for u in updates]
    return int(np.nanargmin(means))


def strength(settings: Any) -> float:
    """The g of a settings object."""
    return value_of(settings, "network__g")
