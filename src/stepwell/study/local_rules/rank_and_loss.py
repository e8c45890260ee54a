"""What locality costs: the rank of the weight change, its spectrum, and how far the loss falls."""

import numpy as np

from stepwell.rule import RULES
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.local_rules import drawings
from stepwell.study.local_rules.protocols import (
    BPTT,
    EPROP,
    RFLO,
    RFLO_SPECTRA,
    TBPTT,
    claim,
    flip_flop,
    noisy,
    one_output,
    spectra,
)
from stepwell.study.local_rules.readings import (
    beyond_outputs,
    decades,
    one_pole,
    paired,
    ranks,
    residuals,
    rule_name,
    succeeded,
)

FOUR = BPTT, EPROP, TBPTT, RFLO_SPECTRA
LOW_RANK = "core claim and Figs. 4 and 6"


def rank_runs(scale):
    """Noisy and expected descent under RFLO."""
    return noisy(RFLO_SPECTRA)(scale) + spectra(RFLO_SPECTRA)(scale)


def reliable(run):
    """The share of seeds that go on: a network that has diverged says nothing about rank."""
    return run.isel(seed=np.isfinite(run.loss.values[:, -1]))


@claim(
    LOW_RANK,
    rank_runs,
    kind="largest",
    tolerance=0.0,
    reading="literal",
    scope="source",
    figure=drawings.spectra,
    note="linear units, one decay, fixed feedback, plain steps",
)
def rank_is_outputs(runs):
    """RFLO changes W by as many ranks as there are outputs, aligned or not, for any input."""
    return np.concatenate([np.ravel(each) for each in beyond_outputs([reliable(run) for run in runs])])


@claim(LOW_RANK, rank_runs, kind="largest", tolerance=1e-12)
def change_in_span_of_feedback(runs):
    """The columns of the change lie in those of the feedback: share outside."""
    return np.concatenate(residuals([reliable(run) for run in runs]))


@claim(LOW_RANK, noisy(RFLO_SPECTRA, tanh=True), tolerance=0.0, scales="quick full", expected="FAILS")
def rank_bound_tanh(runs):
    """The bound holds for tanh units in the rate form: rank minus outputs."""
    return beyond_outputs(runs)[0].max()


@claim(
    LOW_RANK,
    flip_flop(RULES["rflo"](gate=False), optimiser="adam"),
    tolerance=0.0,
    scales="quick full",
    expected="FAILS",
)
def rank_bound_adam(runs):
    """The bound holds under Adam: rank minus outputs."""
    return beyond_outputs(runs)[0].max()


@claim(LOW_RANK, flip_flop(RULES["rflo"](gate=False), RULES["rflo"]()), tolerance=0.0, figure=drawings.gates)
def rank_bound_current_form(runs):
    """The bound is exact in a non-linear network in the current form whose error enters ungated."""
    return beyond_outputs(runs)[0].max()


four_rules = spectra(*FOUR)


@claim(
    "Fig. 10",
    spectra(*FOUR, outputs=(1,)),
    predict=4.0,
    kind="mean",
    tolerance=3.0,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.spectra,
)
def tbptt_looks_low_rank(runs):
    """tBPTT(1) changes W by a low effective rank, at a cut of 1 %: 1 to 7 of 24."""
    return _successful_ranks(runs, "tbptt", 1e-2)


@claim(
    "Fig. 10",
    spectra(*FOUR, outputs=(1,)),
    predict=1.0,
    kind="mean",
    tolerance=1.0,
    scales="quick full",
    expected="FAILS",
)
def tbptt_exact_rank(runs):
    """The same in exact arithmetic: rank at a cut of 1e-10."""
    return _successful_ranks(runs, "tbptt", 1e-10)


def _successful_ranks(runs, name, cut):
    (run,) = [run for run in runs if rule_name(settings_of(run)) == name]
    return ranks(run, cut)[succeeded(run)]


def compared(more, less, reading, predict, tolerance, name, statement, scope="source", **options):
    """A claim about the difference between two rules on the same draws."""
    reading_of = "literal" if scope == "source" else "ours"
    return claim(
        "Fig. 10",
        four_rules,
        predict=predict,
        kind="mean",
        tolerance=tolerance,
        reading=reading_of,
        scope=scope,
        scales="quick full",
        name=name,
        statement=statement,
        **options,
    )(lambda runs: paired(runs, more, less, reading))


def effective_rank(run):
    """The rank of the change at a cut of 1 %."""
    return ranks(run, 1e-2)


compared(
    "bptt", "eprop", effective_rank, 7.0, 7.0, "rank_bptt_above_eprop", "BPTT changes W by the highest rank."
)
compared("eprop", "tbptt", effective_rank, 2.0, 2.0, "rank_eprop_above_tbptt", "e-prop is between in rank.")
compared(
    "bptt",
    "eprop",
    decades,
    2.0,
    2.0,
    "error_bptt_above_eprop",
    "BPTT reaches the lowest error: decades more than e-prop.",
    figure=drawings.performance,
)
compared(
    "eprop", "rflo", decades, 1.0, 1.0, "error_eprop_above_rflo", "e-prop is between in error, against RFLO."
)
compared(
    "eprop",
    "tbptt",
    decades,
    1.0,
    1.0,
    "error_eprop_above_tbptt",
    "e-prop is between in error, against tBPTT(1).",
)
compared(
    "tbptt",
    "rflo",
    decades,
    0.0,
    0.4,
    "error_tbptt_equals_rflo",
    "tBPTT(1) and RFLO reach the same error.",
    scope="general",
)


@claim(
    "Fig. 10",
    spectra(BPTT, EPROP, outputs=(4,), seeds=range(6), updates=2000, rates=(0.005, 0.01, 0.02, 0.05)),
    predict=None,
    tolerance=0.0,
    scales="full",
)
def error_order_four_outputs(runs):
    """With four outputs and its own step for each rule BPTT reaches a lower error than e-prop."""
    best = {}
    for run in sorted(runs, key=lambda run: value_of(settings_of(run), "optimiser__learning_rate")):
        if np.isfinite(run.loss.values[:, -1]).all() and (decades(run) > 0).all():
            best[rule_name(settings_of(run))] = decades(run)
    return best["bptt"] - best["eprop"]


@claim(
    "editorial remarks",
    one_output(RFLO, until=600.0, exact_every=10),
    kind="largest",
    tolerance=0.0095,
    scales="quick full",
)
def hybrid_escapes(runs):
    """RFLO with a BPTT update in every ten leaves the stair: loss at learning time 600."""
    return np.concatenate([one_pole(run, 600.0) for run in runs])
