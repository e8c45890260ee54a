"""The linear network in simulation, against the exact theory of many units."""

import math

import numpy as np

from stepwell.run import settings_of
from stepwell.study.low_rank_change import drawings_linear as drawings
from stepwell.study.low_rank_change.linear_readings import (
    end,
    gradients,
    learning_times,
    losses,
)
from stepwell.study.low_rank_change.protocols import OF_SOURCE, claim, grid, linear
from stepwell.study.low_rank_change.readings import correlation, strength
from stepwell.theory import linear_flow

ZERO = linear((0.0, 0.5), (0.0, 2.0))
WIDE = linear((0.6, 2.0))
BOTH = linear((0.0, 0.5), (0.0, 2.0), (0.6, 0.5), (0.6, 2.0))


def exact(settings):
    """The flow that a descent follows in the limit of many units and small steps."""
    return linear_flow.solve(settings.g, settings.target)


@claim("eq. 9", ZERO, kind="largest", tolerance=1e-8, **OF_SOURCE, figure=drawings.values)
def rank_two_exact(runs):
    """Without initial connectivity the change lies in the span of input and readout: third singular value
    over the first."""
    return [end(run, "s3") / end(run, "s1") for run in runs]


@claim(
    "ours",
    grid(0.5, 1.0, 2.0),
    kind="largest",
    tolerance=0.02,
    relative=True,
    scope="source",
    predict=lambda es: [closed_form(e) for e in es if e.g == 0],
    figure=drawings.values,
)
def closed_form_zero_g(runs):
    """The path without initial connectivity is the closed form: first two singular values, norm and learning
    time."""
    chosen = [run for run in runs if strength(run) == 0]
    return [
        [*(end(run, name).mean() for name in ("s1", "s2", "norm")), learning_times(run).mean()]
        for run in chosen
    ]


def closed_form(settings):
    """Singular values, norm and learning time of the closed form."""
    final = linear_flow.exact_g0(linear_flow.final_g0(settings.target))
    return [*final.singular_values, final.norm, exact(settings).time_to(0.05)]


@claim(
    "ours",
    WIDE,
    kind="mean",
    tolerance=0.12,
    relative=True,
    scope="source",
    predict=lambda es: exact(es[0]).final.norm,
    figure=drawings.values,
)
def width_limit_norm(runs):
    """With initial connectivity simulations follow the exact flow of many units: norm of the change."""
    return end(runs[0], "norm")


@claim(
    "ours",
    WIDE,
    kind="mean",
    tolerance=0.2,
    relative=True,
    scope="source",
    predict=lambda es: exact(es[0]).time_to(0.05),
    figure=drawings.losses_through_time,
)
def width_limit_time(runs):
    """The same for the learning time."""
    return learning_times(runs[0])


@claim("Fig. 3 d, e", BOTH, kind="largest", tolerance=0.05, **OF_SOURCE, figure=drawings.truncations)
def effectively_rank_one(runs):
    """One singular value dominates: loss with the change cut to rank one, over that without a change."""
    return [run.truncated_loss.values[:, 0, 1] / run.truncated_loss.values[:, 0, 0] for run in runs]


@claim(
    "ours",
    linear((0.0, 2.0)),
    kind="mean",
    tolerance=0.05,
    expected="FAILS",
    figure=drawings.truncations,
    note="the dominant pair of vectors turns during learning",
)
def first_direction(runs):
    """The direction of the first step alone does as well as the whole change: loss, over that without a
    change."""
    return losses(runs[0], "first_direction")


def trends(runs):
    """Learning time, norm and mean gradient of every record, mean over seeds, [quantity, run]."""
    rows = [(learning_times(run), end(run, "norm"), gradients(run)) for run in runs]
    return np.array([[np.nanmean(value) for value in row] for row in rows]).T


@claim(
    "Fig. 4 a-c",
    grid(0.5),
    predict=1.0,
    tolerance=0.1,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.trends,
)
def trend_with_g(runs):
    """Learning time and norm fall with g and the gradient grows: smallest rank correlation, each with its
    sign."""
    g = [strength(run) for run in runs]
    return min(sign * correlation(g, row) for sign, row in zip((-1, -1, 1), trends(runs)))


