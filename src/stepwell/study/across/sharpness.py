"""The largest curvature of the loss at recorded parameters, and between two updates."""

import numpy as np

from stepwell import analysis, theory
from stepwell.run import settings_of
from stepwell.study.base import params_at
from stepwell.study.saddle_to_saddle.readings import model


def sharpness_at(run, seed, place):
    """The largest eigenvalue of the Hessian at a snapshot."""
    return float(analysis.hessian_spectrum(settings_of(run), params_at(run, seed, place))[-1])


def middle_sharpness(run, seed, place):
    """The same in the middle between a snapshot and the next."""
    before, after = params_at(run, seed, place), params_at(run, seed, place + 1)
    middle = {name: (before[name] + after[name]) / 2 for name in before}
    return float(analysis.hessian_spectrum(settings_of(run), middle)[-1])


def rests(run, seed):
    """The snapshots in the middle of the stays near levels 1 and 2: between the crossings of their borders.

    The borders are the geometric means of neighbouring levels; below the last level, a tenth of it.
    """
    levels = [theory.reached_poles(*model(settings_of(run)), k).loss for k in range(3)]
    borders = [*np.sqrt(np.multiply(levels[:-1], levels[1:])), levels[-1] / 10]
    loss = np.minimum.accumulate(run.loss.values[seed])
    at = [int(np.argmax(loss < border)) for border in borders]
    return [(low + high) // 2 for low, high in zip(at, at[1:])]
