"""The figures of the language task: records in, one picture out."""

import numpy as np

from stepwell import analysis, figure

MATRIX = "weight_hh_l1"


def accuracies(runs, predicted, ax):
    """Validation accuracy against the rank to which the change, or the matrices themselves, are cut."""
    run = runs[0]
    ranks, names = run["rank"].values, {"of_change": "start + cut change", "of_weights": "cut matrices"}
    for k, (kind, name) in enumerate(names.items(), 1):
        mean = figure.band(ax, ranks, run[kind].values, figure.mode_colour(k))
        ax.plot(ranks, mean, "o-", color=figure.mode_colour(k), markersize=3, label=name)
    ax.axhline(run.accuracy.values.mean(), color=figure.colour("ink"), linewidth=0.8, linestyle=":")
    ax.set(xlabel="rank", ylabel="validation accuracy")
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xticks([0, 1, 2, 5, 10, 20, 48, 128], ["0", "1", "2", "5", "10", "20", "48", "128"])
    ax.set_xlim(0, ranks[-1])
    figure.key_above(ax)
    return ax


def matrices(runs, predicted, ax):
    """Singular values of one matrix before and after learning, and of its change."""
    start, end = np.moveaxis(runs[0][MATRIX].values, 1, 0)
    zero = np.zeros_like(start)
    values = {
        "before": analysis.singular_values(start, zero),
        "after": analysis.singular_values(end, zero),
        "change": analysis.singular_values(end, start),
    }
    return figure.singular_values({name: s[:, :40] for name, s in values.items()}, ax, share=False)


def bulk(runs, predicted, ax):
    """The distribution of singular values of initial matrices, and the edges of their bulk."""
    W = runs[0][MATRIX].values[:, 0]
    ax.hist(
        analysis.singular_values(W, np.zeros_like(W)).ravel(), 40, color=figure.colour("student"), alpha=0.5
    )
    for edge in (3**-0.5, 3**0.5):
        ax.axvline(edge, color=figure.colour("ink"), linewidth=0.9, linestyle="--")
    ax.set(xlabel="singular value before learning", ylabel="count")
    return ax
