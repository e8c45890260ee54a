"""What the claims of this study read off records and settings."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from stepwell import analysis, theory
from stepwell.run import settings_of
from stepwell.study.base import params_at, value_of

CUTOFF, ANGLE = 0.8, 2.4
"""Upper end of the low-pass band, and the angle of the resonance beyond it, in radians per step."""


def model(settings: Any) -> tuple[Any, Any]:
    """Poles and residues of the target of a settings object, as the functions of `theory` want them."""
    task = value_of(settings, "task")
    return task.poles, task.residues


def first_responses(settings: Any) -> tuple[float, float]:
    """The first two values g0, g1 of the target's impulse response."""
    poles, residues = (np.asarray(each, complex) for each in model(settings))
    return residues.sum().real, (residues * poles).sum().real


def sigma0(run: xr.Dataset) -> float:
    """The initial scale of a record."""
    return value_of(settings_of(run), "network__sigma0")


def stairs(run: xr.Dataset) -> list[list[analysis.Plateau]]:
    """The plateaus of every seed of a record, in order of time."""
    prominence = 1.0 if sigma0(run) < 3e-3 else 0.5
    time = run.learning_time.values
    return [
        analysis.plateaus(loss, norm, time, prominence)
        for loss, norm in zip(run.loss.values, run.gradient_norm.values)
    ]


def of_plateaus(run: xr.Dataset, attribute: str, count: int = 3) -> np.ndarray:
    """An attribute of the first `count` plateaus, [seed, plateau]; NaN where a run has fewer."""
    rows = [[getattr(p, attribute) for p in found[:count]] for found in stairs(run)]
    return np.array([row + [math.nan] * (count - len(row)) for row in rows])


def quietest(run: xr.Dataset, k: int) -> list[dict[str, np.ndarray]]:
    """The parameters of every seed at the quietest moment of plateau k, or at the nearest snapshot to it."""
    return at_times(run, of_plateaus(run, "place", k + 1)[:, k])


def at_times(run: xr.Dataset, times: np.ndarray) -> list[dict[str, np.ndarray]]:
    """The parameters of every seed at the snapshot nearest to its time; seeds without a time are left out."""
    stamps = run.snapshot_learning_time.values
    rows = [(i, int(np.argmin(np.abs(stamps - t)))) for i, t in enumerate(times) if not math.isnan(t)]
    return [params_at(run, i, j) for i, j in rows]


def slopes(x: Sequence[float] | np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slope of every row of y [seed, point] against x [point]; NaN where a point is missing."""
    apart = np.asarray(x) - np.mean(x)
    return (y - y.mean(axis=1, keepdims=True)) @ apart / (apart @ apart)


def dwells(runs: Sequence[xr.Dataset], k: int) -> np.ndarray:
    """The dwell of plateau k, [seed, run]."""
    return np.stack([of_plateaus(run, "dwell", k + 1)[:, k] for run in runs], axis=1)


def dwell_slopes(runs: Sequence[xr.Dataset], k: int) -> np.ndarray:
    """The slope of dwell k against ln(1/sigma0), [seed]."""
    return slopes([math.log(1 / sigma0(run)) for run in runs], dwells(runs, k))


def active_poles(params: dict[str, np.ndarray], k: int) -> np.ndarray:
    """The k poles whose own impulse responses are strongest, ascending by real part."""
    strongest = np.argsort(-analysis.mode_norms(**params))[:k]
    return np.sort_complex(analysis.poles(params["W"])[strongest])


def leading(run):
    """The two leading eigenvalues of every seed through time, by modulus, [seed, time, 2]."""
    poles = np.linalg.eigvals(run.W.values)
    order = np.argsort(-np.abs(poles), axis=-1)[..., :2]
    return np.take_along_axis(poles, order, axis=-1)


def drop_end(run, seed):
    """The first record after the first drop."""
    return int(np.flatnonzero(run.loss.values[seed] < 0.5 * run.loss.values[seed, 0])[0])


def meetings(run):
    """The first collision of real eigenvalues of every seed after its first drop; None where there is
    none."""
    found = []
    for seed in range(run.sizes["seed"]):
        at = drop_end(run, seed)
        pairs = analysis.collisions(leading(run)[seed, at:], run.learning_time.values[at:])
        found.append(pairs[0] if pairs else None)
    return found


def pole_at(modulus):
    """A pole of the resonance outside the passband."""
    return modulus * complex(math.cos(ANGLE), math.sin(ANGLE))


def coupling_ratio(modulus):
    """Gradient of a mode at the target's own pole through low-pass input, over that through white input."""
    pole = pole_at(modulus)
    resonance = (pole, pole.conjugate()), (0.25, 0.25)
    return theory.band_coupling(*resonance, pole, CUTOFF) / theory.band_coupling(*resonance, pole)
