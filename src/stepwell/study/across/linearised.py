"""The linearised model of the linear theory of many units, beside the exact flow."""

from functools import lru_cache

import numpy as np

from stepwell.theory import linear_flow


@lru_cache
def outputs(g, target):
    """Effective learning times, and the exact and the linearised output over the target there."""
    flow = linear_flow.solve(g, target)
    # Long enough for large targets, too, where the gap is widest when the exact flow is all but there.
    times = np.linspace(0, flow.time_to(1e-6), 400)[1:]
    linearised = linear_flow.lazy_output(g, target, times)
    return times / (1 - g * g) ** 2, flow.at_time(times).output / target, linearised / target


def largest_gap(g, target):
    """The largest gap between the two."""
    _, exact, linearised = outputs(g, float(target))
    return float(np.abs(exact - linearised).max())
