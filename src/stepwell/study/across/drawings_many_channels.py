"""The figures of targets with many inputs and outputs."""

import numpy as np

from stepwell import figure, theory
from stepwell.figure.style import THEORY
from stepwell.run import settings_of
from stepwell.study.across.protocols_many_channels import target_of
from stepwell.study.saddle_to_saddle.readings import dwells, of_plateaus, sigma0, stairs


def plateaus_of(run):
    """The predicted plateaus of a record's target."""
    poles, residues = target_of(settings_of(run))
    return theory.first_plateaus(poles, residues, len(poles))


def staircases(runs, predicted, ax):
    """The loss of the last record on its way down the levels of the best models."""
    run = runs[-1]
    return figure.staircase(run, ax, levels=plateaus_of(run).levels, plateaus=stairs(run)[0])


def dwell(runs, predicted, ax):
    """Dwell times of the last target against the initial scale, with the slopes of the law with a lead."""
    group = [run for run in runs if target_of(settings_of(run)) == target_of(settings_of(runs[-1]))]
    factors = plateaus_of(group[0]).dwell_factors
    times = np.stack([dwells(group, k).T for k in range(len(factors))], axis=-1)
    return figure.dwell_times([sigma0(run) for run in group], times, 1 / factors, ax, "slope")


def random_levels(runs, predicted, ax):
    """Levels of plateaus 1 and 2 of freshly drawn targets against those of the best models."""
    for k in (1, 2):
        best = [plateaus_of(run).levels[k] for run in runs]
        found = [of_plateaus(run, "level", 3)[0, k] for run in runs]
        ax.plot(best, found, "o^"[k - 1], color=figure.mode_colour(k), label=f"plateau {k}")
    ends = np.array(ax.get_ylim())
    ax.plot(ends, ends, color=figure.colour("ink"), zorder=0, **THEORY)
    ax.set(xscale="log", yscale="log", xlabel="loss of the best model", ylabel="loss on the plateau")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax
