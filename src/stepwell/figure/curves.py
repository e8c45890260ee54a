"""Learning through time: the staircase of losses, residues, weight norms, and any other reading."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from stepwell.analysis import Plateau
from stepwell.figure.axes import Numbers, band, end_labels, log_ticks
from stepwell.figure.style import THEORY, colour, mode_colour, named_line, title

TIME = "learning time (learning rate × updates)"

LEAST = 1e-8
"""Share of the first loss below which a curve is rounding and shows nothing."""


def staircase(
    record: xr.Dataset,
    ax: Axes,
    *,
    levels: Numbers = (),
    transition_times: Numbers = (),
    plateaus: Sequence[Plateau] = (),
) -> Axes:
    """The loss on its way down, with the levels where it should rest and the times when it should fall.

    Args:
        record: with `loss` [..., seed, update] and `learning_time` [update]; the first run is drawn strong.
        ax: to draw on.
        levels: predicted losses of the plateaus with 0, 1, ... active modes.
        transition_times: predicted, in learning time; to leading order, without constants of order one.
        plateaus: of the first run, as `analysis.plateaus` finds them; shaded from start to end.
    """
    times, ink = record.learning_time.values, colour("student")
    levels, transition_times = np.asarray(levels, float), np.asarray(transition_times, float)
    runs = record.loss.transpose(..., "update").values.reshape(-1, len(times))
    for k, plateau in enumerate(plateaus):
        ax.axvspan(plateau.start, plateau.end, color=mode_colour(k), alpha=0.12, linewidth=0)
        ax.plot(plateau.end, np.interp(plateau.end, times, runs[0]), "o", color=ink, markersize=3.5)
    for k, level in enumerate(levels):
        ax.axhline(level, color=mode_colour(k), zorder=1, **THEORY)
    for time in transition_times:
        ax.axvline(time, color=colour("muted"), zorder=1, alpha=0.7, **THEORY)
    ax.plot(times, runs[1:].T, color=ink, linewidth=0.8, alpha=0.4)
    ax.plot(times, runs[0], color=ink, linewidth=1.6)
    rests = levels[levels > LEAST * runs[0, 0]]
    _window(ax, times, runs, 1e-2 * rests[-1] if len(rests) else LEAST * runs[0, 0])
    ax.set(xlabel=TIME, ylabel="loss")
    if len(transition_times):
        _above(ax, transition_times[0], "predicted falls, to leading order")
    log_ticks(ax)
    names = [f"{k} pole{'' if k == 1 else 's'}" for k in range(len(levels))]
    end_labels(ax, names, levels, [mode_colour(k) for k in range(len(levels))])
    return ax


def residues_through_time(
    times: Numbers, residues: Numbers, ax: Axes, *, predicted: Numbers | None = None
) -> Axes:
    r"""The residues of the active modes, and those that would be best for the poles of the moment, $G^{-1}d$.

    Args:
        times: learning time, [time].
        residues: real, in the order in which the modes become active, [time, mode]; NaN before.
        ax: to draw on.
        predicted: best residues for the same poles, [time, mode].
    """
    residues = np.asarray(residues)
    for k, curve in enumerate(residues.T, 1):
        ax.plot(times, curve, color=mode_colour(k))
    if predicted is not None:
        ax.plot(times, np.asarray(predicted), color=colour("ink"), **THEORY)
    ax.axhline(0, color=colour("grid"), linewidth=0.8, zorder=0)
    ax.set(xlabel=TIME, ylabel="residue" if predicted is None else "residue (dashed: best for these poles)")
    modes = range(1, residues.shape[1] + 1)
    ends = [_last(curve) for curve in residues.T]
    end_labels(ax, [f"mode {k}" for k in modes], ends, [mode_colour(k) for k in modes])
    return ax


def weight_norms(record: xr.Dataset, ax: Axes) -> Axes:
    """How large W, b and c are, of the first run of a record.

    Args:
        record: with `W`, `b`, `c` [seed, snapshot, ...].
        ax: to draw on.
    """
    times, first = record.snapshot_learning_time.values, record.isel(seed=0)
    # Input and readout weights grow together and hide each other: b is a broad pale line under c.
    looks: dict[str, dict[str, Any]] = {"W": {}, "b": {"linewidth": 4, "alpha": 0.4}, "c": {}}
    norms = {name: np.linalg.norm(first[name].values.reshape(len(times), -1), axis=1) for name in looks}
    for name, look in looks.items():
        ax.plot(times, norms[name], color=colour(name), **look)
    ax.set(yscale="log", xlim=times[[0, -1]], xlabel=TIME, ylabel="norm of the weights")
    log_ticks(ax)
    end_labels(ax, list(looks), [norms[name][-1] for name in looks], [colour(name) for name in looks])
    return ax


def lines(
    x: Numbers,
    measured: Mapping[str, Numbers],
    ax: Axes,
    labels: tuple[str, str],
    *,
    predicted: Mapping[str, Numbers] | None = None,
) -> Axes:
    """Any reading against any setting, one line per name.

    Several samples are shown as their mean in a band of one standard deviation. A rule has its own colour and
    dash. Set a logarithmic scale on `ax` before.

    Args:
        x: of all lines, [x].
        measured: by name, [x] or [sample, x].
        ax: to draw on.
        labels: of the axes, with units.
        predicted: by name, [x]; dashed, in the colour of the measurement of that name.
    """
    x, means, inks = np.asarray(x), {}, {}
    for k, (name, samples) in enumerate(measured.items(), 1):
        look = named_line(name, k)
        inks[name] = look["color"]
        means[name] = band(ax, x, np.atleast_2d(np.asarray(samples, float)), inks[name])
        ax.plot(x, means[name], **look)
    for name, curve in (predicted or {}).items():
        ax.plot(x, curve, color=inks.get(name, colour("ink")), **THEORY)
    ax.set(xlim=(x.min(), x.max()), xlabel=labels[0], ylabel=labels[1])
    log_ticks(ax)
    ends = [_last(mean[np.argsort(x)]) for mean in means.values()]
    end_labels(ax, [title(name) for name in means], ends, list(inks.values()))
    return ax


def _window(ax: Axes, times: np.ndarray, runs: np.ndarray, floor: float) -> None:
    """Limits that show the runs until the last of them is below a floor, or rests for good."""
    floor = max(float(np.nanmin(runs)), floor)
    moving = np.flatnonzero((runs > 1.02 * floor).any(axis=0))
    last = min(int(1.25 * moving[-1]) + 1, len(times) - 1) if len(moving) else len(times) - 1
    ax.set(yscale="log", ylim=(0.7 * floor, 2.5 * np.nanmax(runs[:, 0])), xlim=(times[0], times[last]))


def _above(ax: Axes, x: float, text: str) -> None:
    """A small remark over the upper border, from a place on the x axis to the right."""
    ax.annotate(
        text,
        (x, 1),
        (0, 2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        color=colour("muted"),
        fontsize="small",
    )


def _last(curve: np.ndarray) -> float:
    """The last finite value of a curve."""
    finite = curve[np.isfinite(curve)]
    return float(finite[-1]) if len(finite) else 0.0
