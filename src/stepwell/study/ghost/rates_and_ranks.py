"""The learning rate, the delay, and the number of trained ranks."""

import numpy as np
from scipy.stats import spearmanr

from stepwell.analysis import abrupt_learning
from stepwell.analysis.rest_points import fixed_points
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.ghost import drawings_rates as drawings
from stepwell.study.ghost.protocols import RATES, claim, full_rank, rank_one
from stepwell.study.ghost.rate_scan import RateScan
from stepwell.study.ghost.readings import (
    LEAK,
    drops,
    learned,
    learning_rate,
    nearest_ghost,
    params_at,
    plateau_times,
    stuck,
    trial,
)
from stepwell.theory import saddle_node as toy


def rate_scan(scale):
    """Rank one over learning rates."""
    chosen, seeds, updates = {
        "smoke": (slice(18, 25, 2), 2, 21000),
        "quick": (slice(0, 29, 2), 5, 50000),
        "full": (slice(None), 10, 200001),
    }[scale]
    return [
        (RateScan(rank_one(0.01, updates, 10000, "float32"), tuple(RATES[chosen].tolist())), range(seeds))
    ]


def between(run, low, high):
    """Which rates of a scan are in a range, a little widened for rounding, [rate]."""
    rates = np.array(settings_of(run).rates)
    return (0.999 * low <= rates) & (rates <= 1.001 * high)


def at_work(run):
    """Whether a network is better than a silent one at the end, [seed, ...]."""
    return learned(run) & ~stuck(run)


@claim(
    "Fig. S1",
    rate_scan,
    tolerance=0.01,
    scope="source",
    figure=drawings.rate_times_drop,
    note="the plateau ends with a loss below 0.9 of the first; below one half 1 of 32 networks comes 1.3 % "
    "late, since near rate 0.019 its loss oscillates around 0.55 before",
)
def rate_times_drop(runs):
    """The plateau is gradient flow: from rate 0.0017 to 0.030 its length times the rate is the seed's own
    constant."""
    products = plateau_times(runs[0])[:, between(runs[0], RATES[12], RATES[24])]
    return np.nanmax(np.abs(products / np.nanmean(products, axis=1, keepdims=True) - 1))


@claim(
    "Fig. S1",
    rate_scan,
    tolerance=0.0,
    reading="literal",
    scope="source",
    scales="quick",
    figure=drawings.rate_window,
    note="a reduced run of 50000 updates",
)
def rate_window(runs):
    """There is a window of useful rates: networks that do not learn inside it, and that do outside."""
    run, working = runs[0], at_work(runs[0])
    inside = between(run, RATES[16], RATES[20])
    outside = between(run, RATES[24], 1.0) | between(run, 0.0, RATES[10])
    return np.sum(~working[:, inside]) + np.sum(working[:, outside])


def ranks(scale):
    """Networks with a readout of their own, of several ranks."""
    chosen, seeds, updates = {"smoke": ((1, 10), 1, 3000), "quick": ((1, 10, 100), 3, 4000)}.get(
        scale, ((1, 2, 3, 4, 5, 10, 30, 50, 100), 10, 500000)
    )
    return [
        (rank_one(0.01, updates, updates, "float32", rank=rank, tied=False), range(seeds)) for rank in chosen
    ]


def rank_of(run):
    """The rank of a record's networks."""
    return value_of(settings_of(run), "network__rank")


def correlation(runs, values):
    """The rank correlation of the median over seeds with the number of trained ranks."""
    return spearmanr([rank_of(run) for run in runs], [np.nanmedian(each) for each in values])[0]


@claim(
    "Fig. S2",
    ranks,
    predict=-1.0,
    tolerance=0.25,
    reading="literal",
    scope="source",
    scales="quick",
    figure=drawings.ranks,
)
def more_ranks_fewer_updates(runs):
    """More trained ranks need fewer updates: rank correlation of drop and number of ranks (a reduced run)."""
    return correlation(runs, drops(runs))


@claim(
    "Fig. S2",
    ranks,
    predict=1.0,
    tolerance=0.25,
    reading="literal",
    scope="source",
    scales="quick",
    figure=drawings.ranks,
)
def rank_makes_it_gradual(runs):
    """Low rank learns suddenly, more ranks gradually: rank correlation of abruptness and number of ranks."""
    return correlation(runs, [abrupt_learning.abruptness(run.loss.values) for run in runs])


