"""A record in the schema of runs, written by hand."""

import numpy as np
import xarray as xr


def staircase_record():
    """Two runs that fall three times, with weights at five moments."""
    times = np.linspace(0, 100, 201)
    falls = np.array([[4.0, 30.0, 60.0], [5.0, 40.0, 80.0]])
    heights = np.array([0.64, 0.09, 0.01])
    loss = (heights / (1 + np.exp(np.clip(times[None, :, None] - falls[:, None], -50, 50)))).sum(-1)
    draw = np.random.default_rng(0)
    weights = {
        "W": (("seed", "snapshot", "unit", "unit_from"), draw.normal(size=(2, 5, 3, 3))),
        "b": (("seed", "snapshot", "unit", "input"), draw.normal(size=(2, 5, 3, 1))),
        "c": (("seed", "snapshot", "output", "unit"), draw.normal(size=(2, 5, 1, 3))),
    }
    coordinates = {
        "seed": [0, 1],
        "update": np.arange(201),
        "learning_time": ("update", times),
        "snapshot_learning_time": ("snapshot", times[::50]),
    }
    return xr.Dataset({"loss": (("seed", "update"), loss), **weights}, coordinates)
