"""How long each plateau lasts, for six initial scales: measured in runs, and predicted from the target."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stepwell import analysis, theory
from stepwell.experiment import Experiment, Optimiser
from stepwell.lab.engine import AbstractEngine
from stepwell.lab.training import mirrored
from stepwell.network import NETWORKS
from stepwell.run.watched import MOST, begun, further
from stepwell.task import TASKS

SCALES = (1e-1, 3e-2, 1e-2, 1e-3, 3e-4, 1e-4)
FITTED = 0.03  # from this scale on there is no clean staircase
LAST_LEVEL = 1e-6
MOST_CALLS = 15
SHOWN = 400


class Dwell(AbstractEngine):
    """Six runs of one target and seed.

    Attributes:
        poles, residues: the target, mirrors left out.
        learning_rate, seed: as in an experiment; as many hidden units as the target has poles.
    """

    poles: tuple[tuple[float, float], ...]
    residues: tuple[float, ...]
    learning_rate: float
    seed: int

    def scene(self) -> dict[str, Any]:
        """The initial scales, and where the fit ends."""
        return {"scales": list(SCALES), "fitted": FITTED}

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """`prediction`; a `run` for each scale, `ends` being where it leaves each plateau; the fitted
        `slopes`."""
        levels: list[float] = []
        ends: dict[float, list[float]] = {}
        yield "prediction", lambda: self._prediction(levels)
        for sigma0 in SCALES:
            yield "run", lambda scale=sigma0: self._run(scale, levels, ends)
        yield "slopes", lambda: fitted_slopes(ends)

    def _prediction(self, levels: list[float]) -> dict[str, Any]:
        """Levels, rates, and predicted slopes in updates; a note where there is no quadratic escape."""
        poles, residues = mirrored(self.poles, self.residues)
        stairs = theory.staircase(poles, residues, len(poles), SCALES[-1], self.learning_rate)
        levels += [float(level) for level in stairs.levels if np.isfinite(level)]
        slopes = 1 / np.log1p(self.learning_rate * stairs.escape_rates)
        return {"levels": levels, "rates": stairs.escape_rates, "slopes": slopes, "notes": list(stairs.notes)}

    def _run(self, sigma0: float, levels: list[float], ends: dict[float, list[float]]) -> dict[str, Any]:
        experiment = self._experiment(sigma0)
        carry, losses = begun(experiment, self.seed), np.zeros(0)
        for _ in range(MOST_CALLS):
            carry, curves = further(experiment, carry, MOST)
            losses = np.append(losses, curves.loss[:-1])
            if not losses[-1] >= LAST_LEVEL:
                break
        losses = losses[np.isfinite(losses)]  # what came before a divergence
        marks = [np.sqrt(a * b) for a, b in zip(levels, [*levels[1:], LAST_LEVEL])]
        times = [
            analysis.crossing(losses, np.arange(len(losses), dtype=float), float(mark)) for mark in marks
        ]
        ends[sigma0] = times
        shown = np.unique(np.geomspace(1, len(losses), SHOWN).astype(int)) - 1
        return {"sigma0": sigma0, "updates": shown + 1, "loss": losses[shown], "ends": times}

    def _experiment(self, sigma0: float) -> Experiment:
        poles, residues = mirrored(self.poles, self.residues)
        steps = 40 if max(abs(pole) for pole in poles) <= 0.9 else None
        return Experiment(
            task=TASKS["impulse"](poles, residues, steps=steps),
            network=NETWORKS["linear"](hidden=len(poles), sigma0=sigma0),
            optimiser=Optimiser(learning_rate=self.learning_rate),
        )


def fitted_slopes(ends: dict[float, list[float]]) -> list[float]:
    """Updates per unit of ln(1/sigma0) for each plateau, from the scales that have a clean staircase."""
    scales = [scale for scale in ends if scale < FITTED]
    dwells = np.diff([[0.0, *ends[scale]] for scale in scales], axis=1)
    depth = np.log(1 / np.array(scales))
    return [
        float(np.polyfit(depth, column, 1)[0]) if np.isfinite(column).all() else float("nan")
        for column in dwells.T
    ]
