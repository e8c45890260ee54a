"""The linear network: bounds, long trials, large steps, and what needs initial weights."""

import math

import numpy as np

from stepwell import analysis
from stepwell.run import settings_of
from stepwell.study.low_rank_change import drawings_linear as drawings
from stepwell.study.low_rank_change import drawings_theory
from stepwell.study.low_rank_change.linear_protocols import (
    code_grid,
    cosine,
    diverging,
    first_outputs,
    span,
    step_sizes,
    unrolled,
)
from stepwell.study.low_rank_change.linear_readings import (
    end,
    trial_outputs,
)
from stepwell.study.low_rank_change.protocols import OF_SOURCE, claim
from stepwell.study.low_rank_change.readings import strength


@claim("section 5", span, kind="largest", tolerance=1e-10, reading="literal", figure=drawings.span)
def span_bound(runs):
    """There the rank is at most the number of input and output vectors, for any loss and also if these learn:
    the first singular value too many, over the largest."""
    return [values[int(task.inputs + task.outputs)] / values[0] for task, values in map(of_span, runs)]


def of_span(run):
    """The task of a record, and the singular values of its change."""
    return settings_of(run).task, analysis.singular_values(run.W.values[0, -1], run.W.values[0, 0])


@claim(
    "section 3",
    first_outputs,
    kind="largest",
    tolerance=0.1,
    reading="intended",
    scope="source",
    scales="quick full",
    predict=1.0,
    figure=drawings.first_outputs,
)
def first_output(runs):
    """The output before learning has a standard deviation of sqrt(beta/N): ratio to it, with and without
    initial connectivity."""
    spreads = [run.output.values.std() for run in runs]
    sizes = [(settings_of(run).hidden, strength(run)) for run in runs]
    return [spread * math.sqrt(N * (1 - g * g)) for spread, (N, g) in zip(spreads, sizes)]


@claim("eq. 5", unrolled, kind="largest", tolerance=1e-3, **OF_SOURCE, figure=drawings.trial)
def long_trial(runs):
    """A trial of a hundred time constants stands for an infinite one: output of trained networks minus that
    at the fixed point."""
    gaps = []
    for run in runs:
        W, b, c = (run[name].values[0, -1] for name in ("W", "b", "c"))
        rest = float((c @ np.linalg.solve(np.eye(len(W)) - W, b)).item())
        gaps.append(trial_outputs(run)[-1] - rest)
    return gaps


@claim(
    "supplement",
    diverging,
    predict=None,
    tolerance=0.1,
    kind="fraction",
    reading="code",
    scope="source",
    scales="full",
    figure=drawings.outlier_first,
)
def divergence_order(runs):
    """An eigenvalue beyond 1 makes gradients explode: share of diverging runs in which it comes first."""
    first = []
    for run in runs:
        largest = run.poles.values.real.max(axis=-1)
        for loss, outlier in zip(run.loss.values, largest):
            burst = ~(loss < 2 * loss[0])
            if burst.any():
                first.append(bool((outlier[: burst.argmax() + 1] > 1).any()))
    return np.array(first, float) if first else np.array([math.nan])


@claim("ours", step_sizes, tolerance=0.0, figure=drawings_theory.stability_map)
def step_bound(runs):
    """Plain updates at the solution converge if and only if the learning rate times p^2 is below 2: runs on
    the wrong side."""
    grown = [run.error.values[0, -1] > run.error.values[0, 0] for run in runs]
    return sum(grew != (settings_of(run).share > 1) for grew, run in zip(grown, runs))


@claim(
    "ours",
    code_grid,
    predict=1.0,
    kind="fraction",
    tolerance=0.1,
    reading="code",
    scales="full",
    figure=drawings_theory.stability_map,
)
def update_stability(runs):
    """The same for whole runs at the learning rates of the code: share of runs classified right, but for
    products between 1.5 and 3."""
    right = []
    for run, calm in zip(runs[::2], runs[1::2]):
        settings = settings_of(run)
        product = settings.learning_rate * end(calm, "growth") ** 2
        error = np.abs(end(run, "output") / settings.target - 1)
        strayed = (error > 1e-2) | (end(run, "norm") > 1.2 * end(calm, "norm"))
        clear = (product < 1.5) | (product > 3)
        right.append((strayed == (product > 2))[clear])
    return np.concatenate(right)


@claim(
    "section 5 and supplement",
    cosine(0.0),
    predict=0.225908,
    relative=True,
    tolerance=0.01,
    reading="intended",
    scope="source",
    figure=drawings.oscillations,
)
def w0_needed(runs):
    """For some tasks input and output directions do not suffice: end loss of an oscillation, which stays that
    of the best real exponential."""
    return runs[0].loss.values[0, -1]


@claim(
    "section 5 and supplement",
    cosine(0.0, 0.4),
    kind="mean",
    tolerance=0.05,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.oscillations,
)
def w0_suffices(runs):
    """Initial weights make it learnable: end loss, over that without them."""
    return runs[1].loss.values[:, -1] / runs[0].loss.values[0, -1]
