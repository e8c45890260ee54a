"""Where a loss rests on its way down: plateaus, the transitions between them, and when it crosses a level."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.signal import find_peaks

from stepwell.analysis.system import Numbers, finite


class Plateau(NamedTuple):
    """A stretch of learning between two transitions.

    Attributes:
        level: loss at the quietest moment.
        dwell: `end - start`, in learning time.
        start, end: learning times of the transitions around it; the first plateau starts with the record.
        place: learning time of the quietest moment, where the gradient is smallest.
    """

    level: float
    dwell: float
    start: float
    end: float
    place: float


def plateaus(
    loss: Numbers, gradient_norm: Numbers, learning_time: Numbers, prominence: float | int = 0.5
) -> list[Plateau]:
    r"""The plateaus of one run: what lies between two transitions, each at its quietest moment.

    What follows the last transition is no plateau, as its end is not known. A plateau is a visit to a saddle
    only if it lasts longer for smaller initial weights; the dwell of a mere shoulder does not change.

    Args:
        loss: [update].
        gradient_norm: norm of the gradient, not squared, [update].
        learning_time: increasing, [update].
        prominence: least height of a transition above the quiet around it, in decades of squared gradient;
            0.5 suits initial weights of 0.01, and 1 is as sure below 0.003.

    Returns:
        The plateaus in order of time; empty if there is none.

    Raises:
        ValueError: for unequal lengths, NaN, or times that do not increase.

    Example:
        A gradient flow goes down two stairs, at 10 and at 40; its squared gradient is the rate of descent:

        >>> learning_time = np.arange(0, 80, 0.2)
        >>> loss = 0.9 / (1 + np.exp(learning_time - 10)) + 0.1 / (1 + np.exp(learning_time - 40))
        >>> gradient_norm = np.sqrt(-np.gradient(loss, learning_time))
        >>> for plateau in plateaus(loss, gradient_norm, learning_time):
        ...     print(f"loss {plateau.level:.3f} from {plateau.start:.1f} to {plateau.end:.1f}")
        loss 1.000 from 0.0 to 10.0
        loss 0.100 from 10.0 to 40.0

    Source: essay2026, section 6 (the detector is ours).
    """
    loss, unrest, time = _run(loss, gradient_norm, learning_time)
    peaks = _peaks(unrest, prominence)
    edges = [float(time[0]), *_vertices(unrest, time, peaks)]
    found = []
    for start, end, first, last in zip(edges, edges[1:], [0, *peaks], peaks):
        quietest = first + int(np.argmin(unrest[first : last + 1]))
        found.append(Plateau(float(loss[quietest]), end - start, start, end, float(time[quietest])))
    return found


def transitions(
    loss: Numbers, gradient_norm: Numbers, learning_time: Numbers, prominence: float | int = 0.5
) -> np.ndarray:
    """The learning times of the transitions: where the squared gradient peaks.

    A parabola through the logarithm at the peak and at its two neighbours refines each. Args and errors are
    those of `plateaus`.

    Returns:
        [transition], increasing.

    Example:
        >>> learning_time = np.arange(0, 20, 0.2)
        >>> loss = 1 / (1 + np.exp(2 * (learning_time - 9.87)))
        >>> print(transitions(loss, np.sqrt(-np.gradient(loss, learning_time)), learning_time).round(3))
        [9.87]

    Source: essay2026, section 6 (the detector is ours).
    """
    _, unrest, time = _run(loss, gradient_norm, learning_time)
    return np.array(_vertices(unrest, time, _peaks(unrest, prominence)))


def crossing(loss: Numbers, learning_time: Numbers, level: float | int) -> float:
    """The first learning time at which the loss is down to a level; NaN if it never is.

    Between two recorded moments the logarithm of the loss is taken to be a straight line.

    Args:
        loss: [update]. learning_time: increasing, [update].
        level: a loss above 0.

    Example:
        >>> learning_time = np.arange(10.0)
        >>> round(crossing(np.exp(-learning_time), learning_time, level=np.exp(-2.5)), 12)
        2.5
    """
    loss, time = _curves(loss=loss, learning_time=learning_time)
    if not level > 0:
        raise ValueError(f"level={level} cannot be crossed on a logarithmic scale; it must be above 0.")
    below = np.flatnonzero(loss <= level)
    if len(below) == 0:
        return float("nan")
    i = below[0]
    if i == 0:
        return float(time[0])
    above, under = np.log(loss[i - 1]), np.log(max(loss[i], np.finfo(float).tiny))
    return float(time[i - 1] + (time[i] - time[i - 1]) * (above - np.log(level)) / (above - under))


def matched(
    plateaus: Sequence[Plateau], levels: Numbers, tolerance: float | int = 0.1
) -> list[Plateau | None]:
    """The plateau at each predicted level; None where a run rests at no such level.

    A run may rest on shoulders, too, which are at no predicted level: they are the plateaus left out here.

    Args:
        plateaus: of one run.
        levels: predicted losses above 0, [level].
        tolerance: largest relative distance of a plateau from its level.

    Returns:
        One entry per level: the nearest plateau within the tolerance, or None.

    Example:
        >>> stay = Plateau(level=0.101, dwell=30, start=10, end=40, place=25)
        >>> shoulder = Plateau(level=0.088, dwell=9, start=40, end=49, place=45)
        >>> matched([stay, shoulder], levels=[0.1, 0.01]) == [stay, None]
        True
    """
    found: list[Plateau | None] = []
    for level in finite("levels", levels):
        near = [p for p in plateaus if abs(p.level / level - 1) <= tolerance]
        found.append(min(near, key=lambda p: abs(p.level - level), default=None))
    return found


def _run(
    loss: Numbers, gradient_norm: Numbers, learning_time: Numbers
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Losses, unrest $u=\log_{10}|\nabla L|^2$ and times; squares below rounding of the loss are equal."""
    loss, norm, time = _curves(loss=loss, gradient_norm=gradient_norm, learning_time=learning_time)
    floor = max(1e-16 * loss[0], np.finfo(float).tiny)
    return loss, np.log10(np.maximum(norm**2, floor)), time


def _curves(**curves: Numbers) -> list[np.ndarray]:
    """Curves of one run, the last one its time."""
    arrays = [finite(name, curve) for name, curve in curves.items()]
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) > 1 or arrays[0].ndim != 1 or len(arrays[0]) == 0:
        raise ValueError(f"{', '.join(curves)} need one axis, [update], of one run; got shapes {shapes}.")
    if np.any(np.diff(arrays[-1]) <= 0):
        raise ValueError("learning_time must increase from entry to entry; sort the record by it.")
    return arrays


def _peaks(unrest: np.ndarray, prominence: float | int) -> np.ndarray:
    if not prominence > 0:
        raise ValueError(f"prominence={prominence} takes every ripple for a transition; it must be above 0.")
    return find_peaks(unrest, prominence=prominence)[0]


def _vertices(unrest: np.ndarray, time: np.ndarray, peaks: np.ndarray) -> list[float]:
    """Where the parabola through each peak and its neighbours is highest."""
    rise = (unrest[peaks] - unrest[peaks - 1]) / (time[peaks] - time[peaks - 1])
    fall = (unrest[peaks + 1] - unrest[peaks]) / (time[peaks + 1] - time[peaks])
    bend = (fall - rise) / (time[peaks + 1] - time[peaks - 1])
    middle = (time[peaks] + time[peaks - 1]) / 2
    # A peak with a flat top has no bend, and its middle is the peak.
    return np.where(bend < 0, middle - rise / np.where(bend < 0, 2 * bend, 1), time[peaks]).tolist()
