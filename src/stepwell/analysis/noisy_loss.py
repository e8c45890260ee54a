"""Plateaus of a loss that is known from batches only: it is noisy, and its gradient may not be recorded."""

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d, label

from stepwell.analysis.plateau_detection import Plateau
from stepwell.analysis.system import Numbers, finite

SHARE = 0.01
"""Width of the smoothing kernel, as a share of the record, where none is given."""


def smoothed_loss(loss: Numbers, smoothing: float | int | None = None) -> np.ndarray:
    """The loss with its logarithm smoothed by a Gaussian kernel.

    Args:
        loss: above 0, [update].
        smoothing: standard deviation of the kernel in updates; None for a hundredth of the record. At the
            ends the record is mirrored.

    Returns:
        [update].

    Example:
        >>> noise = np.exp(0.1 * np.random.default_rng(0).standard_normal(1000))
        >>> print(bool(np.abs(smoothed_loss(noise, 50) - 1).max() < 0.05))
        True
    """
    loss = finite("the loss", loss)
    if loss.ndim != 1 or len(loss) < 2 or not (loss > 0).all():
        raise ValueError(
            f"a loss above 0 is needed, [update], with 2 updates or more; got shape {loss.shape}, least "
            f"{loss.min(initial=np.inf):g}."
        )
    width = SHARE * len(loss) if smoothing is None else smoothing
    if not width > 0:
        raise ValueError(f"smoothing={smoothing} is no width; it is a number of updates above 0.")
    return np.exp(gaussian_filter1d(np.log(loss), width, mode="reflect"))


def noisy_plateaus(
    loss: Numbers,
    learning_time: Numbers | None = None,
    smoothing: float | int | None = None,
    least_drop: float | int = 0.2,
    faster: float | int = 2.0,
) -> list[Plateau]:
    r"""The plateaus of a noisy loss: what lies before each fall of the smoothed loss.

    A fall is a stretch in which the smoothed $\ln L$ drops faster than `faster` times its mean rate over the
    whole record, and by at least `least_drop`; stretches closer to each other than the width of smoothing are
    one. What follows the last fall is no plateau, as its end is not known.

    Args:
        loss: above 0, [update].
        learning_time: evenly spaced and increasing, [update]; None counts updates.
        smoothing: standard deviation of the kernel, in updates; None for a hundredth of the record (see
            `smoothed_loss`). Plateaus much shorter than that are not seen.
        least_drop: of a fall, in $\ln L$.
        faster: than the mean, how much a fall is.

    Returns:
        The plateaus in order of time, from the middle of one fall to that of the next; the level is the
        median of the smoothed loss between them, outside the falls.

    Example:
        >>> t = np.arange(2000.0)
        >>> stairs = 0.9 / (1 + np.exp((t - 400) / 10)) + 0.09 / (1 + np.exp((t - 1300) / 10)) + 0.01
        >>> noise = np.exp(0.2 * np.random.default_rng(0).standard_normal(2000))
        >>> for plateau in noisy_plateaus(stairs * noise):
        ...     print(f"loss {plateau.level:.2f} until {plateau.end:.0f}")
        loss 0.98 until 413
        loss 0.10 until 1313
    """
    smooth = np.log(smoothed_loss(loss, smoothing))
    time = np.arange(len(smooth), dtype=float) if learning_time is None else finite("times", learning_time)
    if time.shape != smooth.shape or (np.diff(time) <= 0).any():
        raise ValueError("learning_time must increase from entry to entry and have one entry per loss.")
    width = SHARE * len(smooth) if smoothing is None else float(smoothing)
    rate = -np.gradient(smooth)
    fast = rate > faster * max((smooth[0] - smooth.min()) / (len(smooth) - 1), np.finfo(float).tiny)
    falls = [
        (first, last) for first, last in _stretches(fast, width) if smooth[first] - smooth[last] >= least_drop
    ]
    found, start = [], 0
    begun = float(time[0])
    for first, last in falls:
        # Half way down in the logarithm; noise leaves it within the width of smoothing.
        middle = first + int(np.argmax(smooth[first : last + 1] <= (smooth[first] + smooth[last]) / 2))
        end = float(time[middle])
        quiet = smooth[start : max(first, start) + 1]
        place = start + int(np.argmin(np.abs(rate[start : max(first, start) + 1])))
        level = float(np.exp(np.median(quiet)))
        found.append(Plateau(level, end - begun, begun, end, float(time[place])))
        start, begun = last, end
    return found


def _stretches(fast: np.ndarray, gap: float) -> list[tuple[int, int]]:
    """First and last index of each run of True, those closer than a gap as one."""
    labels: Any = label(fast)
    numbered = labels[0]
    found: list[tuple[int, int]] = []
    for k in range(1, numbered.max(initial=0) + 1):
        where = np.flatnonzero(numbered == k)
        first, last = int(where[0]), int(where[-1])
        if found and first - found[-1][1] < gap:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found
