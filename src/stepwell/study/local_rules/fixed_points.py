"""Rules and modes: what decouples, where learning can rest, and which rests are stable."""

import numpy as np

from stepwell import theory
from stepwell.rule import RULES
from stepwell.study.local_rules import drawings_modes
from stepwell.study.local_rules.closed_forms import FIRST
from stepwell.study.local_rules.protocols import (
    BPTT,
    EPROP,
    RFLO,
    SYMMETRIC,
    TBPTT,
    aligned,
    claim,
    ensemble,
    one_update,
    scan,
)
from stepwell.study.local_rules.readings import crossing, slow_rates

TEACHER = {name: FIRST[name] for name in ("a_star", "b_star", "w_star")}
PLACE = TEACHER | {"feedback": FIRST["feedback"]}
BOTH_ENDS = (-0.4, -0.36)
LEAVES = FIRST["feedback"] * FIRST["a_star"] * FIRST["b_star"] / (1 - FIRST["decay"] * FIRST["w_star"])


@claim(
    "section 2",
    one_update(BPTT, RULES["rtrl"](), RULES["tbptt"](15)),
    kind="largest",
    tolerance=1e-12,
)
def rules_are_one(runs):
    """BPTT, RTRL and tBPTT over the whole trial give one update: relative differences."""
    gaps = []
    for exact, *others in (runs[:3], runs[3:]):
        for name in ("direction_W", "direction_b", "direction_c"):
            size = np.abs(exact[name].values).max()
            gaps += [np.abs(other[name].values - exact[name].values).max() / size for other in others]
    return gaps


@claim(
    "abstract and core claim",
    aligned(BPTT, TBPTT, RULES["tbptt"](3), RFLO, SYMMETRIC),
    kind="largest",
    tolerance=1e-12,
    reading="literal",
    scope="source",
)
def modes_decouple(runs):
    """Aligned networks decouple into modes that obey the mode equations under BPTT, tBPTT and RFLO."""
    return [np.concatenate([run.off_diagonal.values, run.difference.values]) for run in runs]


@claim("section 3", aligned(EPROP, axes=True), kind="largest", tolerance=1e-12)
def eprop_aligned_if_axes(runs):
    """e-prop keeps alignment where the hidden axes are the units."""
    return np.concatenate([runs[0].off_diagonal.values, runs[0].difference.values])


@claim("section 3", aligned(EPROP), tolerance=1e-3, expected="FAILS")
def eprop_decouples_any_basis(runs):
    """e-prop keeps alignment in any hidden basis: smallest share of the update off the modes."""
    return runs[0].off_diagonal.values.min()


@claim(
    "Fig. 1",
    scan((RFLO, BPTT, TBPTT), -0.8, 0.8, "line"),
    predict=np.array([LEAVES, 0.0, 0.0])[:, None, None],
    kind="largest",
    tolerance=1e-12,
    reading="literal",
    scope="source",
    figure=drawings_modes.vector_field,
)
def rflo_only_optima(runs):
    """BPTT and tBPTT rest on the line a = b = 0, and RFLO leaves it: the speed of b there."""
    return [run.db.values for run in runs]


def escape_rates(experiments):
    """The rate of escape from the line at every drawn place, beside a trace of 0."""
    found = []
    for experiment in experiments:
        places = experiment.places(0)
        where = {name: places[name] for name in ("w", "a_star", "b_star", "w_star", "decay")}
        rate = theory.line_rate(experiment.rule, **where)
        found.append(np.stack([np.zeros(len(rate)), rate]))
    return found


@claim(
    "Fig. 1",
    ensemble(BPTT, TBPTT, SYMMETRIC, where="line"),
    predict=escape_rates,
    kind="largest",
    tolerance=1e-8,
    scope="source",
    figure=drawings_modes.vector_field,
)
def line_is_saddle(runs):
    """The line a = b = 0 is a saddle for BPTT, tBPTT(1) and RFLO with the true readout: trace and rate."""
    return [np.stack([run.trace.values[0], np.sqrt(-run.determinant.values[0])]) for run in runs]


def stable(run):
    """Whether the optimum at every drawn place is stable."""
    return (run.trace.values[0] > 0) & (run.determinant.values[0] > 0)


