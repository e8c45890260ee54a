"""Abrupt learning: positions in curves that were made for them."""

import numpy as np
import pytest

from stepwell.analysis.abrupt_learning import (
    abruptness,
    drop,
    escape,
    in_no_learning_zone,
    onset,
    oscillating,
)


def test_positions_are_numbers_of_updates_done():
    loss = np.array([[1.0, 0.8, 0.49, 0.7], [1.0, 1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(drop(loss), [2, -1])
    np.testing.assert_array_equal(drop(loss, level=0.9), [1, -1])
    assert onset([0.5, 0.5, 0.5]) == -1 and onset([0.525, 0.5]) == 0


def test_zone_is_judged_at_the_end_alone():
    accuracy = np.full((3, 100), 0.5)
    accuracy[0, 40:45] = 1.0
    accuracy[1, 60] = 0.525
    np.testing.assert_array_equal(in_no_learning_zone(accuracy), [True, False, True])
    np.testing.assert_array_equal(in_no_learning_zone(accuracy, window=30), [True, True, True])
    np.testing.assert_array_equal(onset(accuracy) >= 0, [True, True, False])


def test_escape_must_last():
    loss = np.array([[1.0, 1e-5, 1.0, 1e-5, 1e-5], [1.0, 1e-5, 1e-5, 1e-5, 1.0], [1e-5] * 5])
    np.testing.assert_array_equal(escape(loss), [3, -1, 0])


def test_oscillation_is_relative_to_the_larger_loss():
    np.testing.assert_array_equal(oscillating([0.1, 0.0995, 0.08, 0.08]), [False, True, False])


def test_abruptness_is_the_fall_over_the_wait():
    updates = np.arange(2001)
    loss = 1 / (
        1 + np.exp((updates - 1000) / 10)
    )  # at 0.9 and 0.1 of the first loss 10 ln 9 = 21.97 from 1000
    # Whole updates: from 979, the first after 978.03, to 1022, the first after 1021.97.
    assert abruptness(loss) == pytest.approx(43 / 979, rel=1e-12)
    assert np.isnan(abruptness(np.linspace(1, 0.2, 50)))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="window=60"):
        in_no_learning_zone(np.full(50, 0.5), window=60)
    with pytest.raises(ValueError, match="NaN"):
        drop([1.0, np.nan])
