"""Where RFLO's weight change has the rank of its feedback, and where it has not."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from stepwell.network import Linear, Rate
from stepwell.rule import BPTT, RFLO, TBPTT, EProp
from stepwell.task.white_noise import WhiteNoise

UNITS, UPDATES = 20, 60
GROUPS = tuple(0.2 * (1 + i % 3) for i in range(UNITS))


def change(rule, outputs, network=None, optimiser=None):
    """[dW, db] after some updates on fresh white noise, and the feedback."""
    network = network or Linear(UNITS, 3, outputs, sigma0=0.2)
    optimiser = optimiser or optax.sgd(0.01)
    task = WhiteNoise(input=3, output=outputs, steps=12, batch=4, seed=1)
    key = jax.random.key(0)
    start, state = network.init(key), rule.init(network, jax.random.key(1))

    @jax.jit
    def train(params):
        def update(carry, k):
            params, memory = carry
            trials = task.trials(jax.random.fold_in(key, k))
            _, direction, _ = rule.gradient(network, task, params, trials, state)
            steps, memory = optimiser.update(direction, memory, params)
            return (optax.apply_updates(params, steps), memory), None

        return jax.lax.scan(update, (params, optimiser.init(params)), jnp.arange(UPDATES))[0][0]

    end = train(start)
    return np.hstack([end["W"] - start["W"], end["b"] - start["b"]]), state.get("feedback")


def rank(matrix):
    """The numerical rank: rounding of some tens of updates leaves 1e-15."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.sum(values > 1e-10 * values[0]))


@pytest.mark.parametrize(
    "outputs, network, optimiser",
    [
        (1, None, None),
        (2, None, optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(0.01, momentum=0.9))),
        (4, Linear(UNITS, 3, 4, sigma0=0.2, leak=0.5), None),
        (2, None, optax.sgd(optax.cosine_decay_schedule(0.02, UPDATES))),
    ],
    ids=["1 output", "2 outputs, momentum, clipping", "4 outputs, leak", "2 outputs, schedule"],
)
def test_rank_is_exactly_the_number_of_outputs(outputs, network, optimiser):
    moved, feedback = change(RFLO(0.4), outputs, network, optimiser)
    assert rank(moved) == rank(moved[:, :UNITS]) == outputs
    basis = np.linalg.qr(np.asarray(feedback))[0]
    outside = moved - basis @ (basis.T @ moved)
    assert np.linalg.norm(outside) < 1e-12 * np.linalg.norm(moved)  # the contract; rounding gives 1e-15


def test_rank_survives_units_that_respond_in_the_synapse_if_feedback_is_not_gated():
    network = Rate(UNITS, 3, 2, form="current")
    assert rank(change(RFLO(gate=False), 2, network)[0]) == 2
    assert rank(change(RFLO(gate=True), 2, network)[0]) > 2


@pytest.mark.parametrize(
    "rule, network, optimiser",
    [
        (RFLO(), Rate(UNITS, 3, 1, form="rate"), None),
        (RFLO(0.4), None, optax.adam(0.003)),
        (RFLO(0.4, "symmetric"), None, None),
        (TBPTT(), None, None),
        (EProp(), None, None),
        (BPTT(), None, None),
    ],
    ids=["tanh", "adam", "symmetric", "tbptt", "eprop", "bptt"],
)
def test_rank_is_larger_without_its_conditions(rule, network, optimiser):
    assert rank(change(rule, 1, network, optimiser)[0]) > 1


def test_unequal_decays_give_the_outputs_once_per_group():
    moved, _ = change(RFLO(GROUPS), 2)
    assert rank(moved) == 6  # three groups of equal decays, two outputs
