"""Where modes go: detours, end points from what is conserved, a limit cycle, the drift of finite steps."""

import numpy as np

from stepwell import theory
from stepwell.run import settings_of
from stepwell.study.local_rules import drawings, drawings_modes
from stepwell.study.local_rules.fixed_points import BOTH_ENDS, PLACE
from stepwell.study.local_rules.protocols import (
    BPTT,
    EPROP,
    RFLO,
    SYMMETRIC,
    TBPTT,
    circling,
    claim,
    drifting,
    one_update,
    scan,
    scattered,
    trajectories,
)
from stepwell.study.local_rules.readings import crossing, drift, mode_of


def end_of(settings):
    """Where the invariants say that a flow of one mode ends."""
    a, b, w = settings.start
    return theory.mode_end(settings.rule, a, b, w, *mode_of(settings), settings.feedback[0])


@claim(
    "Fig. 4",
    trajectories(RFLO, BPTT),
    predict=lambda es: end_of(es[0]).a,
    tolerance=1e-5,
    reading="reconstructed",
    scope="source",
    figure=drawings_modes.trajectories,
)
def wrong_sign_detour(runs):
    """From the start of Fig. 4 RFLO makes a detour to the opposite branch: the readout at its end."""
    return runs[0].a.values[0, -1, 0]


@claim(
    "Fig. 4",
    trajectories(BPTT, RFLO, sign=-1.0),
    tolerance=1e-6,
    scope="source",
    figure=drawings_modes.conserved_sum,
)
def other_sign_of_kappa(runs):
    """With the other sign of a* b*, BPTT's start of Fig. 4 ends on the line, at no optimum: |a| + |b|."""
    return abs(runs[0].a.values[0, -1, 0]) + abs(runs[0].b.values[0, -1, 0])


@claim("section 3", scattered(BPTT, TBPTT, SYMMETRIC), kind="largest", tolerance=1e-6, scales="quick full")
def end_points(runs):
    """The conserved quantity gives the end point, and its sign where it says so: largest difference of |s|,
    1 for a wrong sign."""
    gaps = []
    for run in runs:
        settings = settings_of(run)
        for start, end in zip(_places(run, 0), _places(run, -1)):
            a, b, w = start
            wanted = theory.mode_end(settings.rule, a, b, w, *mode_of(settings))
            wrong = np.sign(wanted.a) not in (np.sign(end[0]), np.nan) and np.isfinite(wanted.a)
            gaps.append(1.0 if wrong else abs(abs(end[0]) - wanted.magnitude))
    return gaps


def _places(run, at):
    """(a, b, w) of every seed at a sample."""
    return [[float(run[name].values[seed, at, 0]) for name in "abw"] for seed in range(run.sizes["seed"])]


def reached(run):
    """Whether every start has reached an optimum."""
    return np.nan_to_num(run.loss.values[:, -1], nan=np.inf) < 1e-6


@claim("section 3", scattered(RFLO), predict=1.0, kind="fraction", tolerance=0.1, scales="quick full")
def ends_on_right_sign(runs):
    """RFLO's runs that reach an optimum have feedback and readout of one sign there."""
    ends = [(run.a.values * run.mode_feedback.values)[reached(run), -1, 0] > 0 for run in runs]
    return np.concatenate(ends)


@claim(
    "section 3",
    scattered(BPTT, TBPTT, SYMMETRIC, spreads=(0.7,)),
    predict=1.0,
    kind="fraction",
    tolerance=0.1,
    reading="reconstructed",
    scales="quick full",
)
def others_reach(runs):
    """BPTT, tBPTT(1) and RFLO with the true readout reach an optimum from every start."""
    return np.concatenate([reached(run) for run in runs])


@claim(
    "Fig. 3",
    scan((RFLO,), *BOTH_ENDS),
    predict=lambda es: list(theory.hopf_point(es[0].rule, **PLACE) or ()),
    kind="largest",
    tolerance=1e-5,
    scope="source",
    figure=drawings_modes.wrong_sign_branch,
)
def hopf_point(runs):
    """On the wrong-sign branch a pair of eigenvalues crosses the imaginary axis: place and frequency."""
    s, trace, determinant = (runs[0][name].values[0] for name in ("s", "trace", "determinant"))
    place = crossing(s, trace)
    return [place, np.sqrt(np.interp(place, s, determinant))]


@claim(
    "Fig. 3",
    circling,
    predict=0.105,
    tolerance=0.095,
    scope="source",
    scales="quick full",
    figure=drawings_modes.limit_cycle,
)
def limit_cycle(runs):
    """Just beyond it the flow circles for ever: range of the readout late in the run, 0.01 to 0.2."""
    return np.ptp(runs[0].a.values[0, -1000:, 0])


@claim("section 3", one_update(RFLO, linear=True), kind="largest", tolerance=1e-12)
def invariant_exact(runs):
    """RFLO's conserved matrix stands still in every update, relative to its terms."""
    run = runs[0]
    W, b, F = (run[name].values[:, 0] for name in ("W", "b", "feedback"))
    dW, db, dc = (run[f"direction_{name}"].values[:, 0] for name in ("W", "b", "c"))
    gained = F @ dc + settings_of(run).rule.decay * dW
    spent = dW @ np.swapaxes(W, 1, 2) + db @ np.swapaxes(b, 1, 2)
    return np.linalg.norm(gained - spent, axis=(1, 2)) / np.linalg.norm(spent, axis=(1, 2))


@claim(
    "section 3",
    drifting(RFLO, BPTT, TBPTT, EPROP),
    predict=2.0,
    kind="largest",
    tolerance=0.1,
    figure=drawings.drifts,
)
def invariant_drift(runs):
    """With finite steps conserved quantities drift in proportion to the step: ratio per halving."""
    rules = {
        rule: [r for r in runs if settings_of(r).experiment.rule == rule]
        for rule in (RFLO, BPTT, TBPTT, EPROP)
    }
    return [drift(one) / drift(two) for own in rules.values() for one, two in zip(own[:-1], own[1:])]
