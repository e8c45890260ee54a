"""Nonlinear networks on tasks: how fast they learn with random initial weights, and how much they change."""

import numpy as np

from stepwell import analysis
from stepwell.study.low_rank_change import drawings_tasks as drawings
from stepwell.study.low_rank_change.protocols import (
    FLIPFLOP,
    MEASURE_FIRST,
    OF_SOURCE,
    WEAK,
    claim,
    strengths_shown,
    trained,
    weak,
)
from stepwell.study.low_rank_change.readings import (
    at,
    epochs,
    excess,
    initial_norms,
    norms,
    outliers,
    shortfall,
    shuffled,
    trend,
)


@claim(
    "Fig. 2a",
    weak,
    predict=-1.0,
    kind="mean",
    tolerance=0.25,
    scales="quick full",
    **OF_SOURCE,
    figure=drawings.learning_curves,
)
def faster_with_g(runs):
    """Learning gets faster as g grows to 0.9: rank correlation of the learning epoch and g."""
    return trend(runs, [epochs(run) for run in runs])


@claim(
    "Fig. 2a",
    strengths_shown,
    kind="mean",
    tolerance=0.25,
    scales="quick full",
    **OF_SOURCE,
    figure=drawings.epochs_against_g,
)
def chaos_slows(runs):
    """For very large g learning slows again: what the epoch at g = 2.1 lacks to be twice that at 0.9, in
    factors of 2."""
    calm, wild = (epochs(run) for run in at(runs, 0.9, 2.1))
    return shortfall(1.0, np.log2(wild / calm[: len(wild)]))


@claim(
    "text to Fig. 1 d-f",
    weak,
    kind="mean",
    tolerance=0.25,
    scales="quick full",
    **OF_SOURCE,
    figure=drawings.learning_curves,
)
def smoother_with_g(runs):
    """Learning is smoother with initial connectivity: excess of the roughness at g = 0.9 over that at 0."""
    rough, smooth = (np.asarray(analysis.roughness(run.loss.values), float) for run in at(runs, 0.0, 0.9))
    return excess(smooth / rough, 1.0)


@claim(
    "Fig. 2b",
    strengths_shown,
    predict=-1.0,
    kind="mean",
    tolerance=0.25,
    scales="quick full",
    **OF_SOURCE,
    figure=drawings.norms_against_g,
)
def smaller_with_g(runs):
    """The change gets smaller as g grows to 0.9: rank correlation of its norm and g."""
    runs = at(runs, *WEAK)
    return trend(runs, [norms(run) for run in runs])


@claim(
    "section 2",
    weak,
    kind="mean",
    tolerance=0.5,
    scales="quick full",
    **OF_SOURCE,
    figure=drawings.eigenvalues,
)
def dominated_by_w0(runs):
    """The trained weights are dominated by the initial ones: norm of the change over that of the start, g of
    0.6 and 0.9."""
    return np.concatenate([norms(run) / initial_norms(run) for run in at(runs, 0.6, 0.9)])


def widths(*sizes):
    """The flip-flop at g = 0.6 with several numbers of units."""
    return lambda scale: [(trained(FLIPFLOP, hidden, 0.6, 1000), range(5)) for hidden in sizes]


@claim(
    "Fig. S1",
    widths(128, 256),
    predict=1.0,
    kind="mean",
    tolerance=0.15,
    scales="full",
    **OF_SOURCE,
    figure=drawings.learning_curves,
)
def width_free_norm(runs):
    """The norm of the change does not depend on the number of units: 256 over 128."""
    small, large = (norms(run) for run in runs)
    return large / small.mean()


@claim(
    "Fig. S1",
    widths(128, 256, 512),
    tolerance=1.0,
    **OF_SOURCE,
    **MEASURE_FIRST,
    figure=drawings.learning_curves,
)
def width_free_curves(runs):
    """Nor do the learning curves: distance of the log losses of three widths over their spread between
    seeds."""
    curves = [np.log(run.loss.values[:, :200]) for run in runs]
    means = np.array([curve.mean(axis=0) for curve in curves])
    spread = np.mean([curve.std(axis=0, ddof=1).mean() for curve in curves])
    return np.abs(means - means.mean(axis=0)).mean(axis=1) / spread


@claim(
    "Fig. 2c",
    strengths_shown,
    predict=1.0,
    kind="mean",
    tolerance=0.2,
    scales="quick full",
    **OF_SOURCE,
    figure=drawings.shuffled_against_g,
)
def shuffling_destroys(runs):
    """Shuffling the initial weights removes the solution: loss over that before learning, g of 0.6 and
    0.9."""
    return np.mean([shuffled(run) for run in at(runs, 0.6, 0.9)], axis=0)


@claim(
    "section 5",
    weak,
    kind="mean",
    tolerance=0.1,
    scales="quick full",
    name="outliers",
    figure=drawings.eigenvalues,
)
def outliers_appear(runs):
    """Learning leaves eigenvalues outside the disc: what their number lacks to be 1, g from 0.3 to 0.9."""
    return np.concatenate([shortfall(1, outliers(run)) for run in at(runs, 0.3, 0.6, 0.9)])
