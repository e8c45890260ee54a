"""Functions of two variables: the profiled loss of two poles, and heat maps of anything else."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, TwoSlopeNorm
from matplotlib.ticker import FuncFormatter, LogLocator

from stepwell.figure.axes import Number, Numbers, Point, plain
from stepwell.figure.style import colour


def two_pole_landscape(
    poles: Numbers,
    losses: Numbers,
    ax: Axes,
    *,
    minima: Sequence[Point] = (),
    path: tuple[Numbers, Numbers] | None = None,
) -> Axes:
    """The best loss of a model with two real poles, as contours, its minima, and the way the student took.

    Args:
        poles: of either pole, [place].
        losses: the profiled loss, symmetric, [place, place]; NaN where it is not defined.
        ax: to draw on.
        minima: pairs of poles.
        path: the two active poles of the student, each [time].
    """
    losses = np.ma.masked_invalid(np.asarray(losses, float))
    levels = np.geomspace(losses.min(), losses.max(), 14)
    contours = ax.contourf(poles, poles, losses, levels, norm=LogNorm(), cmap="viridis_r")
    contours.set_rasterized(True)
    ax.contour(poles, poles, losses, levels, colors=colour("paper"), linewidths=0.3)
    for pair in minima:
        ax.plot(
            *np.array([pair, pair[::-1]]).T,
            "D",
            color=colour("ink"),
            markerfacecolor=colour("paper"),
            markersize=5,
        )
    if path is not None:
        across, up = (np.asarray(values, float) for values in path)
        ax.plot(across, up, color=colour("vermillion"), linewidth=1.8)
        ax.plot(across[0], up[0], "o", color=colour("vermillion"), markersize=4)
        ax.plot(across[-1], up[-1], "*", color=colour("vermillion"), markersize=9)
    ticks = {"ticks": LogLocator(subs=(1.0, 2.0, 5.0)), "format": FuncFormatter(plain)}
    bar = ax.figure.colorbar(contours, ax=ax, shrink=0.9, aspect=28, **ticks)
    bar.set_label("loss with the best residues")
    bar.outline.set_visible(False)
    ax.set(aspect="equal", xlabel="one pole", ylabel="the other pole")
    return ax


def heat_map(
    x: Numbers,
    y: Numbers,
    values: Numbers,
    ax: Axes,
    labels: tuple[str, str, str],
    *,
    contours: Numbers = (),
    centre: Number | None = None,
) -> Axes:
    """A quantity over two settings as colours, with chosen contours.

    Args:
        x: [column]. y: [row].
        values: [row, column]; NaN is left empty.
        ax: to draw on.
        labels: of the axes and of the quantity, with units.
        contours: values at which a line is drawn and labelled.
        centre: value at which a diverging ramp has its middle; None for a quantity with no such value.
    """
    values = np.ma.masked_invalid(np.asarray(values, float))
    reach = 1.0 if centre is None else float(np.abs(values - centre).max())
    scale: dict[str, Any] = (
        {"cmap": "viridis"}
        if centre is None
        else {"cmap": "RdBu_r", "norm": TwoSlopeNorm(centre, centre - reach, centre + reach)}
    )
    cells = ax.pcolormesh(x, y, values, shading="nearest", rasterized=True, **scale)
    heights = np.sort(np.asarray(contours, float))
    if len(heights):
        drawn = ax.contour(x, y, values, heights, colors="black", linewidths=1)
        ax.clabel(drawn, fmt="%g", fontsize=6.5)
    bar = ax.figure.colorbar(cells, ax=ax, shrink=0.9, aspect=28)
    bar.set_label(labels[2])
    bar.outline.set_visible(False)
    ax.set(xlabel=labels[0], ylabel=labels[1])
    return ax
