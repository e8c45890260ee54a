"""Mante, Romo and step target: phases, distributions, initial losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.task import AbstractTask, Mante, Romo, StepTarget, Trials, sizes

COUNT = 4000


def draw(task: AbstractTask) -> Trials:
    return jax.tree.map(np.asarray, jax.jit(lambda key: task.trials(key, COUNT))(jax.random.key(0)))


def silent_loss(task: AbstractTask, trials: Trials) -> float:
    return float(task.loss(jnp.zeros_like(trials.targets), jax.tree.map(jnp.asarray, trials)))


def test_mante_asks_for_the_sign_that_the_context_names():
    task = Mante()
    trials = draw(task)
    assert sizes(task) == (4, 1, 96, 32)
    context, stimulus = trials.inputs[..., :2], trials.inputs[..., 2:]
    assert set(np.unique(context)) == {0, 1}
    np.testing.assert_array_equal(
        context.sum(-1), np.tile((np.arange(96) >= 6) & (np.arange(96) < 46), (COUNT, 1))
    )
    mean = stimulus[:, 6:46].mean(1)
    coherences = np.array([0.125, 0.25, 0.5, 1])
    nearest = np.argmin(np.abs(np.abs(mean)[..., None] - coherences), axis=-1)
    # 40 steps of noise 0.0707 leave the mean with an error of 0.0112; six of them over 8000 means.
    assert np.abs(np.abs(mean) - coherences[nearest]).max() < 6 * 0.0112
    share = np.bincount(nearest.ravel(), minlength=4) / nearest.size
    np.testing.assert_allclose(share, 0.25, atol=5 * np.sqrt(0.1875 / nearest.size))  # five standard errors
    wanted = 0.5 * np.sign(np.sum(mean * context[:, 6], axis=-1))
    np.testing.assert_array_equal(trials.targets[:, 56:, 0], np.tile(wanted[:, None], 40))
    assert not trials.targets[:, :56].any()
    asked = np.concatenate([np.ones(46), np.zeros(10), np.ones(40)])
    np.testing.assert_array_equal(trials.mask[..., 0], np.tile(asked, (COUNT, 1)))
    noise = np.concatenate([stimulus[:, :6], stimulus[:, 46:]], axis=1)
    assert noise.std() == pytest.approx(
        0.05 * 2**0.5, rel=5 / np.sqrt(2 * noise.size)
    )  # five standard errors
    assert abs(np.mean(noise[..., 0] * noise[..., 1])) < 5 * 0.005 / np.sqrt(noise.size / 2)  # independent
    assert silent_loss(task, trials) == pytest.approx(0.125 * 40 / 86, rel=1e-12)  # rounding


def test_romo_asks_which_pulse_was_larger():
    task = Romo()
    trials = draw(task)
    assert sizes(task) == (1, 2, 56, 32)
    x, first, second, delays = trials.inputs[..., 0], [], [], []
    for n in range(COUNT):
        on = np.flatnonzero(x[n])
        assert len(on) == 4 and on[0] == 6 and on[1] == 7 and on[3] == on[2] + 1
        a, b, end = x[n, 6], x[n, on[2]], on[3] + 1
        first, second, delays = [*first, a], [*second, b], [*delays, on[2] - 8]
        target, mask = np.zeros((56, 2)), np.zeros((56, 2))
        target[end + 10 : end + 30, 0 if a > b else 1] = 0.5
        mask[:end] = mask[end + 10 : end + 30] = 1
        np.testing.assert_array_equal(trials.targets[n], target)
        np.testing.assert_array_equal(trials.mask[n], mask)
    assert min(delays) == 4 and max(delays) == 15
    assert np.mean(delays) == pytest.approx(
        9.5, abs=5 * 3.45 / np.sqrt(COUNT)
    )  # uniform on 4..15; five errors
    same_as_rejection(np.array(first), np.array(second))
    assert silent_loss(task, trials) == pytest.approx(0.0317, abs=0.0002)  # asked steps vary from 16 + n


def same_as_rejection(first: np.ndarray, second: np.ndarray) -> None:
    """The pairs are distributed as pairs from the square that are redrawn until they differ by 0.2."""
    gap = np.abs(first - second)
    assert gap.min() >= 0.2 and min(first.min(), second.min()) > 0.5 and max(first.max(), second.max()) < 1.5
    pairs = np.random.default_rng(0).uniform(0.5, 1.5, (200_000, 2))
    pairs = pairs[np.abs(pairs[:, 0] - pairs[:, 1]) >= 0.2]
    other = np.abs(pairs[:, 0] - pairs[:, 1])
    for ours, theirs in (
        (first, pairs[:, 0]),
        (second, pairs[:, 1]),
        (gap, other),
        (first * second, pairs.prod(1)),
    ):
        for power in (1, 2):
            error = 5 * np.std(theirs**power) * np.sqrt(1 / COUNT + 1 / len(theirs))  # five standard errors
            assert np.mean(ours**power) == pytest.approx(np.mean(theirs**power), abs=error)


def test_step_target_asks_at_the_end_of_a_constant_input():
    task = StepTarget(target=2)
    trials = task.trials(jax.random.key(0))
    np.testing.assert_array_equal(trials.inputs[0, :, 0], np.arange(202) >= 2)
    np.testing.assert_array_equal(trials.targets[0, :, 0], 2.0 * (np.arange(202) >= 200))
    np.testing.assert_array_equal(trials.mask[0, :, 0], np.arange(202) >= 200)
    outputs = jnp.full((1, 202, 1), 0.5)
    assert float(task.loss(outputs, trials)) == 0.5 * 1.5**2  # half the mean of the squared errors


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: Mante(stimulus=0), "too short"),
        (lambda: Romo(decision=0), "too short"),
        (lambda: Romo(shortest=5, longest=4), "0 <= shortest <= longest"),
        (lambda: StepTarget(steps=3), "steps=3 is too short"),
    ],
)
def test_trials_too_short_for_their_phases_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
