"""The tasks of the low-rank study over sizes and strengths of initial connectivity, by its optimiser."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import xarray as xr

from stepwell import analysis
from stepwell.experiment import Experiment
from stepwell.study.base import Run, varied
from stepwell.study.low_rank_change.protocols import FLIPFLOP, trained
from stepwell.task import Mante, Romo

TRIALS = 2
"""Trials whose outputs are the rows of a kernel."""

MANTE, ROMO = Mante(), Romo()
UPDATES = {FLIPFLOP: 300, MANTE: 1000, ROMO: 1000}
SIZES = {"quick": (16, 64), "full": (16, 32, 64, 128)}
STRENGTHS = {
    "quick": {FLIPFLOP: (0.0, 0.9)},
    "full": {FLIPFLOP: (0.0, 0.3, 0.6, 0.9), MANTE: (0.0, 0.9), ROMO: (0.0, 0.9)},
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
    """Every size at every strength, task by task and strength by strength."""
    cells = [
        (task, hidden, g)
        for task, strengths in STRENGTHS[scale].items()
        for g in strengths
        for hidden in SIZES[scale]
    ]
    return [(moved(*cell), range(6 if scale == "full" else 3)) for cell in cells]


def moved(task: Any, hidden: int, g: float) -> Moved:
    """A network of the low-rank study, recorded at its two ends."""
    updates = UPDATES[task]
    return Moved(varied(trained(task, hidden, g, updates).experiment, recording__every=updates))
