"""The figure of the order of events: drops, and the bifurcations around them."""

import numpy as np

from stepwell import figure
from stepwell.run import settings_of
from stepwell.study.across.drops import drops_of
from stepwell.study.base import value_of

NEAR = (-1.5, 2.5)
"""Places that are shown, in units of the drop."""


def order(runs, predicted, ax):
    """One row per drop, kind by kind: the drop is shaded, dots are bifurcations."""
    ax.axvspan(0, 1, color=figure.colour("muted"), alpha=0.15, linewidth=0)
    low, middles = 0, []
    for k, run in enumerate(runs, 1):
        drops = [drop for drop in drops_of(run) if drop.learned][:24]
        ink = figure.mode_colour(k)
        for height, drop in enumerate(drops, low):
            places = drop.places[(drop.places > NEAR[0]) & (drop.places < NEAR[1])]
            ax.plot(NEAR, [height, height], color=figure.colour("grid"), linewidth=0.6, zorder=0)
            ax.plot(places, np.full(len(places), height), "o", color=ink, markersize=2.5)
        middles.append((low + (len(drops) - 1) / 2, name_of(run), ink))
        low += len(drops) + 2
    ax.set(xlim=NEAR, ylim=(low - 1, -2), xticks=[0, 1], xticklabels=["90 %", "10 %"], xlabel="of the drop")
    ax.set_yticks([middle for middle, _, _ in middles], [name for _, name, _ in middles])
    for label, (_, _, ink) in zip(ax.get_yticklabels(), middles):
        label.set_color(ink)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def name_of(run):
    """What a group of rows is called."""
    task = type(value_of(settings_of(run), "task")).__name__
    names = {"Impulse": "linear", "FlipFlop": "flip-flop", "Mante": "decision"}
    rate = value_of(settings_of(run), "optimiser__learning_rate")
    return names.get(task, f"rank one,\nrate {rate:g}")
