"""Landscapes and fields of one variable, and vector fields of two: minima, fixed points, ghosts, paths."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from stepwell.figure.axes import Numbers, Point, end_labels, plain, ramp_beside
from stepwell.figure.style import LEVELS, THEORY, colour, time_colours, time_ramp


def one_pole_landscape(
    poles: Numbers,
    losses: Numbers,
    ax: Axes,
    *,
    minima: Sequence[Point] = (),
    path: tuple[Numbers, Numbers] | None = None,
) -> Axes:
    """The best loss of a model with one pole against that pole, its minima, and the way the student took.

    Args:
        poles, losses: the profiled loss, [place].
        ax: to draw on.
        minima: (pole, loss), the global one first.
        path: poles and losses of the student, each [time].
    """
    ax.plot(poles, losses, color=colour("ink"), **THEORY)
    if path is not None:
        p, loss = (np.asarray(values, float) for values in path)
        ax.plot(p, loss, color=colour("student"), linewidth=2)
        ax.plot(p[-1], loss[-1], "*", color=colour("student"), markersize=9)
        _remark(ax, (p[0], loss[0]), "the student", (6, 2), colour("student"))
    for i, (p, loss) in enumerate(minima):
        ax.plot(
            p, loss, "o", color=colour("ink"), markerfacecolor=colour("ink") if i == 0 else "none", zorder=5
        )
        _remark(
            ax,
            (p, loss),
            f"{'global' if i == 0 else 'local'} minimum\n{loss:.4g} at {plain(p)}",
            (0, -7),
            va="top",
        )
    ax.set(xlabel="pole", ylabel="loss with the best residue")
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.18 * (high - low), high)
    return ax


def line_field(
    x: Numbers,
    fields: Mapping[str, Numbers],
    ax: Axes,
    labels: tuple[str, str],
    *,
    stable: Numbers = (),
    unstable: Numbers = (),
    ghosts: Sequence[Point] = (),
) -> Axes:
    """A field on the line, with fixed points (filled if stable) and ghosts, where it almost touches zero.

    Args:
        x: [place].
        fields: its velocity, [place], by the name of the moment, early to late; the last one is drawn strong.
        ax: to draw on.
        labels: of the axes, with units.
        stable, unstable: places of the fixed points at the last moment.
        ghosts: (place, velocity) of the ghosts at the last moment.
    """
    ramp = time_colours()
    inks = [ramp[i * LEVELS // len(fields)] for i in range(len(fields) - 1)] + [colour("student")]
    curves = [np.asarray(values, float) for values in fields.values()]
    ax.axhline(0, color=colour("muted"), linewidth=0.8)
    for i, (curve, ink) in enumerate(zip(curves, inks), 1):
        ax.plot(x, curve, color=ink, linewidth=1.8 if i == len(curves) else 1.1)
    for places, face in ((stable, colour("student")), (unstable, colour("paper"))):
        places = np.asarray(places, float)
        ax.plot(
            places, np.zeros_like(places), "o", color=colour("student"), markerfacecolor=face, markersize=6
        )
    for place, height in ghosts:
        ax.plot([place, place], [0, height], color=colour("zero"), linewidth=1)
        ax.plot(place, height, "D", color=colour("zero"), markersize=4)
        _remark(ax, (place, height), f"ghost {plain(height)}", (5, 4 if height > 0 else -4), colour("zero"))
    ax.set(xlim=(np.min(x), np.max(x)), xlabel=labels[0], ylabel=labels[1])
    end_labels(ax, list(fields), [float(curve[-1]) for curve in curves], inks)
    return ax


def plane_field(
    x: Numbers,
    y: Numbers,
    u: Numbers,
    v: Numbers,
    ax: Axes,
    labels: tuple[str, str],
    *,
    paths: Sequence[tuple[Numbers, Numbers]] = (),
    stable: Sequence[Point] = (),
    unstable: Sequence[Point] = (),
    span: tuple[float, float] | None = None,
    ramp: bool = True,
) -> Axes:
    """A field in the plane as arrows of one length, coloured by speed, with paths that end in a star.

    Args:
        x: [column]. y: [row].
        u, v: components, [row, column].
        ax: to draw on.
        labels: of the axes, with units.
        paths: (x, y) of trajectories, each [time].
        stable, unstable: fixed points, (x, y); filled and open.
        span: log10 of the speeds that the colours span; None for those there are.
        ramp: whether to show the colours of the speeds beside.
    """
    speed, count = np.hypot(u, v), np.size(x)
    unit = np.where(speed > 0, speed, 1)
    size: Any = {"pivot": "middle", "scale": 1.3 * count, "width": 0.08 / count}
    arrows = ax.quiver(x, y, u / unit, v / unit, np.log10(unit), cmap=time_ramp(), clim=span, **size)
    for path in paths:
        across, up = (np.asarray(values, float) for values in path)
        ax.plot(across, up, color=colour("student"), linewidth=1.8)
        ax.plot(across[0], up[0], "o", color=colour("student"), markersize=3)
        ax.plot(across[-1], up[-1], "*", color=colour("student"), markersize=9)
    for points, face in ((stable, colour("ink")), (unstable, colour("paper"))):
        for point in points:
            ax.plot(*point, "o", color=colour("ink"), markerfacecolor=face, markersize=6)
    if ramp:
        ramp_beside(ax, *arrows.get_clim(), "log₁₀ of the speed")
    ax.set(xlim=(np.min(x), np.max(x)), ylim=(np.min(y), np.max(y)), xlabel=labels[0], ylabel=labels[1])
    return ax


def _remark(
    ax: Axes, place: Point, text: str, offset: Point, ink: str | None = None, va: str = "center"
) -> None:
    """A few words beside a point."""
    across = "center" if offset[0] == 0 else "left"
    ax.annotate(
        text,
        place,
        offset,
        textcoords="offset points",
        color=ink or colour("ink"),
        ha=across,
        va=va,
        fontsize="small",
    )
