"""Labels that do not touch, ticks in plain characters, and no text outside any figure."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from record_by_hand import staircase_record

from stepwell import figure
from stepwell.analysis import Plateau
from stepwell.figure.axes import spread


@pytest.fixture
def ax():
    with figure.styled():
        yield Figure().add_subplot()


def drawings(record):
    x, draw = np.linspace(-0.9, 0.9, 30), np.random.default_rng(0)
    times, p = np.linspace(0, 10, 30), 0.5 * np.exp(1j * np.outer(x, [1, -1]))
    names = ("time (steps)", "a reading (unit)")
    losses = 1 + np.add.outer(x**2, x**2)
    rests = [Plateau(1.0, 4.0, 0.0, 4.0, 2.0), Plateau(0.1, 30.0, 4.0, 34.0, 20.0)]
    return {
        "staircase": lambda ax: figure.staircase(
            record, ax, levels=[0.7, 0.1, 0.09], transition_times=[5, 40], plateaus=rests
        ),
        "weight_norms": lambda ax: figure.weight_norms(record, ax),
        "residues": lambda ax: figure.residues_through_time(times, np.stack([x, x], 1), ax, predicted=p.real),
        "lines": lambda ax: figure.lines(x, {r: draw.random((3, 30)) for r in ("bptt", "rflo")}, ax, names),
        "dwell": lambda ax: figure.dwell_times([1e-2, 1e-4], draw.random((2, 3, 3)), [1, 0.2, 0.15], ax),
        "powers": lambda ax: figure.power_laws(
            [1e-6, 1e-3], {"W": [1, 2], "b": [1, 2]}, ax, names, exponents=[1, 1]
        ),
        "forest": lambda ax: figure.forest(
            {"one long name": [1, 2], "two": [2.0]}, 1.5, ax, names[1], tolerance=1
        ),
        "agreement": lambda ax: figure.agreement([1, 2], [[1, 2], [2, 3]], ax, names),
        "rivals": lambda ax: figure.rivals({"modal": [2, 3], "balanced": [1.1, 1]}, [1, 1], ax),
        "plane": lambda ax: figure.poles_in_plane(
            times, p, ax, zeros=p, target_poles=[0.2], models={1: [0.1]}
        ),
        "paths": lambda ax: figure.poles_through_time(
            times, p, ax, zeros=p, models=[(0, 5, [0.1]), (5, 9, [0.2])]
        ),
        "flip": lambda ax: figure.sign_flip(times, x, p, p, ax),
        "collision": lambda ax: figure.collision(times, p, ax, time=3.0, place=0.2),
        "eigenvalues": lambda ax: figure.eigenvalues(p.ravel(), 1.5 * p.ravel(), ax, radius=0.6),
        "gain": lambda ax: figure.gain(times / 3.2, {"plateau 1": p[:, 0]}, ax, target=p[:, 1], cutoff=0.8),
        "hessian": lambda ax: figure.hessian_spectra(
            {0: [-1, 0, 1], 1: [-0.2, 0, 0.2, 4]}, {0: 1.0, 1: 0.2}, ax
        ),
        "singular": lambda ax: figure.singular_values({"bptt": [3, 2, 1], "rflo": [3, 2, 1.1]}, ax),
        "one_pole": lambda ax: figure.one_pole_landscape(x, x**2, ax, minima=[(0.0, 0.0)], path=(x, x**2)),
        "line_field": lambda ax: figure.line_field(x, {"early": x, "late": -x}, ax, names, stable=[0]),
        "plane_field": lambda ax: figure.plane_field(x, x, losses, losses, ax, names, paths=[(x, x)]),
        "two_pole": lambda ax: figure.two_pole_landscape(x, losses, ax, minima=[(0.1, -0.2)], path=(x, -x)),
        "heat": lambda ax: figure.heat_map(x, x, losses, ax, (*names, "loss"), contours=[1.5], centre=1.5),
    }


@pytest.mark.parametrize("name", list(drawings(None)))
def test_no_text_is_cut_off_and_axes_have_names(name):
    with figure.styled():
        drawing = Figure()
        ax = drawing.add_subplot()
        assert drawings(staircase_record())[name](ax) is ax
        drawing.draw_without_rendering()
        box = drawing.get_tightbbox()
    assert np.all(box.min >= -0.01) and np.all(box.max <= drawing.get_size_inches() + 0.01)  # one pixel
    assert ax.get_ylabel() or any(label.get_text() for label in ax.get_yticklabels())
    assert ax.get_xlabel() or any(label.get_text() for label in ax.get_xticklabels())


def test_labels_beside_lines_do_not_touch(ax):
    ax.plot([0, 1], [0, 1])
    figure.end_labels(ax, ["a", "b", "c", "gone"], [0.5, 0.5, 0.51, np.nan], ["black"] * 4)
    ax.figure.draw_without_rendering()
    boxes = sorted(text.get_window_extent().extents[[1, 3]].tolist() for text in ax.texts)
    assert len(boxes) == 3
    assert all(lower[1] <= upper[0] for lower, upper in zip(boxes, boxes[1:]))


def test_labels_keep_the_order_of_their_lines(ax):
    ax.set_ylim(0, 1)
    figure.end_labels(ax, ["high", "low"], [0.6, 0.59], ["black", "black"])
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert heights["high"] > heights["low"]


def test_many_labels_at_the_top_move_down(ax):
    places = spread([1.0, 1.0, 1.0, 0.2], 0.1)
    np.testing.assert_allclose(places, [0.8, 0.9, 1.0, 0.2], atol=1e-12)  # sums of rounded tenths


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((1e-6, 1.0), {"10⁻⁶", "10⁻⁴", "10⁻²", "1"}), ((0.05, 0.6), {"0.05", "0.1", "0.2", "0.5"})],
)
def test_logarithmic_ticks_are_plain_text(ax, limits, expected):
    ax.set(xscale="log", xlim=limits)
    figure.log_ticks(ax)
    ax.figure.draw_without_rendering()
    texts = {label.get_text() for label in ax.get_xticklabels() if label.get_text()}
    assert expected <= texts and not any("$" in text for text in texts)
