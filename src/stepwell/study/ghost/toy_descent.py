"""The toy model in the limit of a sharp output: plateau, no-learning zone, critical rate."""

import numpy as np

from stepwell.analysis import abrupt_learning
from stepwell.run import settings_of
from stepwell.run.reduced_toy import ToyDescent
from stepwell.study.ghost import drawings_toy as drawings
from stepwell.study.ghost.protocols import (
    BETAS,
    SCAN,
    Landscape,
    T,
    absorption,
    beta,
    claim,
    descents,
    rate_scan,
)
from stepwell.study.ghost.readings import absorbed, ratio, toy_losses
from stepwell.theory import saddle_node as toy


@claim(
    "Eqs. (2) and (12), Fig. 2A",
    lambda scale: [
        (Landscape(tuple(np.linspace(-1, 2, 20 if scale == "smoke" else 100).tolist()), g), (0,))
        for g in (1000.0, 1.0, 0.1)
    ],
    predict=lambda es: toy.loss(np.array(es[0].places) * toy.optimum(T), T) / T,
    kind="largest",
    tolerance=2e-3,
    reading="literal",
    scope="source",
    figure=drawings.landscape,
    note="a finite threshold moves the loss by 1/(threshold T)",
)
def loss_formula(runs):
    """Above a quarter of the optimum the loss is |T - pi/(2 sqrt r)|, below it T."""
    return runs[0].loss.values[0] / T


@claim(
    "Figs. 2B and 2C",
    descents(1e-10),
    predict=lambda es: toy.plateau_updates(es[0].rho0 * toy.optimum(T), 1e-10, T),
    tolerance=2.0,
    reading="literal",
    scope="source",
    figure=drawings.descent,
)
def drop_update(runs):
    """At the learning rate 1e-10 the loss falls abruptly after about 1500 updates, when r passes the
    optimum."""
    return np.argmax(ratio(runs[0])[:, 0] <= 1)


@claim(
    "Figs. 2B and 2C",
    descents(1e-10),
    tolerance=0.0,
    reading="literal",
    scope="source",
    figure=drawings.descent_ratio,
)
def no_bifurcation(runs):
    """On the way r never changes sign: updates with r <= 0."""
    return np.sum(ratio(runs[0]) <= 0)


def distant_starts(scale):
    """Starts at several distances, each long enough to arrive."""
    near = descents(1e-10)(scale)
    far = [
        (ToyDescent((0.1,), rho0=30.0, updates=27000), (0,)),
        (ToyDescent((0.5,), rho0=100.0, updates=110000), (0,)),
    ]
    return near if scale == "smoke" else near + far


@claim(
    "title and Fig. 2B",
    distant_starts,
    predict=lambda es: [toy.abruptness(e.rho0 * toy.optimum(T), T) for e in es],
    kind="largest",
    relative=True,
    tolerance=0.01,
    scope="source",
    figure=drawings.abruptness,
)
def abruptness_toy(runs):
    """How abrupt the drop is follows from the distance of the start alone."""
    return [abrupt_learning.abruptness(run.loss.values[0]) for run in runs]


@claim(
    "Eq. (15)",
    absorption,
    tolerance=0.0,
    reading="intended",
    scope="source",
    figure=drawings.absorption,
)
def safe_below(runs):
    """No start reaches the no-learning zone at rates below the critical one."""
    return sum(lost.sum() for rate, lost in absorbed(runs[0]).items() if rate < 1)


@claim(
    "Eq. (15) and Fig. 2D",
    absorption,
    predict=1.0,
    tolerance=0.05,
    reading="intended",
    scope="source",
    figure=drawings.absorption,
)
def critical_rate(runs):
    """Beyond the critical rate learning stops: the smallest rate at which every start is lost, in its
    units."""
    return min(rate for rate, lost in absorbed(runs[0]).items() if lost.all())


@claim(
    "text to Fig. 2 and below Eq. (15)",
    absorption,
    predict=1.0,
    tolerance=0.01,
    kind="fraction",
    reading="literal",
    scope="source",
    scales="quick full",
    expected="FAILS",
    note="by a small margin in the rate: up to 1.029 critical rates a stable 3-cycle keeps most starts",
    figure=drawings.cobweb,
)
def critical_rate_sharp(runs):
    """Every rate above the critical one ends in the no-learning zone: share of the starts lost at 1.003 of
    it."""
    return absorbed(runs[0])[1.003]


@claim(
    "Eq. (15)",
    absorption,
    predict=lambda es: 1.0 if BETAS[7] > toy.cycle().window[1] else 0.0,
    tolerance=0.0,
    scope="source",
    figure=drawings.cobweb,
    note="the border is where the 3-cycle ceases to exist, 1.0290 critical rates",
)
def absorbing_border(runs):
    """Beyond the border of the 3-cycle every start is lost: share at 1.03 critical rates."""
    return absorbed(runs[0])[BETAS[7]].mean()


def best_rates(run, updates):
    """The rate number with the smallest mean loss after given updates."""
    losses = toy_losses(run).mean(axis=-1)
    return [int(np.argmin(losses[u // settings_of(run).every])) for u in updates]


@claim(
    "Fig. 2D",
    rate_scan,
    tolerance=0.0,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.rate_scan,
)
def rate_trade_off(runs):
    """Smaller rates end lower but need more updates: how often the best rate rises from snapshot to
    snapshot."""
    return np.sum(np.diff(best_rates(runs[0], (1000, 2000, 3000, 5000, 10000))) > 0)


@claim(
    "text to Fig. 2, point (3)",
    rate_scan,
    predict=1.0,
    tolerance=0.25,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.rate_scan,
    note="the factor depends on what few means: 0.22 after 1000 updates, 0.018 after 10000",
)
def fast_learning_needs_critical_rate(runs):
    """Learning within 200 updates needs a rate near the critical one."""
    return beta(SCAN[best_rates(runs[0], (200,))[0]])


@claim(
    "new",
    lambda scale: [
        (
            ToyDescent(
                (0.99, 1.04),
                spread=0.1,
                starts=500,
                updates=20000,
                every=1000,
                curvature=a,
            ),
            (0,),
        )
        for a in (0.1, 1.0, 4.0, 25.0)
    ],
    tolerance=0.0,
    scales="quick full",
    figure=drawings.curvatures,
)
def curvature_scaling(runs):
    """With curvature a the critical rate is 3 pi^4/(32 a^2 T^5): starts lost just below it, and kept just
    above."""
    return sum(lost[0.99].sum() + (~lost[1.04]).sum() for lost in map(absorbed, runs))
