"""One palette that everybody can tell apart, on light and on dark paper, and SVG whose text stays text."""

import re
from itertools import combinations
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from stepwell import figure
from stepwell.figure.style import LEVELS, MODES, PALETTE, RULES

HUES = ("blue", "vermillion", "green", "purple", "ochre")


def linear(ink: str) -> np.ndarray:
    rgb = np.array(to_rgb(ink))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(ink: str) -> float:
    return float(linear(ink) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    x, y, z = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 0))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("dark", [0, 1])
def test_inks_stand_out_from_their_paper(dark):
    paper = PALETTE["paper"][dark]
    # WCAG asks 4.5 of text and 3 of graphics; Okabe and Ito's purple has 2.8 on white
    assert all(contrast(PALETTE[name][dark], paper) >= 4.5 for name in ("ink", "muted"))
    assert all(contrast(PALETTE[name][dark], paper) >= 2.7 for name in HUES)


@pytest.mark.parametrize("dark", [0, 1])
@pytest.mark.parametrize(
    "blindness",
    [
        # Machado, Oliveira and Fernandes (2009), severity 1: protanopia, deuteranopia
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0519]],
        [[0.3673, 0.8608, -0.2281], [0.2801, 0.6727, 0.0472], [-0.0118, 0.0429, 0.9689]],
    ],
)
def test_hues_stay_apart_for_colour_blind_readers(dark, blindness):
    seen = [lab(np.array(blindness) @ linear(PALETTE[name][dark])) for name in HUES]
    # a distance of 2.3 is just noticeable; lines want several times that
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15


def test_time_runs_away_from_the_paper():
    shades = {}
    for dark in (False, True):
        with figure.styled(dark=dark):
            shades[dark] = [luminance(ink) for ink in figure.time_colours()]
    assert len(shades[True]) == LEVELS
    assert np.all(np.diff(shades[False]) < 0) and np.all(np.diff(shades[True]) > 0)


def test_a_light_ink_has_one_dark_ink():
    lights = [light for light, _ in PALETTE.values()]
    assert len(set(lights)) == len(lights)


def test_rules_differ_in_colour_and_in_dash():
    looks = [figure.rule_line(rule) for rule in RULES]
    assert (
        len({look["color"] for look in looks})
        == len({str(look["linestyle"]) for look in looks})
        == len(RULES)
    )


def test_modes_keep_their_colours_and_repeat_without_the_grey_of_mode_0():
    colours = [figure.mode_colour(k) for k in range(12)]
    assert len(set(colours[: len(MODES)])) == len(MODES)
    assert colours[len(MODES)] == colours[1] and colours[0] not in colours[1:]


def test_styled_leaves_nothing_behind():
    before = dict(mpl.rcParams)
    with figure.styled(columns=2, dark=True, height=3):
        assert tuple(Figure().get_size_inches()) == (7.2, 3)
        assert figure.colour("ink") == PALETTE["ink"][1] == mpl.rcParams["text.color"]
    assert dict(mpl.rcParams) == before and figure.colour("ink") == PALETTE["ink"][0]


def test_a_width_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="columns=3 is no width; choose 1 or 2"), figure.styled(columns=3):
        pass


@pytest.fixture
def svg():
    def draw(name="one"):
        with figure.styled():
            drawing = Figure()
            ax = drawing.add_subplot()
            figure.lines([0.0, 1.0], {"bptt": [1.0, 2.0]}, ax, ("time (steps)", "reading"))
            ax.plot([0], [1], "x", color=figure.time_colours()[3])
            return figure.adaptive_svg(drawing, name)

    return draw


def test_svg_follows_the_inks_of_its_page(svg):
    text, variables = svg(), figure.css_variables(dark=False)
    assert set(re.findall(r"var\((--[a-z0-9-]+)\)", text)) <= set(re.findall(r"(--[a-z0-9-]+):", variables))
    assert "var(--blue)" in text and "var(--time-3)" in text
    assert not [light for light, _ in PALETTE.values() if light in text]
    assert figure.css_variables(dark=True) != variables


def test_svg_keeps_its_text_and_needs_nothing_else(svg):
    root = ElementTree.fromstring(svg())
    assert {"time (steps)", "reading", "BPTT"} <= {"".join(t.itertext()).strip() for t in root.iter("text")}
    assert "viewBox" in root.attrib and "width" not in root.attrib
    assert "http" not in svg() and "metadata" not in svg()


def test_svg_ids_are_its_own_and_lead_somewhere(svg):
    text = svg()
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(set(ids)) == len(ids) and all(name.startswith("one-") for name in ids)
    assert set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", text)) <= set(ids)
    assert text == svg() and text != svg("two") == text.replace("one-", "two-")
