"""The flip-flop against the trial written as a plain loop, and its statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.task import FlipFlop, Trials

COUNT = 2000


@pytest.fixture(scope="module")
def drawn() -> dict[str, Trials]:
    """Many trials of every kind, from the same key."""
    tasks = {"hold": FlipFlop(), "zero": FlipFlop("zero"), "sparse": FlipFlop(variant="sparse")}
    return {
        name: jax.tree.map(np.asarray, jax.jit(lambda k, t=task: t.trials(k, COUNT))(jax.random.key(0)))
        for name, task in tasks.items()
    }


def loop_trial(inputs: np.ndarray, hold: bool) -> tuple[np.ndarray, np.ndarray]:
    """Targets and mask of a trial, from its pulses, as the source tells them."""
    targets, mask, sign = np.zeros((100, 2)), np.zeros((100, 2)), np.zeros(2)
    onsets = [t for t in range(100) if np.any(inputs[t]) and (t == 0 or not np.any(inputs[t - 1]))]
    for onset, end in zip(onsets, [*onsets[1:], 100]):
        channel = int(np.flatnonzero(inputs[onset])[0])
        sign = sign if hold else np.zeros(2)
        sign[channel] = inputs[onset, channel]
        targets[onset + 10 : end] = 0.5 * sign
        mask[onset + 10 : end] = 1
    return targets, mask


@pytest.mark.parametrize("other_channel", ["hold", "zero"])
def test_targets_and_mask_follow_from_the_pulses(drawn, other_channel):
    trials = drawn[other_channel]
    for n in range(200):
        targets, mask = loop_trial(trials.inputs[n], other_channel == "hold")
        np.testing.assert_array_equal(trials.targets[n], targets)
        np.testing.assert_array_equal(trials.mask[n], mask)


def test_pulses_come_one_at_a_time_at_the_right_distances(drawn):
    x = drawn["hold"].inputs
    on = np.any(x != 0, axis=-1)
    assert np.all(np.sum(x != 0, axis=-1) <= 1) and set(np.unique(x)) == {-1, 0, 1}
    assert on[:, 2].all() and not on[:, :2].any()
    starts = on & ~np.concatenate([np.zeros((COUNT, 1), bool), on[:, :-1]], axis=1)
    np.testing.assert_array_equal((starts & ~np.roll(starts, -1, axis=1))[:, :-1], starts[:, :-1])
    np.testing.assert_array_equal(on[:, 3:99], (starts[:, 3:99] | starts[:, 2:98]))  # each lasts two steps
    gaps = np.concatenate([np.diff(np.flatnonzero(row)) for row in starts])
    assert gaps.min() == 20 and gaps.max() == 59
    first = np.array([np.flatnonzero(row)[1] - 2 if row.sum() > 1 else 60 for row in starts])
    # Uniform on 20..59: mean 39.5, standard deviation 11.54; five standard errors.
    assert first.mean() == pytest.approx(39.5, abs=5 * 11.54 / np.sqrt(COUNT))
    for sign, channel in np.ndindex(2, 2):
        share = np.mean(x[:, 2, channel] == 2 * sign - 1)
        assert share == pytest.approx(0.25, abs=5 * np.sqrt(0.1875 / COUNT))  # five standard errors


def test_initial_losses_tell_the_variants_apart(drawn):
    losses = {}
    for name, trials in drawn.items():
        held = np.sum(trials.mask * trials.targets**2, axis=(1, 2)), np.sum(trials.mask, axis=(1, 2))
        losses[name] = FlipFlop().loss(jnp.zeros_like(trials.targets), jax.tree.map(jnp.asarray, trials))
        assert float(losses[name]) == pytest.approx(
            0.5 * held[0].sum() / held[1].sum(), rel=1e-14
        )  # rounding
    assert float(losses["zero"]) == 0.0625
    assert float(losses["sparse"]) == 0.125
    assert float(losses["hold"]) == pytest.approx(0.0835, abs=0.001)  # loop version: 0.08346(7)


def test_sparse_targets_are_the_last_sign_eight_steps_later(drawn):
    trials = drawn["sparse"]
    x, y = trials.inputs, trials.targets
    assert x.shape == (COUNT, 60, 2) and np.all(x[:, :5] != 0)
    for n, channel in np.ndindex(100, 2):
        last = [x[n, t, channel] for t in range(60)]
        for t in range(1, 60):
            last[t] = last[t] or last[t - 1]
        np.testing.assert_array_equal(y[n, 8:, channel], 0.5 * np.array(last[:52]))
    np.testing.assert_array_equal(trials.mask, np.broadcast_to((np.arange(60) >= 15)[:, None], y.shape))
    # A channel is silent at step t if no pulse began in the last five: 0.95^5 from step 5 on.
    silent = np.mean(x[:, 5:] == 0)
    assert silent == pytest.approx(0.95**5, abs=0.01)  # 220000 steps, correlated over about ten


def test_any_number_of_bits():
    trials = FlipFlop(bits=5, steps=300).trials(jax.random.key(1), 8)
    assert trials.inputs.shape == (8, 300, 5)
    assert float(jnp.abs(trials.targets).max()) == 0.5


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"steps": 12}, "too short: the first answer is due in step 13"),
        ({"variant": "sparse", "steps": 15}, "too short"),
        ({"other_channel": "keep"}, "choose one of hold, zero"),
        ({"variant": "dense"}, "choose one of pulses, sparse"),
        ({"bits": 0}, "bits, batch and pulse of at least 1"),
        ({"delay": 20}, "pulse <= delay < shortest <= longest"),
        ({"onset": 1.5}, "no probability"),
    ],
)
def test_bad_settings_are_refused_with_a_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        FlipFlop(**settings)
