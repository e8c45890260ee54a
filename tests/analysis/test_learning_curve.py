"""Learning epoch and roughness of curves made by hand."""

import numpy as np
import pytest

from stepwell.analysis import learning_epoch, roughness


def test_learning_epoch_is_the_first_update_below():
    loss = np.exp(-0.1 * np.arange(100))
    assert learning_epoch(loss) == 30  # exp(-2.9957) = 0.05
    assert learning_epoch(loss, fraction=0.5) == 7
    np.testing.assert_array_equal(learning_epoch([loss, np.ones(100)]), [30, np.nan])


def test_a_single_lucky_batch_does_not_count_in_the_running_mean():
    loss = np.exp(-0.02 * np.arange(400))
    loss[40] = 1e-3
    assert learning_epoch(loss) == 40
    means = np.convolve(loss, np.ones(20) / 20, mode="valid")
    assert learning_epoch(loss, window=20) == np.flatnonzero(means < 0.05)[0]


def test_roughness_counts_the_upward_steps_until_the_learning_epoch():
    smooth = np.geomspace(1, 1e-3, 201)
    assert roughness(smooth) == 0
    rough = smooth.copy()
    rough[10] *= 2
    rough[150] *= 2  # after the learning epoch
    end = learning_epoch(rough, window=20)
    step = np.log(smooth[1] / smooth[0])
    assert end < 150
    assert roughness(rough) == pytest.approx((np.log(2) + step) / end, rel=1e-12)  # rounding
    never = np.tile([1.0, 2.0], 50)
    assert roughness(never) == pytest.approx(50 * np.log(2) / 99, rel=1e-12)