@claim(
    "Fig. S2",
    ranks,
    predict=None,
    tolerance=0.25,
    reading="literal",
    scope="source",
    scales="full",
    figure=drawings.ranks,
)
def ranks_source_size(runs):
    """More trained ranks need fewer updates, at the source's size."""
    return correlation(runs, drops(runs))


@claim(
    "Fig. S2 and text",
    lambda scale: [
        (rank_one(rate, 3000, 3000, "float32", rank=None, tied=False), range(10)) for rate in (0.3, 1.0, 0.1)
    ],
    predict=0.5,
    kind="fraction",
    tolerance=0.45,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.full_rank,
)
def full_rank_not_immune(runs):
    """Even networks of full rank are occasionally stuck: share at the rates 0.3 and 1."""
    return np.concatenate([run.streak.values[:, -1] >= 50 for run in runs[:2]])


def delays(scale):
    """Rank one at three delays over learning rates, for one learning time."""
    scans = (
        (10, np.geomspace(0.02, 0.4, 9)),
        (20, np.geomspace(0.008, 0.06, 7)),
        (40, np.geomspace(0.002, 0.02, 7)),
    )
    return [(delayed(delay, rate), range(8)) for delay, rates in scans for rate in rates]


def delayed(delay, rate):
    """Rank one with a delay, trained for a learning time of 400."""
    updates = round(400 / rate)
    return rank_one(rate, updates, updates, "float32", delay=delay)


def half_loss_rates(runs):
    """The smallest rate at which half of the networks end in the no-learning zone, by delay."""
    found = {}
    for run in runs:
        delay = settings_of(run).task.delay
        if delay not in found and stuck(run).mean() >= 0.5:
            found[delay] = learning_rate(run)
    return found


@claim(
    "End Matter A.1",
    delays,
    tolerance=0.0,
    reading="literal",
    scope="source",
    scales="full",
    figure=drawings.delay_law,
)
def rate_against_delay(runs):
    """The critical rate of networks does not follow the fifth power of the delay: what |exponent + 5| lacks
    to be 1."""
    rates = half_loss_rates(runs)
    return max(0.0, 1 - abs(np.log(rates[40] / 40 / (rates[10] / 10)) / np.log(4) + 5))


def toy_rates(runs):
    """The toy model's critical rate with the curvature of the networks' own ghosts, by delay.

    A network's loss is divided by its delay, and a step is half a time constant.
    """
    curvatures, rates = {}, {}
    for run in runs:
        ghosts = [
            nearest_ghost(params_at(run, seed, -1))[0] for seed in np.flatnonzero(at_work(run)).tolist()
        ]
        found = [abs(ghost.curvature) for ghost in ghosts if ghost is not None]
        curvatures.setdefault(settings_of(run).task.delay, []).extend(found)
    for delay, found in curvatures.items():
        T = delay * (1 - LEAK)
        rates[delay] = T * toy.critical_learning_rate(T, float(np.median(found))) if found else np.nan
    return rates


@claim(
    "new",
    delays,
    predict=None,
    tolerance=0.0,
    scales="full",
    figure=drawings.toy_rates,
    note="the trained parameters are not r; the formula lacks the squared size of its gradient in them",
)
def toy_rate_for_networks(runs):
    """The toy rate with the ghost's own curvature predicts that of the networks: their ratio over delays."""
    measured, formula = half_loss_rates(runs), toy_rates(runs)
    return [measured[delay] / formula[delay] for delay in measured]


LOOKS = (0, 50, 200, 400, 2000, 3000)
"""Updates at which points of networks of full rank are looked for."""


@claim(
    "suggested by Fig. S2",
    full_rank,
    predict=None,
    tolerance=0.0,
    reading="intended",
    scales="full",
    figure=drawings.trial_speeds,
    note="starts on the trajectory only; what is found are saddles",
)
def full_rank_ghost(runs):
    """Networks of full rank also pass through a ghost: share of those with one that acts on the state."""
    return [passes_ghost(run, seed) for run in runs for seed in range(run.sizes["seed"])]


def passes_ghost(run, seed):
    """Whether a network has, at one of the looks, a ghost that passes the filter of its trajectory."""
    looks = np.flatnonzero(np.isin(run.snapshot_update.values, LOOKS)).tolist()
    trials = (trial(run, seed, look) for look in looks)
    found = (fixed_points(field, path[::3], trajectory=path) for field, path in trials)
    return any(point.kind == "ghost" for points in found for point in points)
