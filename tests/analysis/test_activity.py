"""States and their principal components."""

import jax
import numpy as np

from stepwell.analysis import participation_ratio, principal_components, states
from stepwell.network import Rate
from stepwell.task import StepTarget


def test_states_are_those_of_the_recursion():
    network, task = Rate(hidden=4, leak=0.25), StepTarget(steps=6)
    params, trials = network.init(jax.random.key(0)), task.trials(jax.random.key(1))
    W, b = np.asarray(params["W"]), np.asarray(params["b"])
    h, found = np.zeros(4), np.asarray(states(network, params, trials))
    for t in range(6):
        h = 0.25 * h + 0.75 * (W @ np.tanh(h) + b @ np.asarray(trials.inputs[0, t]))
        np.testing.assert_allclose(found[0, t], h, atol=1e-14)  # rounding


def test_principal_components_recover_a_plane():
    draw = np.random.default_rng(0)
    axes = np.linalg.qr(draw.standard_normal((6, 2)))[0]
    scores = draw.standard_normal((30, 20, 2)) * [3.0, 1.0]
    activity = scores @ axes.T + np.arange(6.0)
    found = principal_components(activity)
    centred = activity.reshape(-1, 6) - activity.reshape(-1, 6).mean(0)
    squares = np.linalg.svd(centred, compute_uv=False) ** 2 / 600
    np.testing.assert_allclose(found.variances, squares, atol=1e-12)  # rounding
    assert np.linalg.norm(found.directions[:, :2] - axes @ (axes.T @ found.directions[:, :2])) < 1e-12
    np.testing.assert_allclose(
        found.project(activity)[..., :2] @ found.directions[:, :2].T + found.mean, activity
    )
    ratio = squares.sum() ** 2 / np.sum(squares**2)
    np.testing.assert_allclose(participation_ratio(np.sqrt(found.variances)), ratio, rtol=1e-12)
    assert principal_components(activity, 1).directions.shape == (6, 1)
