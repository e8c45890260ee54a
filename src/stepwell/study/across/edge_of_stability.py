r"""The edge of stability: learning rate times largest curvature, which plain descent bears up to 2.

Where two successive updates overshoot the same valley, the curvature that counts is that between them: it is
taken at the middle of each update.
"""

import numpy as np

from stepwell import theory
from stepwell.analysis import abrupt_learning
from stepwell.run import settings_of
from stepwell.study.across import drawings_edge_of_stability as drawings
from stepwell.study.across.protocols import claim
from stepwell.study.across.protocols_edge_of_stability import BELOW, BEYOND, stairs_at
from stepwell.study.across.sharpness import middle_sharpness, rests, sharpness_at
from stepwell.study.ghost.protocols import low_rate
from stepwell.study.ghost.readings import sharpness
from stepwell.study.saddle_to_saddle.readings import model

LATE = 30000
"""Update of the low learning rate from which on networks oscillate."""


@claim(
    "item 10",
    stairs_at(*BELOW),
    predict=lambda experiments: [[curvatures(*model(each))] for each in experiments],
    kind="largest",
    relative=True,
    tolerance=0.02,
    scales="quick full",
    figure=drawings.stairs,
)
def stairs_sharpness(runs):
    """Below the edge the largest curvature on plateaus 1 and 2 is that of the saddle's active units."""
    return [
        [[sharpness_at(run, seed, place) for place in rests(run, seed)] for seed in range(run.sizes["seed"])]
        for run in runs
    ]


def curvatures(poles, residues):
    """The largest curvatures on plateaus 1 and 2."""
    return np.array([theory.active_curvatures(poles, residues, k)[-1] for k in (1, 2)])


@claim(
    "item 10",
    stairs_at(*BEYOND),
    predict=None,
    kind="mean",
    tolerance=0.2,
    scales="quick full",
    figure=drawings.stairs,
)
def stairs_beyond_edge(runs):
    """Beyond it plateau 2 is passed in an oscillation at the edge: learning rate times curvature between
    updates there."""
    found = [
        settings_of(run).optimiser.learning_rate * middle_sharpness(run, seed, rests(run, seed)[1])
        for run in runs
        for seed in range(run.sizes["seed"])
    ]
    return np.array(found)


@claim("item 10", stairs_at(*BEYOND), tolerance=0.0, scales="quick full", figure=drawings.stairs)
def stairs_end_beyond_edge(runs):
    """As the solution is flatter than plateau 2, learning goes on to it: runs that do not
    bring the loss below 1e-5."""
    return sum(int((run.loss.values[:, -1] > 1e-5).sum()) for run in runs)


@claim(
    "item 10",
    low_rate,
    predict=2.0,
    kind="mean",
    tolerance=0.2,
    scales="full",
    figure=drawings.branch,
)
def rank_one_sharpness(runs):
    """On the oscillating branch of rank one the learning rate times the curvature between updates is 2."""
    run, found = runs[0], []
    for place in np.flatnonzero(run.snapshot_update.values >= LATE)[::60]:
        until = run.loss.values[:, : run.snapshot_update.values[place] + 1][:, -2:]
        for seed in np.flatnonzero(abrupt_learning.oscillating(until)[:, 0]):
            found.append(sharpness(run, int(seed), int(place)))
    return np.array(found)
