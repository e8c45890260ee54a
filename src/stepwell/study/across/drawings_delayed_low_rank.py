"""The figure of the weight change on the delayed activation."""

import numpy as np

from stepwell import figure
from stepwell.study.across.cut_networks import RANKS, cut_losses, cut_trial

SHOWN = {"rank 1": 1, "rank 2": 2, "uncut": None}


def cut(runs, predicted, ax):
    """The loss against the rank of the change; speed along a trial of the first network at several ranks."""
    losses, trial = figure.columns(ax, 2, gap=0.7)
    for k, (name, run) in enumerate(zip(("usual start", "faint start"), runs), 1):
        losses.plot(RANKS, cut_losses(run).T, color=figure.mode_colour(k), linewidth=0.8, alpha=0.6)
        losses.plot([], [], color=figure.mode_colour(k), label=name)
    losses.set(yscale="log", xlabel="rank of the change", ylabel="loss")
    figure.log_ticks(losses)
    figure.key_above(losses, 1)
    for k, (name, rank) in enumerate(SHOWN.items(), 1):
        speed, _ = cut_trial(runs[0], 0, rank)
        look = {"linewidth": 3, "alpha": 0.35} if rank is None else {}
        trial.plot(np.arange(1, len(speed) + 1), speed, color=figure.mode_colour(k), label=name, **look)
    trial.set(yscale="log", xlabel="step of the trial", ylabel="speed of the state")
    figure.log_ticks(trial)
    figure.key_above(trial, 2)
    return ax
