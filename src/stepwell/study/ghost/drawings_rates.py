"""The figures of learning rates, delays and ranks: records in, one picture out."""

import numpy as np

from stepwell import figure
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.ghost.drawings import caption
from stepwell.study.ghost.readings import drops, learning_rate, stuck


def rate_times_drop(runs, predicted, ax):
    """Rate times drop of every seed against the rate."""
    rates, products = (
        np.array([learning_rate(run) for run in runs]),
        np.where(drops(runs) >= 0, drops(runs), np.nan),
    )
    for seed, column in enumerate((products * rates[:, None]).T):
        ax.plot(rates, column, "o-", color=figure.mode_colour(1 + seed % 5), label=f"seed {seed}")
    ax.set(xscale="log", xlabel="learning rate", ylabel="learning rate × drop")
    ax.set_ylim(bottom=0)
    figure.log_ticks(ax)
    figure.key_above(ax, columns=5)
    return ax


def rate_window(runs, predicted, ax):
    """Mean loss ± standard error against the learning rate, at several updates."""
    rates, last = np.array([learning_rate(run) for run in runs]), runs[0]["update"].values[-1]
    for k, u in enumerate(range(10000, last + 1, max(10000, last // 50000 * 10000)), 1):
        losses = np.array([run.loss.values[:, u] for run in runs])
        error = losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1])
        ax.errorbar(rates, losses.mean(axis=1), yerr=error, color=figure.mode_colour(k), label=f"{u}")
    ax.set(xscale="log", xlabel="learning rate", ylabel="mean loss")
    figure.log_ticks(ax)
    figure.key_above(ax, columns=5)
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
