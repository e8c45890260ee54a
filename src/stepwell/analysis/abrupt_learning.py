r"""Abrupt learning in a recorded run: drop, onset, no-learning zone, oscillation, escape, abruptness.

Positions are numbers of updates done; -1 means never. Curves may have leading axes for runs: [..., update].
"""

from typing import Any

import numpy as np

from stepwell.analysis.system import Numbers, finite

CHANCE = 0.5


def drop(loss: Numbers, level: float = 0.5) -> Any:
    """The first update with a loss below a level; -1 if there is none, [...].

    Args:
        loss: [..., update]. level: of the loss.

    Example:
        >>> int(drop([1.0, 0.9, 0.4, 0.6]))
        2

    Source: ghost2025, Fig. 3.
    """
    return _first(finite("the loss", loss) < level)


def onset(accuracy: Numbers) -> Any:
    """The first update with an accuracy above 1/2, that of an output that never switches; -1 if none, [...].

    Example:
        >>> int(onset([0.5, 0.5, 0.525, 0.5]))
        2

    Source: ghost2025, Fig. 4; the count from the authors' code.
    """
    return _first(finite("the accuracy", accuracy) > CHANCE)


def in_no_learning_zone(accuracy: Numbers, window: int = 50) -> Any:
    """Whether the accuracy was at most 1/2 at each of the last updates, [...].

    So it is on the first plateau too: only a network with an `onset` has fallen into the zone.

    Args:
        accuracy: [..., update]. window: how many updates at the end.

    Example:
        >>> bool(in_no_learning_zone([0.5, 0.9] + 50 * [0.5]))
        True

    Source: ghost2025, Fig. 4; window from the authors' code.
    """
    values = finite("the accuracy", accuracy)
    if not 1 <= window <= values.shape[-1]:
        raise ValueError(
            f"window={window} does not fit a run of {values.shape[-1]} updates; choose 1 or more of them."
        )
    return (values[..., -window:] <= CHANCE).all(axis=-1)


def oscillating(loss: Numbers, tolerance: float = 0.01) -> np.ndarray:
    """Where two successive losses differ by more than a share of the larger one, [..., update - 1].

    Example:
        >>> oscillating([1.0, 1.0, 0.9, 0.9001])
        array([False,  True, False])

    Source: ghost2025, Fig. 3A; threshold ours.
    """
    values = finite("the loss", loss)
    before, after = values[..., :-1], values[..., 1:]
    return np.abs(after - before) > tolerance * np.maximum(before, after)


def escape(loss: Numbers, level: float = 3e-4) -> Any:
    """The first update after which the loss stays below a level; -1 if it does not at the end.

    Example:
        >>> int(escape([1.0, 1e-4, 0.01, 2e-4, 1e-4]))
        3

    Source: ghost2025, Fig. 3A; level ours.
    """
    above = ~(finite("the loss", loss) < level)
    updates = above.shape[-1]
    last = updates - 1 - np.argmax(above[..., ::-1], axis=-1)
    first = np.where(above.any(axis=-1), last + 1, 0)
    return np.where(first < updates, first, -1)[()]


def abruptness(loss: Numbers) -> Any:
    """Updates of the fall from 0.9 to 0.1 of the first loss, over those to 0.9; NaN if it never ends, [...].

    Example:
        >>> float(abruptness(100 * [1.0] + [0.9, 0.5, 0.1]))
        0.02

    Source: ghost2025, title; the number is ours.
    """
    values = finite("the loss", loss)
    early, late = (_first(values <= share * values[..., :1]) for share in (0.9, 0.1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(late >= 0, (late - early) / early, np.nan)[()]


def _first(holds: np.ndarray) -> Any:
    return np.where(holds.any(axis=-1), np.argmax(holds, axis=-1), -1)[()]
