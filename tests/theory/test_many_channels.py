"""Plateaus of a target with two inputs and outputs, against references, a search, and Hessians."""

import numpy as np
import pytest
from essay_targets import A, C
from scipy.optimize import minimize

from stepwell.theory import best_poles, escape_rate, first_plateaus, impulse_loss, impulse_loss_hessian

POLES = [0.6, -0.5]
RESIDUES = [np.outer([1, 0.4], [0.9, -0.2]), np.outer([-0.3, 0.8], [0.3, 0.7])]


def test_reference_values():
    first = first_plateaus(POLES, RESIDUES)
    assert abs(first.levels[1] - 0.278930) < 5e-7  # all references are printed to six decimals
    assert abs(first.pole - 0.596597) < 5e-7
    assert np.abs(first.escape_rates[0] - [1.009571, 0.628782]).max() < 5e-7
    assert abs(first.escape_rates[1, 0] - 0.652134) < 5e-7
    theta = 1 - 0.628782 / 1.009571
    assert np.abs(first.dwell_factors - [1 / 1.009571, theta / 0.652134]).max() < 2e-6


def test_level_and_rate_are_those_of_the_best_one_unit_network():
    first = first_plateaus(POLES, RESIDUES)

    def loss(x: np.ndarray) -> float:
        return impulse_loss([[np.tanh(x[0])]], x[None, 1:3], x[3:, None], POLES, RESIDUES)

    draws = np.random.default_rng(0).standard_normal((6, 5))
    found = min((minimize(loss, x, method="BFGS") for x in draws), key=lambda run: run.fun)
    assert abs(found.fun - first.levels[1]) < 1e-9  # scipy stops where its numerical gradient is below 1e-5
    W, b, c = np.zeros((4, 4)), np.zeros((4, 2)), np.zeros((2, 4))
    balance = np.sqrt(np.linalg.norm(found.x[3:]) / np.linalg.norm(found.x[1:3]))
    W[0, 0], b[0], c[:, 0] = np.tanh(found.x[0]), found.x[1:3] * balance, found.x[3:] / balance
    values = np.linalg.eigvalsh(impulse_loss_hessian(W, b, c, POLES, RESIDUES))
    assert (
        np.abs(values[:3] + first.escape_rates[1, 0]).max() < 1e-4
    )  # the place of the minimum is good to 1e-5
    assert abs(values[3]) < 1e-4


@pytest.mark.parametrize("target", [A, C])
def test_one_channel_is_the_scalar_theory(target):
    first = first_plateaus(target[0], target[1])
    assert np.abs(first.levels - [best_poles(target[0], target[1], k).loss for k in (0, 1)]).max() < 1e-14
    rates = [escape_rate(target[0], target[1], k) for k in (0, 1)]
    np.testing.assert_allclose(
        first.escape_rates[:, 0], rates, rtol=1e-11
    )  # conditioning of a small difference
    np.testing.assert_allclose(first.dwell_factors, 1 / np.array(rates), rtol=1e-11)


def test_equal_directions_leave_no_second_plateau():
    first = first_plateaus([0.5, 0.2], [np.eye(2), np.diag([0.0, 0.0]) + 0.3 * np.eye(2)])
    assert first.dwell_factors[1] == 0


def test_unstable_targets_are_refused():
    with pytest.raises(ValueError, match="unstable"):
        first_plateaus([1.0], [np.eye(2)])


def test_with_one_channel_nothing_has_a_lead():
    first = first_plateaus(A[0], A[1], 3)
    np.testing.assert_allclose(
        first.dwell_factors, [1 / escape_rate(A[0], A[1], k) for k in range(3)], rtol=1e-9
    )


def test_leads_are_what_competing_exponentials_leave():
    """Three units grow at the rates of their ranks, and the first to reach 1 is used up."""
    poles, residues = [0.7, -0.6, 0.3], [np.diag([1.2, 0, 0]), np.diag([0, 0.9, 0]), np.diag([0, 0, 0.5])]
    first, logs, times = first_plateaus(poles, residues, 3), np.log([1e-9] * 3), []
    for rates in first.escape_rates:
        times.append(min(-level / rate for level, rate in zip(logs, rates)))
        logs = np.sort((logs + rates[: len(logs)] * times[-1])[1:])[::-1]
    np.testing.assert_allclose(first.dwell_factors, np.array(times) / np.log(1e9), rtol=1e-12)
