"""What a trained network looks like: singular values by matrix, activity with its flow and rests, poles."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from stepwell.analysis import Plateau
from stepwell.figure.axes import Numbers, end_labels, key_beside, log_ticks
from stepwell.figure.style import colour, mode_colour


def noisy_loss(
    times: Numbers, loss: Numbers, smooth: Numbers, ax: Axes, *, plateaus: Sequence[Plateau] = ()
) -> Axes:
    """A noisy loss, its smoothed course, and the plateaus on it.

    Args:
        times: in updates, [time]. loss, smooth: [time].
        ax: to draw on.
        plateaus: shaded from start to end.
    """
    for k, plateau in enumerate(plateaus):
        ax.axvspan(plateau.start, plateau.end, color=mode_colour(k), alpha=0.12, linewidth=0)
    ax.plot(times, loss, color=colour("muted"), linewidth=0.6, alpha=0.7)
    ax.plot(times, smooth, color=colour("student"), linewidth=1.6)
    ax.set(yscale="log", xlabel="updates", ylabel="loss (line: smoothed)")
    log_ticks(ax)
    return ax


def change_through_time(updates: Numbers, values: Mapping[str, Numbers], ax: Axes) -> Axes:
    """The largest singular values of the change of one matrix through training.

    Args:
        updates: [snapshot].
        values: by name, descending, [snapshot, index]; of each the first five are drawn.
        ax: to draw on.
    """
    ends, names, inks = [], [], []
    for k, (name, curves) in enumerate(values.items(), 1):
        curves = np.asarray(curves)[:, :5]
        for i, curve in enumerate(curves.T):
            ax.plot(updates, curve, color=mode_colour(k), alpha=1 - 0.15 * i, linewidth=1.6 - 0.2 * i)
        ends.append(float(curves[-1, 0]))
        names.append(name)
        inks.append(mode_colour(k))
    ax.set(xlabel="updates", ylabel="singular values of the change")
    end_labels(ax, names, ends, inks)
    return ax


def activity_plane(
    trajectories: Numbers,
    points: Numbers,
    stable: Sequence[bool],
    ax: Axes,
    *,
    flow: tuple[Numbers, Numbers] | None = None,
    unstable: Sequence[tuple[int, Numbers]] = (),
) -> Axes:
    """Trajectories on the first two principal components, with rests, flow and unstable directions.

    Args:
        trajectories: [trial, step, 2].
        points: rests, [point, 2]. stable: of each; filled if it is, a ring if not.
        ax: to draw on.
        flow: places [place, 2] and velocities [place, 2] of the field cut along the plane.
        unstable: pairs of a point's number and an unstable direction in the plane, [2].
    """
    if flow is not None:
        place, arrow = (np.asarray(part) for part in flow)
        size = np.linalg.norm(arrow, axis=1, keepdims=True)
        unit = arrow / np.maximum(size, 1e-300)
        ax.quiver(*place.T, *unit.T, color=colour("muted"), alpha=0.45, angles="xy", width=0.003, zorder=0)
    for path in np.asarray(trajectories):
        ax.plot(*path.T, color=colour("student"), linewidth=0.7, alpha=0.6)
        ax.plot(*path[0], ".", color=colour("muted"), markersize=3)
    points = np.asarray(points).reshape(-1, 2)
    reach = float(np.ptp(np.asarray(trajectories).reshape(-1, 2), axis=0).max()) or 1.0
    for number, direction in unstable:
        step = 0.08 * reach * np.asarray(direction) / max(float(np.linalg.norm(direction)), 1e-300)
        ends = np.stack([points[number] - step, points[number] + step])
        ax.plot(*ends.T, color=colour("vermillion"), linewidth=1.2)
    for name, fill, which in (("stable", True, True), ("unstable", False, False)):
        chosen = points[[i for i, each in enumerate(stable) if each == which]]
        ink = colour("ink")
        ax.plot(*chosen.T, "o", color=ink, markerfacecolor=ink if fill else "none", markersize=5, label=name)
    ax.set(xlabel="principal component 1", ylabel="principal component 2")
    if len(points):
        key_beside(ax)
    return ax


def rests_through_training(updates: Numbers, counts: Mapping[str, Numbers], ax: Axes) -> Axes:
    """How many rests and ghosts there are at each snapshot.

    Args:
        updates: [snapshot]. counts: by kind ("stable", "unstable", "ghost"), [snapshot].
        ax: to draw on.
    """
    for k, (name, values) in enumerate(counts.items(), 1):
        ax.step(updates, values, where="mid", marker="os^"[(k - 1) % 3], color=mode_colour(k), label=name)
    ax.set(xlabel="updates", ylabel="points found", ylim=(0, None))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    key_beside(ax)
    return ax


def poles_of_points(poles: Mapping[str, Numbers], ax: Axes) -> Axes:
    """Poles of linearised systems, by the name of their operating point.

    Args:
        poles: complex, [pole], by name.
        ax: to draw on.
    """
    ax.axhline(0, color=colour("grid"), linewidth=0.8, zorder=0)
    ax.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor=colour("muted"), linewidth=0.8))
    for k, (name, values) in enumerate(poles.items(), 1):
        values, mark = np.asarray(values), "x+12"[(k - 1) % 4]
        ax.plot(np.real(values), np.imag(values), mark, color=mode_colour(k), markersize=6, label=name)
    reach = 1.1 * max(1.0, *(float(np.abs(values).max()) for values in map(np.asarray, poles.values())))
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="Re", ylabel="Im")
    key_beside(ax)
    return ax
