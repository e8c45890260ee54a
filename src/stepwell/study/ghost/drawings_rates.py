"""The figures of learning rates, delays and ranks: records in, one picture out."""

import numpy as np

from stepwell import figure
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.ghost.drawings import caption
from stepwell.study.ghost.readings import (
    first_ghosts,
    learned,
    learning_rate,
    plateau_times,
    stuck,
    trial,
)


def rate_times_drop(runs, predicted, ax):
    """Rate times drop of every seed against the rate."""
    for k, row in enumerate(plateau_times(runs[0])):
        ink = figure.mode_colour(1 + k % 5)
        ax.plot(settings_of(runs[0]).rates, row, "o-", color=ink, label=f"seed {runs[0].seed.values[k]}")
    ax.set(xscale="log", xlabel="learning rate", ylabel="learning rate × length of the plateau")
    ax.set_ylim(bottom=0)
    figure.log_ticks(ax)
    figure.key_above(ax, columns=5)
    return ax


def rate_window(runs, predicted, ax):
    """Mean loss ± standard error against the learning rate, at several updates."""
    run = runs[0]
    for k, u in enumerate((10000, 20000, 50000), 1):
        losses = run.losses.values[:, np.searchsorted(run.snapshot_update.values, u)]
        error = losses.std(axis=0, ddof=1) / np.sqrt(len(losses))
        ink, name = figure.mode_colour(k), f"after {u} updates"
        ax.errorbar(settings_of(run).rates, losses.mean(axis=0), yerr=error, color=ink, label=name)
    ax.set(xscale="log", xlabel="learning rate", ylabel="mean loss")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def ranks(runs, predicted, ax):
    """Loss over first loss against update, one colour per rank, one line per seed."""
    for k, run in enumerate(runs, 1):
        for loss in run.loss.values:
            ax.plot(run["update"].values[1:], loss[1:] / loss[0], color=figure.mode_colour(k), linewidth=0.9)
        ax.plot(
            [], [], color=figure.mode_colour(k), label=f"rank {value_of(settings_of(run), 'network__rank')}"
        )
    ax.set(xscale="log", yscale="log", xlabel="update", ylabel="loss / first loss")
    figure.log_ticks(ax)
    figure.key_above(ax, columns=5)
    return ax


def full_rank(runs, predicted, ax):
    """Loss over first loss of networks of full rank at several rates."""
    for k, run in enumerate(sorted(runs, key=learning_rate), 1):
        for loss in run.loss.values:
            ax.plot(
                run["update"].values[::10],
                (loss / loss[0])[::10],
                color=figure.mode_colour(k),
                linewidth=0.7,
                alpha=0.7,
            )
        ax.plot([], [], color=figure.mode_colour(k), label=f"learning rate {learning_rate(run):g}")
    ax.set(xlabel="update", ylabel="loss / first loss", ylim=(0, 2.3))
    figure.key_above(ax)
    return caption(ax, "a relative loss near 2 is the no-learning zone\n")


def delay_law(runs, predicted, ax):
    """The share of networks in the zone against the learning rate, for every delay."""
    for k, delay in enumerate((10, 20, 40), 1):
        chosen = [run for run in runs if settings_of(run).task.delay == delay]
        rates = [learning_rate(run) for run in chosen]
        ax.plot(
            rates,
            [stuck(run).mean() for run in chosen],
            "o-",
            color=figure.mode_colour(k),
            label=f"delay {delay}",
        )
    ax.axhline(0.5, color=figure.colour("muted"), linewidth=0.8, linestyle=":")
    ax.set(xscale="log", xlabel="learning rate", ylabel="share in the no-learning zone")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def leads(runs, predicted, ax):
    """When the first ghost comes, relative to the drop, per network, delay and strength of start."""
    for k, run in enumerate(runs):
        settings = settings_of(run)
        lead = first_ghosts(run)
        lead = lead[np.isfinite(lead)]
        ink = figure.mode_colour({10: 1, 20: 2, 40: 3}[settings.task.delay])
        ax.plot(lead, np.full(len(lead), k), "o", color=ink, alpha=0.6)
    gains = [f"{value_of(settings_of(run), 'network__sigma0') ** 2:.0f}" for run in runs]
    delays = [settings_of(run).task.delay for run in runs]
    labels = [f"gain {gain}, delay {delay}" for gain, delay in zip(gains, delays)]
    ax.axvline(0, color=figure.colour("ink"))
    ax.set(yticks=range(len(runs)), yticklabels=labels, xlabel="first ghost, updates after the drop")
    return ax


def noises(runs, predicted, ax):
    """The share of networks that learn and that end in the zone, against the noise in training."""
    level = [settings_of(run).rule.noise for run in runs]
    for read, ink, name in (
        (learned, "student", "learned at some point"),
        (stuck, "vermillion", "in the zone"),
    ):
        ax.plot(level, [read(run).mean() for run in runs], "o-", color=figure.colour(ink), label=name)
    ax.set(ylim=(-0.03, 1.03), xlabel="standard deviation of the noise of a unit", ylabel="share of networks")
    figure.key_above(ax)
    return ax


def toy_rates(runs, predicted, ax):
    """The rate at which half of the networks are lost against the delay, beside powers of the delay."""
    found = {}
    for run in runs:
        found.setdefault(settings_of(run).task.delay, []).append((learning_rate(run), stuck(run).mean()))
    delays = np.array(sorted(found))
    rates = np.array([next((rate for rate, share in found[d] if share >= 0.5), np.nan) for d in delays])
    ax.plot(delays, rates, "o-", color=figure.colour("student"), label="networks")
    for power, dash in ((-2, "--"), (-5, ":")):
        law = rates[0] * (delays / delays[0]) ** float(power)
        ax.plot(delays, law, dash, color=figure.colour("ink"), label=f"power {power}")
    ax.set(xscale="log", yscale="log", xlabel="delay, steps", ylabel="rate that half do not survive")
    figure.log_ticks(ax)
    ax.set_xticks(delays, [f"{delay:g}" for delay in delays])
    figure.key_above(ax)
    return ax


def trial_speeds(runs, predicted, ax):
    """The speed of the state through a trial, at several updates of one network of full rank."""
    run = runs[0]
    for k, update in enumerate((0, 50, 400, 3000), 1):
        path = trial(run, 0, int(np.searchsorted(run.snapshot_update.values, update)))[1]
        speed = 2 * np.linalg.norm(np.diff(path, axis=0), axis=1)
        ax.plot(speed, color=figure.mode_colour(k), label=f"update {update}")
    ax.set(yscale="log", xlabel="step", ylabel="speed |F| of the state")
    figure.log_ticks(ax)
    figure.key_above(ax, columns=2)
    return ax
