"""The figures of the lazy limit."""

import numpy as np

from stepwell import figure
from stepwell.figure.style import THEORY
from stepwell.study.across.linearised import largest_gap, outputs
from stepwell.study.low_rank_change.readings import at, strength, task_of
from stepwell.task import FlipFlop, Mante, Romo

LABELS = {"drift": "drift of the kernel", "moved": "way of the weights / norm"}
TASKS = {FlipFlop: ("o", "flip-flop"), Mante: ("^", "decision"), Romo: ("s", "comparison")}
"""Marker and name of each."""


def gaps(runs, predicted, ax):
    """Outputs of the exact flow and of the linearised one; the largest gap against the target."""
    curves, law = figure.columns(ax, 2, gap=0.6)
    for k, target in enumerate((0.5, 1.0, 2.0), 1):
        times, exact, linear = outputs(0.6, target)
        curves.plot(times, exact, color=figure.mode_colour(k), label=f"target {target:g}")
    longest = max((outputs(0.6, target) for target in (0.5, 1.0, 2.0)), key=lambda found: found[0][-1])
    curves.plot(longest[0], longest[2], color=figure.colour("ink"), label="linearised", **THEORY)
    curves.set(xlabel="effective time", ylabel="output / target")
    figure.key_above(curves, 2)
    targets = np.geomspace(0.01, 1.0, 9)
    found = {f"g = {g:g}": [largest_gap(g, target) for target in targets] for g in (0.0, 0.6)}
    figure.power_laws(targets, found, law, ("target", "largest gap"), exponents=[2, 2])
    return ax


def drift(runs, predicted, ax):
    """Drift of the kernel and way of the weights against the number of units, by strength and task."""
    panels = figure.columns(ax, 2, gap=0.7)
    strengths = sorted({strength(run) for run in runs})
    tasks = list(dict.fromkeys(type(task_of(run)) for run in runs))
    for panel, attribute in zip(panels, ("drift", "moved")):
        for k, g in enumerate(strengths, 1):
            for task in tasks:
                group = [run for run in at(runs, g) if type(task_of(run)) is task]
                values = [run[attribute].values for run in group]
                sizes, ink = [run.sizes["unit"] for run in group], figure.mode_colour(k)
                panel.plot(sizes, values, ".", color=ink, markersize=2, alpha=0.5)
                panel.plot(sizes, geometric_mean(values), marker=TASKS[task][0], color=ink, markersize=4)
        panel.set(xscale="log", yscale="log", xlabel="units", ylabel=LABELS[attribute])
        figure.log_ticks(panel)
    for k, g in enumerate(strengths, 1):
        panels[0].plot([], [], color=figure.mode_colour(k), label=f"g = {g:g}")
    for task in tasks:
        marker, name = TASKS[task]
        panels[1].plot([], [], marker, color=figure.colour("muted"), label=name, markersize=4)
    for panel in panels:
        figure.key_above(panel, 2)
    return ax


def geometric_mean(values):
    """Of every row of a list; nothing for an empty list."""
    return [np.exp(np.log(row).mean()) for row in values]
