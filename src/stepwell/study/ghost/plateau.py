"""Rank one at a low learning rate: plateau, drop, ghost, oscillation."""

import math

import numpy as np

from stepwell.analysis import abrupt_learning
from stepwell.analysis.bottleneck import partial_passage
from stepwell.study.ghost import drawings, drawings_rates
from stepwell.study.ghost.protocols import claim, low_rate, low_rate_closely, low_rate_long, strengths
from stepwell.study.ghost.readings import (
    DELAY,
    LEAK,
    THRESHOLD,
    counts,
    drops,
    first_ghosts,
    nearest_ghost,
    params_at,
    passage,
    sharpness,
    start_of,
    uncertain_steps,
    walk,
)


@claim(
    "Fig. 3A and text",
    low_rate_closely,
    predict=1.0,
    tolerance=0.0,
    reading="literal",
    scope="source",
    figure=drawings.fields,
)
def one_fixed_point(runs):
    """The network learns with one fixed point at all times: the largest number of them."""
    return max(counts(run).rests.max() for run in runs)


@claim(
    "title and Fig. 3A",
    low_rate,
    tolerance=0.02,
    reading="literal",
    scope="source",
    figure=drawings.abruptness,
)
def abruptness_network(runs):
    """The drop is abrupt: the largest abruptness of all networks."""
    return np.max(abrupt_learning.abruptness(runs[0].loss.values))


@claim(
    "Fig. 3A, caption",
    low_rate,
    predict=1.0,
    kind="fraction",
    tolerance=0.15,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.fields,
)
def solved_networks_hold_ghost(runs):
    """The resulting networks hold a ghost that times the delay.

    Share of those with a loss below 0.02 that have a ghost within its half-width of the path from start to
    threshold, and pass from one to the other within 1.5 steps of the delay.
    """
    run = runs[0]
    solved = [
        params_at(run, int(seed), -1) for seed in np.flatnonzero(run.loss.values[:, -2:].min(axis=1) < 0.02)
    ]
    return [nearest_ghost(params)[1] <= 1 and abs(passage(params) - DELAY) <= 1.5 for params in solved]


@claim(
    "Fig. 3A, read strictly",
    low_rate,
    predict=1.0,
    kind="fraction",
    tolerance=0.15,
    reading="reconstructed",
    scope="source",
    scales="quick full",
    figure=drawings.shoulder,
)
def shoulder_before_drop(runs):
    """A weaker precursor exists: until the drop the field's largest slope rises by more than 0.1, without a
    ghost."""
    run = runs[0]
    at = np.searchsorted(run.snapshot_update.values, drops(runs)[0])
    first = counts(run, snapshots=slice(0, 1)).steepest[:, 0]
    then = np.array([counts(run, [seed], [place]).steepest[0, 0] for seed, place in enumerate(at)])
    return (then - first > 0.1) & (then < 0)


@claim("new", low_rate_closely, tolerance=0.1, scope="source", figure=drawings.slide)
def drop_is_slide(runs):
    """The drop is the one stable fixed point sliding through the threshold: distance of the last state from
    it then."""
    close = runs[1]
    at = int(np.flatnonzero(close.snapshot_update.values == 0)[0])
    ends = [walk(params_at(close, seed, at))[-1] for seed in range(close.sizes["seed"])]
    return np.abs(np.array(ends) - THRESHOLD).max()


@claim(
    "Fig. 3A and its text",
    low_rate,
    predict=2.0,
    kind="largest",
    tolerance=0.2,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.edge,
)
def edge_of_stability(runs):
    """The oscillation is a state at the edge of stability: learning rate times largest curvature is 2."""
    run = runs[0].isel(seed=slice(0, 4))
    at = np.searchsorted(run.snapshot_update.values, (50000, 60000))
    return [
        sharpness(run, seed, place)
        for seed in range(4)
        for place in at
        if abrupt_learning.oscillating(run.loss.values[seed, : run.snapshot_update.values[place] + 1][-2:])[0]
    ]


def escaped(run):
    """The rows whose loss ends and stays below 3e-4."""
    return [seed for seed, at in enumerate(abrupt_learning.escape(run.loss.values)) if at >= 0]


def curvatures(run, seed):
    """The curvature of the ghost nearest to the path, at every snapshot after the drop; NaN without one."""
    found = [nearest_ghost(params_at(run, seed, i))[0] for i in range(run.sizes["snapshot"])]
    return np.array([math.nan if ghost is None else abs(ghost.curvature) for ghost in found])


