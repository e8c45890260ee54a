"""Truncated and shuffled losses: reference values, identities, networks whose answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from stepwell.analysis import functional_rank, shuffled_loss, singular_values, truncated, truncated_loss
from stepwell.network import LSTM, Rate
from stepwell.task import Arrays, FlipFlop


@pytest.fixture(scope="module")
def trained():
    """The small network with closed-form entries, before and after three steps of Adam at rate 0.05/6."""
    i, m, t, k = np.arange(6), np.arange(2), np.arange(7), np.arange(2)
    initial = {
        "W": jnp.asarray(0.3 * np.sin(1 + i[:, None] + 2 * i[None, :])),
        "b": jnp.asarray(np.cos(0.5 * i[:, None] + m[None, :])),
        "c": jnp.asarray(0.2 * np.cos(i)[None, :]),
    }
    task = Arrays(
        inputs=np.sin(0.3 * t[None, :, None] + m[None, None, :] + 0.7 * k[:, None, None]),
        targets=0.5 * np.cos(0.2 * t[None, :] + k[:, None])[..., None],
        mask=(t[None, :] >= 3 + k[:, None])[..., None] * 1.0,
    )
    network, trials = Rate(hidden=6, input=2, output=1), task.trials(jax.random.key(0))
    optimiser = optax.adam(0.05 / 6)

    @jax.jit
    def after(params):
        state = optimiser.init(params)
        for _ in range(3):
            gradient = jax.grad(lambda p: task.loss(network.rollout(p, trials), trials))(params)
            changes, state = optimiser.update(gradient, state)
            params = optax.apply_updates(params, changes)
        return params

    return after(initial), initial, network, task, trials


def test_small_network_has_the_reference_values(trained):
    params, initial, network, task, trials = trained
    values = singular_values(params["W"], initial["W"])[:3]
    np.testing.assert_allclose(values, [0.1379501801, 0.0345701309, 0.0002696241], atol=1e-10)  # 10 decimals
    losses = truncated_loss(params, initial, [0, 1, 2], network, task, trials)
    wanted = [0.04003366497028, 0.03204741910574, 0.03201378027035]
    np.testing.assert_allclose(losses, wanted, atol=1e-13)  # printed to 14 decimals


def test_rank_zero_and_full_rank_are_the_initial_and_the_trained_weights(trained):
    params, initial, network, task, trials = trained
    losses = truncated_loss(params, initial, [0, 6], network, task, trials)
    for W, loss in zip((initial["W"], params["W"]), losses):
        alone = task.loss(network.rollout({**params, "W": W}, trials), trials)
        assert loss == pytest.approx(float(alone), abs=1e-15)  # rounding
    unchanged = truncated_loss(initial, initial, [0, 3], network, task, trials)
    assert unchanged[0] == unchanged[1]


def test_with_zeros_for_the_start_the_weights_themselves_are_cut(trained):
    params, initial, network, task, trials = trained
    nothing = {"W": np.zeros((6, 6))}
    losses = truncated_loss(params, nothing, [0, 6], network, task, trials)
    silent = task.loss(network.rollout({**params, "W": jnp.zeros((6, 6))}, trials), trials)
    assert losses[0] == pytest.approx(float(silent), abs=1e-15)
    assert losses[1] == pytest.approx(
        truncated_loss(params, initial, [6], network, task, trials)[0], abs=1e-15
    )


def test_truncation_is_the_best_approximation_of_its_rank():
    draw = np.random.default_rng(0)
    W0, change = draw.standard_normal((2, 9, 9))
    found, values = truncated(W0 + change, W0, [0, 3, 9]), np.linalg.svd(change, compute_uv=False)
    np.testing.assert_allclose(found[[0, 2]], [W0, W0 + change], atol=1e-14)  # rounding
    assert np.linalg.matrix_rank(found[1] - W0) == 3
    assert np.linalg.norm(found[1] - W0 - change) == pytest.approx(
        np.sqrt(np.sum(values[3:] ** 2)), rel=1e-12
    )


def test_gates_are_cut_one_by_one():
    draw = np.random.default_rng(1)
    W, W0 = draw.standard_normal((2, 12, 3))
    (found,) = truncated(W, W0, [1], blocks=4)
    for gate in range(4):
        rows = slice(3 * gate, 3 * gate + 3)
        np.testing.assert_allclose(found[rows], truncated(W[rows], W0[rows], [1])[0], atol=1e-14)  # rounding


def test_recurrent_matrices_of_an_lstm_are_cut_together():
    network, task = LSTM(hidden=3, input=2, output=2, layers=2), FlipFlop(steps=20)
    initial, params = (jax.jit(network.init)(jax.random.key(seed)) for seed in (0, 1))
    trials = task.trials(jax.random.key(2), 3)
    losses = truncated_loss(params, initial, [0, 2, 3], network, task, trials)
    names = ["weight_hh_l0", "weight_ih_l1", "weight_hh_l1"]
    rollout = jax.jit(network.rollout)
    for rank, loss in zip((0, 2, 3), losses):
        cut = {name: jnp.asarray(truncated(params[name], initial[name], [rank])[0]) for name in names}
        assert loss == pytest.approx(float(task.loss(rollout({**params, **cut}, trials), trials)), abs=1e-14)


def test_shuffling_permutes_all_entries_of_the_start_and_keeps_the_change(trained):
    params, initial, network, task, trials = trained
    losses = shuffled_loss(params, initial, network, task, trials, jax.random.key(0), shuffles=5)
    assert losses.shape == (5,) and len(set(losses)) == 5
    # A start that is the same everywhere has nothing to shuffle.
    flat = {**initial, "W": jnp.full((6, 6), 0.1)}
    moved = {**params, "W": params["W"] - initial["W"] + 0.1}
    same = shuffled_loss(moved, flat, network, task, trials, jax.random.key(0))
    alone = task.loss(network.rollout(moved, trials), trials)
    np.testing.assert_allclose(same, float(alone), atol=1e-15)  # rounding


def test_functional_rank_reports_the_first_and_the_last_crossing():
    losses = np.array([[1, 0.04, 0.5, 0.01, 0.01], [1, 1.3, 0.2, 0.1, 0.06], [1, 0.04, 0.01, 0.01, 0.2]])
    first, last = functional_rank(losses)
    np.testing.assert_array_equal(first, [1, np.nan, 1])
    np.testing.assert_array_equal(last, [3, np.nan, np.nan])
    np.testing.assert_array_equal(functional_rank(2.0 * losses[0], threshold=0.02), (3, 3))


def test_bad_input_is_refused_with_a_sentence(trained):
    params, initial, network, task, trials = trained
    with pytest.raises(ValueError, match="ranks from 0 to 6"):
        truncated_loss(params, initial, [0, 7], network, task, trials)
    with pytest.raises(ValueError, match="no V among"):
        shuffled_loss(params, initial, network, task, trials, jax.random.key(0), names=["V"])
    with pytest.raises(ValueError, match="do not divide 6 rows"):
        truncated(params["W"], initial["W"], [1], blocks=4)
    with pytest.raises(ValueError, match="say which with names="):
        truncated_loss({"m": np.ones((3, 1))}, {"m": np.ones((3, 1))}, [0], network, task, trials)
