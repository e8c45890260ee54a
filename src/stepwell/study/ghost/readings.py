"""What the claims of this study read off records."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

from stepwell import analysis
from stepwell.analysis.abrupt_learning import drop
from stepwell.analysis.bottleneck import exact_passage
from stepwell.analysis.fields import latent_field, network_field
from stepwell.analysis.rest_points import RestPoint, fixed_points
from stepwell.analysis.saddle_nodes import GRID, Census, census
from stepwell.run import settings_of
from stepwell.study import base
from stepwell.study.base import value_of
from stepwell.theory import saddle_node as toy

DELAY, THRESHOLD, LEAK = 20, 1.0, 0.5


def ratio(run: xr.Dataset, rate: int = 0) -> np.ndarray:
    """The toy parameter in units of the optimum at one rate, [snapshot, start]."""
    return run.r.values[0, :, rate]


def toy_losses(run: xr.Dataset) -> np.ndarray:
    """L/T of every start, [snapshot, rate, start], in the analytic limit."""
    settings = settings_of(run)
    best = toy.optimum(settings.T, settings.curvature)
    return toy.loss(run.r.values[0] * best, settings.T, settings.curvature) / settings.T


def absorbed(run: xr.Dataset) -> dict[float, np.ndarray]:
    """Whether each start ended in the no-learning zone, by rate in units of the critical one."""
    lost = run.r.values[0, -1] < 0.25
    return dict(zip(settings_of(run).betas, lost))


def counts(run: xr.Dataset, seeds: slice | list[int] = slice(None), snapshots: Any = slice(None)) -> Census:
    """Rests, ghosts and steepest slopes of the latent fields at all snapshots, [seed, snapshot]."""
    return census(*(run[name].values[seeds][..., 0][:, snapshots] for name in ("m", "n", "b")))


def params_at(run: xr.Dataset, seed: int, snapshot: int) -> dict[str, np.ndarray]:
    """The parameters of one row at one snapshot."""
    return base.params_at(run, seed, snapshot, ("m", "n", "b"))


def start_of(params: dict[str, np.ndarray]) -> float:
    """The latent variable before the first step."""
    return -0.3 * float(params["n"].sum())


def walk(params: dict[str, np.ndarray], steps: int = 2 * DELAY) -> np.ndarray:
    """The latent variable through a trial, the start first, [step]."""
    m, n, b = (params[name][:, 0] for name in ("m", "n", "b"))
    path = [start_of(params)]
    for _ in range(steps):
        path.append(LEAK * path[-1] + (1 - LEAK) * float(n @ np.tanh(m * path[-1] + b)))
    return np.array(path)


def points(params: dict[str, np.ndarray], kind: str = "ghost") -> list[RestPoint]:
    """The points of one kind of a network's latent field."""
    return [point for point in fixed_points(latent_field(**params), GRID) if point.kind == kind]


def passage(params: dict[str, np.ndarray]) -> float:
    """Steps from the start to the threshold along the latent field."""
    return exact_passage(latent_field(**params), start_of(params), THRESHOLD) / (1 - LEAK)


def nearest_ghost(params: dict[str, np.ndarray]) -> tuple[RestPoint | None, float]:
    """The ghost nearest to the path from start to threshold, and its distance from it in half-widths."""
    low, high = sorted((start_of(params), THRESHOLD))
    found = [
        (max(low - g.state, g.state - high, 0.0) / np.sqrt(abs(g.distance / g.curvature)), g)
        for g in points(params)
    ]
    away, ghost = min(found, key=lambda pair: pair[0], default=(np.inf, None))
    return ghost, float(away)


def first_ghosts(run: xr.Dataset, after: int = 1000) -> np.ndarray:
    """The update of the first ghost less that of the drop, [seed]; NaN without a drop, infinite without a
    ghost until so many updates after the last drop."""
    at, since = drop(run.loss.values), run.snapshot_update.values
    seen = counts(run, snapshots=np.flatnonzero(since <= at.max() + after)).ghosts > 0
    lead = np.where(seen.any(axis=1), since[np.argmax(seen, axis=1)] - at, np.inf)
    return np.where(at >= 0, lead, np.nan)


def trial(run: xr.Dataset, seed: int, snapshot: int) -> tuple[Any, np.ndarray]:
    """The field of a network of full rank, and its states through one and a half trials, [step, unit]."""
    params = {name: run[name].values[seed, snapshot].astype(float) for name in ("W", "b")}
    field = network_field(value_of(settings_of(run), "network"), params, 1.0)
    path = [np.full(len(params["W"]), -0.3)]
    for _ in range(3 * DELAY):
        path.append(path[-1] + (1 - LEAK) * np.asarray(field(jnp.asarray(path[-1]))))
    return field, np.array(path)


def learned(run: xr.Dataset) -> np.ndarray:
    """Whether the accuracy ever rose above 1/2, [seed]."""
    return run.onset.values[:, -1] >= 0


def stuck(run: xr.Dataset) -> np.ndarray:
    """Whether a network learned and then was no better than a silent one for its last 50 updates, [seed]."""
    return learned(run) & (run.streak.values[:, -1] >= 50)


def learning_rate(run: xr.Dataset) -> float:
    """The learning rate of a record."""
    return value_of(settings_of(run), "optimiser__learning_rate")


def sharpness(run: xr.Dataset, seed: int, snapshot: int) -> float:
    """Learning rate times the largest eigenvalue of the Hessian halfway between two successive updates."""
    experiment, params = settings_of(run), params_at(run, seed, snapshot)
    slope = analysis.gradient(experiment, params)[1]
    rate = learning_rate(run)
    middle = {name: params[name] - rate / 2 * slope[name] for name in params}
    return rate * float(analysis.hessian_spectrum(experiment, middle)[-1])


def drops(runs: Sequence[xr.Dataset]) -> np.ndarray:
    """The first update with a loss below half of the first, [run, seed]; -1 for never."""
    return np.array([drop(run.loss.values / run.loss.values[:, :1]) for run in runs])


def plateau_times(scan: xr.Dataset) -> np.ndarray:
    """Learning rate times the length of the plateau, [seed, rate]; NaN for one that does not end."""
    at = scan.left_at.values
    return np.where(at >= 0, at, np.nan) * np.array(settings_of(scan).rates)


def uncertain_steps(run: xr.Dataset, seed: int, snapshot: int) -> float:
    """Steps with an output between 0.1 and 0.9, mean over a snapshot and the update after it."""
    experiment, params = settings_of(run), params_at(run, seed, snapshot)
    slope = analysis.gradient(experiment, params)[1]
    after = {name: params[name] - learning_rate(run) * slope[name] for name in params}
    gamma = value_of(experiment, "network__confidence")
    outputs = [1 / (1 + np.exp(-gamma * (walk(each)[1:] - THRESHOLD))) for each in (params, after)]
    return float(np.mean([np.sum((y > 0.1) & (y < 0.9)) for y in outputs]))
