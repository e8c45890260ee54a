"""What the claims about local rules read off records and settings."""

from typing import Any

import jax
import numpy as np
import xarray as xr

from stepwell import analysis, theory
from stepwell.network.linear import spectral_radius
from stepwell.run import settings_of
from stepwell.study.across.protocols import model_of, response
from stepwell.study.base import params_at, value_of

FULL_EFFECT = 1e-6
"""How near to its full effect on the loss a truncated change must come, as a share of it."""
ACTIVE = 1e-2
"""Hankel singular value above which a mode is active; silent ones have the size of sigma0, or its creep."""


def modes(run: xr.Dataset) -> np.ndarray:
    """The number of active modes at the end of every seed; NaN for a network that is unstable there."""
    ends = [[run[name].values[i, -1] for name in "Wbc"] for i in range(run.sizes["seed"])]
    return np.array([_active(*end) if np.isfinite(end[0]).all() else np.nan for end in ends])


def _active(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    if spectral_radius(W) >= 1:
        return np.nan
    return float(np.sum(analysis.hankel_singular_values(W, b, c) > ACTIVE))


def predicted_modes(settings: Any) -> int:
    """The stairs that the theory gives the rule of an experiment."""
    poles, residues = model_of(value_of(settings, "task"))
    return theory.stairs(value_of(settings, "rule"), residues.shape[1], len(poles))


def resting_level(settings: Any) -> float:
    """The lowest level on which the theory lets the rule of an experiment rest; NaN if it has none."""
    rule = value_of(settings, "rule")
    dials = {"lag": getattr(rule, "lag", 1), "decay": getattr(rule, "decay", 0.0)}
    models = theory.resting_models(*model_of(value_of(settings, "task")), **dials)
    return models[0].loss if models else float("nan")


def functional_ranks(run):
    """The rank at which the truncated change of W has its full effect on the loss, [seed]."""
    settings = settings_of(run)
    task = response(value_of(settings, "task"), 150)
    trials, network = task.trials(jax.random.key(0)), settings.experiment.network
    found = []
    for seed in range(run.sizes["seed"]):
        start, end = (params_at(run, seed, i) for i in (0, -1))
        loss = analysis.truncated_loss(end, start, range(network.hidden + 1), network, task, trials)
        found.append(analysis.functional_rank(np.abs(loss - loss[-1]), FULL_EFFECT)[1])
    return np.array(found)


def sigma0(run: xr.Dataset) -> float:
    """The initial scale of a record."""
    return value_of(settings_of(run), "network__sigma0")


def slopes(x: Any, y: np.ndarray) -> np.ndarray:
    """Least-squares slope of every row of y [seed, point] against x [point]."""
    return np.polyfit(x, y.T, 1)[0]


def leaving_times(runs: Any) -> np.ndarray:
    """When every run was down at the loss at which it ends, [seed, run]; NaN if it never was."""
    rows = []
    for run in runs:
        ended = run.loss.values[:, -1] < settings_of(run).floor * (1 + 1e-6)
        rows.append(np.where(ended, run.learning_time.values[:, -1], np.nan))
    return np.stack(rows, axis=1)
