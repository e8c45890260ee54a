"""A run taken further a few updates at a time, for those who look on while it learns."""

from typing import Any, NamedTuple

import numpy as np

from stepwell.experiment import Experiment
from stepwell.run.block import as_arrays
from stepwell.run.trainer import Carry, advance, start

MOST = 2000


class Curves(NamedTuple):
    """Losses and norms of the direction, from the present parameters to the new ones, [updates + 1]."""

    loss: np.ndarray
    gradient_norm: np.ndarray


def begun(experiment: Experiment, seed: int) -> Carry:
    """The state of a run before its first update: that of `train(experiment, [seed])`."""
    return start(experiment, [seed])


def further(experiment: Experiment, carry: Carry, updates: int) -> tuple[Carry, Curves]:
    """The same updates as in `train`, a few of them; a new learning rate compiles nothing.

    Args:
        experiment: what is trained; its `updates` and `recording` play no part.
        carry: from `begun`, or from the last call.
        updates: how many, from 0 to 2000.

    Returns:
        The new state, and the curves on the way.

    Raises:
        ValueError: for a number of updates out of range.
    """
    if not 0 <= updates <= MOST:
        raise ValueError(f"updates={updates} is out of range; a call takes from 0 to {MOST} of them.")
    traced = as_arrays(experiment, experiment.dtype)
    carry, before = _advanced(traced, carry, updates)
    _, last = _advanced(traced, carry, 1)
    return carry, Curves(*np.concatenate([before, last], axis=1))


def parameters(carry: Carry) -> dict[str, np.ndarray]:
    """The present parameters by name."""
    return {name: np.asarray(value[0]) for name, value in carry.params.items()}


def _advanced(traced: Any, carry: Carry, count: int) -> tuple[Carry, np.ndarray]:
    # One length of buffer, so that one program serves every count; snapshots beyond the only slot are
    # dropped.
    carry, (curves, _) = advance(traced, carry, count, MOST, 1)
    return carry, np.stack([np.asarray(curve[:count, 0]) for curve in curves])
