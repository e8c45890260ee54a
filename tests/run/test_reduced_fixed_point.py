"""Descent on the fixed point, against inversion, dense spectra, autodiff through time and a slow loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell import theory
from stepwell.network import Rate
from stepwell.run import settings_of
from stepwell.run.reduced_fixed_point import FixedPointDescent, descent, flow, spectrum
from stepwell.task import StepTarget

SETTINGS = FixedPointDescent(24, g=0.6, target=1.0, learning_rate=0.02, updates=60)


def slow_descent(W, b, c, target, learning_rate, updates):
    """The same updates with an inversion each."""
    for _ in range(updates):
        R = np.linalg.inv(np.eye(len(b)) - W)
        W = W + learning_rate * (target - c @ R @ b) * np.outer(c @ R, R @ b)
    return W


def test_descent_is_that_with_an_inversion_per_update():
    W, b, c = SETTINGS.start(3)
    path = descent(W, b, c, 1.0, 0.02, 60)
    expected = slow_descent(W, b, c, 1.0, 0.02, 60)
    # Rounding of 60 rank-one updates, each about 1e-16.
    np.testing.assert_allclose(W + path.left @ path.right.T, expected, rtol=0, atol=1e-12)
    assert path.residual < 1e-10


def test_a_nearly_singular_update_is_survived():
    b, c = np.eye(2)[1], np.eye(2)[0]
    W = np.array([[0.2, 0.4], [0.1, 0.2]])
    R = np.linalg.inv(np.eye(2) - W)
    # The step at which 1 - size * kappa vanishes, but for one part in 1e7.
    size = (1 - 1e-7) / ((R @ b) @ R @ (c @ R))
    path = descent(W, b, c, 2.0, size / (2.0 - c @ R @ b), 1)
    exact = np.linalg.solve(np.eye(2) - W - path.left @ path.right.T, b)[0]
    # The condition number is about 1e7.
    np.testing.assert_allclose(path.output[-1], exact, rtol=1e-8)


def test_spectrum_of_partial_sums_is_dense_svd():
    random = np.random.default_rng(0)
    left, right = (random.standard_normal((12, 3)) @ random.standard_normal((3, 9)) for _ in range(2))
    values, first, second = spectrum(left, right)
    for terms in (0, 1, 2, 5, 9):
        dense = np.linalg.svd(left[:, :terms] @ right[:, :terms].T, compute_uv=False)
        np.testing.assert_allclose(values[terms], dense[: values.shape[1]], atol=1e-12 * max(1, dense[0]))
    np.testing.assert_allclose(first @ second.T, left @ right.T, atol=1e-12 * values[-1, 0])


def test_gradient_has_the_shape_of_that_through_a_long_trial():
    network, task = Rate(16, g=0.4, phi="identity"), StepTarget(0.5, steps=400)
    params, trials = network.init(jax.random.key(1)), task.trials(jax.random.key(0))

    def loss(W):
        return task.loss(network.rollout({**params, "W": W}, trials), trials)

    through_time = np.asarray(jax.grad(loss)(params["W"]))
    W, b, c = FixedPointDescent(16, g=0.4, zero_output=False).start(1)
    np.testing.assert_array_equal(W, params["W"])
    R = np.linalg.inv(np.eye(16) - W)
    at_rest = -(0.5 - c @ R @ b) * np.outer(c @ R, R @ b)
    # After 200 steps both the state and the adjoint have converged to about 1e-10.
    np.testing.assert_allclose(
        through_time / np.linalg.norm(through_time), at_rest / np.linalg.norm(at_rest), atol=1e-8
    )


def test_record_holds_what_the_end_weights_say():
    run = SETTINGS.run([0, 5])
    W, b, c = SETTINGS.start(5)
    end = slow_descent(W, b, c, 1.0, 0.02, 60)
    U, s, V = np.linalg.svd(end - W)
    at = run.sel(seed=5)
    # All follow from W, which agrees to 1e-12.
    np.testing.assert_allclose([at[f"s{k}"].values[-1] for k in (1, 2, 3)], s[:3], atol=1e-11)
    np.testing.assert_allclose(at.norm.values[-1], np.linalg.norm(end - W), rtol=1e-11)
    np.testing.assert_allclose(at.nuclear_norm.values[-1], s.sum(), rtol=1e-11)

    def loss(weights):
        return (1 - c @ np.linalg.solve(np.eye(24) - weights, b)) ** 2 / 2

    cut = [loss(W + (U[:, :r] * s[:r]) @ V[:r]) for r in range(3)]
    np.testing.assert_allclose(at.truncated_loss.values[0], cut, rtol=1e-9)
    np.testing.assert_allclose(at.change_alone.values[0], loss(end - W), rtol=1e-9)
    assert at.shuffled_loss.shape == (1, 8) and len(set(at.shuffled_loss.values[0])) == 8
    assert abs(at.output.values[0]) < 1e-15  # what is left of the first output is rounding
    assert settings_of(run) == SETTINGS


def test_flow_meets_the_target_and_keeps_what_flow_keeps():
    W, b, c = FixedPointDescent(20, g=0.5, zero_output=False).start(2)
    path = flow(W, b, c, 1.0, 0.001, 600)
    np.testing.assert_allclose(path.output[-1], 1.0, rtol=1e-10)
    M, N = np.eye(20) - W, np.eye(20) - W - path.left @ path.right.T
    off = np.eye(20) - np.outer(c, c)
    # M^T M off c is constant along the flow; midpoint steps of 1e-3 leave errors of their square.
    np.testing.assert_allclose(off @ N.T @ N @ off, off @ M.T @ M @ off, atol=3e-6)


def test_flow_without_initial_weights_is_the_closed_form():
    path = flow(*FixedPointDescent(7).start(0), 2.0, 0.001, 600)
    exact = theory.linear_flow.exact_g0(0.001 * np.arange(601))
    # The midpoint rule with steps of 1e-3: an error of about 1e-6 times the third derivative of y.
    np.testing.assert_allclose(path.output, exact.output, atol=1e-5)


@pytest.mark.parametrize("given", [{"g": 1.0}, {"g": -0.1}, {"hidden": 1}, {"updates": 0}])
def test_impossible_settings_are_refused(given):
    with pytest.raises(ValueError, match=r"g=|hidden="):
        FixedPointDescent(**{"hidden": 8, **given})


def test_an_unstable_run_is_data():
    settings = FixedPointDescent(24, g=0.6, target=2.0, learning_rate=1.0, updates=200)
    run = settings.run([0])
    assert np.isfinite(run.loss.values).any()
    assert not run.loss.values[0, -1] < 1e-3 * run.loss.values[0, 0]


def test_start_matches_the_network_in_units_of_length_one():
    W, b, c = FixedPointDescent(9, g=0.3, zero_output=False).start(4)
    params = Rate(9, g=0.3).init(jax.random.key(4))
    assert jnp.allclose(params["b"][:, 0] / 3, b, atol=1e-15)  # sqrt(9), one rounding
    assert jnp.allclose(params["c"][0] * 3, c, atol=1e-15)
