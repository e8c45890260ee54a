"""Many inputs and outputs: levels, escape rates and dwell times of the stairs."""

from functools import partial

import numpy as np

from stepwell import analysis, theory
from stepwell.experiment import Experiment
from stepwell.network import Linear
from stepwell.network.linear import balanced, realisation
from stepwell.run import settings_of
from stepwell.study.across import drawings_many_channels as drawings
from stepwell.study.across.protocols import claim
from stepwell.study.across.protocols_many_channels import (
    HIDDEN,
    SCALES,
    TARGETS,
    matrix_flows,
    random_flows,
    target_of,
)
from stepwell.study.saddle_to_saddle.readings import dwell_slopes, of_plateaus, stairs
from stepwell.task import Impulse

steep = matrix_flows(*SCALES[1:])
finest = matrix_flows(SCALES[-1])


def plateaus_of(settings):
    """The predicted plateaus of a settings object."""
    poles, residues = target_of(settings)
    return theory.first_plateaus(poles, residues, len(poles))


@claim("item 7", steep, tolerance=0.0, figure=drawings.staircases)
def matrix_stairs(runs):
    """A target of degree n has n plateaus, for any number of inputs and outputs: runs with another number."""
    return sum(len(found) != len(target_of(settings_of(run))[0]) for run in runs for found in stairs(run))


@claim(
    "item 7",
    finest,
    predict=lambda experiments: [np.array([plateaus_of(experiment).levels]) for experiment in experiments],
    kind="largest",
    relative=True,
    tolerance=0.01,
    figure=drawings.staircases,
)
def matrix_levels(runs):
    """Plateau k rests on the loss of the best model of degree k."""
    return [of_plateaus(run, "level", len(target_of(settings_of(run))[0])) for run in runs]


@claim("item 7", (), kind="largest", tolerance=1e-8, scales="quick full")
def matrix_escape_rates(runs):
    """At the saddle of degree k the Hessian has each singular value of the expansion matrix, with the minus
    sign, as often as there are silent units: largest difference."""
    return np.concatenate(
        [rate_gaps(*target, k) for target in TARGETS.values() for k in range(len(target[0]))]
    )


def rate_gaps(poles, residues, k):
    """The negative Hessian eigenvalues at saddle k minus the predicted ones."""
    outputs, inputs = np.shape(residues[0])
    active = balanced(*theory.best_models(realisation(poles, residues), k).realisation)
    W, b, c = np.zeros((HIDDEN, HIDDEN)), np.zeros((HIDDEN, inputs)), np.zeros((outputs, HIDDEN))
    W[:k, :k], b[:k], c[:, :k] = active
    experiment = Experiment(Impulse(poles, residues, steps=100), Linear(HIDDEN, inputs, outputs))
    rates = np.repeat(theory.first_plateaus(poles, residues, len(poles)).escape_rates[k], HIDDEN - k)
    rates = rates[rates > 1e-9]
    return analysis.hessian_spectrum(experiment, {"W": W, "b": b, "c": c})[: len(rates)] + rates


def by_target(runs):
    """Records that share a target, over all initial scales."""
    return [runs[i : i + len(SCALES) - 1] for i in range(0, len(runs), len(SCALES) - 1)]


def shares_of_law(runs, k):
    """The slope of dwell k over the predicted one, per target and seed."""
    laws = [(group, plateaus_of(settings_of(group[0])).dwell_factors) for group in by_target(runs)]
    return np.concatenate([dwell_slopes(group, k) / law[k] for group, law in laws if len(law) > k])


for k in range(3):
    claim(
        "item 7",
        steep,
        predict=1.0,
        kind="mean",
        tolerance=0.03,
        scales="quick full",
        name=f"matrix_dwell_{k}",
        figure=drawings.dwell,
        statement=f"Plateau {k} lasts as long as its first unit needs with the lead that it has from the "
        "plateaus before: slope of the dwell against ln(1/sigma0), over the predicted one.",
    )(partial(shares_of_law, k=k))


@claim(
    "item 7",
    steep,
    predict=1.0,
    kind="mean",
    tolerance=0.03,
    scales="quick full",
    expected="FAILS",
    figure=drawings.dwell,
)
def matrix_dwell_without_lead(runs):
    """The law of one input and output, 1/s, extends to plateau 1: slope of the dwell over it."""
    laws = [(group, plateaus_of(settings_of(group[0])).escape_rates[1, 0]) for group in by_target(runs)]
    return np.concatenate([dwell_slopes(group, 1) * rate for group, rate in laws])


@claim(
    "item 7",
    random_flows,
    predict=None,
    kind="fraction",
    tolerance=0.1,
    scales="full",
    figure=drawings.random_levels,
)
def matrix_reached_is_best(runs):
    """Flows to freshly drawn targets rest at the best models of degree 1 and 2: share of these levels at
    which there is a plateau, within 1 %."""
    return np.array([plateau is not None for run in runs for plateau in at_levels(run)[1:]])


def at_levels(run):
    """The plateaus of a record's first seed at the predicted levels."""
    return analysis.matched(stairs(run)[0], plateaus_of(settings_of(run)).levels, tolerance=0.01)
