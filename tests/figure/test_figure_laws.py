"""Dashed lines have the predicted slopes, dots are where they were measured."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from stepwell import figure


@pytest.fixture
def ax():
    with figure.styled():
        yield Figure().add_subplot()


def dashed(ax):
    return [line for line in ax.lines if line.is_dashed()]


def slope(line):
    return np.polyfit(line.get_xdata(), line.get_ydata(), 1)[0]


def test_dwell_lines_have_slope_one_over_the_rate_and_pass_through_the_dots(ax):
    sigma0, rates = np.array([1e-2, 1e-4, 1e-6]), [0.95, 0.14]
    dwells = np.log(1 / sigma0)[:, None, None] / np.array(rates) + np.array([[1.0, 2.0], [3.0, 6.0]])
    figure.dwell_times(sigma0, dwells, rates, ax)
    lines = dashed(ax)
    np.testing.assert_allclose([slope(line) for line in lines], 1 / np.array(rates))
    offsets = [line.get_ydata()[0] - line.get_xdata()[0] / rate for line, rate in zip(lines, rates)]
    np.testing.assert_allclose(offsets, [2.0, 4.0])  # the means of 1 and 3, of 2 and 6
    assert [line.get_color() for line in lines] == [figure.mode_colour(0), figure.mode_colour(1)]
    assert [text.get_text() for text in ax.texts] == ["plateau 0: 1/s = 1.05", "plateau 1: 1/s = 7.14"]


def test_scales_stand_over_the_dwell_times(ax):
    figure.dwell_times([1e-2, 1e-4, 1e-4], np.ones((3, 2, 1)), [1.0], ax)
    top = ax.child_axes[0]
    assert [label.get_text() for label in top.get_xticklabels()] == ["10⁻⁴", "10⁻²"]
    np.testing.assert_allclose(top.get_xticks(), np.log([1e4, 1e2]))


def test_a_plateau_that_no_run_has_is_left_out(ax):
    dwells = np.stack([np.ones((2, 3)), np.full((2, 3), np.nan)], axis=-1)
    figure.dwell_times([1e-2, 1e-4], dwells, [1.0, 0.1], ax)
    assert [text.get_text() for text in ax.texts] == ["plateau 0: 1/s = 1"]


def test_power_laws_have_their_exponents_and_go_through_the_geometric_mean(ax):
    x = np.array([1e-4, 1e-3, 1e-2])
    samples = 3 * x**1.5 * np.array([[0.5], [2.0]])  # of geometric mean 3 x^1.5
    figure.power_laws(x, {"gap": samples}, ax, ("σ₀", "gap"), exponents=[1.5], first=2)
    (line,) = dashed(ax)
    np.testing.assert_allclose(line.get_ydata(), 3 * x**1.5)
    assert line.get_color() == figure.mode_colour(2)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["gap: slope 1.5"]


def test_power_laws_with_a_prefactor_do_not_see_the_data(ax):
    figure.power_laws([1.0, 4.0], {"pair": [9.0, 9.0]}, ax, ("x", "y"), exponents=[0.5], prefactors=[0.2])
    np.testing.assert_allclose(dashed(ax)[0].get_ydata(), [0.2, 0.4])


@pytest.mark.parametrize("missing", [np.nan, 0.0, -1.0])
def test_power_laws_leave_out_what_has_no_logarithm(ax, missing):
    figure.power_laws([1.0, 10.0], {"a": [[2.0, missing], [2.0, 20.0]], "b": [missing] * 2}, ax, ("x", "y"))
    assert [text.get_text() for text in ax.texts] == ["a"]
    assert np.nansum(ax.lines[0].get_ydata()) == 2.0


def test_forest_shows_samples_mean_prediction_and_tolerance(ax):
    figure.forest({"first": [1.0, 2.0, 3.0], "rflo": [5.0, np.nan]}, [2.0, 4.0], ax, "slope", tolerance=0.5)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "RFLO"]
    first, second = (bar for bar in ax.containers)
    assert first.lines[0].get_xdata() == [2.0] and second.lines[0].get_xdata() == [5.0]
    (whisker,) = first.lines[2][0].get_segments()
    np.testing.assert_allclose(whisker[:, 0], [2 - 2 / np.sqrt(3), 2 + 2 / np.sqrt(3)])  # s = 1 over root 3
    spans = [c.get_paths()[0].vertices[:, 0] for c in ax.collections if len(c.get_paths()[0].vertices) > 4]
    assert [(span.min(), span.max()) for span in spans] == [(1.5, 2.5), (3.5, 4.5)]


def test_agreement_draws_the_line_where_both_are_equal(ax):
    figure.agreement([1.0, 3.0], [[1.0, 1.2], [2.9, 3.5]], ax, ("predicted", "measured"))
    (line,) = dashed(ax)
    np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
    np.testing.assert_allclose(ax.containers[0].lines[0].get_ydata(), [1.1, 3.2])
    assert ax.get_xlim() == ax.get_ylim()


def test_rivals_are_multiples_of_the_measured_level(ax):
    figure.rivals({"modal": [0.2, 0.1], "balanced": [0.12, 0.051]}, [0.1, 0.05], ax)
    plateau_1, plateau_2 = (line for line in ax.lines if line.get_linestyle() == "None")
    np.testing.assert_allclose(plateau_1.get_xdata(), [2.0, 1.2])
    np.testing.assert_allclose(plateau_2.get_xdata(), [2.0, 1.02])
    assert plateau_1.get_marker() != plateau_2.get_marker()
