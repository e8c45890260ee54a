"""What the spectrum of the input lets a network learn, and how coloured input changes the rates."""

import math

import numpy as np

from stepwell import analysis, theory
from stepwell.experiment import Experiment
from stepwell.network import Linear
from stepwell.network.linear import realisation
from stepwell.run import settings_of
from stepwell.study.base import params_at, value_of
from stepwell.study.saddle_to_saddle import drawings
from stepwell.study.saddle_to_saddle.protocols import Saddle, claim, gradient_flow, target
from stepwell.study.saddle_to_saddle.readings import CUTOFF, coupling_ratio, dwell_slopes, model, pole_at
from stepwell.task import Impulse


@claim("section 8.3", (), predict=1.0, tolerance=0.05, reading="intended", figure=drawings.band)
def undamped_is_blind(runs):
    """A mode outside the passband loses its gradient as its damping vanishes: log-log exponent of the ratio
    of low-pass to white gradient against 1 - modulus."""
    damping = np.array([0.05, 0.01, 0.001])
    ratios = [coupling_ratio(1 - d) for d in damping]
    return np.polyfit(np.log(damping), np.log(ratios), 1)[0]


def resonances(scale):
    """One mode outside the passband, through white and through low-pass input; nothing is trained."""
    pole = pole_at(0.95)
    tasks = [
        Impulse((pole, pole.conjugate()), (0.25, 0.25), steps=400, input=kind, cutoff=CUTOFF)
        for kind in ("white", "band_limited")
    ]
    return [(Saddle(Experiment(task=task, network=Linear(2)), 0), (0,)) for task in tasks]


@claim(
    "section 8.3",
    resonances,
    predict=lambda es: coupling_ratio(0.95),
    relative=True,
    tolerance=0.02,
    figure=drawings.band,
)
def band_ratio(runs):
    """At finite damping the gradient outside the passband is small but not zero: its ratio to that of white
    input."""
    gradients = []
    for run in runs:
        experiment = settings_of(run).experiment
        W, b, _ = realisation(experiment.task.poles, experiment.task.residues)
        params = {"W": W, "b": b, "c": np.zeros((1, 2))}  # driven, but not yet read
        gradients.append(np.linalg.norm(analysis.gradient(experiment, params)[1]["c"]))
    return gradients[1] / gradients[0]


def low_pass(scale):
    """A slow and a fast mode, learned through white and through low-pass input."""
    tasks = [target("LP", input=kind, cutoff=CUTOFF) for kind in ("white", "band_limited")]
    return [(gradient_flow(task, 1e-2, 400.0, every=1.0, solver="tsit5"), range(3)) for task in tasks]


def left_outside(runs):
    """Out-of-band error of the low-pass run over its start, when white input has learned all, [seed]."""
    white, low = runs
    learned = np.array([analysis.crossing(loss, white.learning_time, 1e-8) for loss in white.loss.values])
    shares = []
    for seed, moment in enumerate(learned):
        at = int(np.argmin(np.abs(low.learning_time.values - (400.0 if math.isnan(moment) else moment))))
        errors = [out_of_band(low, seed, i) for i in (0, at)]
        shares.append(errors[1] / errors[0])
    return shares


def out_of_band(run, seed, index):
    """Root mean square of the student's error in the frequency response above the cutoff."""
    frequencies = np.linspace(CUTOFF, math.pi, 400)
    weights = params_at(run, seed, index)
    student = analysis.frequency_response(**weights, frequencies=frequencies)
    task = settings_of(run).experiment.task
    goal = analysis.frequency_response(*realisation(task.poles, task.residues), frequencies)
    return math.sqrt(np.mean(np.abs(student - goal) ** 2))


@claim(
    "section 8.3",
    low_pass,
    predict=0.42,
    kind="largest",
    tolerance=0.1,
    reading="intended",
    scope="source",
    scales="full",
    figure=drawings.gains,
)
def lowpass_is_slow(runs):
    """Low-pass training leaves the high mode far behind: out-of-band error left when white input has learned
    all."""
    return min(left_outside(runs))


@claim(
    "section 8.3",
    low_pass,
    predict=1.0,
    tolerance=0.05,
    reading="literal",
    scope="source",
    scales="full",
    expected="FAILS",
    note="slow, not invisible; the limit of vanishing damping is undamped_is_blind",
    figure=drawings.gains,
)
def lowpass_blind(runs):
    """Low-pass input cannot teach that mode at all: largest share of the out-of-band error that is left."""
    return max(left_outside(runs))


def coloured(scale):
    """Target A under AR(1) input; horizons from the rates of that input."""
    correlations = (-0.5,) if scale == "quick" else (0.7, -0.5)
    seeds = range(3) if scale == "quick" else range(6)
    poles, residues = target("A").poles, target("A").residues
    runs = []
    for rho in reversed(correlations):
        rates = [theory.escape_rate(poles, residues, k, correlation=rho) for k in (0, 1)]
        for s in (1e-3, 1e-4, 1e-5):
            duration = 60 + 1.3 * sum(math.log(1 / s) / rate for rate in rates)
            runs.append((gradient_flow(target("A", input="coloured", correlation=rho), s, duration), seeds))
    return runs


for k, tolerance in ((0, 0.05), (1, 0.04)):

    @claim(
        "section 8.6",
        coloured,
        predict=lambda es, k=k: (
            1 / theory.escape_rate(*model(es[0]), k, value_of(es[0], "task__correlation"))
        ),
        kind="mean",
        relative=True,
        tolerance=tolerance,
        scales="quick full",
        name=f"coloured_rate_{k}",
        figure=drawings.dwell,
        statement=f"With coloured input plateau {k} lengthens by 1/s, s the rate at the weighted optimum.",
    )
    def coloured_slopes(runs, k=k):
        """The slope of dwell k of the first correlation, [seed]."""
        return dwell_slopes(runs[:3], k)
