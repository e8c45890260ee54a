"""The figures of the lazy limit."""

import numpy as np

from stepwell import figure
from stepwell.figure.style import THEORY
from stepwell.study.across.linearised import largest_gap, outputs
from stepwell.study.low_rank_change.readings import strength


def gaps(runs, predicted, ax):
    """Outputs of the exact flow and of the linearised one; the largest gap against the target."""
    curves, law = figure.columns(ax, 2, gap=0.4)
    for k, target in enumerate((0.5, 1.0, 2.0), 1):
        times, exact, linear = outputs(0.6, target)
        curves.plot(times, exact, color=figure.mode_colour(k), label=f"target {target:g}")
    longest = max((outputs(0.6, target) for target in (0.5, 1.0, 2.0)), key=lambda found: found[0][-1])
    curves.plot(longest[0], longest[2], color=figure.colour("ink"), label="linearised", **THEORY)
    curves.set(xlabel="effective learning time", ylabel="output / target")
    curves.legend(loc="lower right")
    targets = np.geomspace(0.02, 1.0, 8)
    found = {f"g = {g:g}": [largest_gap(g, target) for target in targets] for g in (0.0, 0.6)}
    figure.power_laws(targets, found, law, ("target", "largest gap"), exponents=[2, 2])
    return ax


def drift(runs, predicted, ax):
    """Drift of the kernel and way of the weights against the number of units, by strength."""
    panels = figure.columns(ax, 2, gap=0.4)
    for panel, attribute, label in zip(
        panels, ("drift", "moved"), ("drift of the kernel", "way of the weights / norm")
    ):
        for k, g in enumerate(sorted({strength(run) for run in runs}), 1):
            group = [run for run in runs if strength(run) == g]
            values = [run[attribute].values for run in group]
            sizes, ink = [run.sizes["unit"] for run in group], figure.mode_colour(k)
            panel.plot(sizes, values, ".", color=ink)
            panel.plot(sizes, np.mean(values, axis=1), color=ink, label=f"g = {g:g}")
        panel.set(xscale="log", yscale="log", xlabel="units", ylabel=label)
        figure.log_ticks(panel)
    figure.key_above(panels[0], 4)
    return ax
