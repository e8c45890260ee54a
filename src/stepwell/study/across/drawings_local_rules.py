"""The figures of local rules on the stairs: records in, one picture out."""

import numpy as np

from stepwell import figure, theory
from stepwell.figure.style import title
from stepwell.run import settings_of
from stepwell.study.across.protocols import model_of
from stepwell.study.across.readings import (
    functional_ranks,
    leaving_times,
    modes,
    predicted_modes,
    resting_level,
    sigma0,
)
from stepwell.study.base import value_of
from stepwell.study.local_rules.readings import name_of
from stepwell.study.saddle_to_saddle.protocols import TARGETS

FAINT, LARGE = 1e-6, 2.0
"""Losses beyond them are drawn there."""


def label(settings):
    """The rule of an experiment as figures write it, with its lag."""
    rule = value_of(settings, "rule")
    name, _, kind = name_of(rule).partition(",")
    return title(name) + (f"({rule.lag})" if hasattr(rule, "lag") else "") + (f",{kind}" if kind else "")


def modes_against_theory(runs, predicted, ax):
    """Active modes by rule and number of outputs: rings where the theory has them, a dot per seed."""
    names = []
    for row, run in enumerate(runs):
        settings = settings_of(run)
        found = modes(run)
        spread = 0.5 * (np.arange(len(found)) / max(1, len(found) - 1) - 0.5)
        look = figure.rule_line(name_of(value_of(settings, "rule")))
        ax.plot(found, row + spread, "o", color=look["color"], markersize=3)
        ax.plot(predicted_modes(settings), row, "s", mfc="none", color=figure.colour("ink"), markersize=16)
        names.append(f"{label(settings)}, {counted(run)}")
    top = max(predicted_modes(settings_of(run)) for run in runs) + 1
    ax.set(xticks=range(top + 1), xlim=(-0.5, top), xlabel="active modes (square: predicted)")
    ax.set(yticks=range(len(runs)), yticklabels=names, ylim=(len(runs) - 0.4, -0.6))
    return ax


def losses(runs, predicted, ax):
    """The loss of every rule, one line per seed; dashed, the level on which it should rest."""
    ax.set(xscale="log", yscale="log")
    for k, run in enumerate(runs):
        ink = figure.mode_colour(k + 1)
        name = f"{label(settings_of(run))}, {counted(run)}"
        dash = "-" if run.sizes["output"] == 1 else "-."
        look = {"color": ink, "linestyle": dash, "linewidth": 0.7, "alpha": 0.6}
        ax.plot(run.learning_time.values.T[1:], run.loss.values.T[1:], **look)
        ax.plot([], [], color=ink, linestyle=dash, label=name)
        if np.isfinite(level := resting_level(settings_of(run))):
            ax.axhline(level, color=ink, linestyle="--", linewidth=0.8)
    ax.set(xlabel="learning time", ylabel="loss", xlim=(1, 1100))
    figure.log_ticks(ax)
    figure.key_above(ax, 2)
    return ax


def counted(run):
    """How many outputs a record has, in words."""
    outputs = run.sizes["output"]
    return f"{outputs} output{'' if outputs == 1 else 's'}"


def ends(runs, predicted, ax):
    """The last loss of every rule, a digit per seed that counts its active modes; bars: where flows rest."""
    ax.set(xscale="log", xlim=(FAINT / 2, 2 * LARGE))
    for row, run in enumerate(runs):
        settings, found = settings_of(run), modes(run)
        look = {"color": figure.rule_line(name_of(value_of(settings, "rule")))["color"], "markersize": 5.5}
        places = row + 0.7 * (np.arange(len(found)) / max(1, len(found) - 1) - 0.5)
        last = np.clip(np.nan_to_num(run.loss.values[:, -1], nan=LARGE), FAINT, LARGE)
        for loss, count, place in zip(last, found, places):
            digit = (
                {"marker": rf"$\mathbf{{{count:.0f}}}$", "markeredgewidth": 0}
                if count >= 0
                else {"marker": "x"}
            )
            ax.plot(loss, place, **digit, **look)
        if predicted_modes(settings) < len(model_of(value_of(settings, "task"))[0]):
            level, bar = [resting_level(settings)] * 2, [row - 0.45, row + 0.45]
            ax.plot(level, bar, "--", color=figure.colour("ink"), linewidth=0.8, zorder=0)
    ax.set(xlabel="last loss (digits: active modes; dashed: rest of the flow)")
    ax.set(yticks=range(len(runs)), yticklabels=[label(settings_of(run)) for run in runs])
    ax.set(ylim=(len(runs) - 0.4, -0.6))
    return ax


