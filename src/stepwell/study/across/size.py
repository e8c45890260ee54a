"""How far the linear laws go in size: wide networks, long staircases, unfiltered targets."""

import math

import numpy as np

from stepwell import theory
from stepwell.analysis import crossing
from stepwell.run import settings_of
from stepwell.study.across import drawings_local_rules as drawings
from stepwell.study.across.protocols import BPTT, claim, rule_flow
from stepwell.study.across.readings import sigma0
from stepwell.study.saddle_to_saddle.dwell import rate, rate_of_learning
from stepwell.study.saddle_to_saddle.dwell_limits import unfiltered as unfiltered_targets
from stepwell.study.saddle_to_saddle.protocols import TARGETS, descent, horizon, target
from stepwell.study.saddle_to_saddle.readings import dwell_slopes
from stepwell.task import WhiteNoise

FIVE = TARGETS["FIVE"][:2]
WIDTHS = {"quick": (3, 10), "full": (3, 10, 30, 100)}


def widths(scale):
    """Gradient descent on target A over two plateaus, from two scales, for networks of several sizes."""
    seeds = range({"quick": 10, "full": 20}[scale])
    return [
        (descent(target("A"), s, horizon("A", s, 2), hidden=n, every=20.0), seeds)
        for n in WIDTHS[scale]
        for s in (1e-3, 1e-6)
    ]


def products(runs, k):
    """The slope of dwell k over the predicted one, a row per size, [size, seed]."""
    law = theory.dwell_time(rate(settings_of(runs[0]), k), 1 / math.e, rate_of_learning(settings_of(runs[0])))
    return [dwell_slopes(runs[i : i + 2], k) / law for i in range(0, len(runs), 2)]


for k in range(2):
    claim(
        "item 9",
        widths,
        predict=1.0,
        kind="largest",
        tolerance=0.03,
        scales="quick full",
        figure=drawings.slopes_by_size,
        name=f"dwell_by_size_{k}",
        statement=f"The slope of dwell {k} is 1/s whatever the number of units: mean over seeds, by size.",
    )(lambda runs, k=k: [np.nanmean(row) for row in products(runs, k)])


def five(scale):
    """Target FIVE with five units, from two scales, until the loss is half-way below plateau 3."""
    task = WhiteNoise(teacher=(np.diag(FIVE[0]), np.ones((5, 1)), np.array([FIVE[1]])))
    seeds = range(20)
    return [
        (rule_flow(BPTT, task, s, 3e3, floor=0.9 * middles()[-1], samples=4000), seeds) for s in (1e-4, 1e-6)
    ]


def middles():
    """Losses half-way, in the logarithm, between plateaus 0 to 3 of target FIVE and the next ones."""
    levels = [theory.reached_poles(*FIVE, k).loss for k in range(4)]
    return np.sqrt(np.multiply(levels, [*levels[1:], 0.25 * levels[-1]]))


@claim(
    "item 9",
    five,
    predict=[[1 / theory.escape_rate(*FIVE, k)] for k in range(4)],
    kind="largest",
    relative=True,
    tolerance=0.03,
    scales="full",
    figure=drawings.five_stairs,
)
def dwell_degree_five(runs):
    """Each of the four plateaus of a target with five poles lengthens by 1/s per factor e of sigma0."""
    return dwell_growth(runs).mean(axis=1, keepdims=True)


def dwell_growth(runs):
    """By how much every plateau lengthens per factor e of sigma0, [plateau, seed]."""
    curves = [zip(run.loss.values, run.learning_time.values) for run in runs]
    times = np.array(
        [[[crossing(*curve, level) for level in middles()] for curve in each] for each in curves]
    )
    stays = np.diff(times, axis=2, prepend=0.0)
    return (stays[1] - stays[0]).T / math.log(sigma0(runs[0]) / sigma0(runs[1]))


def unfiltered(scale):
    """Random targets with three poles and no condition, followed by as good as for ever."""
    tasks = unfiltered_targets(200)
    found = []
    for task in tasks:
        teacher = np.diag(np.real(task.poles)), np.ones((3, 1)), np.real([task.residues])
        found.append((rule_flow(BPTT, WhiteNoise(teacher=teacher), 1e-2, 1e10, floor=1e-6), (0,)))
    return found


@claim(
    "item 9",
    unfiltered,
    predict=1.0,
    kind="fraction",
    tolerance=0.05,
    scales="full",
    figure=drawings.times_to_zero,
    note="loss 1e-6, by learning time 1e10",
)
def all_reach_zero(runs):
    """From small weights every run learns everything: share of unfiltered random targets of degree 3."""
    return [run.loss.values[0, -1] < 1.01e-6 for run in runs]
