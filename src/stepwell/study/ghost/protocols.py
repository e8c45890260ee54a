"""Toy descents, networks and close-ups that the claims of this study share."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import numpy as np
import xarray as xr

from stepwell.analysis.abrupt_learning import drop
from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import saddle_node_exact as exact
from stepwell.network.low_rank import LowRank
from stepwell.run.continued import continued
from stepwell.run.record import dataset
from stepwell.run.reduced_toy import ToyDescent
from stepwell.run.trainer import start
from stepwell.settings import number, setting
from stepwell.study.base import Claims, Run, value_of, varied
from stepwell.study.ghost.watched import Watched
from stepwell.task.delayed_activation import DelayedActivation
from stepwell.theory import saddle_node as toy

claim = Claims("ghost2025")

T = 100.0
RATES = np.logspace(-4, -1, 30)
CONFIDENCES = tuple(np.logspace(-3, 1, 30).tolist())
BETAS = (0.9, 0.99, 0.999, 1.0001, 1.001, 1.003, 1.01, 1.03, 1.1, 1.3, 2.0, 5.0)
SCAN = np.logspace(-11, -8, 100)


def beta(learning_rate: float) -> float:
    """A learning rate of the toy model in units of the critical one."""
    return learning_rate / toy.critical_learning_rate(T)


def descents(*rates: float) -> Callable[[str], list[Run]]:
    """The toy model's descent from ten times the optimum, at the source's learning rates."""

    def runs(scale: str) -> list[Run]:
        updates = 2000 if scale == "smoke" else 10000
        return [(ToyDescent(tuple(map(beta, rates)), updates=updates), (0,))]

    return runs


def absorption(scale: str) -> list[Run]:
    """The map of descent from scattered starts around the critical rate."""
    starts, updates = {"smoke": (100, 2000), "quick": (1000, 20000), "full": (1000, 100000)}[scale]
    return [(ToyDescent(BETAS, spread=0.1, starts=starts, updates=updates, every=100), (0,))]


def rate_scan(scale: str) -> list[Run]:
    """The toy model's scan of learning rates; every rate has ten starts of its own."""
    rates, updates = (SCAN[::4], 1000) if scale == "smoke" else (SCAN, 10000)
    betas = tuple(beta(rate) for rate in rates.tolist())
    return [(ToyDescent(betas, spread=0.1, starts=10, common=False, updates=updates, every=200), (0,))]


class Landscape(eqx.Module):
    """Loss and slope of the toy model at given places, by quadrature; an update of the record is a place.

    Attributes:
        places: values of r in units of the optimum. confidence: of the output.
    """

    places: tuple[float, ...]
    confidence: float = number(1.0)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record, with `r` and `slope` [seed, place]."""
        r = np.array(self.places) * toy.optimum(T)
        loss, slope = (f(r, T, self.confidence) for f in (exact.finite_loss, exact.finite_gradient))
        curves = {"loss": loss[None], "gradient_norm": np.abs(slope)[None]}
        return _without_time(self, seeds, curves, {"r": r[None], "slope": slope[None]})


class Planted(eqx.Module):
    r"""Networks of equal units with a ghost or two rests at a known distance from a saddle-node.

    With $m_i=1$, $n_i=2/N$ the left fold of $f=-\kappa+2\tanh(\kappa+b)$ lies at a known drive; r is added to
    it.

    Attributes:
        distances: r, positive for a ghost. hidden: N.
    """

    distances: tuple[float, ...]
    hidden: int = setting(1)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record, with a snapshot per distance."""
        turn = -np.sqrt(0.5)
        drive = np.arctanh(turn) - 2 * turn + np.array(self.distances)
        shape = (1, len(drive), self.hidden, 1)
        shots = {"m": np.ones(shape), "n": np.full(shape, 2 / self.hidden)}
        shots["b"] = np.broadcast_to(drive[None, :, None, None], shape)
        none = np.zeros((1, len(drive)))
        return _without_time(self, seeds, {"loss": none, "gradient_norm": none}, shots)


def rank_one(
    learning_rate: float,
    updates: int,
    every: int = 100,
    dtype: str = "float64",
    watched: Any = None,
    delay: int = 20,
    **network: Any,
) -> Experiment:
    """A low-rank network on the delayed activation, from the published seeds, watched while it learns."""
    return Experiment(
        task=DelayedActivation(delay),
        network=LowRank(seeding="torch", **network),
        rule=Watched() if watched is None else watched,
        optimiser=Optimiser("sgd", float(learning_rate)),
        updates=updates,
        recording=Recording(every),
        dtype=dtype,
    )


SOURCE = 40
"""The seed of the source's own network of rank one."""


def low_rate(scale: str) -> list[Run]:
    """Rank one at the source's low rate."""
    if scale == "smoke":
        return [(rank_one(0.003, 36000), (SOURCE,))]
    return [(rank_one(0.003, 60000), (SOURCE, *range(23)))]


def low_rate_closely(scale: str) -> list[Run]:
    """The same, and every update around the drop."""
    experiment, seeds = low_rate(scale)[0]
    after = 300 if scale == "smoke" else 2000
    return [(experiment, seeds), (Closeup(experiment, 200, after, most=6), seeds)]


def low_rate_long(scale: str) -> list[Run]:
    """Rank one at the low rate, until the oscillation ends."""
    return [(rank_one(0.003, 500000, every=10000), (SOURCE, 0, 1, 2))]


