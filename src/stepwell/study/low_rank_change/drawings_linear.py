"""The figures of the linear network: records in, one picture out; what is predicted comes from theory."""

import numpy as np

from stepwell import analysis, figure
from stepwell.figure.style import THEORY
from stepwell.run import settings_of
from stepwell.study.low_rank_change.linear_protocols import DT
from stepwell.study.low_rank_change.linear_readings import (
    end,
    gradients,
    initial_loss,
    learning_times,
    losses,
    trial_outputs,
    unstable,
)
from stepwell.study.low_rank_change.protocols import RATES
from stepwell.study.low_rank_change.readings import strength
from stepwell.theory import linear_flow

EFFECTIVE = "effective learning time τ / (1 − g²)²"
CUBIC = {"linestyle": "dashdot", "linewidth": 0.9}


def name_of(run):
    """The cell of a record."""
    settings = settings_of(run)
    return f"g = {settings.g:g}, y* = {settings.target:g}"


def effective(run):
    """Learning time in units of that without initial connectivity."""
    return run.learning_time.values / (1 - strength(run) ** 2) ** 2


def flow_of(run):
    """The exact flow to the target of a record."""
    return linear_flow.solve(settings_of(run).g, settings_of(run).target)


def at_times(run):
    """The exact flow at the learning times of a record."""
    return flow_of(run).at_time(run.learning_time.values)


def losses_through_time(runs, predicted, ax):
    """The loss of simulations, of the exact flow (dashed) and of the cubic series (dash-dotted, not
    frozen)."""
    for k, run in enumerate(runs, 1):
        ink, te = figure.mode_colour(k), effective(run)
        cell = settings_of(run).g, settings_of(run).target
        ax.plot(te, (run.loss.values / initial_loss(run)).T, color=ink, linewidth=0.8, alpha=0.7)
        ax.plot([], [], color=ink, label=name_of(run))
        cubic = linear_flow.cubic(*cell, run.learning_time.values).output
        for output, look in ((at_times(run).output, THEORY), (cubic, CUBIC)):
            ax.plot(te, (1 - output / cell[1]) ** 2, color=figure.colour("ink"), **look)
    ax.set(xlabel=EFFECTIVE, ylabel="loss / first loss", ylim=(0, 1.02))
    ax.set_xlim(0, min(2.0, max(effective(run)[-1] for run in runs)))
    figure.key_above(ax, columns=2)
    return ax


def values(runs, predicted, ax):
    """The first three singular values of the change through learning; those of the exact flow dashed."""
    runs = runs if len(runs) < 5 else [run for run in runs if strength(run) == 0]
    for k, run in enumerate(runs, 1):
        te, exact = effective(run), at_times(run).singular_values
        for j in range(3):
            curve = run[f"s{j + 1}"].values
            if curve.max() > 1e-12:
                ax.plot(te, curve.T, color=figure.mode_colour(k), linewidth=0.8, alpha=0.7)
                ax.plot(te, exact[:, j], color=figure.colour("ink"), **THEORY)
        ax.plot([], [], color=figure.mode_colour(k), label=name_of(run))
    ax.set(yscale="log", ylim=(1e-7, 3), xlabel=EFFECTIVE, ylabel="singular values of the change")
    figure.log_ticks(ax)
    figure.key_above(ax, columns=2)
    return ax


def span(runs, predicted, ax):
    """Singular values of the change by numbers of inputs and outputs."""
    found = {}
    for run in runs[::4]:
        task = settings_of(run).task
        name = f"{task.inputs:g} in, {task.outputs:g} out"
        found[name] = np.maximum(analysis.singular_values(run.W.values[0, -1], run.W.values[0, 0]), 1e-17)
    return figure.singular_values({name: s[:10] for name, s in found.items()}, ax)


def first_outputs(runs, predicted, ax):
    """The distribution of first outputs, in units of their expected standard deviation."""
    grid = np.linspace(-4, 4, 200)
    for k, run in enumerate(runs, 1):
        scale = np.sqrt(settings_of(run).hidden * (1 - strength(run) ** 2))
        label = f"g = {strength(run):g}"
        ax.hist(run.output.values * scale, 40, density=True, color=figure.mode_colour(k), alpha=0.4,
                label=label)  # fmt: skip
    ax.plot(grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="first output × √(N(1 − g²))", ylabel="density")
    figure.key_above(ax)
    return ax


def truncations(runs, predicted, ax):
    """The loss with the change cut to rank 0, 1 and 2, and with its first direction alone."""
    for k, run in enumerate(runs, 1):
        share = np.maximum(losses(run, "truncated_loss"), 1e-16)
        ax.plot([0, 1, 2], share.T, "o-", color=figure.mode_colour(k), linewidth=0.8, markersize=3)
        ax.plot([], [], color=figure.mode_colour(k), label=name_of(run))
        direction = losses(run, "first_direction")
        ax.plot(np.ones(len(direction)), direction, "x", color=figure.mode_colour(k), markersize=5)
    ax.axhline(0.05, color=figure.colour("muted"), linewidth=0.8, linestyle=":")
    ax.set(yscale="log", xticks=(0, 1, 2), ylabel="loss / first loss")
    ax.set_xlabel("rank of the change (×: first direction alone)")
    figure.log_ticks(ax)
    figure.key_above(ax, columns=2)
    return ax


