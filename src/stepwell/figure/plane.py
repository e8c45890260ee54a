"""Poles and zeros: in the complex plane, and along the real axis through time. A pole is ×, a zero ○."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from stepwell.figure.axes import Number, Numbers, key_above, key_beside, plain, ramp_beside
from stepwell.figure.curves import TIME
from stepwell.figure.style import LEVELS, THEORY, colour, mode_colour, time_colours

DOTS = 300
"""Most places of a trail that are drawn: more cannot be told apart and make files large."""


def poles_in_plane(
    times: Numbers,
    poles: Numbers,
    ax: Axes,
    *,
    zeros: Numbers | None = None,
    target_poles: Numbers = (),
    models: Mapping[int, Numbers] | None = None,
) -> Axes:
    """The poles of the student moving through the plane, coloured by time, and the zeros where they end.

    Args:
        times: learning time, [time].
        poles: followed branches (see `analysis.pole_branches`), [time, hidden].
        ax: to draw on.
        zeros: finite ones, NaN elsewhere, [time, zero].
        target_poles: [pole]; squares.
        models: poles of the predicted k-pole models, by k; diamonds in the colour of mode k.
    """
    poles = np.asarray(poles)
    _paper(ax)
    ax.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor=colour("muted"), linewidth=0.8))
    _trails(np.asarray(times, float), poles, ax)
    _points(ax, poles[-1], "x", colour("pole"), 6, "pole")
    if zeros is not None:
        _points(ax, np.asarray(zeros)[-1], "o", colour("zero"), 6, "zero")
    _points(ax, target_poles, "s", colour("target"), 9, "target pole")
    for k, model in (models or {}).items():
        _points(ax, model, "D", mode_colour(k), 5, f"{k}-pole model")
    ax.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15))
    key_beside(ax)
    return ax


def poles_through_time(
    times: Numbers,
    poles: Numbers,
    ax: Axes,
    *,
    zeros: Numbers | None = None,
    target_poles: Numbers = (),
    models: Sequence[tuple[Number, Number, Numbers]] = (),
) -> Axes:
    """Real parts of poles (lines) and zeros (rings) through time; a pair that comes apart is a mode awaking.

    Args:
        times: learning time, [time].
        poles: followed branches, [time, hidden].
        ax: to draw on.
        zeros: NaN where there is none, [time, zero].
        target_poles: [pole]; broad grey lines.
        models: (start, end, poles of the predicted model) of plateaus 1, 2, ...; dashed, in the colour of k.
    """
    poles = np.asarray(poles)
    _real_parts(np.asarray(times, float), poles, ax, zeros, np.real)
    for k, (start, end, model) in enumerate(models, 1):
        for i, pole in enumerate(np.atleast_1d(model)):
            look: dict[str, Any] = {"color": mode_colour(k), **THEORY, "linewidth": 1.8}
            ax.plot([start, end], [np.real(pole)] * 2, label="" if i else f"{k}-pole model", **look)
    for i, pole in enumerate(np.asarray(target_poles)):
        look: dict[str, Any] = {
            "color": colour("target"),
            "linewidth": 5,
            "alpha": 0.5,
            "solid_capstyle": "butt",
        }
        ax.axhline(np.real(pole), zorder=0, label="" if i else "target pole", **look)
    key_above(ax)
    return ax


def sign_flip(times: Numbers, product: Numbers, poles: Numbers, zeros: Numbers, ax: Axes) -> Axes:
    r"""What goes through infinity when $c\,b$ changes its sign, on an axis of $\tfrac2\pi\arctan x$.

    Args:
        times: learning time, dense around the change of sign, [time].
        product: $c\,b$, [time].
        poles: followed branches, [time, hidden].
        zeros: NaN where there is none, [time, zero].
        ax: to draw on.
    """
    times = np.asarray(times, float)
    _real_parts(times, np.asarray(poles), ax, zeros, _compactified)
    ax.plot(times, _compactified(product), color=colour("ochre"), label="c b")
    ticks = {"−∞": -1.0, "−1": -0.5, "0": 0.0, "1": 0.5, "∞": 1.0}
    ax.set_yticks(list(ticks.values()), list(ticks))
    key_above(ax)
    return ax


def collision(times: Numbers, poles: Numbers, ax: Axes, *, time: Number, place: Number) -> Axes:
    """Two real poles that meet and leave as a complex pair, coloured by time.

    Args:
        times: learning time, [time].
        poles: followed branches of the two, [time, 2].
        ax: to draw on.
        time, place: of the collision, as `analysis.collisions` finds them.
    """
    poles = np.asarray(poles)
    _paper(ax)
    _trails(np.asarray(times, float), poles, ax)
    _points(ax, poles[-1], "x", colour("pole"), 6, "pole")
    ax.plot(place, 0, "*", color=colour("ink"), markersize=8, zorder=6)
    reach = 1.15 * np.max(np.abs(poles - place))
    ax.set(xlim=(place - reach, place + reach), ylim=(-reach, reach))
    text = f"meet at {plain(place)},\ntime {plain(time)}"
    ax.annotate(text, (place, 0), (9, -5), textcoords="offset points", va="top", fontsize="small")
    return ax


def eigenvalues(before: Numbers, after: Numbers, ax: Axes, *, radius: Number = 1.0) -> Axes:
    """Eigenvalues of a large matrix before and after training, over the disc that random connectivity fills.

    Args:
        before, after: complex, [unit].
        ax: to draw on.
        radius: of the disc; eigenvalues that training moved clearly outside are drawn strong.
    """
    before, after = np.asarray(before), np.asarray(after)
    _paper(ax)
    ax.add_patch(Circle((0, 0), radius, facecolor=colour("muted"), alpha=0.12, linewidth=0))
    _points(ax, before, "o", colour("muted"), 2.5, "before", 0.6)
    ax.plot(np.real(after), np.imag(after), ".", color=colour("student"), markersize=3, label="after")
    outside = after[np.abs(after) > 1.1 * max(radius, np.abs(before).max())]
    ax.plot(np.real(outside), np.imag(outside), "o", color=colour("student"), markersize=6)
    reach = 1.1 * max(radius, float(np.abs(np.concatenate([before, after])).max()))
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
    key_beside(ax)
    return ax


def _paper(ax: Axes) -> None:
    ax.axhline(0, color=colour("grid"), linewidth=0.8, zorder=0)
    ax.axvline(0, color=colour("grid"), linewidth=0.8, zorder=0)
    ax.set(aspect="equal", xlabel="real part", ylabel="imaginary part")


def _trails(times: np.ndarray, poles: np.ndarray, ax: Axes) -> None:
    """One path per branch in pieces of equal duration, each in its colour of the ramp."""
    edges = np.linspace(times[0], times[-1], LEVELS + 1)
    for early, late, ink in zip(edges, edges[1:], time_colours()):
        piece = poles[max(np.searchsorted(times, early) - 1, 0) : np.searchsorted(times, late) + 1]
        piece = piece[_evenly(len(piece), DOTS // LEVELS)]
        ax.plot(np.real(piece), np.imag(piece), color=ink, linewidth=2.2)
    ramp_beside(ax, times[0], times[-1], "learning time")


def _real_parts(
    times: np.ndarray, poles: np.ndarray, ax: Axes, zeros: Numbers | None, show: Callable[..., np.ndarray]
) -> None:
    paths = ax.plot(times, show(poles), color=colour("pole"))
    paths[0].set_label("pole")
    ends = np.full(poles.shape[1], times[-1])
    ax.plot(
        ends, show(poles[-1]), "x", color=colour("pole"), markeredgewidth=1.8, markersize=5, clip_on=False
    )
    if zeros is not None:
        moments = _evenly(len(times), 80)
        look: dict[str, Any] = {
            "color": colour("zero"),
            "markerfacecolor": "none",
            "markersize": 2.6,
            "markeredgewidth": 0.9,
        }
        rings = ax.plot(times[moments], show(np.asarray(zeros)[moments]), "o", **look)
        rings[0].set_label("zero")
    ax.set(xlim=times[[0, -1]], ylim=(-1.05, 1.05), xlabel=TIME, ylabel="real part")


def _points(
    ax: Axes, points: Numbers, marker: str, ink: str, size: Number, name: str, edge: Number = 1.5
) -> None:
    """Open markers; nothing where there are no points."""
    points = np.atleast_1d(np.asarray(points, complex))
    if len(points):
        look: dict[str, Any] = {
            "markerfacecolor": "none",
            "markersize": size,
            "markeredgewidth": edge,
            "linestyle": "none",
        }
        ax.plot(np.real(points), np.imag(points), marker=marker, color=ink, label=name, zorder=5, **look)


def _evenly(length: int, count: int) -> np.ndarray:
    """At most `count` indices, evenly spread, with the first and the last."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int))


def _compactified(values: Numbers) -> np.ndarray:
    return 2 / np.pi * np.arctan(np.real(values))