def high_rate(scale: str) -> list[Run]:
    """The source's hundred networks at the high rate."""
    return [(rank_one(0.02, 6000), range(10 if scale == "smoke" else 100))]


def high_rate_closely(scale: str) -> list[Run]:
    """The same, and every update around the drop of those that learned."""
    most = {"smoke": 4, "quick": 24, "full": 100}[scale]
    experiment, seeds = high_rate(scale)[0]
    return [(experiment, seeds), (Closeup(experiment, 20, 280, most), seeds)]


def recoveries(scale: str) -> list[Run]:
    """Networks in the no-learning zone, trained on at lower confidence."""
    experiment, seeds = high_rate(scale)[0]
    return [(Recovery(experiment, CONFIDENCES), seeds)]


def strengths(scale: str, *gains: float) -> list[Run]:
    """Rank one from stronger starts at three delays, with a look every 20 updates."""
    return [
        (rank_one(rate, updates, 20, delay=delay, sigma0=gain**0.5), range(10))
        for gain in gains
        for delay, rate, updates in ((10, 0.01, 30000), (20, 0.01, 30000), (40, 0.005, 60000))
    ]


def full_rank(scale: str) -> list[Run]:
    """Networks of full rank at a low rate, and from a tenth of their recurrent weights at a higher one."""
    usual, faint = (
        rank_one(rate, updates, 50, "float32", rank=None, tied=False)
        for rate, updates in ((0.01, 3000), (0.03, 1000))
    )
    return [(usual, range(10)), (Scaled(faint, 0.1), range(3))]


class Scaled(eqx.Module):
    """Training from recurrent weights `W` that are multiplied by a factor.

    Attributes:
        experiment: what is trained. factor: of the weights at the start.
    """

    experiment: Experiment
    factor: float = number(0.1)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record, with the snapshots of the experiment."""
        params = dict(start(self.experiment, seeds).params)
        params["W"] = self.factor * params["W"]
        updates, every = self.experiment.updates, self.experiment.recording.every
        found = continued(self.experiment, params, updates)
        at, rate = np.arange(updates + 1), value_of(self.experiment, "optimiser__learning_rate")
        times = {"update": at, "learning_time": rate * at}
        times |= {f"snapshot_{name}": values[::every] for name, values in times.items()}
        curves = {name: found.pop(name) for name in ("loss", "gradient_norm")}
        return dataset(self, seeds, curves, {k: v[:, ::every] for k, v in found.items()}, times, 0.0)


class Closeup(eqx.Module):
    """Every update around the drop of the networks that learned, trained once more from a snapshot before it.

    The record counts updates from the drop; `dropped_at` [seed] tells when it came.

    Attributes:
        experiment: what is looked at. before, after: updates around the drop. most: the first so many
            networks.
    """

    experiment: Experiment
    before: int = setting(20)
    after: int = setting(280)
    most: int = setting(24)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record of those that learned."""
        run = self.experiment.run(seeds, store)
        drops = drop(run.loss.values)
        rows = np.flatnonzero(drops >= self.before)[: self.most]
        places = np.searchsorted(run.snapshot_update.values, drops[rows] - self.before, "right") - 1
        lead = drops[rows] - self.before - run.snapshot_update.values[places]
        params = {name: run[name].values[rows, places] for name in ("m", "n", "b")}
        every = value_of(self.experiment, "recording__every")
        found = continued(self.experiment, params, every + self.before + self.after)
        span = np.arange(-self.before, self.after + 1)
        cut = {
            name: np.stack([row[k : k + len(span)] for row, k in zip(values, lead)])
            for name, values in found.items()
        }
        curves = {name: cut.pop(name) for name in ("loss", "gradient_norm")}
        times = ("update", "learning_time", "snapshot_update", "snapshot_learning_time")
        record = dataset(self, run.seed.values[rows].tolist(), curves, cut, dict.fromkeys(times, span), 0.0)
        return record.assign(dropped_at=("seed", drops[rows]))


class Recovery(eqx.Module):
    """What another hundred updates at other confidences do to the networks in the no-learning zone.

    The record has one snapshot per confidence, with the `accuracy` at the end, and a row per stuck network.

    Attributes:
        experiment: what brought them there. confidences: tried, each from the same parameters. updates: of
            each try.
    """

    experiment: Experiment
    confidences: tuple[float, ...]
    updates: int = setting(100)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record of the stuck networks."""
        run = self.experiment.run(seeds, store)
        rows = np.flatnonzero((run.onset.values[:, -1] >= 0) & (run.streak.values[:, -1] >= 50))
        params = {name: run[name].values[rows, -1] for name in ("m", "n", "b")}
        tries = [
            continued(varied(self.experiment, network__confidence=confidence), params, self.updates + 1)
            for confidence in self.confidences
        ]
        curves = {
            name: np.stack([each[name][:, -2] for each in tries], axis=1)
            for name in ("loss", "gradient_norm")
        }
        accuracy = np.stack([each["accuracy"][:, -1] for each in tries], axis=1)
        return _without_time(self, run.seed.values[rows], curves, {"accuracy": accuracy})


def _without_time(settings: Any, seeds: Sequence[int], curves: Any, shots: Any) -> xr.Dataset:
    """A record whose entries are cases, not moments."""
    entries = np.arange(curves["loss"].shape[1], dtype=float)
    names = ("update", "learning_time", "snapshot_update", "snapshot_learning_time")
    return dataset(settings, seeds, curves, shots, dict.fromkeys(names, entries), 0.0)
