"""Away from alignment: the reduced equations, first plateaus, one output, and the angle to the gradient."""

import numpy as np

from stepwell import theory
from stepwell.rule import RULES
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.local_rules import drawings, drawings_modes
from stepwell.study.local_rules.protocols import (
    BPTT,
    EPROP,
    RFLO,
    RFLO_SPECTRA,
    SYMMETRIC,
    TBPTT,
    claim,
    one_output,
    small_starts,
    spectra,
    unaligned,
)
from stepwell.study.local_rules.readings import (
    alignments,
    cosines,
    decades,
    level_of,
    one_pole,
    per_decade,
    rests,
    theory_errors,
    time_to,
)


@claim(
    "Fig. 5 A",
    unaligned(RFLO, BPTT),
    kind="mean",
    tolerance=0.1,
    reading="reconstructed",
    scope="source",
    scales="quick full",
    figure=drawings.theory_errors_by_start,
)
def theory_error_falls(runs):
    """Away from alignment the mode equations become right once RFLO has aligned: their error from update 50
    over that from update 0, mean over modes."""
    ratios = [theory_errors(r, 1) / theory_errors(r, 0) for r in _of(runs, RFLO)]
    return np.concatenate([ratio.mean(axis=1) for ratio in ratios])


def _of(runs, rule):
    return [run for run in runs if value_of(settings_of(run), "rule") == rule]


@claim(
    "Fig. 5 B",
    unaligned(RFLO, BPTT),
    predict=0.85,
    kind="mean",
    tolerance=0.15,
    reading="reconstructed",
    scope="source",
    scales="quick full",
    figure=drawings.alignment_through_time,
)
def alignment_rises(runs):
    """Under RFLO feedback is aligned with the modes by update 50: 0.7 to 1 of it."""
    return np.concatenate([alignments(run)["feedback"][:, 1] for run in _of(runs, RFLO)])


@claim(
    "Fig. 5",
    small_starts(RFLO, BPTT, SYMMETRIC),
    predict=lambda es: theory.departure_time(
        es[0].rule, es[0].a_star, es[0].b_star, es[0].w_star, es[0].feedback
    ),
    relative=True,
    tolerance=0.01,
    scales="quick full",
    figure=drawings_modes.first_plateaus,
    note="as many outputs as modes",
)
def initial_plateau_gone(runs):
    """With as many outputs as modes fixed feedback removes the first plateau that grows as weights shrink:
    time to 95 % of the loss at the smallest start."""
    return time_to(_of(runs, RFLO)[-1], 0.95)


@claim(
    "Fig. 5",
    small_starts(BPTT, TBPTT, RFLO),
    predict=lambda _: np.log(10) / [theory.line_rate(rule, 0.0, 1.0, 1.0, 0.7) for rule in (BPTT, TBPTT)],
    kind="largest",
    relative=True,
    tolerance=5e-3,
    figure=drawings_modes.waiting_times,
    note="as many outputs as modes",
)
def plateau_is_logarithmic(runs):
    """BPTT and tBPTT(1) wait longer by ln 10 over the rate of escape for every decade of smaller weights."""
    return [per_decade(_of(runs, BPTT)), per_decade(_of(runs, TBPTT))]


@claim(
    "Fig. 5",
    small_starts(SYMMETRIC),
    predict=lambda es: np.log(10) / theory.line_rate(es[0].rule, 0.0, 1.0, 1.0, 0.7),
    relative=True,
    tolerance=5e-3,
    note="as many outputs as modes",
)
def symmetric_restores_it(runs):
    """With the true readout RFLO has the saddle again: time per decade of smaller weights."""
    return per_decade(runs)


LOCAL = RFLO, TBPTT, type(RFLO)(0.6)


def ratios(runs, time):
    """The loss over the level of its rule at a learning time, for the rules that rest."""
    resting = [run for run in runs if rests(settings_of(run))]
    return np.concatenate([one_pole(run, time) / level_of(settings_of(run)) for run in resting])


def all_stairs(scale):
    """Rules that rest on the first stair, and rules that go down further."""
    others = one_output(BPTT, EPROP, RULES["tbptt"](2), until=200.0)(scale)
    return one_output(*LOCAL)(scale) + others + one_output(RFLO, until=600.0, exact_every=10)(scale)


@claim(
    "abstract",
    all_stairs,
    predict=1.0,
    kind="largest",
    tolerance=0.02,
    scales="quick full",
    figure=drawings.stairs,
    note="one output",
)
def one_output_one_stair(runs):
    """With one output RFLO and tBPTT(1) stay on the first stair: loss over its level at time 1200."""
    return ratios(runs, 1200.0)


@claim(
    "abstract",
    one_output(*LOCAL),
    predict=1.0,
    kind="largest",
    tolerance=8e-4,
    figure=drawings.interpolation,
    note="one output",
)
def one_output_level(runs):
    """Its level is that of two-point interpolation, at the decay and at the model's own pole: time 50."""
    return ratios(runs, 50.0)


def at_start(scale):
    """Many draws at the first update."""
    draws = range(2000 if scale == "full" else 1000)
    first = spectra(RFLO_SPECTRA, outputs=(1,), seeds=draws, updates=0)(scale)
    return unaligned(RFLO, seeds=draws, hidden=12, updates=0)(scale) + (first if scale != "smoke" else [])


@claim("section 4", at_start, kind="mean", tolerance=0.03)
def angle_mean_zero(runs):
    """At the start RFLO's direction is at a right angle to the gradient on average: cosine."""
    return np.concatenate([cosines(run)[:, 0] for run in runs])


@claim(
    "section 4",
    unaligned(
        RFLO, seeds=range(6), hidden=64, updates=50, every=5, learning_rate=0.002, start=(1.25e-5,) * 3
    ),
    predict=lambda es: theory.early_cosine(es[0].experiment.task.system(), es[0].experiment.rule.decay),
    kind="mean",
    tolerance=0.03,
    figure=drawings.early_angle,
)
def angle_after_alignment(runs):
    """Soon after a small start the cosine of RFLO's direction in b is that of the closed form."""
    return cosines(runs[0], ["b"])[:, -1]


@claim(
    "section 4",
    spectra(BPTT, EPROP, TBPTT, RFLO_SPECTRA, outputs=(1,)),
    predict=None,
    tolerance=0.0,
    scales="full",
    figure=drawings.angles,
)
def angle_along_training(runs):
    """The cosine along training, weighted by the decrease of the loss, orders the rules as their decades do:
    correlation of ranks."""
    angles, fallen = [], []
    for run in runs:
        cosine = cosines(run)[:, :-1]
        every = (run.sizes["update"] - 1) // (run.sizes["snapshot"] - 1)
        weight = np.clip(-np.diff(run.loss.values[:, ::every], axis=1), 0, None)
        angles.append(np.nanmean(np.nansum(cosine * weight, axis=1) / np.nansum(weight, axis=1)))
        fallen.append(np.nanmean(decades(run)))
    return np.corrcoef(np.argsort(np.argsort(angles)), np.argsort(np.argsort(fallen)))[0, 1]


def rotated(scale):
    """The same starts under e-prop, in ten rotations of the hidden space."""
    return [
        run for turn in range(1, 11) for run in unaligned(EPROP, seeds=range(6), hidden=12, basis=turn)(scale)
    ]


@claim("section 4", rotated, predict=None, tolerance=0.0, scales="full")
def eprop_basis_performance(runs):
    """e-prop's result depends on the hidden basis: spread of the decades over rotations of one start."""
    return np.std([decades(run) for run in runs], axis=0, ddof=1)
