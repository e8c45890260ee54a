"""The three workloads as numbers: starts, targets and data, drawn by NumPy so that all libraries get them."""

from typing import NamedTuple

import numpy as np

POLES, RESIDUES = (0.9, 0.6, -0.4), (1.0, -0.8, 0.5)

LEARNING_RATES = {"A": 1e-3, "B": 0.02}

Start = dict[str, np.ndarray]


class Batch(NamedTuple):
    """Inputs, targets and mask, [trial, step, channel]."""

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray


def linear_start(seed: int, n: int) -> Start:
    """A: 0.1 times normals, cut in the order W (row by row), b, c."""
    values = 0.1 * np.random.default_rng(seed).standard_normal(n * n + 2 * n)
    return {
        "W": values[: n * n].reshape(n, n),
        "b": values[n * n : n * n + n, None],
        "c": values[None, n * n + n :],
    }


def impulse_response(steps: int) -> np.ndarray:
    """A: the target, [step]."""
    return sum(r * p ** np.arange(steps) for p, r in zip(POLES, RESIDUES))


def low_rank_start(seed: int, rank: int, units: int = 100) -> Start:
    """B: m, then n, normals over the root of the number of units; b is 0."""
    draw = np.random.default_rng(seed)
    m, n = (draw.standard_normal((units, rank)) / np.sqrt(units) for _ in range(2))
    return {"m": m, "n": n, "b": np.zeros((units, 1))}


def rate_start(seed: int, units: int = 256) -> Start:
    """C: W of strength 0.9, then b, then c."""
    draw = np.random.default_rng(seed)
    return {
        "W": 0.9 / np.sqrt(units) * draw.standard_normal((units, units)),
        "b": draw.standard_normal((units, 2)),
        "c": draw.standard_normal((2, units)) / units,
    }


def pulses(steps: int = 100, trials: int = 32) -> Batch:
    """C: rare pulses of either sign, and half the sign of their running sum as the target."""
    draw = np.random.default_rng(0)
    shape = (steps, trials, 2)
    x = (draw.random(shape) < 0.02) * draw.choice([-1.0, 1.0], shape)
    targets = 0.5 * np.sign(np.cumsum(x, 0))
    return Batch(np.swapaxes(x, 0, 1), np.swapaxes(targets, 0, 1), np.ones((trials, steps, 2)))
