"""The toy model at finite confidence, and ghosts against rests."""

import jax.numpy as jnp
import numpy as np

from stepwell.analysis.fields import latent_field, network_field
from stepwell.analysis.rest_points import fixed_points
from stepwell.network.low_rank import LowRank
from stepwell.run.reduced_toy import ToyDescent
from stepwell.study.ghost import drawings_toy as drawings
from stepwell.study.ghost.protocols import Landscape, Planted, T, claim
from stepwell.study.ghost.readings import params_at
from stepwell.theory import saddle_node as toy

STEP = 1e-6
"""Distance of two places from the optimum, in its units: far inside the kink, whose width is above 1e-4."""


@claim(
    "Fig. 2A and text to Fig. 4",
    [(Landscape((0.0,), g), (0,)) for g in (0.01, 0.1, 0.5, 1.0, 2.0)],
    predict=lambda es: [toy.flat_gradient(T, e.confidence) for e in es],
    kind="largest",
    relative=True,
    tolerance=1e-10,
    reading="intended",
    scope="source",
    figure=drawings.slopes,
)
def low_confidence_gradient(runs):
    """Lower confidence makes a gradient in the no-learning zone: the slope at r = 0."""
    return [run.slope.values[0, 0] for run in runs]


def around_the_optimum(confidences):
    """Two places beside the smooth optimum, for several confidences."""
    best = toy.smooth_optimum(T) / toy.optimum(T)
    return [(Landscape((best - STEP, best + STEP), g), (0,)) for g in confidences]


def inverse_curvatures(runs):
    """2/L'' at the optimum in units of the critical rate, [run]."""
    slopes = [np.diff(run.slope.values[0])[0] / (2 * STEP * toy.optimum(T)) for run in runs]
    return 2 / np.array(slopes) / toy.critical_learning_rate(T)


@claim(
    "new",
    lambda scale: around_the_optimum((0.5, 1.0, 2.0)),
    predict=lambda es: [toy.local_learning_rate(T, e.confidence) / toy.critical_learning_rate(T) for e in es],
    kind="largest",
    relative=True,
    tolerance=0.01,
    figure=drawings.two_rates,
)
def smooth_minimum(runs):
    """At finite confidence the optimum is a smooth minimum with a critical rate of its own."""
    return inverse_curvatures(runs)


def local_descents(scale):
    """Descents from beside the smooth optimum, a little below and a little above the local critical rate."""
    share = toy.local_learning_rate(T, 1.0) / toy.critical_learning_rate(T)
    start = toy.smooth_optimum(T) / toy.optimum(T) * (1 + 1e-6)
    return [(ToyDescent((0.9 * share, 1.1 * share), rho0=start, updates=150, confidence=1.0), (0,))]


@claim("new", local_descents, tolerance=0.0, figure=drawings.local_descent)
def local_rate_acts(runs):
    """The local rate separates convergence from a 2-cycle: of two descents, those that do otherwise."""
    path = runs[0].r.values[0, :, :, 0]
    away = np.abs(path - path.mean(axis=0)) * 0 + np.abs(path - toy.smooth_optimum(T) / toy.optimum(T))
    settles, cycles = away[-2:, 0].max() < away[0, 0], away[-2:, 1].min() > 10 * away[0, 1]
    return int(not settles) + int(not cycles)


DISTANCES = tuple(float(f"{sign}1e-{k}") for sign in ("", "-") for k in range(2, 9))
REST = 1e-12
"""What a finder by threshold calls a rest: half the squared speed below this."""


def planted(scale):
    """Networks with planted points, in one dimension and in five."""
    return [(Planted(DISTANCES, hidden), (0,)) for hidden in ((1,) if scale == "smoke" else (1, 5))]


def found(run):
    """The points that a search from one start finds in each planted network, [distance]."""
    hidden, points = run.sizes["unit"], []
    for case in range(run.sizes["snapshot"]):
        params = params_at(run, 0, case)
        if hidden == 1:
            points.append(fixed_points(latent_field(**params), np.array([-1.2])))
        else:
            field = network_field(LowRank(hidden), {k: jnp.asarray(v) for k, v in params.items()}, 1.0)
            points.append(fixed_points(field, -0.6 + 0.01 * np.arange(hidden)[None]))
    return points


def slow_cases(experiments):
    """Planted ghosts whose half squared speed is below the threshold: |F| = r/|n|, in one dimension r."""
    speeds = [np.array(e.distances) * (np.sqrt(e.hidden) / 2 if e.hidden > 1 else 1.0) for e in experiments]
    return sum(np.sum((s > 0) & (s**2 / 2 < REST)) for s in speeds)


@claim(
    "text before Fig. 2",
    planted,
    predict=slow_cases,
    tolerance=0.0,
    reading="literal",
    scope="source",
    figure=drawings.planted,
)
def threshold_finder_confuses(runs):
    """For small r a threshold on the speed cannot tell a ghost from a rest: ghosts that it calls rests."""
    ghosts = [points for run in runs for points, r in zip(found(run), DISTANCES) if r > 0]
    return sum(any(point.speed**2 / 2 < REST for point in points) for points in ghosts)


@claim("text before Fig. 2", planted, tolerance=0.0, figure=drawings.planted)
def finder_tells_apart(runs):
    """The definitions by slope and curvature of the speed tell them apart: wrong kinds."""
    cases = [(points, r) for run in runs for points, r in zip(found(run), DISTANCES)]
    return sum({point.kind for point in points} != {"ghost" if r > 0 else "fixed"} for points, r in cases)
