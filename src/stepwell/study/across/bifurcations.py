"""Are drops bifurcations: do number or stability of the fixed points change while the loss falls?"""

import numpy as np

from stepwell.network import Rate
from stepwell.run import settings_of
from stepwell.study.across import drawings_bifurcations as drawings
from stepwell.study.across.drops import drops_of, rests_of
from stepwell.study.across.protocols import claim
from stepwell.study.across.protocols_bifurcations import (
    HOLD,
    MANTE,
    every_kind,
    high_rate,
    linear,
    low_rate,
    on_task,
)
from stepwell.study.base import value_of


@claim(
    "item 4",
    linear,
    kind="fraction",
    tolerance=0.06,
    scales="full",
    figure=drawings.order,
)
def linear_drops_bifurcate(runs):
    """No drop of a linear network is a bifurcation: share of drops during which the fixed point's stability
    changes."""
    return [drop.holds_event for drop in drops_of(runs[0])]


@claim(
    "item 4",
    low_rate,
    kind="fraction",
    tolerance=0.15,
    scales="full",
    figure=drawings.order,
)
def rank_one_drops_bifurcate(runs):
    """The drop of a network of rank one at a low learning rate is no bifurcation: share of drops during which
    the number of fixed points changes."""
    return [drop.holds_event for drop in drops_of(runs[0])]


@claim(
    "item 4",
    high_rate,
    predict=None,
    kind="fraction",
    tolerance=0.15,
    scales="quick full",
    figure=drawings.order,
)
def rank_one_drops_at_high_rate(runs):
    """The same at a high learning rate, where the loss oscillates on its way down."""
    return [drop.holds_event for drop in drops_of(runs[0])]


for task, name, words in ((HOLD, "flipflop", "flip-flop"), (MANTE, "mante", "context-dependent decision")):
    claim(
        "item 4",
        on_task(task),
        predict=1.0,
        kind="fraction",
        tolerance=0.15,
        scales="full",
        name=f"{name}_drops_bifurcate",
        statement=f"The drop on the {words} is one: share during which the origin's stability changes.",
        figure=drawings.order,
    )(lambda runs: [drop.holds_event for drop in drops_of(runs[0]) if drop.learned])


@claim("item 4", every_kind, tolerance=0.0, scales="quick full", figure=drawings.order)
def memory_needs_rests(runs):
    """Networks that learned to remember without input rest in more than one place: number of those that do
    not."""
    tasks = [run for run in runs if isinstance(value_of(settings_of(run), "network"), Rate)]
    learned = [(run, i) for run in tasks for i, drop in enumerate(drops_of(run)) if drop.learned]
    return sum(len(rests_of(run, i, -1)) < 2 for run, i in learned)


@claim(
    "item 4",
    lambda scale: every_kind(scale)[-2:],
    predict=None,
    kind="mean",
    tolerance=0.1,
    scales="full",
    figure=drawings.order,
)
def first_bifurcation(runs):
    """Where the first bifurcation of such a network lies, in units of its drop: 0 at 90 %, 1 at 10 %."""
    return np.array([drop.places[0] for run in runs for drop in drops_of(run) if drop.learned])
