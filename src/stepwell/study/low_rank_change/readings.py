"""What the claims of this study read off records and settings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import spearmanr

from stepwell import analysis
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.low_rank_change.weight_change import WINDOW

SOLVED = 0.05
"""Share of the first loss below which a task counts as learned."""

BEST, LAST = 0, 1


def strength(run: xr.Dataset) -> float:
    """The g of a record."""
    return value_of(settings_of(run), "g" if hasattr(settings_of(run), "g") else "network__g")


def task_of(run: xr.Dataset) -> Any:
    """The task of a record."""
    return value_of(settings_of(run), "task")


def at(runs: Sequence[xr.Dataset], *strengths: float) -> list[xr.Dataset]:
    """The records with given g, in that order."""
    return [run for g in strengths for run in runs if np.isclose(strength(run), g)]


def epochs(run: xr.Dataset) -> np.ndarray:
    """Updates until the running loss is 5 % of the first, [seed]; the length of the run where it never is."""
    found = analysis.learning_epoch(run.loss.values, SOLVED, WINDOW)
    return np.where(np.isnan(found), run.sizes["update"] - 1, found)


def solved(run: xr.Dataset) -> np.ndarray:
    """Whether the running loss ever was 5 % of the first, [seed]."""
    return ~np.isnan(analysis.learning_epoch(run.loss.values, SOLVED, WINDOW))


def ranks(run: xr.Dataset, which: int = 0, when: int = BEST) -> np.ndarray:
    """The functional rank, first or last crossing, [seed]; NaN for runs that did not learn."""
    found = analysis.functional_rank(run.truncated_loss.values[:, when], SOLVED)[which]
    return np.where(solved(run), found, np.nan)


def norms(run: xr.Dataset) -> np.ndarray:
    """The norm of the weight change at the end, [seed]."""
    return np.sqrt((run.singular_values.values[:, LAST] ** 2).sum(-1))


def initial_norms(run: xr.Dataset) -> np.ndarray:
    """The norm of the initial weights, [seed]."""
    return np.linalg.norm(run.W.values[:, 0], axis=(1, 2))


def shuffled(run: xr.Dataset, when: int = LAST) -> np.ndarray:
    """The loss after shuffling the initial weights, over that before learning, [seed]."""
    return run.shuffled_loss.values[:, when].mean(-1) / run.initial_loss.values


def outliers(run: xr.Dataset) -> np.ndarray:
    """The number of eigenvalues of the trained weights outside the disc of the initial ones, [seed]."""
    pairs = zip(run.W.values[:, -1], run.W.values[:, 0])
    return np.array([len(analysis.eigenvalue_outliers(W, W0, strength(run))) for W, W0 in pairs])


def trend(runs: Sequence[xr.Dataset], values: Sequence[np.ndarray]) -> np.ndarray:
    """The rank correlation of values [run][seed] with g, seed by seed."""
    g = [strength(run) for run in runs]
    return np.array([correlation(g, row) for row in np.stack(values, axis=1)])


def correlation(x: Any, y: Any) -> Any:
    """The rank correlation of two lists of numbers."""
    return spearmanr(x, y)[0]


def shortfall(threshold: float, values: Any) -> np.ndarray:
    """How much values lack of a threshold."""
    return np.maximum(0.0, threshold - np.asarray(values, float))


def excess(values: Any, threshold: float) -> np.ndarray:
    """By how much values exceed a threshold."""
    return np.maximum(0.0, np.asarray(values, float) - threshold)


def outside(values: Any, low: float, high: float) -> np.ndarray:
    """The distance of values from an interval."""
    return shortfall(low, values) + excess(values, high)
