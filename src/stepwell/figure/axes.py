"""What all axes share: logarithmic ticks in plain characters, labels beside lines, keys beside plots."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike

from stepwell.figure.style import time_ramp

Number = float | int
Numbers = ArrayLike | Sequence[Any] | Number
Point = tuple[Number, Number]
"""What may stand for numbers: NumPy's own protocol, checked at run time, refuses tuples and plain numbers."""

_KEY: dict[str, Any] = {
    "fontsize": "small",
    "columnspacing": 1.2,
    "handletextpad": 0.5,
    "borderaxespad": 0.2,
    "borderpad": 0,
}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(value: Number, position: int | None = None) -> str:
    """A tick label such as 10⁻⁶, 2×10⁻⁶ or −10³; `position` is what Matplotlib passes.

    Example:
        >>> [power_of_ten(value) for value in (1e-6, 2e-6, 1, -1000, 0)]
        ['10⁻⁶', '2×10⁻⁶', '1', '−10³', '0']
    """
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    digits, power = f"{abs(value) / 10.0**exponent:.3g}", f"10{str(exponent).translate(_RAISED)}"
    sign = "−" if value < 0 else ""
    return sign + (digits if exponent == 0 else power if digits == "1" else f"{digits}×{power}")


def plain(value: Number, position: int | None = None) -> str:
    """A number with three digits and a true minus sign.

    Example:
        >>> [plain(value) for value in (-0.80540, 1000, 1.5e-5)]
        ['−0.805', '10³', '1.5×10⁻⁵']
    """
    text = f"{value:.3g}"
    return power_of_ten(value) if "e" in text else text.replace("-", "−")


def log_ticks(ax: Axes) -> None:
    """Whole decades on the logarithmic axes of a finished plot, or 1, 2, 5 where it spans less than two."""
    for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        if axis.get_scale() == "log":
            _log_ticks(axis, *sorted(limits))


def end_labels(ax: Axes, texts: Sequence[str], heights: Numbers, colours: Sequence[str]) -> None:
    """Labels at the right border, each beside its line, moved apart where they would touch.

    Args:
        ax: a finished plot: its limits no longer change.
        texts, colours: of the labels.
        heights: in the unit of the y axis; NaN for a line that is not there.
    """
    labels = [label for label in zip(texts, np.asarray(heights, float), colours) if np.isfinite(label[1])]
    if not labels:
        return
    low, high = sorted(ax.get_ylim())  # brings the limits up to date
    inside = np.clip([label[1] for label in labels], low, high)
    places = ax.transAxes.inverted().transform(
        ax.transData.transform([(ax.get_xlim()[1], y) for y in inside])
    )
    size = float(ax.xaxis.label.get_fontsize())
    line = 1.35 * size * ax.figure.dpi / 72 / ax.get_window_extent().height
    look: dict[str, Any] = {"transform": ax.transAxes, "va": "center", "fontsize": size}
    for (text, _, ink), place in zip(labels, spread(places[:, 1], line)):
        ax.text(1.02, place, text, color=ink, **look)


def spread(places: Numbers, gap: float) -> np.ndarray:
    """Places in [0, 1], in their order, moved as little as need be to be `gap` apart.

    Example:
        >>> spread([0.5, 0.5, 0.9], 0.1)
        array([0.5, 0.6, 0.9])
    """
    places = np.array(places, float)
    order = np.argsort(places, kind="stable")
    for lower, upper in zip(order, order[1:]):
        places[upper] = max(places[upper], places[lower] + gap)
    ceiling = 1.0
    for i in order[::-1]:
        places[i] = min(places[i], ceiling)
        ceiling = places[i] - gap
    return places


def columns(ax: Axes, count: int, gap: float = 0.28) -> list[Axes]:
    """Panels side by side in the place of one axes, which is hidden.

    Args:
        ax: whose place they take. count: panels. gap: between two, in widths of a panel.
    """
    ax.set_axis_off()
    width = 1 / (count + gap * (count - 1))
    return [ax.inset_axes((i * (1 + gap) * width, 0, width, 1)) for i in range(count)]


def key_above(ax: Axes, columns: int = 3) -> None:
    """What the markers mean, over the upper border, where it hides nothing."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=columns, **_KEY)


def key_beside(ax: Axes) -> None:
    """What the markers mean, to the right of a square plot, where it hides nothing."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.02), **_KEY)


def ramp_beside(ax: Axes, low: Number, high: Number, label: str) -> None:
    """The ramp of time with its scale, to the right of a square plot, under its key."""
    bar = ax.figure.colorbar(
        ScalarMappable(Normalize(low, high), time_ramp()), cax=ax.inset_axes((1.07, 0.0, 0.045, 0.5))
    )
    bar.set_label(label)
    bar.outline.set_visible(False)


def band(ax: Axes, x: np.ndarray, samples: np.ndarray, ink: str) -> np.ndarray:
    """The mean of samples [sample, x], with a band of one standard deviation where there are several."""
    mean = samples.mean(axis=0)
    if len(samples) > 1:
        deviation = samples.std(axis=0, ddof=1)
        ax.fill_between(x, mean - deviation, mean + deviation, color=ink, alpha=0.15, linewidth=0)
    return mean


def _log_ticks(axis: Axis, low: Number, high: Number) -> None:
    decades = math.log10(high / low)
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades >= 2 else (1.0, 2.0, 5.0), numticks=6))
    axis.set_major_formatter(FuncFormatter(plain if 1e-3 < low and high < 1e4 else power_of_ten))
    axis.set_minor_formatter(NullFormatter())