@claim(
    "eqs. 11-13",
    BOTH,
    kind="largest",
    tolerance=0.25,
    scales="quick full",
    expected="FAILS",
    predict=lambda es: np.array([[2.0], [1.0], [-1.0]]),
    figure=drawings.trends,
)
def first_order_exponents(runs):
    """The first-order powers of 1 - g^2 for learning time, norm and gradient (2, 1, -1) hold as a law:
    exponents between g = 0 and 0.6."""
    values = trends(runs)
    return np.log(values[:, 2:] / values[:, :2]) / math.log(1 - 0.6**2)


@claim(
    "ours",
    linear((0.0, 2.0), (0.6, 2.0)),
    kind="mean",
    tolerance=0.2,
    relative=True,
    scope="source",
    predict=lambda es: exact(es[1]).time_to(0.05) / exact(es[0]).time_to(0.05),
    figure=drawings.losses_through_time,
)
def acceleration_exact(runs):
    """How much faster learning is follows the exact flow: learning time at g = 0.6 over that at 0."""
    return learning_times(runs[1]) / learning_times(runs[0]).mean()


@claim(
    "Fig. 4d",
    grid(0.5),
    predict=1.0,
    tolerance=0.1,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.shuffled,
)
def shuffled_loss_rises(runs):
    """The loss after shuffling the initial weights rises with g, as g^4 (2 - g^2)^2 does: rank
    correlation."""
    means = [losses(run, "shuffled_loss").mean() for run in runs]
    return correlation([strength(run) for run in runs], means)


@claim(
    "Fig. 4d",
    WIDE,
    kind="mean",
    tolerance=0.25,
    relative=True,
    expected="FAILS",
    figure=drawings.shuffled,
    predict=lambda es: linear_flow.first_order(es[0].g, es[0].target).shuffled_loss,
    note="the source itself says so",
)
def shuffled_first_order(runs):
    """That formula holds in numbers."""
    return losses(runs[0], "shuffled_loss").mean(axis=-1)


@claim("ours", WIDE, kind="mean", tolerance=0.05, figure=drawings.shuffled)
def shuffled_is_change_alone(runs):
    """A shuffled start is as good as none: loss after shuffling minus that of the change alone, over the
    first loss."""
    return losses(runs[0], "shuffled_loss").mean(axis=-1) - losses(runs[0], "change_alone")


@claim("ours", BOTH, kind="largest", tolerance=0.01, figure=drawings.paths)
def path_free_of_target(runs):
    """Singular values depend on the output reached and not on the target: relative gap of the first at
    y = 0.4."""
    found = [
        [np.interp(0.4, *curves) for curves in zip(rising(run.output.values), run.s1.values)] for run in runs
    ]
    near, far = np.array(found[::2]), np.array(found[1::2])
    return far / near - 1


def rising(outputs):
    """Outputs made to rise: a step too large may let one fall at the end."""
    return np.maximum.accumulate(outputs, axis=-1)


@claim(
    "section 5",
    linear((0.0, 2.0)),
    kind="mean",
    tolerance=0.02,
    reading="intended",
    scope="source",
    predict=lambda es: lazy_gap(es[0], exact(es[0])),
    figure=drawings.lazy,
)
def not_lazy(runs):
    """The trained network is not its linearisation at the start, though every entry changes little: largest
    gap of the two outputs, over the target."""
    settings, times = settings_of(runs[0]), runs[0].learning_time.values
    lazy = linear_flow.lazy_output(settings.g, settings.target, times)
    return np.abs(runs[0].output.values - lazy).max(axis=-1) / settings.target


def lazy_gap(settings, flow):
    """The largest gap between the exact and the linearised flow, over the target."""
    lazy = linear_flow.lazy_output(settings.g, settings.target, flow.learning_time)
    return np.abs(flow.output - lazy).max() / settings.target
