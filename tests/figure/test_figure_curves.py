"""Learning through time: what is solid was measured, what is dashed was predicted."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from record_by_hand import staircase_record

from stepwell import figure
from stepwell.analysis import Plateau


@pytest.fixture
def ax():
    with figure.styled():
        yield Figure().add_subplot()


@pytest.fixture
def record():
    return staircase_record()


def dashed(ax):
    return [line for line in ax.lines if line.is_dashed()]


def solid(ax):
    return [line for line in ax.lines if not line.is_dashed() and line.get_linestyle() == "-"]


def named(ax):
    return {text.get_text(): text for text in ax.texts}


def test_staircase_draws_every_run_and_the_first_one_strong(ax, record):
    figure.staircase(record, ax)
    curves = solid(ax)
    assert len(curves) == 2 and not dashed(ax)
    strong = max(curves, key=lambda line: line.get_linewidth())
    np.testing.assert_array_equal(strong.get_ydata(), record.loss[0])
    assert ax.get_yscale() == "log" and "learning rate" in ax.get_xlabel()


def test_staircase_takes_records_of_a_grid(ax, record):
    grid = record.loss.expand_dims(rule=["bptt", "rflo", "eprop"], axis=2)
    figure.staircase(record.assign(loss=grid), ax)
    assert len(solid(ax)) == 6


def test_levels_and_times_of_the_staircase_are_dashed_in_the_colours_of_their_modes(ax, record):
    levels, times = [0.74, 0.1, 0.01], [4.0, 30.0]
    figure.staircase(record, ax, levels=levels, transition_times=times)
    assert [line.get_ydata()[0] for line in dashed(ax)[:3]] == levels
    assert [line.get_color() for line in dashed(ax)[:3]] == [figure.mode_colour(k) for k in range(3)]
    assert [line.get_xdata()[0] for line in dashed(ax)[3:]] == times
    assert {"0 poles", "1 pole", "2 poles"} <= set(named(ax))
    assert "leading order" in " ".join(named(ax))


def test_plateaus_are_shaded_from_start_to_end_with_a_mark_on_the_fall(ax, record):
    rests = [Plateau(0.74, 4.0, 0.0, 4.0, 2.0), Plateau(0.1, 26.0, 4.0, 30.0, 20.0)]
    figure.staircase(record, ax, plateaus=rests)
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]
    assert spans == [(0.0, 4.0), (4.0, 30.0)]
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert [float(mark.get_xdata()[0]) for mark in marks] == [4.0, 30.0]
    # both ends of a fall are on the recorded grid, so the mark is a recorded loss
    expected = record.loss[0].values[[8, 60]]
    np.testing.assert_array_equal([mark.get_ydata()[0] for mark in marks], expected)


def test_staircase_ends_where_the_loss_has_left_the_picture(ax, record):
    fast = record.loss * np.exp(-record.learning_time / 5)
    figure.staircase(record.assign(loss=fast), ax, levels=[0.7, 0.1])
    end = ax.get_xlim()[1]
    assert end < 100
    assert float(fast.sel(seed=0).values[int(2 * end)]) <= 0.011  # just under a hundredth of the last level


def test_residues_and_their_predictions(ax):
    times, residues = [0.0, 1.0, 2.0], np.array([[0.1, np.nan], [0.5, 0.2], [1.0, np.nan]])
    figure.residues_through_time(times, residues, ax, predicted=residues + 0.1)
    assert [line.get_color() for line in solid(ax)[:2]] == [figure.mode_colour(1), figure.mode_colour(2)]
    np.testing.assert_array_equal(dashed(ax)[1].get_ydata(), residues[:, 1] + 0.1)
    assert set(named(ax)) == {"mode 1", "mode 2"}


def test_weight_norms_are_norms(ax, record):
    figure.weight_norms(record, ax)
    for name, line in zip("Wbc", ax.lines):
        first = record[name].values[0]
        expected = [np.sqrt((first[t] ** 2).sum()) for t in range(5)]
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-14)  # sums in another order
        assert line.get_color() == figure.colour(name)
    assert set(named(ax)) == {"W", "b", "c"}


def test_lines_of_rules_look_like_their_rules(ax):
    x = [0.0, 1.0, 2.0]
    figure.lines(
        x, {"rflo": [1, 2, 3], "other": [3, 2, 1]}, ax, ("time", "loss"), predicted={"rflo": [1, 1, 1]}
    )
    rule, other, theory = ax.lines
    assert rule.get_color() == theory.get_color() == figure.rule_line("rflo")["color"]
    assert rule.get_linestyle() == "-." and theory.is_dashed() and other.get_linestyle() == "-"
    assert set(named(ax)) == {"RFLO", "other"}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time", "loss")


def test_samples_become_a_mean_in_a_band_of_one_deviation(ax):
    samples = np.array([[1.0, 5.0], [2.0, 9.0], [6.0, 1.0]])
    figure.lines([0.0, 1.0], {"one": samples}, ax, ("x", "y"))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [3.0, 5.0])
    edges = ax.collections[0].get_paths()[0].vertices
    at_0 = np.unique(edges[edges[:, 0] == 0, 1].round(12))
    np.testing.assert_allclose(at_0, [3 - np.sqrt(7), 3 + np.sqrt(7)])  # the variance of 1, 2, 6 is 7


def test_a_line_is_labelled_where_it_ends_in_whatever_order_it_came(ax):
    ax.set_ylim(0, 10)
    figure.lines([3.0, 1.0, 2.0], {"one": [2.0, 9.0, 5.0]}, ax, ("x", "y"))
    (label,) = ax.texts
    assert label.get_position()[1] == pytest.approx(0.2)
