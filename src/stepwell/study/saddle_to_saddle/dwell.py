"""How long each plateau lasts."""

import math
from functools import partial

import numpy as np

from stepwell import theory
from stepwell.analysis import matched
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.saddle_to_saddle import drawings
from stepwell.study.saddle_to_saddle.protocols import (
    FINE,
    claim,
    descent,
    descents,
    flows,
    gradient_flow,
    horizon,
    target,
)
from stepwell.study.saddle_to_saddle.readings import (
    dwell_slopes,
    dwells,
    model,
    sigma0,
    slopes,
    stairs,
)
from stepwell.task import Impulse

TOLERANCES = (0.03, 0.03, 0.06)
WIDTHS = {"quick": (10, 30), "full": (10, 30, 100)}


def rate(experiment, k):
    """The escape rate of the k-th saddle of an experiment's target."""
    return theory.escape_rate(*model(experiment), k)


def rate_of_learning(experiment):
    """The learning rate of an experiment."""
    return value_of(experiment, "optimiser__learning_rate")


@claim(
    "section 8.6",
    flows("A", 1e-3, 1e-4, 1e-5, 1e-6),
    predict=1.0,
    kind="mean",
    tolerance=0.03,
    reading="intended",
    scales="quick full",
    note="the exception is a target with g0 = 0",
    figure=drawings.dwell,
)
def dwell_is_logarithmic(runs):
    """Equal factors in sigma0 lengthen plateau 1 by equal times."""
    dwell = dwells(runs, 1)
    return (dwell[:, 1] - dwell[:, 0]) / (dwell[:, 3] - dwell[:, 2])


for name, target_name, scales in (("dwell_slope", "A", "quick full"), ("dwell_slope_b", "B", "full")):
    for k in range(3):
        claim(
            "section 8.6",
            flows(target_name, *FINE),
            predict=lambda es, k=k: 1 / rate(es[0], k),
            kind="mean",
            relative=True,
            tolerance=TOLERANCES[k],
            scales=scales,
            name=f"{name}_{k}",
            figure=drawings.dwell,
            statement=f"Plateau {k} of target {target_name} lengthens by 1/s per factor e of sigma0.",
        )(partial(dwell_slopes, k=k))


def random_flows(scale):
    """The staircases of freshly drawn targets, at three initial scales each."""
    count, seeds = {"quick": (4, range(1)), "full": (12, range(3))}[scale]
    tasks = [Impulse(p, r, steps=80) for p, r in random_staircases(count)]
    return [(gradient_flow(task, s, staircase_horizon(task, s)), seeds) for task in tasks for s in FINE]


def random_staircases(count, seed=0):
    """Random 3-pole targets with a staircase that can be told from its surroundings (all rates and levels
    apart)."""
    random, found = np.random.default_rng(seed), []
    while len(found) < count:
        p = np.sort(random.uniform(-0.8, 0.8, 3))
        r = random.uniform(0.3, 1.2, 3) * random.choice([-1.0, 1.0], 3)
        if np.diff(p).min() >= 0.2 and abs(r.sum()) >= 0.3 and abs(r @ p) >= 0.1 and _clear(p, r):
            found.append((p, r))
    return found


def _clear(p, r):
    losses = [theory.reached_poles(p, r, k).loss for k in range(2)]
    if losses[1] <= 0.02 * losses[0]:
        return False
    return 0.05 < theory.escape_rate(p, r, 1) < 1.2 and theory.escape_rate(p, r, 2) > 0.05


def staircase_horizon(task, scale0):
    """A duration that shows three plateaus and their ends."""
    return 100 + 1.3 * sum(
        math.log(1 / scale0) / theory.escape_rate(task.poles, task.residues, k) for k in range(3)
    )


def scaled_slopes(runs, k):
    """Slope of dwell k times the escape rate, one value per target and seed; plateaus matched to their
    levels."""
    products = []
    for group in (runs[i : i + len(FINE)] for i in range(0, len(runs), len(FINE))):
        settings = settings_of(group[0])
        levels = [theory.reached_poles(*model(settings), j).loss for j in range(3)]
        dwell = np.array([[matched_dwell(found, levels, k) for found in stairs(run)] for run in group]).T
        products.extend(slopes([math.log(1 / sigma0(run)) for run in group], dwell) * rate(settings, k))
    return products


