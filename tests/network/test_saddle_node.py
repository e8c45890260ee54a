"""The one-parameter model: closed forms against integration and differences, and its Euler network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.special import expit

from stepwell.network.saddle_node import SaddleNode
from stepwell.network.saddle_node_exact import (
    crossing_time,
    descent,
    finite_gradient,
    finite_loss,
    gradient,
    loss,
    optimum,
    sensitivity,
    trajectory,
)
from stepwell.task.delayed_activation import DelayedActivation

T = 100.0
BEST = optimum(T)


@pytest.mark.parametrize("r, t, a", [(BEST, 90.0, 1.0), (-BEST, 150.0, 1.0), (BEST, 40.0, 3.0)])
def test_trajectory_and_sensitivity_solve_their_equations(r, t, a):
    def right_side(_, state):
        x, s = state
        return [a * x**2 + r, 2 * a * x * s + 1]

    x, s = solve_ivp(right_side, (0, t), [0.0, 0.0], rtol=1e-12, atol=1e-14).y[:, -1]
    assert trajectory(r, t, a) == pytest.approx(x, rel=1e-9)  # of the integrator
    assert sensitivity(r, t, a) == pytest.approx(s, rel=1e-9)


def test_reference_values():
    assert BEST == pytest.approx(2.4674011002723397e-4, rel=1e-15)
    assert gradient(BEST * (1 + 1e-15), T) == pytest.approx(202642.367, abs=1e-3)
    assert gradient(BEST, T) == pytest.approx(-202642.367, abs=1e-3)
    assert gradient(BEST / 4, T) < 0 == gradient(BEST / 4 * (1 - 1e-15), T) == gradient(-BEST, T)
    assert sensitivity(BEST, 50.0) == pytest.approx(81.830989, abs=1e-6)
    assert sensitivity(-BEST, 70.0) == pytest.approx(38.056570, abs=1e-6)
    wanted = [-205584.53, 188903.4, 202642.367]
    np.testing.assert_allclose(finite_gradient(BEST * np.array([0.99, 0.9985, 1]), T, 1), wanted, rtol=3e-7)
    np.testing.assert_allclose(
        finite_loss(BEST * np.array([1, 0.5]), T, 1) / T, [9.26e-4, 0.41302], rtol=3e-4
    )
    assert finite_loss(BEST, T, 0.1) / T == pytest.approx(0.0736, abs=5e-5)


def test_both_forms_of_the_sensitivity_agree():
    # Just above |r| t² = 1e-4 the closed form takes over; the series leaves out its fourth power.
    t = 50.0
    for r in np.array([1.001, -1.001]) * 1e-4 / t**2:
        small = r * t**2
        series = t * (1 + 2 / 3 * small + 2 / 5 * small**2 + 68 / 315 * small**3)
        assert sensitivity(r, t) == pytest.approx(series, rel=1e-10)
    assert sensitivity(0.0, t) == t


def test_state_is_infinite_after_the_escape():
    escape = np.pi / (2 * np.sqrt(BEST))
    assert escape == pytest.approx(T, rel=1e-14)
    assert np.isinf(trajectory(BEST, 1.001 * escape)) and np.isinf(sensitivity(BEST, 1.001 * escape))
    assert trajectory(0.0, 50.0) == 0


@pytest.mark.parametrize("a", [1.0, 4.0])
@pytest.mark.parametrize("r", [10 * BEST, 2 * BEST, 0.99 * BEST, 0.3 * BEST, 0.1 * BEST, -BEST])
def test_quadratures_against_adaptive_integration(r, a):
    """Relative to the closed trajectory only; scipy chooses its own points."""
    confidence, level, r = 0.7, 10.0, r / a
    escape = np.pi / (2 * np.sqrt(a * r)) if r > 0 else np.inf
    ends = sorted({0.0, T, 2 * T, *(p for p in (escape, crossing_time(r, level, a)) if p < 2 * T)})

    def error(t):
        return (expit(confidence * (trajectory(r, t, a) - level)) - (t > T)) ** 2

    wanted = sum(quad(error, *piece, epsabs=1e-13, limit=200)[0] for piece in zip(ends, ends[1:]))
    assert finite_loss(r, T, confidence, level, a) == pytest.approx(wanted, rel=1e-10)
    step = 1e-5 * abs(r)
    around = finite_loss(r + step * np.array([-2, -1, 1, 2]), T, confidence, level, a)
    slope = around @ np.array([1, -8, 8, -1]) / (12 * step)
    # Differences of losses near 100, rounded, over steps of 1e-5 r.
    assert finite_gradient(r, T, confidence, level, a) == pytest.approx(slope, abs=1e-12 * 2 * T / step)


@pytest.mark.parametrize(
    "confidence, level, delay", [(0.1, 10.0, 100.0), (1.0, 10.0, 100.0), (0.5, 3.0, 20.0)]
)
def test_slope_at_zero_is_the_closed_form(confidence, level, delay):
    off = 1 / (1 + np.exp(confidence * level))
    wanted = -confidence * off * (1 - off) * delay**2 * (3 - 4 * off)
    assert finite_gradient(0.0, delay, confidence, level) == pytest.approx(wanted, rel=1e-10)


def test_sharp_output_has_the_loss_of_the_limit():
    r = BEST * np.linspace(-1, 2, 31)
    # A finite threshold is passed 1/(threshold T) of the delay before the escape.
    assert np.abs(finite_loss(r, T, 1e3) - loss(r, T)).max() / T < 2e-3


def test_shapes_are_kept():
    r = BEST * np.ones((2, 3))
    for function in (loss, gradient):
        assert function(r, T).shape == (2, 3) and np.ndim(function(BEST, T)) == 0
    assert finite_gradient(r, T, 1.0).shape == (2, 3)
    assert descent(r, 0.0, 4, lambda r: gradient(r, T)).shape == (5, 2, 3)


@pytest.mark.parametrize(
    "bad", [{"T": 0.0}, {"T": -1.0}, {"confidence": 0.0}, {"threshold": -1.0}, {"curvature": 0.0}]
)
def test_bad_settings_are_refused(bad):
    settings = {"T": T, "confidence": 1.0, **bad}
    with pytest.raises(ValueError, match=f"{next(iter(bad))}=.* above 0"):
        finite_gradient(BEST, **settings)


def test_euler_network_has_the_published_losses():
    task = DelayedActivation(delay=1000, h0=0.0)
    trials = task.trials(jax.random.key(0))

    def euler(r, confidence):
        network = SaddleNode(r0=r, confidence=confidence)
        return float(task.loss(network.rollout(network.init(jax.random.key(0)), trials), trials))

    assert euler(BEST, 1.0) == pytest.approx(4.40e-3, abs=5e-6)
    assert euler(BEST / 2, 1.0) == pytest.approx(0.41885, abs=5e-6)
    assert euler(BEST, 0.1) == pytest.approx(0.0749, abs=5e-5)


def test_euler_network_trains_both_parameters_if_told():
    network = SaddleNode(parameters=["r", "a"], curvature=2)
    params = network.init(jax.random.key(0))
    assert set(params) == {"r", "a"} and set(SaddleNode().init(jax.random.key(0))) == {"r"}
    h = network.step(params, jnp.array([3.0]), jnp.ones(1))
    assert float(h[0]) == pytest.approx(3 + 0.1 * (2 * 9 + 1e-3), rel=1e-15)
    for bad, words in (
        ({"parameters": ("a",)}, "parameters"),
        ({"dt": 0}, "dt=0.0"),
        ({"confidence": -1}, "above 0"),
    ):
        with pytest.raises(ValueError, match=words):
            SaddleNode(**bad)
