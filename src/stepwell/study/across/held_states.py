"""Students of slow flip-flops: how long they rest, and their slow mode at the origin and where they hold a
state."""

from typing import NamedTuple

import jax
import numpy as np

from stepwell import analysis
from stepwell.run import settings_of
from stepwell.study.across.slow_flipflop_task import SlowFlipFlop
from stepwell.study.base import params_at, value_of

FAST_LEVEL = 0.5 * 0.25**2 / (1 - 0.5**2)
"""The loss of a student that lacks the fast mode of the teacher alone."""


class SlowMode(NamedTuple):
    """The slowest mode of a linearisation, NaN where there is no such operating point.

    Attributes:
        pole: with the largest real part.
        residue: of it.
    """

    pole: float
    residue: float


def task_of(run) -> SlowFlipFlop:
    """The task of a record."""
    return value_of(settings_of(run), "task")


def falls(run):
    """When each seed is down to half its first loss, and to half of `FAST_LEVEL`, [seed, 2].

    Levels of the loss, not peaks of its gradient: implicit steps make that ripple in steep directions.
    """
    times = run.learning_time.values
    levels = run.loss.values[0, 0] / 2, FAST_LEVEL / 2
    return np.array([[analysis.crossing(loss, times, level) for level in levels] for loss in run.loss.values])


def resting_places(run):
    """The snapshot of each seed between its two falls at which the gradient is smallest, [seed]."""
    times, found = run.learning_time.values, []
    for norm, (start, end) in zip(run.gradient_norm.values, falls(run)):
        found.append(int(np.argmin(np.where((times > start) & (times < end), norm, np.inf))))
    return found


def modes_at(run, seed, place) -> tuple[SlowMode, SlowMode]:
    """The slow modes at the origin and at the held state of one snapshot."""
    return slow_modes(task_of(run), value_of(settings_of(run), "network"), params_at(run, seed, place))


def slow_modes(task, network, params) -> tuple[SlowMode, SlowMode]:
    """Those at the origin and at the rest to which the trial with the larger pulse leads."""
    origin = np.zeros(network.hidden)
    end = np.asarray(analysis.states(network, params, task.trials(jax.random.key(0))))[-1, -1]
    found = analysis.fixed_points(analysis.network_field(network, params, 0.0), end[None])
    held = [point.state for point in found if point.kind == "fixed" and np.linalg.norm(point.state) > 1e-3]
    modes = [_slow_mode(network, params, state) for state in [origin, *held[:1]]]
    return modes[0], modes[1] if held else SlowMode(np.nan, np.nan)


def _slow_mode(network, params, state) -> SlowMode:
    point = analysis.operating_point(network, params, state, 0.0)
    poles, residues = np.real(point.poles), np.real(point.residues[:, 0, 0])
    slowest = int(np.argmax(poles))
    return SlowMode(poles[slowest], residues[slowest])
