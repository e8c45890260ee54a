"""Where drops begin and end, and when number or stability of the fixed points change around them.

A drop lasts from 90 to 10 % of its height. Linear and tanh networks are looked at without input, where the
origin is a fixed point of both; networks of rank one with the constant input of their task.
"""

from typing import NamedTuple

import jax
import numpy as np

from stepwell import analysis, theory
from stepwell.analysis.learning_curve import running_mean
from stepwell.network import Linear, LowRank
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.ghost.readings import counts
from stepwell.study.saddle_to_saddle.readings import model

WINDOW = 20
"""Updates over which the loss of random batches is a mean."""


class Drop(NamedTuple):
    """A drop of the loss and what happens to the fixed points around it.

    Attributes:
        start, end: updates (or learning times) at 90 and 10 % of the drop.
        events: when number or stability of fixed points change, [event].
        learned: whether less than a fifth of the first loss is left at the end.
    """

    start: float
    end: float
    events: np.ndarray
    learned: bool = True

    @property
    def holds_event(self) -> bool:
        """Whether something changes during the drop."""
        return bool(((self.events > self.start) & (self.events <= self.end)).any())

    @property
    def places(self) -> np.ndarray:
        """The events, in units of the drop: 0 where it starts, 1 where it ends."""
        return (self.events - self.start) / (self.end - self.start)


def changes(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The times of the first records after a change."""
    return times[1:][np.diff(values) != 0]


def drops_of(run):
    """All drops of a record, with what happens around each."""
    network = value_of(settings_of(run), "network")
    kinds = {Linear: linear_drops, LowRank: rank_one_drops}
    return kinds.get(type(network), task_drops)(run)


def linear_drops(run):
    """The three drops of every seed of a linear network, whose one fixed point may lose stability."""
    levels = [theory.reached_poles(*model(settings_of(run)), k).loss for k in range(4)]
    found = []
    for loss, W in zip(run.loss.values, run.W.values):
        unstable = (np.abs(np.linalg.eigvals(W)) > 1).sum(axis=1)
        events = changes(unstable, run.snapshot_learning_time.values)
        for high, low in zip(levels, levels[1:]):
            start, end = (
                analysis.crossing(loss, run.learning_time, low + f * (high - low)) for f in (0.9, 0.1)
            )
            found.append(Drop(start, end, events))
    return found


def rank_one_drops(run):
    """The drop of every network of rank one, with the births and deaths of its fixed points."""
    times, rests = run.snapshot_update.values, counts(run).rests
    return [Drop(*ends_of(loss, times), changes(n, times)) for loss, n in zip(run.loss.values, rests)]


def task_drops(run):
    """The drop of every tanh network, with the changes of the origin's unstable directions."""
    found = []
    for loss, W in zip(run.loss.values, run.W.values):
        mean = running_mean(loss, WINDOW)
        unstable = (np.linalg.eigvals(W.astype(float)).real > 1).sum(axis=1)
        ends = ends_of(mean, run["update"].values)
        learned = bool(mean.min() < 0.2 * mean[0])
        found.append(Drop(*ends, changes(unstable, run.snapshot_update.values), learned))
    return found


def ends_of(loss, times) -> tuple[float, float]:
    """When a loss has first fallen by 10 and by 90 % of what it falls in all."""
    heights = (loss - loss.min()) / (loss[0] - loss.min())
    start, end = (float(times[np.argmax(heights <= share)]) for share in (0.9, 0.1))
    return start, end


def rests_of(run, seed, snapshot):
    """The fixed points of a tanh network without input that its trials and their mirror images lead to."""
    settings = settings_of(run)
    params = {name: run[name].values[seed, snapshot].astype(float) for name in ("W", "b", "c")}
    trials = settings.task.trials(jax.random.key(0), 8)
    ends = analysis.states(settings.network, params, trials)[:, ::25].reshape(-1, len(params["W"]))
    field = analysis.network_field(settings.network, params, 0.0)
    found = analysis.fixed_points(field, np.concatenate([ends, -ends]))
    return [point for point in found if point.kind == "fixed"]
