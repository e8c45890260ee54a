"""The figures of the edge of stability."""

import numpy as np

from stepwell import figure
from stepwell.figure.curves import TIME
from stepwell.figure.style import THEORY
from stepwell.run import settings_of
from stepwell.study.across.sharpness import middle_sharpness
from stepwell.study.ghost.readings import sharpness

LABEL = "learning rate × largest curvature"


def stairs(runs, predicted, ax):
    """Learning rate times curvature between updates along the stairs, one line per learning rate."""
    ends, names, inks = [], [], []
    for k, run in enumerate(runs, 1):
        places = np.unique(np.linspace(0, run.sizes["snapshot"] - 2, 150).astype(int))
        rate = settings_of(run).optimiser.learning_rate
        values = [rate * middle_sharpness(run, 0, place) for place in places]
        ax.plot(run.snapshot_learning_time.values[places], values, color=figure.mode_colour(k))
        ends.append(values[-1])
        names.append(f"rate {rate:g}")
        inks.append(figure.mode_colour(k))
    ax.axhline(2, color=figure.colour("ink"), **THEORY)
    ax.set(xlabel=TIME, ylabel=LABEL, ylim=(0, max(2.2, ax.get_ylim()[1])))
    figure.end_labels(ax, names, ends, inks)
    return ax


def branch(runs, predicted, ax):
    """The same along learning with rank one, for four networks, with the loss of the first above."""
    run = runs[0]
    places = np.arange(1, run.sizes["snapshot"] - 1, max(1, run.sizes["snapshot"] // 100))
    for seed in range(min(4, run.sizes["seed"])):
        values = [sharpness(run, seed, int(place)) for place in places]
        ax.plot(run.snapshot_update.values[places], values, color=figure.mode_colour(seed + 1), linewidth=0.9)
    ax.axhline(2, color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="updates", ylabel=LABEL)
    return ax