def right_sign(run):
    """Whether feedback and readout have one sign there."""
    return run.feedback.values[0] * run.s.values[0] > 0


@claim("section 3", ensemble(BPTT, TBPTT, SYMMETRIC), tolerance=0.0, figure=drawings_modes.diagonal_field)
def others_stable(runs):
    """Every optimum is stable for BPTT, tBPTT(1) and RFLO with the true readout: number of exceptions."""
    return sum(int((~stable(run)).sum()) for run in runs)


@claim(
    "Fig. 3",
    scan((BPTT,), 0.05, 1.0),
    predict=np.sqrt(FIRST["a_star"] * FIRST["b_star"]),
    tolerance=1e-3,
    reading="reconstructed",
    scope="source",
    figure=drawings_modes.eigenvalues,
)
def bptt_slowest_at_root(runs):
    """BPTT approaches the optimum most slowly where readout and input are equal."""
    s, rate = runs[0].s.values[0], slow_rates(runs[0])
    i = int(np.argmin(rate))
    curve = np.polyfit(s[i - 2 : i + 3], rate[i - 2 : i + 3], 2)
    return -curve[1] / (2 * curve[0])


@claim(
    "Fig. 3 and section 3.2",
    ensemble(RFLO),
    predict=1.0,
    kind="fraction",
    tolerance=2e-3,
    reading="reconstructed",
    figure=drawings_modes.diagonal_field,
)
def right_sign_stable(runs):
    """RFLO's optimum is stable where feedback and readout have one sign."""
    return stable(runs[0])[right_sign(runs[0])]


@claim(
    "section 3.2",
    ensemble(RFLO),
    predict=1.0,
    kind="fraction",
    tolerance=0.01,
    reading="reconstructed",
)
def wrong_sign_unstable(runs):
    """RFLO's optimum is as a rule unstable where feedback and readout differ in sign."""
    return ~stable(runs[0])[~right_sign(runs[0])]


@claim(
    "section 3.2",
    ensemble(RFLO),
    tolerance=0.0,
    reading="reconstructed",
    scales="quick full",
    expected="FAILS",
)
def wrong_sign_always_unstable(runs):
    """It is always unstable there: number of stable places."""
    return int(stable(runs[0])[~right_sign(runs[0])].sum())


@claim(
    "Fig. 3",
    scan((RFLO,), *BOTH_ENDS),
    predict=lambda es: theory.stable_window(es[0].rule, **PLACE),
    kind="largest",
    tolerance=1e-5,
    scope="source",
    figure=drawings_modes.stability_map,
)
def stable_window(runs):
    """A window of the wrong-sign branch is stable, between the fold and a Hopf point: its two edges."""
    s = runs[0].s.values[0]
    return [crossing(s, runs[0].trace.values[0]), crossing(s, runs[0].determinant.values[0])]


@claim("section 3", ensemble(EPROP), tolerance=0.0)
def eprop_sign_decides(runs):
    """Under e-prop the sign decides: stable for one sign, real rates, one growing direction within the fold
    and two beyond; number of exceptions."""
    run = runs[0]
    trace, determinant, s = (run[name].values[0] for name in ("trace", "determinant", "s"))
    target, right = run.a_star.values[0] * run.b_star.values[0], right_sign(run)
    inside = np.abs(s) < np.cbrt(target**2 / np.abs(run.feedback.values[0]))
    wanted = np.where(
        right, determinant > 0, np.where(inside, determinant < 0, (determinant > 0) & (trace < 0))
    )
    # A double rate leaves a discriminant of rounding size, of either sign.
    real = trace**2 - 4 * determinant >= -1e-9 * trace**2
    return int((~(wanted & real & (stable(run) == right))).sum())


@claim(
    "Fig. 3",
    scan((RFLO, BPTT), 0.05, 0.12),
    predict=lambda es: theory.equal_rate(es[0].rule, es[1].rule, (0.05, 0.12), **PLACE),
    tolerance=1e-4,
    reading="reconstructed",
    scope="source",
)
def rflo_slower(runs):
    """RFLO approaches the optimum more slowly than BPTT except near s = 0: where the rates are equal."""
    return crossing(runs[0].s.values[0], slow_rates(runs[0]) - slow_rates(runs[1]))
