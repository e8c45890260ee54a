"""Training beside what theory says about its plateaus: levels, models, rates, and the loss of the best
model."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stepwell import theory
from stepwell.lab.engine import AbstractRun, Frame
from stepwell.lab.training import Training, Watched, levels, mirrored

PLACES = np.linspace(-0.99, 0.99, 101)


class Plateaus(AbstractRun):
    """A run of `Training` under the full gradient, with predictions beside it; the fields are explained
    there."""

    poles: tuple[tuple[float, float], ...]
    residues: tuple[float, ...]
    hidden: int
    steps: int
    sigma0: float
    learning_rate: float
    seed: int

    def scene(self) -> dict[str, Any]:
        """The target."""
        return self._training().scene()

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """`levels`, `staircase`, and `map`: the loss of the best model with two given real poles, [p2,
        p1]."""
        poles, residues = mirrored(self.poles, self.residues)
        yield "levels", lambda: levels(poles, residues, self.hidden, self.steps)
        yield "staircase", lambda: self._staircase(poles, residues)
        pairs = np.stack(np.meshgrid(PLACES, PLACES), axis=-1)
        yield "map", lambda: theory.profiled_loss(pairs, poles, residues)

    def begin(self) -> tuple[Watched, Frame]:
        """As in `Training`."""
        return self._training().begin()

    def advance(self, state: Watched, updates: int) -> tuple[Watched, Frame]:
        """As in `Training`."""
        return self._training().advance(state, updates)

    def _training(self) -> Training:
        return Training(
            poles=self.poles,
            residues=self.residues,
            hidden=self.hidden,
            steps=self.steps,
            sigma0=self.sigma0,
            learning_rate=self.learning_rate,
            rule="bptt",
            input="impulse",
            cutoff=float(np.pi),
            seed=self.seed,
        )

    def _staircase(self, poles: tuple[Any, ...], residues: tuple[float, ...]) -> dict[str, Any]:
        """Levels that are reached, escape rates, and dwell times in updates; null where theory abstains."""
        stairs = theory.staircase(poles, residues, self.hidden, self.sigma0, self.learning_rate)
        return {
            "levels": stairs.levels,
            "rates": stairs.escape_rates,
            "dwell": stairs.dwell_times / self.learning_rate,
            "notes": list(stairs.notes),
        }
