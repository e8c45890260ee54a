"""The learning rate, the delay, and the number of trained ranks."""

import numpy as np
from scipy.stats import spearmanr

from stepwell.analysis import abrupt_learning
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.ghost import drawings_rates as drawings
from stepwell.study.ghost.protocols import RATES, claim, rank_one
from stepwell.study.ghost.readings import drops, learned, learning_rate, stuck


def rate_scan(scale):
    """Rank one over learning rates."""
    chosen, seeds, updates = {
        "smoke": (range(18, 25, 2), 2, 21000),
        "quick": (range(0, 29, 2), 5, 50000),
        "full": (range(30), 10, 200001),
    }[scale]
    return [(rank_one(RATES[i], updates, 10000, "float32"), range(seeds)) for i in chosen]


def between(runs, low, high):
    """The records with a learning rate in a range, a little widened for rounding."""
    return [run for run in runs if 0.999 * low <= learning_rate(run) <= 1.001 * high]


@claim("Fig. S1", rate_scan, tolerance=0.01, scope="source", figure=drawings.rate_times_drop)
def rate_times_drop(runs):
    """The plateau is gradient flow: rate times drop is a constant of the seed, from rate 0.0017 to 0.030."""
    chosen = between(runs, RATES[12], RATES[24])
    products = drops(chosen) * np.array([learning_rate(run) for run in chosen])[:, None]
    return np.abs(products / products.mean(axis=0) - 1).max()


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
    inside = between(runs, RATES[16], RATES[20])
    outside = between(runs, RATES[24], 1.0) + between(runs, 0.0, RATES[10])
    missing = sum((~at_work(run)).sum() for run in inside)
    return missing + sum(at_work(run).sum() for run in outside)


def at_work(run):
    """Whether a network is better than a silent one at the end, [seed]."""
    return learned(run) & ~stuck(run)


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
    expected="UNDECIDED",
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
