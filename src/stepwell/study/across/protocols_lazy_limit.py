"""The flip-flop over sizes and strengths of initial connectivity, by the optimiser of the low-rank study."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import xarray as xr

from stepwell import analysis
from stepwell.experiment import Experiment
from stepwell.study.base import Run, varied
from stepwell.study.low_rank_change.protocols import FLIPFLOP, trained

TRIALS = 2
"""Trials whose outputs are the rows of a kernel."""

GRID = {
    "quick": ((16, 64), (0.0, 0.9)),
    "full": ((16, 32, 64, 128), (0.0, 0.3, 0.6, 0.9)),
}


class Moved(eqx.Module):
    """An experiment, trained, with the drift of its tangent kernel and the way of its weights.

    Attributes:
        experiment: what is trained.
    """

    experiment: Experiment

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record of the experiment with `drift` and `moved` [seed] besides."""
        run = self.experiment.run(seeds, store)
        found = [self._drift(run, seed) for seed in range(len(seeds))]
        return run.assign(
            {name: ("seed", [getattr(each, name) for each in found]) for name in ("drift", "moved")}
        )

    def _drift(self, run: xr.Dataset, seed: int) -> analysis.KernelDrift:
        start, end = (
            {name: run[name].values[seed, at].astype(float) for name in ("W", "b", "c")} for at in (0, -1)
        )
        return analysis.tangent_kernel_drift(self.experiment, start, end, TRIALS)


def sizes_and_strengths(scale: str) -> list[Run]:
    """Every size at every strength, strength by strength."""
    sizes, strengths = GRID[scale]
    runs = [trained(FLIPFLOP, hidden, g, 300).experiment for g in strengths for hidden in sizes]
    seeds = range(6 if scale == "full" else 3)
    return [(Moved(varied(run, recording__every=300)), seeds) for run in runs]
