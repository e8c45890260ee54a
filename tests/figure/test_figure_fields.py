"""Spectra, landscapes and fields."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from stepwell import figure

NAMES = ("across", "up")


@pytest.fixture
def ax():
    with figure.styled():
        yield Figure().add_subplot()


def dashed(ax):
    return [line for line in ax.lines if line.is_dashed()]


def test_gain_is_the_modulus_over_a_broad_target(ax):
    frequencies = np.linspace(0, np.pi, 50)
    response = 1 / (np.exp(1j * frequencies) - 0.5)
    figure.gain(frequencies, {"plateau 1": response}, ax, target=2j * response, cutoff=0.8)
    target, student = ax.lines
    np.testing.assert_allclose(student.get_ydata()[[0, -1]], [2.0, 2 / 3])  # 1/(1 - .5) and 1/(1 + .5)
    np.testing.assert_allclose(target.get_ydata(), 2 * student.get_ydata())
    assert target.get_linewidth() > student.get_linewidth()
    assert ax.patches[0].get_width() == 0.8
    assert {"passband", "target", "plateau 1"} == {text.get_text() for text in ax.texts}
    assert "radians per step" in ax.get_xlabel()


def test_hessian_spectra_count_the_ways_down(ax):
    figure.hessian_spectra({0: [-1, 1, -1, 0, 1, 1e-12, -1e-12], 1: [0.2, -0.2, 4]}, {0: 1.0, 1: 0.2}, ax)
    assert [text.get_text() for text in ax.texts] == ["2 escape\ns = 1", "1 escape\ns = 0.2"]
    assert sorted(line.get_ydata()[0] for line in dashed(ax)) == [-1, -0.2, 0.2, 1]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["saddle 0", "saddle 1"]


@pytest.mark.parametrize(("share", "first"), [(True, 1.0), (False, 4.0)])
def test_singular_values_by_index(ax, share, first):
    figure.singular_values({"eprop": [[3.0, 1.0], [5.0, 1.0]]}, ax, share=share)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), [1, 2])
    assert line.get_ydata()[0] == first and line.get_color() == figure.rule_line("eprop")["color"]
    assert ("/ the first" in ax.get_ylabel()) is share


def test_one_pole_landscape_tells_the_global_minimum_from_a_local_one(ax):
    p = np.linspace(-1, 1, 50)
    figure.one_pole_landscape(p, p**2, ax, minima=[(-0.5, 0.1), (0.5, 0.25)], path=([0.0, 0.5], [1.0, 0.25]))
    assert dashed(ax)[0].get_color() == figure.colour("ink")
    first, second = (line for line in ax.lines if line.get_marker() == "o")
    assert first.get_markerfacecolor() != "none" and second.get_markerfacecolor() == "none"
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["the student", "global minimum\n0.1 at −0.5", "local minimum\n0.25 at 0.5"]


def test_fixed_points_are_filled_if_stable(ax):
    x = np.linspace(-2, 2, 20)
    moments = {"update 0": -x, "update 9": x - x**3}
    figure.line_field(x, moments, ax, NAMES, stable=[-1, 1], unstable=[0], ghosts=[(0.5, 0.1)])
    filled, open_ = (line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(filled.get_xdata(), [-1, 1])
    assert filled.get_markerfacecolor() == figure.colour("student")
    assert open_.get_markerfacecolor() == figure.colour("paper")
    assert {text.get_text() for text in ax.texts} == {"update 0", "update 9", "ghost 0.1"}


def test_the_last_field_is_strong_and_the_first_is_early(ax):
    x = np.linspace(-1, 1, 5)
    figure.line_field(x, {"a": x, "b": x, "c": x}, ax, NAMES)
    curves = [line for line in ax.lines if len(line.get_xdata()) == 5]
    assert curves[0].get_color() == figure.time_colours()[0]
    assert curves[-1].get_color() == figure.colour("student")
    assert curves[-1].get_linewidth() > curves[0].get_linewidth()


def test_arrows_have_one_length_and_the_colour_of_the_speed(ax):
    x, y = np.array([0.0, 1.0]), np.array([0.0, 1.0, 2.0])
    u, v = np.full((3, 2), 3.0), np.full((3, 2), 4.0)
    u[0, 0] = v[0, 0] = 0.0
    figure.plane_field(x, y, u, v, ax, NAMES, paths=[([0.0, 1.0], [0.0, 1.0])], stable=[(1.0, 1.0)])
    arrows = ax.collections[0]
    lengths = np.hypot(arrows.U, arrows.V)
    np.testing.assert_allclose(lengths, [0, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(arrows.get_array(), np.log10([1, 5, 5, 5, 5, 5]))
    assert [line.get_marker() for line in ax.lines[1:]] == ["o", "*", "o"]


def test_two_pole_landscape_marks_both_orders_of_a_minimum(ax):
    p = np.linspace(-0.9, 0.9, 12)
    losses = 1 + np.add.outer((p - 0.3) ** 2, (p + 0.4) ** 2)
    losses[0, 0] = np.nan
    figure.two_pole_landscape(p, losses, ax, minima=[(0.3, -0.4)], path=([0.0, 0.3], [0.1, -0.4]))
    (diamonds,) = [line for line in ax.lines if line.get_marker() == "D"]
    points = {(float(a), float(b)) for a, b in zip(diamonds.get_xdata(), diamonds.get_ydata())}
    assert points == {(0.3, -0.4), (-0.4, 0.3)}


def test_heat_map_has_its_middle_at_the_centre(ax):
    figure.heat_map(
        [0, 1], [0, 1, 2], [[1.0, 2.0], [np.nan, 5.0], [2.0, 2.0]], ax, (*NAMES, "rate"), centre=2.0
    )
    cells = ax.collections[0]
    assert cells.norm(2.0) == 0.5 and cells.norm(5.0) == 1.0
    assert cells.get_array().mask.sum() == 1
    assert ax.figure.axes[1].get_ylabel() == "rate"


def test_contours_of_a_heat_map_are_black_on_both_papers():
    for dark in (False, True):
        with figure.styled(dark=dark):
            ax = Figure().add_subplot()
            figure.heat_map(
                [0, 1], [0, 1], [[0.0, 1.0], [1.0, 2.0]], ax, (*NAMES, "rate"), contours=[1.5, 0.5]
            )
            drawn = ax.collections[1]
            np.testing.assert_array_equal(drawn.levels, [0.5, 1.5])
            assert to_rgba(drawn.get_edgecolor()[0]) == (0, 0, 0, 1)
