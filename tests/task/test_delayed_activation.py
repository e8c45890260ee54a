"""The delayed activation: what is asked, and what it costs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.settings import replace
from stepwell.task import sizes
from stepwell.task.delayed_activation import DelayedActivation

KEY = jax.random.key(0)


def test_target_switches_after_the_delay():
    trials = DelayedActivation(delay=3).trials(KEY, 2)
    np.testing.assert_array_equal(trials.targets[1, :, 0], [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(trials.inputs, np.ones((2, 6, 1)))
    assert trials.h0 == -0.3


def test_loss_is_one_for_a_silent_output_and_scales_as_set():
    task, summed = DelayedActivation(delay=20), DelayedActivation(delay=20, loss_scale=0.1)
    trials = task.trials(KEY)
    silent = jnp.zeros_like(trials.targets)
    assert task.loss(silent, trials) == pytest.approx(1.0, rel=1e-15)  # 20 errors over 20
    assert summed.loss(silent, trials) == pytest.approx(2.0, rel=1e-15)
    # The average over equal trials is that of one.
    assert task.loss(jnp.zeros((3, 40, 1)), task.trials(KEY, 3)) == pytest.approx(1.0, rel=1e-15)


def test_accuracy_counts_the_right_side_of_one_half():
    task = DelayedActivation(delay=2)
    trials = task.trials(KEY)
    outputs = jnp.array([0.1, 0.6, 0.5, 0.51])[None, :, None]
    assert task.accuracy(outputs, trials) == 0.5


def test_automatic_scale_follows_the_delay():
    assert replace(DelayedActivation(delay=20), delay=10).loss_scale == 0.1
    assert replace(DelayedActivation(delay=20, loss_scale=0.3), delay=10).loss_scale == 0.3
    assert sizes(DelayedActivation(delay=7)) == (1, 1, 14, 1)


@pytest.mark.parametrize(
    "settings, words",
    [({"delay": 0}, "delay=0"), ({"loss_scale": 0.0}, "above 0"), ({"h0": np.nan}, "finite")],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        DelayedActivation(**settings)