def trends(runs, predicted, ax):
    """Learning time, norm and gradient against g, over their values at 0: exact solid, first order dashed."""
    g = np.array([strength(run) for run in runs])
    target, fine = settings_of(runs[0]).target, np.linspace(0, g.max(), 25)
    chosen = [run for run in runs if settings_of(run).target == target]
    g = np.array([strength(run) for run in chosen])
    flows = [linear_flow.solve(x, target) for x in fine]
    exact = {
        "learning time": [flow.time_to(0.05) for flow in flows],
        "norm": [float(flow.final.norm) for flow in flows],
        "gradient": [flow.mean_gradient() for flow in flows],
    }
    found = zip((learning_times, lambda run: end(run, "norm"), gradients), exact, (2, 1, -1))
    for k, (reading, name, power) in enumerate(found, 1):
        ink, means = figure.mode_colour(k), np.array([np.nanmean(reading(run)) for run in chosen])
        ax.plot(fine, np.array(exact[name]) / exact[name][0], color=ink, linewidth=0.9, label=name)
        ax.plot(fine, (1 - fine**2) ** power, color=ink, **THEORY)
        beyond = np.array([unstable(run) for run in chosen])
        ax.plot(g[~beyond], (means / means[0])[~beyond], "o", color=ink, markersize=4)
        ax.plot(g[beyond], (means / means[0])[beyond], "x", color=ink, markersize=6)
    ax.set(yscale="log", xlabel="strength g of the initial weights (×: step too large)")
    ax.set_ylabel(f"over the value at g = 0, y* = {target:g}")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def shuffled(runs, predicted, ax):
    """The loss after shuffling against g, the change alone as open marks, first order dashed."""
    fine = np.linspace(0, 0.95, 100)
    ax.plot(fine, fine**4 * (2 - fine**2) ** 2, color=figure.colour("ink"), **THEORY)
    for run in runs:
        ink = figure.mode_colour(1 + list(RATES).index(settings_of(run).target))
        points = losses(run, "shuffled_loss").mean(axis=-1)
        ax.plot(np.full(len(points), strength(run)), points, "o", color=ink, markersize=3.5)
        alone = losses(run, "change_alone")
        ax.plot(np.full(len(alone), strength(run) + 0.015), alone, "D", color=ink, markersize=3.5,
                markerfacecolor="none")  # fmt: skip
    ax.set(xlabel="strength g of the initial weights", ylabel="loss / first loss", ylim=(-0.05, 1.3))
    ax.set_title("● shuffled, ◇ the change alone", fontweight="normal", fontsize="small")
    return ax


def trial(runs, predicted, ax):
    """The output of trained networks through the trial, and the target."""
    for k, run in enumerate(runs, 1):
        experiment, output = settings_of(run), trial_outputs(run)
        time = (1 - experiment.network.leak) * np.arange(len(output))
        name = f"g = {strength(run):g}, y* = {experiment.task.target:g}"
        ax.plot(time, output, color=figure.mode_colour(k), label=name)
        ax.axhline(experiment.task.target, color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="time (neuron time constants)", ylabel="output")
    figure.key_above(ax, columns=2)
    return ax


def paths(runs, predicted, ax):
    """The first singular value against the output reached; equal colours share g, the theory is dashed."""
    strengths = sorted({strength(run) for run in runs})
    for run in runs:
        ink = figure.mode_colour(1 + strengths.index(strength(run)))
        ax.plot(run.output.values.T, run.s1.values.T, color=ink, linewidth=0.8, alpha=0.6)
    for g in strengths:
        outputs = np.linspace(0, 1.99, 100)
        state = linear_flow.solve(g, 2.0).at_output(outputs)
        ax.plot(outputs, state.singular_values[:, 0], color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="output reached", ylabel="first singular value", xlim=(0, 2.1))
    names = [f"g = {g:g}" for g in strengths]
    ends = [float(linear_flow.solve(g, 2.0).final.singular_values[0]) for g in strengths]
    figure.end_labels(ax, names, ends, [figure.mode_colour(k + 1) for k in range(len(names))])
    return ax


def lazy(runs, predicted, ax):
    """The output in simulation, by the exact flow (dashed), and of the linearised network (dash-dotted)."""
    run, settings = runs[0], settings_of(runs[0])
    lazy_one = linear_flow.lazy_output(settings.g, settings.target, run.learning_time.values)
    ax.plot(effective(run), run.output.values.T, color=figure.colour("student"), linewidth=0.9)
    ax.plot(effective(run), at_times(run).output, color=figure.colour("ink"), label="exact", **THEORY)
    ax.plot(effective(run), lazy_one, color=figure.mode_colour(2), label="linearised", **CUBIC)
    ax.set(xlabel=EFFECTIVE, ylabel="output")
    figure.key_above(ax)
    return ax


def outlier_first(runs, predicted, ax):
    """The largest real part of an eigenvalue against the update, for every run."""
    for k, run in enumerate(runs, 1):
        largest = run.poles.values.real.max(axis=-1)
        ax.plot(run.snapshot_update.values, largest.T, color=figure.mode_colour(k), linewidth=0.8)
    ax.axhline(1, color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="update", ylabel="largest real part of an eigenvalue", ylim=(0, 2))
    return ax


def oscillations(runs, predicted, ax):
    """The target and the outputs of trained networks with and without initial weights."""
    time = DT * np.arange(100)
    for k, run in enumerate(runs, 1):
        W, b, c = (run[name].values[0, -1] for name in ("W", "b", "c"))
        h, outputs = b, []
        for _ in time:
            h = h + DT * (W @ h - h)
            outputs.append((c @ h).item())
        name = "with initial weights" if run.W.values[0, 0].any() else "without initial weights"
        ax.plot(time, outputs, color=figure.mode_colour(k), label=name)
    ax.plot(time, np.cos(2 * np.pi * time / 5), color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="time (neuron time constants)", ylabel="output (dashed: target)")
    figure.key_above(ax)
    return ax
