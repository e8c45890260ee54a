"""Where the law of the plateaus ends: degenerate targets, waiting times as a whole, larger starts."""

import numpy as np

from stepwell import theory
from stepwell.analysis import crossing
from stepwell.run import settings_of
from stepwell.study.saddle_to_saddle import drawings
from stepwell.study.saddle_to_saddle.protocols import SEEDS, claim, descent, flows, gradient_flow, target
from stepwell.study.saddle_to_saddle.readings import (
    at_times,
    model,
    of_plateaus,
    sigma0,
    slopes,
    stairs,
)
from stepwell.task import Impulse


@claim(
    "section 8.6",
    lambda scale: [
        (
            gradient_flow(target("G0"), s, 40 + 12 / s, hidden=2, solver="tsit5"),
            range({"quick": 3, "full": 5}[scale]),
        )
        for s in (3e-2, 1e-2, 3e-3)
    ],
    predict=-1.0,
    kind="mean",
    tolerance=0.1,
    scales="quick full",
    figure=drawings.staircase,
)
def degenerate_power(runs):
    """The exception, a target with g0 = 0: without a quadratic escape the first dwell grows as 1/sigma0."""
    times = [[crossing(loss, run.learning_time, 0.9 * loss[0]) for loss in run.loss.values] for run in runs]
    return slopes(np.log([sigma0(run) for run in runs]), np.log(times).T)


@claim(
    "section 8.1",
    lambda scale: flows("A", 1e-4)(scale),
    predict=lambda es: theory.silent_weight_ratio(*model(es[0]), 1),
    kind="mean",
    relative=True,
    tolerance=0.02,
    scales="quick full",
    figure=drawings.staircase,
)
def w_leads_after_first_plateau(runs):
    """Input weights lead at the origin only: at saddle 1 the silent recurrent weights grow faster by a known
    ratio."""
    middle = (of_plateaus(runs[0], "start") + of_plateaus(runs[0], "end"))[:, 1] / 2
    ratios = []
    for params in at_times(runs[0], middle):
        W, b, c = (params[name] for name in "Wbc")
        turn = np.linalg.eigh(b @ b.T + c.T @ c + W @ W.T + W.T @ W)[1][:, ::-1]
        W, b = turn.T @ W @ turn, turn.T @ b
        ratios.append(np.linalg.norm(W[1:, :1]) / np.linalg.norm(b[1:]))
    return ratios


@claim(
    "section 8.1",
    flows("A", 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
    predict=-1.0,
    kind="mean",
    tolerance=0.2,
    reading="literal",
    scope="source",
    scales="quick full",
    expected="FAILS",
    note="as a ratio of rates it holds (relative_rates); times grow with the logarithm of 1/sigma0",
    figure=drawings.dwell,
)
def time_scales(runs):
    """Waiting times scale like 1/sigma0: the log-log slope of the time to the middle of the first drop is
    -1."""
    levels = [theory.reached_poles(*model(settings_of(runs[0])), k).loss for k in (0, 1)]
    times = [[crossing(loss, run.learning_time, sum(levels) / 2) for loss in run.loss.values] for run in runs]
    return slopes(np.log([sigma0(run) for run in runs]), np.log(times).T)


@claim(
    "section 8.3",
    lambda scale: [
        (descent(task, 1e-2, 1e4, learning_rate=0.04, every=1e3), (0,)) for task in unfiltered(200)
    ],
    predict=None,
    tolerance=0.0,
    kind="fraction",
    reading="intended",
    scales="full",
    note="share of unfiltered random targets with L < 1e-6 by learning time 1e4",
)
def everything_learned(runs):
    """With an impulse as input every mode is learned: no run rests for ever above zero loss."""
    return [np.nanmin(run.loss.values) < 1e-6 for run in runs]


def unfiltered(count, seed=1):
    """Random 3-pole targets without any condition."""
    random = np.random.default_rng(seed)
    return [
        Impulse(
            random.uniform(-0.8, 0.8, 3),
            random.uniform(0.3, 1.2, 3) * random.choice([-1.0, 1.0], 3),
            steps=80,
        )
        for _ in range(count)
    ]


@claim(
    "section 9",
    lambda scale: [
        (gradient_flow(target("A"), s, 300.0, solver="tsit5"), SEEDS[scale]) for s in (0.1, 0.2, 0.4)
    ],
    predict=None,
    tolerance=0.0,
    kind="mean",
    reading="intended",
    scales="full",
    note="mean share of runs with three plateaus at sigma0 = 0.1, 0.2, 0.4; far above, starts are unstable",
)
def large_starts(runs):
    """Which saddles are visited when the initial weights are not small."""
    return [np.mean([len(found) == 3 for found in stairs(run)]) for run in runs]
