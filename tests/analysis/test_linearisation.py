"""Linearised networks against finite differences, the transfer function of the step map, and known modes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.analysis import frequency_response, linearise, linearised, operating_point, time_scales
from stepwell.network import LSTM, Linear, Rate

NETWORKS = [Rate(hidden=4, input=2, output=3), LSTM(hidden=3, input=2, output=3, layers=2)]


def point(network):
    draw = np.random.default_rng(0)
    return draw.standard_normal(getattr(network, "state", network.hidden)), draw.standard_normal(2)


def differences(function, at, step=1e-6):
    columns = [(function(at + step * e) - function(at - step * e)) / (2 * step) for e in np.eye(len(at))]
    return np.array(columns).T


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_jacobians_are_those_of_finite_differences(network):
    params, (h, x) = network.init(jax.random.key(0)), point(network)
    W, b, c = linearise(network, params, h, x)

    def close(ours, function, at):
        np.testing.assert_allclose(ours, differences(function, at), atol=1e-9)  # eps^(2/3) of the quotient

    step = jax.jit(network.step)
    close(W, lambda h: np.asarray(step(params, jnp.asarray(h), jnp.asarray(x))), h)
    close(b, lambda x: np.asarray(step(params, jnp.asarray(h), jnp.asarray(x))), x)
    close(c, lambda h: np.asarray(network.readout(params, jnp.asarray(h))), h)
    along = linearised(network, params, np.stack([h, h]), np.stack([x, x]))
    np.testing.assert_allclose(along[0][1], W, rtol=1e-13, atol=1e-15)  # eps: batched products


def test_poles_zeros_and_residues_make_the_transfer_function():
    network = NETWORKS[0]
    found = operating_point(network, network.init(jax.random.key(0)), *point(network))
    z = np.exp(0.7j)
    H = found.c @ np.linalg.solve(z * np.eye(4) - found.W, found.b)
    modes = (found.residues / (z - found.poles)[:, None, None]).sum(0)
    np.testing.assert_allclose(modes, H, rtol=1e-10)  # eps times the condition of the eigenvectors
    for (i, j), places in found.zeros.items():
        assert len(places)
        for place in places:
            away = found.c[i] @ np.linalg.solve(place * np.eye(4) - found.W, found.b[:, j])
            assert abs(away) < 1e-9 * np.abs(H).max()
    assert frequency_response(found.W, found.b, found.c, [0.7]).shape[0] == 1


def test_a_point_without_eigenvectors_or_transfer_says_so_by_nan_and_none():
    params = {
        "W": np.array([[0.5, 1.0], [0.0, 0.5]]),
        "b": np.array([[1.0], [0.0]]),
        "c": np.array([[0.0, 1.0]]),
    }
    found = operating_point(Linear(hidden=2), params, [0.0, 0.0], 0.0)
    assert found.zeros == {} and found.poles.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("step", [None, 5.0])
def test_a_turning_mode_has_its_time_constant_and_frequency(step):
    # exp((-1/tau + 2 pi i f) t) at t = one step
    tau, f, length = 30.0, 0.012, step or 1.0
    pole = np.exp((-1 / tau + 2j * np.pi * f) * length)
    found = time_scales([pole, pole.conjugate()], step)
    np.testing.assert_allclose(found.time_constant, tau, rtol=1e-12)  # eps over 1/tau
    np.testing.assert_allclose(found.frequency, f * (1000 if step else 1), rtol=1e-12)
    assert time_scales([1.1]).time_constant < 0 and time_scales([1.0]).time_constant == -np.inf
    with pytest.raises(ValueError, match="step=0"):
        time_scales([0.5], 0)


def test_sizes_that_do_not_fit_are_told():
    network = NETWORKS[0]
    with pytest.raises(ValueError, match=r"states have shape \(1, 3\).*\[point, 4\]"):
        linearise(network, network.init(jax.random.key(0)), np.zeros(3), np.zeros(2))
