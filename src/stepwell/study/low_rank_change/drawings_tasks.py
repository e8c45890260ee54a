"""The figures of the trained tasks: records in, one picture out."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from stepwell import figure
from stepwell.figure.style import THEORY
from stepwell.rule import RULES
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.low_rank_change.readings import (
    BEST,
    LAST,
    SOLVED,
    epochs,
    norms,
    ranks,
    shuffled,
    solved,
    strength,
    task_of,
)

SHOWN = 11
"""Ranks and singular values that are drawn."""


def inks(runs):
    """A colour per record: dark without initial connectivity, lighter with it."""
    ramp = figure.time_colours()[::-1]
    return [ramp[round(k * (len(ramp) - 3) / max(1, len(runs) - 1))] for k in range(len(runs))]


def name_of(run, runs):
    """What tells a record from the others of a picture."""
    sizes = {run.sizes["unit"] for run in runs}
    task = "" if len({type(task_of(each)) for each in runs}) == 1 else f"{type(task_of(run)).__name__}, "
    return f"{run.sizes['unit']} units" if len(sizes) > 1 else f"{task}g = {strength(run):g}"


def one_trial(runs, predicted, ax):
    """One trial of a trained network: inputs above, outputs solid, targets dashed, shaded where asked."""
    run = runs[0]
    network, task = (value_of(settings_of(run), name) for name in ("network", "task"))
    trials = task.trials(jax.random.key(3), 1)
    params = {name: jnp.asarray(run[name].values[0, 1], float) for name in ("W", "b", "c")}
    outputs = np.asarray(network.rollout(params, trials))[0]
    time = (1 - network.leak) * np.arange(task.steps)
    asked = np.asarray(trials.mask)[0, :, 0] > 0
    ax.fill_between(time, 0, 1, where=asked, transform=ax.get_xaxis_transform(), color=figure.colour("muted"),
                    alpha=0.12, linewidth=0)  # fmt: skip
    for k in range(outputs.shape[1]):
        ink = figure.mode_colour(k + 1)
        target = np.where(asked, np.asarray(trials.targets)[0, :, k], np.nan)
        ax.plot(time, 1.1 + 0.25 * k + 0.1 * np.asarray(trials.inputs)[0, :, k], color=ink, linewidth=0.9)
        ax.plot(time, outputs[:, k], color=ink, label=f"channel {k + 1}")
        ax.plot(time, target, color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="time (neuron time constants)", ylabel="output; inputs above", yticks=(-0.5, 0, 0.5))
    figure.key_above(ax)
    return ax


def learning_curves(runs, predicted, ax):
    """The loss over the first one against the update, one colour per record, the first seed strong."""
    floor = np.nanmean([run.loss.values[:, 0] for run in runs])
    for run, ink in zip(runs, inks(runs)):
        for k, loss in enumerate(run.loss.values[:3]):
            look = {"linewidth": 0.6, "alpha": 0.45} if k else {"linewidth": 1.3, "label": name_of(run, runs)}
            ax.plot(run["update"].values, loss / floor, color=ink, **look)
    ax.axhline(SOLVED, color=figure.colour("muted"), linewidth=0.8, linestyle=":")
    ax.set(yscale="log", xlabel="update", ylabel="loss / first loss", xlim=(0, 300))
    figure.log_ticks(ax)
    figure.key_above(ax, columns=4)
    return ax


def spectra(runs, predicted, ax):
    """The first singular values of the change by index."""
    chosen = [runs[0], runs[-1]] if len(runs) > 1 else runs
    values = {name_of(run, chosen): run.singular_values.values[:, LAST, :SHOWN] for run in chosen}
    return figure.singular_values(values, ax, share=False)


def truncation(runs, predicted, ax):
    """The loss with the change cut to rank r, over that before learning; first and last crossing of 5 %."""
    chosen = [runs[0], runs[-1]] if len(runs) > 1 else runs
    for k, run in enumerate(chosen, 1):
        ink, rank = figure.mode_colour(k), np.arange(min(SHOWN, run.sizes["rank"]))
        share = run.truncated_loss.values[:, BEST, : len(rank)] / run.initial_loss.values[:, None]
        ax.plot(rank, share.T, color=ink, linewidth=0.7, alpha=0.5)
        ax.plot(rank, share[0], "o-", color=ink, markersize=3, label=name_of(run, chosen))
        for which, marker in enumerate("v^"):
            at = ranks(run, which)[0]
            if at < len(rank):
                ax.plot(at, share[0, int(at)], marker, color=ink, markersize=8, markerfacecolor="none")
    ax.axhline(SOLVED, color=figure.colour("muted"), linewidth=0.8, linestyle=":")
    ax.set(yscale="log", xlabel="rank of the change (▽ first, △ last crossing)", ylabel="loss / first loss")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def eigenvalues(runs, predicted, ax):
    """The eigenvalues of the weights before and after learning, over the disc of radius g."""
    run = max(runs, key=strength)
    before, after = (np.linalg.eigvals(run.W.values[0, at]) for at in (0, -1))
    return figure.eigenvalues(before, after, ax, radius=strength(run))


def against_g(runs, predicted, ax, *, reading, label, scale="linear"):
    """A reading against g, mean and standard deviation over seeds; open marks for runs that did not learn."""
    kinds = list(dict.fromkeys(type(task_of(run)).__name__ for run in runs))
    for k, kind in enumerate(kinds, 1):
        chosen = sorted((run for run in runs if type(task_of(run)).__name__ == kind), key=strength)
        g, ink = np.array([strength(run) for run in chosen]), figure.mode_colour(k)
        means = np.array([np.nanmean(reading(run)) if solved(run).any() else np.nan for run in chosen])
        spreads = np.array([np.nanstd(reading(run)) if solved(run).any() else np.nan for run in chosen])
        ax.fill_between(g, means - spreads, means + spreads, color=ink, alpha=0.15, linewidth=0)
        ax.plot(g, means, color=ink, label=kind)
        for run in chosen:
            for value, good in zip(reading(run), solved(run)):
                fill = ink if good else "none"
                ax.plot(strength(run), value, "o", color=ink, markerfacecolor=fill, markersize=3.5)
    absent = [name for name in ("FlipFlop", "Mante", "Romo") if name not in kinds]
    ax.set(yscale=scale, xlabel="strength g of the initial weights", ylabel=label)
    figure.log_ticks(ax)
    figure.key_above(ax)
    if absent:
        ax.set_title(f"not run: {', '.join(absent)}", loc="right", fontweight="normal", fontsize="small")
    return ax


epochs_against_g = partial(against_g, reading=epochs, label="updates until 5 % of the loss", scale="log")
norms_against_g = partial(against_g, reading=norms, label="norm of the change")
shuffled_against_g = partial(against_g, reading=shuffled, label="shuffled loss / first loss")
ranks_against_g = partial(against_g, reading=ranks, label="functional rank (open: did not learn)")


def rules(runs, predicted, ax):
    """Singular values of the change by index, one line per rule."""
    found = {}
    for run in runs:
        name = next(k for k, kind in RULES.items() if type(value_of(settings_of(run), "rule")) is kind)
        found[name] = run.singular_values.values[:, LAST, :SHOWN]
    return figure.singular_values(found, ax)
