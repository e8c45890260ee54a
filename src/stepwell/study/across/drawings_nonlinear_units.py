"""The figures of tanh units at several amplitudes of the pulse."""

import numpy as np

from stepwell import figure, theory
from stepwell.figure.style import THEORY
from stepwell.run import settings_of
from stepwell.study.across.protocols import POLES, RESIDUES
from stepwell.study.base import value_of
from stepwell.study.saddle_to_saddle import drawings as staircases
from stepwell.study.saddle_to_saddle.readings import dwells, of_plateaus, sigma0, stairs


def amplitude(run):
    """The amplitude of a record."""
    return value_of(settings_of(run), "network__amplitude")


def dwell(runs, predicted, ax):
    """How long plateau 1 lasts against the amplitude, by initial scale; dashed: the shorter one of the linear
    law and the law of the squared amplitude, each through the mean of its dots."""
    rate = theory.escape_rate(POLES, RESIDUES, 1)
    scales = sorted({sigma0(run) for run in runs}, reverse=True)
    found = [(amplitude(run), sigma0(run), dwells([run], 1)[:, 0]) for run in runs]
    linear = [times - np.log(1 / s) / rate for a, s, times in found if 10 * a**2 < s]
    beyond = [times - np.log(1 / a**2) / rate for a, s, times in found if s < a**2 / 10 < 0.01]
    places = np.geomspace(5e-5, 4.0, 300)
    for k, s in enumerate(scales, 1):
        ink = figure.mode_colour(k)
        for a, scale, times in found:
            if scale == s:
                ax.plot(np.full(len(times), a), times, ".", color=ink, alpha=0.7)
        ends = np.log(1 / s) / rate + mean(linear), np.log(1 / places**2) / rate + mean(beyond)
        ax.plot(places, np.fmin(*ends), color=ink, **THEORY)
        ax.plot([], [], ".", color=ink, label=f"σ₀ = {figure.power_of_ten(s)}")
    ax.set(xscale="log", xlabel="amplitude of the pulse", ylabel="dwell on plateau 1 (learning time)")
    ax.set_ylim(bottom=0)
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def mean(samples):
    """Of all numbers in a list of arrays; NaN for an empty one."""
    return np.nanmean(np.concatenate(samples)) if samples else np.nan


def levels(runs, predicted, ax):
    """How far plateaus 1 and 2 lie from the levels of the best linear models, against the amplitude."""
    runs = [run for run in runs if 1e-3 < amplitude(run) <= 1]
    gaps = {
        f"plateau {k}": np.abs(
            [
                of_plateaus(run, "level")[:, k] / theory.reached_poles(POLES, RESIDUES, k).loss - 1
                for run in runs
            ]
        ).T
        for k in (1, 2)
    }
    labels = "amplitude of the pulse", "relative distance from the linear level"
    return figure.power_laws([amplitude(run) for run in runs], gaps, ax, labels, exponents=[2, 2])


def models(runs, predicted, ax):
    """Poles and residues of the linearisation at the origin through learning, at the largest amplitude;
    dashed are those of the best linear models."""
    panels = figure.columns(ax, 2, gap=0.9)
    last = 2.5 * stairs(runs[-1])[0][-1].end
    run = runs[-1].isel(snapshot=runs[-1].snapshot_learning_time.values < last)
    staircases.poles_and_zeros([run], predicted, panels[0])
    staircases.residues([run], predicted, panels[1])
    panels[1].set_ylabel("residue")
    for panel in panels:
        panel.set_xlabel("learning time")
    return ax
