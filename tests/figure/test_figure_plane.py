"""Poles are ×, zeros ○, targets squares, and time is a ramp of colours."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from stepwell import figure

TIMES = np.linspace(0, 12, 121)
PAIR = 0.5 * np.exp(1j * np.outer(TIMES / 12, [1, -1]))


@pytest.fixture
def ax():
    with figure.styled():
        yield Figure().add_subplot()


def markers(ax):
    return {
        line.get_label(): (line.get_marker(), line.get_color())
        for line in ax.lines
        if line.get_marker() != "None"
    }


def places(ax, name):
    (line,) = [line for line in ax.lines if line.get_label() == name]
    return line.get_xdata() + 1j * line.get_ydata()


def test_shapes_double_colours(ax):
    figure.poles_in_plane(
        TIMES, PAIR, ax, zeros=PAIR - 0.1, target_poles=[0.3], models={1: [0.4], 2: PAIR[5]}
    )
    assert markers(ax) == {
        "pole": ("x", figure.colour("pole")),
        "zero": ("o", figure.colour("zero")),
        "target pole": ("s", figure.colour("target")),
        "1-pole model": ("D", figure.mode_colour(1)),
        "2-pole model": ("D", figure.mode_colour(2)),
    }
    np.testing.assert_array_equal(places(ax, "pole"), PAIR[-1])
    np.testing.assert_array_equal(places(ax, "2-pole model"), PAIR[5])
    assert [text.get_text() for text in ax.get_legend().get_texts()][:2] == ["pole", "zero"]


def test_trails_go_through_the_ramp_of_time_without_gaps(ax):
    figure.poles_in_plane(TIMES, PAIR, ax)
    trails = [line for line in ax.lines if line.get_linewidth() == 2.2]
    colours = [to_hex(line.get_color()) for line in trails]
    assert list(dict.fromkeys(colours)) == figure.time_colours()
    upper = [line for line in trails if line.get_ydata()[-1] > 0]
    for early, late in zip(upper, upper[1:]):
        assert early.get_xdata()[-1] in late.get_xdata()
    assert ax.child_axes[0].get_ylim() == (0, 12)


def test_the_plane_is_round_and_shows_the_unit_circle(ax):
    figure.poles_in_plane(TIMES, PAIR, ax)
    assert ax.get_aspect() == 1 and ax.patches[0].radius == 1
    assert ax.get_xlabel() == "real part" and ax.get_ylabel() == "imaginary part"


def test_an_infinite_zero_is_not_drawn(ax):
    figure.poles_in_plane(TIMES, PAIR, ax, zeros=np.full((121, 1), np.nan + 0j))
    assert np.isnan(places(ax, "zero")).all()


def test_long_trails_are_thinned(ax):
    times = np.linspace(0, 1, 100_000)
    figure.poles_in_plane(times, 0.5 * times[:, None] + 0j, ax)
    assert sum(len(line.get_xdata()) for line in ax.lines) < 400


def test_poles_through_time(ax):
    figure.poles_through_time(
        TIMES,
        PAIR,
        ax,
        zeros=-PAIR,
        target_poles=[0.4, -0.2],
        models=[(1.0, 5.0, [0.5]), (5.0, 9.0, PAIR[3])],
    )
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), PAIR[:, 0].real)
    dashes = [line for line in ax.lines if line.is_dashed()]
    assert [tuple(line.get_xdata()) for line in dashes] == [(1, 5), (5, 9), (5, 9)]
    assert [line.get_color() for line in dashes] == [figure.mode_colour(k) for k in (1, 2, 2)]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["pole", "zero", "1-pole model", "2-pole model", "target pole"]


def test_sign_flip_has_room_for_infinity(ax):
    zeros = np.where(TIMES < 6, -1e9, 1e9)[:, None] + 0j
    figure.sign_flip(TIMES, np.tan(0.1 * (TIMES - 6)), PAIR, zeros, ax)
    (rings,) = [line for line in ax.lines if line.get_label() == "zero"]
    np.testing.assert_allclose(np.abs(rings.get_ydata()), 1, atol=1e-9)  # arctan of 1e9
    (product,) = [line for line in ax.lines if line.get_label() == "c b"]
    np.testing.assert_allclose(product.get_ydata(), 0.2 / np.pi * (TIMES - 6), atol=1e-12)  # arctan of tan
    assert [label.get_text() for label in ax.get_yticklabels()] == ["−∞", "−1", "0", "1", "∞"]


def test_collision_is_marked_where_and_when_it_happens(ax):
    figure.collision(TIMES, PAIR, ax, time=3.14159, place=0.25)
    (star,) = [line for line in ax.lines if line.get_marker() == "*"]
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (0.25, 0)
    assert ax.texts[0].get_text() == "meet at 0.25,\ntime 3.14"


def test_eigenvalues_that_leave_the_disc_are_strong(ax):
    before = 0.9 * np.exp(2j * np.pi * np.arange(10) / 10)
    after = np.append(before[1:], 1.6)
    figure.eigenvalues(before, after, ax, radius=0.9)
    strong = ax.lines[-1]
    np.testing.assert_array_equal(strong.get_xdata(), [1.6])
    assert ax.patches[0].radius == 0.9
