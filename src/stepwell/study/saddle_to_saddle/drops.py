"""What happens on the way down: residues and poles during the drops."""

import numpy as np

from stepwell import analysis, theory
from stepwell.run import settings_of
from stepwell.study.base import params_at
from stepwell.study.saddle_to_saddle import drawings
from stepwell.study.saddle_to_saddle.protocols import claim, flows
from stepwell.study.saddle_to_saddle.readings import at_times, model, quietest


def halfway(run):
    """The parameters of every seed half-way down drops 1, 2 and 3, [drop][seed]."""
    levels = [theory.reached_poles(*model(settings_of(run)), k).loss for k in range(4)]
    middles = [(levels[k] + levels[k + 1]) / 2 for k in range(3)]
    times = [[analysis.crossing(loss, run.learning_time, m) for loss in run.loss.values] for m in middles]
    return [at_times(run, np.array(row)) for row in times]


def residue_mismatch(params, settings, k):
    """Distance of the k active residues from the best ones for the active poles, relative in the norm."""
    strongest = np.argsort(-analysis.mode_norms(**params))[:k]
    found = analysis.residues(**params)[strongest, 0, 0]
    best = theory.profiled_residues(analysis.poles(params["W"])[strongest], *model(settings))
    return np.linalg.norm(found - best) / np.linalg.norm(best)


@claim(
    "section 7",
    flows("A", 1e-4),
    kind="largest",
    tolerance=1e-3,
    reading="intended",
    scales="quick full",
    figure=drawings.residues,
)
def residues_at_saddles(runs):
    """On a plateau the active residues are the best ones for the active poles."""
    settings = settings_of(runs[0])
    return [[residue_mismatch(p, settings, k) for p in quietest(runs[0], k)] for k in (1, 2)]


@claim(
    "section 7",
    flows("A", 1e-4),
    kind="largest",
    tolerance=0.15,
    reading="intended",
    scope="source",
    scales="quick full",
    note="approximately: single residues differ more",
    figure=drawings.residues,
)
def residues_later_drops(runs):
    """In drops 2 and 3 the active residues stay near the best ones for the active poles, half-way down."""
    settings = settings_of(runs[0])
    return [[residue_mismatch(p, settings, k + 1) for p in halfway(runs[0])[k]] for k in (1, 2)]


def residue_share(drop):
    """Residue half-way down the first drop, over the best one for the pole there."""
    return drop.residue / drop.profiled


@claim(
    "section 7",
    flows("A", 1e-4),
    predict=lambda es: residue_share(theory.first_drop(*model(es[0]))),
    kind="mean",
    tolerance=0.03,
    scales="quick full",
    figure=drawings.residues,
)
def residues_first_drop(runs):
    """This does not extend to the first drop, where pole and residue grow together: their share of the best
    residue."""
    shares = []
    for params in halfway(runs[0])[0]:
        strongest = np.argmax(analysis.mode_norms(**params))
        pole = analysis.poles(params["W"])[strongest]
        best = theory.profiled_residues([pole], *model(settings_of(runs[0])))[0]
        shares.append((analysis.residues(**params)[strongest, 0, 0] / best).real)
    return shares


@claim(
    "section 7",
    flows("A", 1e-4),
    predict=1.0,
    kind="largest",
    tolerance=0.05,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.poles,
)
def drift_is_profiled_descent(runs):
    """In drops 2 and 3 the active poles move downhill on the profiled loss, between 90 and 10 % of the
    drop."""
    return [downhill_share(runs[0], seed, k) for k in (1, 2) for seed in range(runs[0].sizes["seed"])]


def downhill_share(run, seed, k):
    """The share of moments in drop k + 1 at which the active poles' velocity points down the profiled
    loss."""
    levels = [theory.reached_poles(*model(settings_of(run)), j).loss for j in (k, k + 1)]
    loss, time = run.loss.values[seed], run.learning_time.values
    ends = [
        analysis.crossing(loss, time, levels[1] + share * (levels[0] - levels[1])) for share in (0.9, 0.1)
    ]
    inside = np.flatnonzero((time >= ends[0]) & (time <= ends[1]))
    rows = [params_at(run, seed, int(i)) for i in inside]
    active = [analysis.poles(p["W"])[np.argsort(-analysis.mode_norms(**p))[: k + 1]] for p in rows]
    poles = np.real(analysis.pole_branches(np.array(active)))
    slope = [theory.profiled_gradient(p, *model(settings_of(run))) for p in poles[:-1]]
    return np.mean(np.sum(np.diff(poles, axis=0) * np.real(slope), axis=1) < 0)
