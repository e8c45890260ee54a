"""What a colour, a dash and a size mean in every figure, and the page they are drawn on."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.figure import Figure

PALETTE = {
    "ink": ("#222222", "#e5e7eb"),
    "muted": ("#6b7280", "#9ca3af"),
    "grid": ("#e5e7eb", "#2f3540"),
    "paper": ("#ffffff", "#15181d"),
    "target": ("#a3a9b3", "#71767f"),
    "blue": ("#0072b2", "#56b4e9"),
    "vermillion": ("#d55e00", "#e69f00"),
    "green": ("#009e73", "#009e73"),
    "purple": ("#cc79a7", "#cc79a7"),
    "ochre": ("#6b4a00", "#f0e442"),
}
"""Every ink on light and on dark paper; the hues, by Okabe and Ito, are safe for colour-blind readers."""

MEANINGS = {
    "student": "blue",
    "pole": "blue",
    "zero": "vermillion",
    "W": "purple",
    "b": "vermillion",
    "c": "green",
}
"""The ink of what networks are made of."""

MODES = ("muted", "blue", "vermillion", "green", "purple", "ochre")
"""The ink of mode k and of plateau k, on which k modes are active; plateau 0 has none and is grey."""

RULES: dict[str, tuple[str, str, Any]] = {
    "bptt": ("BPTT", "blue", "solid"),
    "rflo": ("RFLO", "vermillion", "dashdot"),
    "tbptt": ("tBPTT", "green", (0, (7, 2))),
    "eprop": ("e-prop", "purple", (0, (1, 1.2))),
    "rtrl": ("RTRL", "ochre", (0, (7, 1.5, 1, 1.5, 1, 1.5))),
}
"""How every rule is written and drawn: title, ink, dash."""

THEORY: dict[str, Any] = {"linestyle": (0, (3, 2)), "linewidth": 1.1}
"""How a prediction is drawn: dashed and thin. What was measured is solid."""

WIDTHS = {1: 3.5, 2: 7.2}
"""Width of a figure over one and two columns of a journal, in inches."""

LEVELS = 12
_dark: ContextVar[bool] = ContextVar("dark", default=False)


@contextmanager
def styled(columns: int = 1, dark: bool = False, height: float | int | None = None) -> Iterator[None]:
    """Type, lines and size for figures made and drawn inside; the paper is transparent.

    Args:
        columns: width of the figure, 1 or 2 columns of a journal.
        dark: whether the figure stands on dark paper.
        height: in inches; 0.72 of one column's width if None.

    Raises:
        ValueError: for a width that is not known.

    Example:
        >>> from matplotlib.figure import Figure
        >>> with styled(columns=2):
        ...     print(Figure().get_figwidth())
        7.2
    """
    if columns not in WIDTHS:
        raise ValueError(f"columns={columns!r} is no width; choose {' or '.join(map(str, WIDTHS))}.")
    token = _dark.set(dark)
    try:
        with mpl.rc_context(_settings((WIDTHS[columns], height or 0.72 * WIDTHS[1]))):
            yield
    finally:
        _dark.reset(token)


def colour(name: str) -> str:
    """The colour of an ink or of what it stands for ("ink", "student", "target", "W", ...), as hex."""
    return PALETTE[MEANINGS.get(name, name)][_dark.get()]


def mode_colour(k: int) -> str:
    """The colour of mode k, and of plateau k."""
    return colour(MODES[k] if k < len(MODES) else MODES[1 + (k - 1) % (len(MODES) - 1)])


def rule_line(rule: str) -> dict[str, Any]:
    """Colour and dash of a rule, as keywords of `plot`."""
    _, ink, dash = RULES[rule]
    return {"color": colour(ink), "linestyle": dash}


def named_line(name: str, k: int) -> dict[str, Any]:
    """Colour and dash of a line by its name: a rule has its own, any other takes the colour of mode k."""
    return rule_line(name) if name in RULES else {"color": mode_colour(k)}


def title(name: str) -> str:
    """A name as figures write it: rules have capitals of their own, others stay."""
    return RULES[name][0] if name in RULES else name


def time_colours() -> list[str]:
    """Early to late in even steps of lightness; early is close to the paper, late stands out from it."""
    return [shades[_dark.get()] for shades in _RAMP]


def time_ramp() -> ListedColormap:
    """The colours of time as a colour map."""
    return ListedColormap(time_colours(), name="time")


def adaptive_svg(figure: Figure, name: str) -> str:
    """A figure that was drawn on light paper as an SVG element whose inks follow the page around it.

    Each ink is a variable, `--ink`, `--blue`, and so on, which the page sets (see `css_variables`). Text
    stays text.

    Args:
        figure: drawn inside `styled()`; it is drawn there once more.
        name: put before all ids inside, so that several elements can share a page.

    Returns:
        `<svg ...>...</svg>`, without prolog, metadata or size.
    """
    buffer, nothing = io.StringIO(), dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": "stepwell"}):  # ids by content alone
        figure.savefig(buffer, format="svg", metadata=nothing)
    head, body = re.split(r"(?<=<svg)([^>]*)", buffer.getvalue(), maxsplit=1)[1:]
    head = re.sub(r' (?:width|height|version|xmlns(?::xlink)?)="[^"]*"', "", head)
    body = rounded(body)
    body = re.sub(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body).replace("xlink:href", "href")
    inks = {light: f"var(--{ink})" for ink, (light, _) in _inks().items()}
    return "<svg" + head + re.sub(r"#[0-9a-f]{6}\b", lambda ink: inks.get(ink[0], ink[0]), body).strip()


def rounded(svg: str) -> str:
    """A drawing whose paths and places have two decimals of a point, which the eye cannot tell from six.

    Example:
        >>> rounded('<text x="1.23456" y="-0.5">1.23456</text>')
        '<text x="1.23" y="-0.5">1.23456</text>'
    """
    number, place = re.compile(r"-?\d+\.\d{3,}"), re.compile(r'(?<=\s)(?:d|x|y)="[^"]*"')
    return place.sub(lambda found: number.sub(lambda digits: f"{float(digits[0]):.2f}", found[0]), svg)


def css_variables(dark: bool) -> str:
    """The inks as CSS declarations, for the page on which an `adaptive_svg` stands."""
    return " ".join(f"--{ink}: {shades[dark]};" for ink, shades in _inks().items())


def _inks() -> dict[str, tuple[str, str]]:
    """The palette and the ramp of time."""
    return PALETTE | {f"time-{level}": shades for level, shades in enumerate(_RAMP)}


def _ramp() -> list[tuple[str, str]]:
    viridis, steps = mpl.colormaps["viridis"], range(LEVELS)
    light = [to_hex(viridis(0.86 - 0.80 * i / (LEVELS - 1))) for i in steps]
    return list(zip(light, (to_hex(viridis(0.34 + 0.64 * i / (LEVELS - 1))) for i in steps)))


_RAMP = _ramp()


def _settings(size: tuple[float, float | int]) -> Any:
    ink, muted = colour("ink"), colour("muted")
    return {
        "figure.figsize": size,
        "figure.facecolor": "none",
        "figure.constrained_layout.use": True,
        "savefig.facecolor": "none",
        "savefig.dpi": 300,
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
        "font.family": "DejaVu Sans",
        "font.size": 7.5,
        "axes.titlesize": 8,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 7.5,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "axes.facecolor": "none",
        "axes.edgecolor": muted,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.labelcolor": ink,
        "axes.labelpad": 4,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=[colour(name) for name in MODES[1:]]),
        "text.color": ink,
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "grid.color": colour("grid"),
        "lines.linewidth": 1.4,
        "lines.markersize": 4,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
        "image.cmap": "viridis",
    }
