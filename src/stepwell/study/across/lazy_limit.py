r"""The lazy limit: how far tangent kernels and weights move, and when a linearised network learns alike.

In the linear network of the theory of many units the linearised model is $y=\hat y(1-e^{-\tau_e})$, with the
kernel $(1-g^2)^{-2}$ of the start and $\tau_e=\tau/(1-g^2)^2$. The exact flow differs from it in the third
order, by $\tfrac86\hat y^3\tau_e^3/(1-g^2)$, which no number of units makes small: small targets do.
"""

from functools import partial

import numpy as np

from stepwell.study.across import drawings_lazy_limit as drawings
from stepwell.study.across.linearised import largest_gap
from stepwell.study.across.protocols import claim
from stepwell.study.across.protocols_lazy_limit import MANTE, ROMO, sizes_and_strengths
from stepwell.study.low_rank_change.protocols import FLIPFLOP
from stepwell.study.low_rank_change.readings import at, task_of

SMALL = np.array([0.02, 0.04, 0.08])
WORDS = {FLIPFLOP: "the flip-flop", MANTE: "the context-dependent decision", ROMO: "the delayed comparison"}


@claim("item 11", (), predict=2.0, tolerance=0.05, figure=drawings.gaps)
def lazy_target(runs):
    """The linearised model of the linear network becomes exact with the square of the target, for any number
    of units: exponent of the largest gap of the output, over the target."""
    return np.polyfit(np.log(SMALL), np.log([largest_gap(0.6, target) for target in SMALL]), 1)[0]


@claim("item 11", (), predict=1 / (1 - 0.6**2), relative=True, tolerance=0.03, figure=drawings.gaps)
def lazy_strength(runs):
    """Initial connectivity makes it worse by 1/(1 - g^2): the gap at g = 0.6 over that at 0, at a small
    target."""
    return largest_gap(0.6, SMALL[0]) / largest_gap(0.0, SMALL[0])


def cells(runs, task, g):
    """The records of one task and strength, size by size."""
    return [run for run in at(runs, g) if task_of(run) == task]


def growth(runs, task, attribute, g):
    """The slope of the logarithm of a drift against that of the number of units, [seed]."""
    group = cells(runs, task, g)
    values = np.log([run[attribute].values for run in group])
    return np.polyfit(np.log([run.sizes["unit"] for run in group]), values, 1)[0]


def lazier(runs, task):
    """Decades by which the kernel of the largest networks drifts further at g = 0.9 than at 0, [seed]."""
    silent, random = (cells(runs, task, g)[-1].drift.values for g in (0.0, 0.9))
    return np.log10(random / silent.mean())


def measured(measure, task, name, statement):
    """A claim about one task that nobody can predict; the flip-flop is looked at on the small scale, too."""
    claim(
        "item 11",
        sizes_and_strengths,
        predict=None,
        kind="mean",
        tolerance=0.1,
        scales="quick full" if task == FLIPFLOP else "full",
        name=f"lazy_{name}" if task == FLIPFLOP else f"lazy_{name}_{type(task).__name__.lower()}",
        statement=statement,
        figure=drawings.drift,
    )(partial(measure, task=task))


for task, where in WORDS.items():
    for attribute, what in (
        ("drift", "the tangent kernel drifts"),
        ("moved", "the weights move, over their norm"),
    ):
        for g, ending in ((0.0, "without_start"), (0.9, "with_start")):
            measured(
                partial(growth, attribute=attribute, g=g),
                task,
                f"{attribute}_{ending}",
                f"How far {what} on {where} at g = {g:g}: exponent against the number of units.",
            )
    measured(
        lazier,
        task,
        "with_strength",
        f"Initial connectivity makes learning lazier: decades by which the drift of the kernel on {where} at "
        "g = 0.9 exceeds that at 0, at the largest size.",
    )