def leaving_times_by_rule(runs, predicted, ax):
    """When the first stair is left against the initial scale: a dot per seed, means joined, by rule."""
    by_rule = {}
    for run in runs:
        by_rule.setdefault(label(settings_of(run)), []).append(run)
    ax.set(xscale="log", yscale="log")
    ends, names, inks = [], [], []
    for name, group in by_rule.items():
        look = figure.rule_line(name_of(value_of(settings_of(group[0]), "rule")).partition(",")[0])
        scales, times = [sigma0(run) for run in group], leaving_times(group)
        dash = "-." if "readout" in name else "-"
        ax.plot(scales, times.T, ".", color=look["color"], alpha=0.4, markersize=3)
        mean = np.exp(np.nanmean(np.log(times), axis=0))
        ax.plot(scales, mean, color=look["color"], linestyle=dash)
        slope = np.diff(np.log(mean[-2:]))[0] / np.diff(np.log(scales[-2:]))[0]
        ends.append(mean[0])
        names.append(f"{name}: " + f"{slope:.2f}".replace("-", "−"))
        inks.append(look["color"])
    ax.set(xlabel="σ₀ (numbers: last slope)", ylabel="time at which the stair is left")
    figure.log_ticks(ax)
    figure.end_labels(ax, names, ends, inks)
    return ax


def ranks_by_degree(runs, predicted, ax):
    """The functional rank of the change of W against the degree of the target; squares where predicted."""
    for run in runs:
        settings, found = settings_of(run), functional_ranks(run)
        degree = len(model_of(value_of(settings, "task"))[0])
        look = figure.rule_line(name_of(value_of(settings, "rule")))
        places = degree + 0.25 * (np.arange(len(found)) / max(1, len(found) - 1) - 0.5)
        ax.plot(places, found, "o", color=look["color"], markersize=3)
        ax.plot(degree, predicted_modes(settings), "s", mfc="none", color=figure.colour("ink"), markersize=18)
    name = f"{label(settings_of(runs[0]))}, {counted(runs[0])}"
    ax.set(xticks=range(1, 5), yticks=range(5), xlim=(0.5, 4.5), ylim=(-0.2, 4.6))
    ax.set(xlabel=f"degree of the target ({name}; square: predicted)", ylabel="functional rank of the change")
    return ax


def slopes_by_size(runs, predicted, ax):
    """The slope of every dwell over the predicted one, by the number of units, a dot per seed."""
    from stepwell.study.across.size import products

    sizes = [value_of(settings_of(run), "network__hidden") for run in runs[::2]]
    for k in range(2):
        rows = products(runs, k)
        for size, row in zip(sizes, rows):
            ax.plot(
                np.full(len(row), size * (0.94, 1.06)[k]), row, ".", color=figure.mode_colour(k), alpha=0.4
            )
        ax.plot(sizes, [np.nanmean(row) for row in rows], color=figure.mode_colour(k), label=f"plateau {k}")
    ax.axhline(1, color=figure.colour("ink"), linestyle="--", linewidth=0.8)
    ax.set(xscale="log", xlabel="units", ylabel="slope of the dwell time × rate", ylim=(0.95, 1.05))
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def five_stairs(runs, predicted, ax):
    """The loss towards the target with five poles, by initial scale, a line per seed."""
    ax.set(yscale="log")
    for k, run in enumerate(runs):
        ink = figure.mode_colour(k + 1)
        ax.plot(run.learning_time.values.T, run.loss.values.T, color=ink, linewidth=0.7)
        ax.plot([], [], color=ink, label=f"σ₀ = {figure.power_of_ten(sigma0(run))}")
    for k in range(4):
        level = theory.reached_poles(*TARGETS["FIVE"][:2], k).loss
        ax.axhline(level, color=figure.colour("ink"), linestyle="--", linewidth=0.8)
    ax.set(xlabel="learning time (dashed: best models of degree 0 to 3)", ylabel="loss")
    figure.key_above(ax)
    return ax


def times_to_zero(runs, predicted, ax):
    """The share of targets that are learned by a learning time."""
    times = np.sort([run.learning_time.values[0, -1] for run in runs])
    ax.step(times, (1 + np.arange(len(times))) / len(times), where="post", color=figure.colour("student"))
    ax.axhline(1, color=figure.colour("ink"), linestyle="--", linewidth=0.8)
    ax.set(
        xscale="log", xlabel="learning time", ylabel="share of targets with loss below 10⁻⁶", ylim=(0, 1.05)
    )
    figure.log_ticks(ax)
    return ax


def loss_by_strength(runs, predicted, ax):
    """The final loss of RFLO against the strength of its first recurrent weights, by degree."""
    by_degree = {}
    for run in runs:
        by_degree.setdefault(settings_of(run).degree, []).append(run)
    ends, names = [], []
    for k, (degree, group) in enumerate(by_degree.items(), 1):
        strengths = [settings_of(run).g for run in group]
        final = np.stack([run.loss.values[:, -1] for run in group])
        ax.plot(strengths, final, ".", color=figure.mode_colour(k), alpha=0.4)
        ax.plot(strengths, np.exp(np.nanmean(np.log(final), axis=1)), color=figure.mode_colour(k))
        ends.append(np.exp(np.nanmean(np.log(final[-1]))))
        names.append(f"degree {degree}")
    ax.set(yscale="log", xlabel="strength g of the initial recurrent weights", ylabel="final loss of RFLO")
    figure.end_labels(ax, names, ends, [figure.mode_colour(k + 1) for k in range(len(names))])
    return ax
