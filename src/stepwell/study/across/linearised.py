"""The linearised model of the linear theory of many units, beside the exact flow."""

from functools import lru_cache

import numpy as np

from stepwell.theory import linear_flow


@lru_cache
def outputs(g, target):
    """Effective learning times, and the exact and the linearised output over the target there."""
    flow = linear_flow.solve(g, target)
    times = np.linspace(0, flow.time_to(0.01), 400)[1:]
    effective = times / (1 - g * g) ** 2
    return effective, flow.at_time(times).output / target, 1 - np.exp(-effective)


def largest_gap(g, target):
    """The largest gap between the two."""
    _, exact, linearised = outputs(g, float(target))
    return float(np.abs(exact - linearised).max())
