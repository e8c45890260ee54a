"""Trials from a user's own arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell import NETWORKS, TASKS, Experiment, train
from stepwell.task import sizes

DRAW = np.random.default_rng(0)
X, Y = DRAW.normal(size=(6, 5, 2)), DRAW.normal(size=(6, 5, 3))
MASK = (DRAW.random((6, 5, 3)) < 0.5).astype(float)
KEY = jax.random.key(1)


def arrays(*given, **settings):
    return TASKS["arrays"](*given, **settings)


def test_all_trials_come_in_their_order():
    task = arrays(X, Y, MASK)
    assert sizes(task) == (2, 3, 5, 6)
    trials = task.trials(KEY)
    for given, found in ((X, trials.inputs), (Y, trials.targets), (MASK, trials.mask)):
        np.testing.assert_array_equal(found, given)


def test_a_batch_is_drawn_without_replacement():
    numbered = np.arange(6.0)[:, None, None] * np.ones((6, 5, 1))
    task, counts = arrays(numbered, numbered, batch=4), np.zeros(6)
    for key in jax.random.split(KEY, 300):
        drawn = np.asarray(task.trials(key).inputs[:, 0, 0]).astype(int)
        assert len(drawn) == len(set(drawn)) == 4
        counts[drawn] += 1
    # Each trial is in a batch with probability 2/3; 300 batches give 200 with a standard deviation of 8.
    assert np.abs(counts - 200).max() < 40
    assert {float(task.trial(key).inputs[0, 0]) for key in jax.random.split(KEY, 60)} == set(range(6))


@pytest.mark.parametrize("normalise", [True, False])
def test_the_loss_sees_what_is_not_masked(normalise):
    task, outputs = arrays(X, Y, MASK, normalise=normalise), DRAW.normal(size=Y.shape)
    total = 0.5 * sum(
        MASK[index] * (outputs[index] - Y[index]) ** 2 / (MASK.sum() if normalise else 1.0)
        for index in np.ndindex(Y.shape)
    )
    assert task.loss(jnp.asarray(outputs), task.trials(KEY)) == pytest.approx(total, rel=1e-13)  # rounding


def test_the_state_before_the_first_step():
    network = NETWORKS["linear"](hidden=2, input=2, output=3, sigma0=0.3)
    params = network.init(KEY)
    outputs = network.rollout(params, arrays(X, Y, h0=0.5).trials(KEY))
    W, b, c = (np.asarray(params[name]) for name in "Wbc")
    np.testing.assert_allclose(outputs[3, 0], c @ (W @ [0.5, 0.5] + b @ X[3, 0]), rtol=1e-13)  # rounding


def test_lists_and_whole_numbers_will_do_and_training_lowers_the_loss():
    task = arrays([[[1], [0], [0]]], [[[1], [2], [4]]])
    run = train(Experiment(task, NETWORKS["linear"](hidden=2, sigma0=0.3), updates=300), [0])
    assert run.loss[0, -1] < 0.1 * run.loss[0, 0]


@pytest.mark.parametrize(
    ("given", "settings", "sentence"),
    [
        ((X[0], Y[0]), {}, r"\[trial, step, channel\]"),
        ((X, Y[:5]), {}, "equal trials and steps"),
        ((X, Y[:, :4]), {}, "equal trials and steps"),
        ((X, Y, MASK[..., :1]), {}, "the mask needs the shape of the targets"),
        ((np.where(X > 2, np.nan, X) * np.nan, Y), {}, "NaN or infinity"),
        ((X, Y, 0 * MASK), {}, "the mask is 0 everywhere"),
        ((X, Y), {"batch": 7}, "batch=7 does not fit; there are 6 trials"),
        ((X, Y), {"batch": 0}, "batch=0 does not fit"),
    ],
)
def test_what_does_not_fit_is_refused(given, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        arrays(*given, **settings)


def test_more_trials_than_there_are_cannot_be_asked_for():
    with pytest.raises(ValueError, match="there are 6 trials; 7 were asked for"):
        arrays(X, Y).trials(KEY, 7)