def matched_dwell(found, levels, k):
    """The dwell of the plateau that lies at level k; NaN if none does."""
    plateau = matched(found, levels)[k]
    return plateau.dwell if plateau is not None else math.nan


for k in range(3):
    claim(
        "section 8.6",
        random_flows,
        predict=1.0,
        kind="mean",
        tolerance=TOLERANCES[k],
        scales="quick full",
        name=f"dwell_random_{k}",
        figure=drawings.dwell,
        statement=f"The dwell law holds for plateau {k} of freshly drawn targets.",
    )(partial(scaled_slopes, k=k))

for k in range(3):
    claim(
        "section 8.6",
        descents("A", 1e-4, 1e-6),
        predict=lambda es, k=k: theory.dwell_time(rate(es[0], k), 1 / math.e, rate_of_learning(es[0])),
        kind="mean",
        relative=True,
        tolerance=TOLERANCES[k],
        scales="quick full",
        name=f"dwell_updates_{k}",
        figure=drawings.dwell,
        statement=f"Under gradient descent plateau {k} lengthens by 1/ln(1 + eta s) updates per factor e.",
    )(partial(dwell_slopes, k=k))


@claim(
    "section 8.6",
    lambda scale: [
        *flows("A", 1e-6)(scale),
        *descents("A", 1e-6, seeds=(0,), learning_rate=0.2)(scale),
    ],
    predict=lambda es: theory.update_lag(value_of(es[1], "network__sigma0"), rate_of_learning(es[1])),
    tolerance=0.35,
    scales="quick full",
    figure=drawings.staircase,
)
def gd_lag(runs):
    """Each plateau lasts (eta/2) ln(1/sigma0) longer under gradient descent than in the flow."""
    flow, updates = (np.array([p.dwell for p in stairs(run.sel(seed=[0]))[0]][:3]) for run in runs)
    return (updates - flow).mean()


@claim(
    "section 2",
    lambda scale: [
        (descent(target("A"), s, horizon("A", s, 2), hidden=n, every=2.0), range(3))
        for n in WIDTHS[scale]
        for s in (1e-3, 1e-6)
    ],
    predict=1.0,
    kind="mean",
    tolerance=0.03,
    scales="quick full",
    figure=drawings.staircase,
)
def width_independence(runs):
    """The dwell law does not depend on the number of units: slope of dwell 1 at the widest network, times its
    rate."""
    experiment = settings_of(runs[-1])
    slope = theory.dwell_time(rate(experiment, 1), 1 / math.e, rate_of_learning(experiment))
    return dwell_slopes(runs[-2:], 1) / slope


def five_flows(scale):
    """Target FIVE with five and eight units."""
    durations = {s: horizon("FIVE", s, 4) + 20 for s in (1e-4, 1e-6)}
    return [
        (gradient_flow(target("FIVE"), s, durations[s], hidden=n, every=0.08), range(3))
        for n in (5, 8)
        for s in durations
    ]


def five_slopes(runs, k):
    """The slope of dwell k of a target of degree five, plateaus matched to their levels, [size * seed]."""
    levels = [theory.reached_poles(*model(settings_of(runs[0])), j).loss for j in range(4)]
    found = []
    for pair in (runs[:2], runs[2:]):
        dwell = np.array([[matched_dwell(each, levels, k) for each in stairs(run)] for run in pair]).T
        found.extend(slopes([math.log(1 / sigma0(run)) for run in pair], dwell))
    return found


for k in (2, 3):
    claim(
        "section 8.6",
        five_flows,
        predict=lambda es, k=k: 1 / rate(es[0], k),
        kind="mean",
        relative=True,
        tolerance=0.03,
        scales="full",
        name=f"degree_five_{k}",
        figure=drawings.dwell,
        statement=f"The dwell law holds for plateau {k} of a target with five poles.",
        note="between plateaus 1 and 2 lies a shoulder at L = 0.0878, whose dwell does not depend on sigma0",
    )(partial(five_slopes, k=k))