def sharpening(run, seed):
    """The largest curvature over that at update 50000: what it lacks to be twice as large."""
    values = curvatures(run, seed)
    early = values[np.searchsorted(run.snapshot_update.values, 50000)]
    return max(0.0, 2 - np.nanmax(values) / early)


@claim("Fig. 3A", low_rate_long, tolerance=0.0, scope="source", scales="full", figure=drawings.long_edge)
def escape_is_stable(runs):
    """After the escape from the oscillation the sharpness is below 2: escaped networks where it is not."""
    return sum(sharpness(runs[0], seed, -1) >= 2 for seed in escaped(runs[0]))


@claim(
    "Fig. 3A and text",
    low_rate_long,
    tolerance=0.0,
    reading="literal",
    scope="source",
    scales="full",
    figure=drawings.long_edge,
)
def curvature_sharpens(runs):
    """The escape goes with a sharper ghost: its curvature at least doubles."""
    return sharpening(runs[0], 0)


@claim(
    "Fig. 3A and text",
    low_rate_long,
    tolerance=0.0,
    reading="intended",
    scales="full",
    figure=drawings.long_edge,
)
def curvature_sharpens_general(runs):
    """The ghost sharpens in other networks too."""
    return max(sharpening(runs[0], seed) for seed in (1, 2, 3))


@claim("new", low_rate_long, tolerance=0.0, scales="full", figure=drawings.long_edge)
def curvature_falls_back(runs):
    """Once the escape is complete the curvature falls again: escaped networks in which it is above half its
    largest."""
    courses = [curvatures(runs[0], seed) for seed in escaped(runs[0])]
    return sum(values[-1] > np.nanmax(values) / 2 for values in courses)


@claim(
    "text to Fig. 3A",
    low_rate_long,
    tolerance=0.5,
    reading="literal",
    scope="source",
    scales="full",
    figure=drawings.long_edge,
)
def less_time_uncertain(runs):
    """The output spends less time in uncertain states: such steps at the end over those at update 40000."""
    at = int(np.searchsorted(runs[0].snapshot_update.values, 40000))
    return uncertain_steps(runs[0], 0, -1) / uncertain_steps(runs[0], 0, at)


@claim(
    "text to Fig. 3A",
    low_rate,
    predict=DELAY,
    kind="mean",
    tolerance=1.1,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.passages,
)
def passage_law(runs):
    """The steps from start to threshold are the passage of the ghost: on average the delay."""
    return [passage(params_at(runs[0], seed, -1)) for seed in range(min(20, runs[0].sizes["seed"]))]


def partial(params):
    """The steps of the normal form from start to threshold; NaN without a ghost."""
    ghost = nearest_ghost(params)[0]
    if ghost is None:
        return math.nan
    ends = start_of(params) - ghost.state, THRESHOLD - ghost.state
    return partial_passage(ghost.distance, ghost.curvature, *ends) / (1 - LEAK)


@claim(
    "new", low_rate_long, predict=1.0, kind="mean", tolerance=0.07, scales="full", figure=drawings.passages
)
def passage_partial(runs):
    """The normal form gives the time from start to threshold as its partial passage: share of the exact
    one."""
    at = np.searchsorted(runs[0].snapshot_update.values, (50000, 100000, 200000, 300000, 490000))
    states = [params_at(runs[0], seed, place) for seed in range(4) for place in at]
    return [partial(params) / passage(params) for params in states]


@claim(
    "Fig. 3A, read strictly",
    lambda scale: strengths(scale, 1.0, 3.0),
    tolerance=0.0,
    scales="full",
    figure=drawings_rates.leads,
)
def ghost_order_sweep(runs):
    """First the drop, then the ghost, is general for weak starts: networks with a ghost before the drop."""
    return sum(np.sum(first_ghosts(run) < 0) for run in runs)


@claim(
    "Fig. 3A, read strictly",
    lambda scale: strengths(scale, 10.0),
    predict=None,
    tolerance=0.0,
    reading="reconstructed",
    scales="full",
    figure=drawings_rates.leads,
)
def ghost_first_from_strong_start(runs):
    """From strong starts the ghost can come before the drop: share of the networks that drop."""
    lead = np.concatenate([first_ghosts(run) for run in runs])
    return lead[~np.isnan(lead)] < 0
