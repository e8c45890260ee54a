"""The memories of trained flip-flops: every pattern of bits is a stable fixed point, and each is found."""

import numpy as np
import pytest

from benchmarks.flipflops import derivative_bounds, flipflop, starts_at_work
from stepwell import train
from stepwell.analysis import fixed_points, network_field


@pytest.mark.parametrize("bits", [2, 3])
def test_every_pattern_of_the_bits_is_a_stable_point(bits):
    settings = flipflop(bits)
    run = train(settings, [0])
    params = {name: run[name].values[0, -1] for name in ("W", "b", "c")}
    starts = starts_at_work(settings, params)
    field, bounds = network_field(settings.network, params, np.zeros(bits)), derivative_bounds(params["W"])
    points = fixed_points(field, starts, None, bounds)
    stable = [p for p in points if p.kind == "fixed" and p.stable(1 - settings.network.leak)]
    patterns = {tuple(np.sign(params["c"] @ np.tanh(p.state)).astype(int)) for p in stable}
    assert len(stable) == len(patterns) == 2**bits
    assert all(point.certified for point in stable)
    for point in stable:  # by the equation of the network, written out
        r = np.tanh(point.state)
        np.testing.assert_allclose(params["W"] @ r, point.state, atol=1e-9)  # speed of a rest
