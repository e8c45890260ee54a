"""tanh units: where the linear laws hold, and how they end."""

import math
from functools import partial

import numpy as np

from stepwell import theory
from stepwell.study.across import drawings_nonlinear_units as drawings
from stepwell.study.across.protocols import POLES, RESIDUES, claim
from stepwell.study.across.protocols_nonlinear_units import AMPLITUDES, RATE, SCALES, pulses
from stepwell.study.saddle_to_saddle.readings import dwell_slopes, dwells, of_plateaus, slopes

ALL = pulses(AMPLITUDES)
FINEST = (0.01, 0.03, 0.1)
"""Amplitudes whose square is far above the smallest initial scale, of units that are nearly linear."""


def linear_slope(k):
    """The learning time by which plateau k lengthens per factor e of the amplitude that starts on it."""
    return theory.dwell_time(theory.escape_rate(POLES, RESIDUES, k), 1 / math.e, RATE)


@claim("item 8", ALL, predict=1.0, kind="mean", tolerance=0.03, scales="quick full", figure=drawings.dwell)
def tanh_dwell_0(runs):
    """On plateau 0 the linear law holds at every amplitude of the pulse: slope of the dwell over it."""
    return np.concatenate([dwell_slopes(group, 0) / linear_slope(0) for group in by_amplitude(runs)])


def by_amplitude(runs):
    """Records that share an amplitude, over all initial scales."""
    return [runs[i : i + len(SCALES)] for i in range(0, len(runs), len(SCALES))]


@claim(
    "item 8",
    pulses(AMPLITUDES[:1]),
    predict=1.0,
    kind="mean",
    tolerance=0.03,
    scales="quick full",
    figure=drawings.dwell,
)
def tanh_dwell_1(runs):
    """On plateau 1 it holds while the square of the amplitude is below sigma0."""
    return dwell_slopes(runs, 1) / linear_slope(1)


@claim(
    "item 8",
    pulses((0.1,)),
    predict=1.0,
    kind="mean",
    tolerance=0.03,
    expected="FAILS",
    figure=drawings.dwell,
)
def tanh_dwell_1_beyond(runs):
    """It also holds where the square of the amplitude is above sigma0."""
    return dwell_slopes(runs, 1) / linear_slope(1)


for k in (1, 2):
    claim(
        "item 8",
        pulses(FINEST, SCALES[-1:]),
        predict=2 * linear_slope(k),
        kind="mean",
        relative=True,
        tolerance=0.03,
        name=f"tanh_amplitude_{k}",
        statement=f"There the squared amplitude takes the place of sigma0: plateau {k} lengthens by 2/s per "
        "factor e by which the amplitude shrinks.",
        figure=drawings.dwell,
    )(partial(lambda runs, k: slopes(np.log(1 / np.array(FINEST)), dwells(runs, k)), k=k))


def level_gaps(runs, k):
    """Relative distances of the level of plateau k from that of the best linear model, [run, seed]."""
    best = theory.reached_poles(POLES, RESIDUES, k).loss
    return np.array([of_plateaus(run, "level")[:, k] / best - 1 for run in runs])


@claim("item 8", pulses(AMPLITUDES[:6], SCALES[-1:]), kind="largest", tolerance=0.01, figure=drawings.levels)
def tanh_level_1(runs):
    """Plateau 1 rests on the level of the best linear model, up to an amplitude of 1."""
    return level_gaps(runs, 1)


@claim("item 8", pulses(AMPLITUDES[:4], SCALES[-1:]), kind="largest", tolerance=0.01, figure=drawings.levels)
def tanh_level_2(runs):
    """Plateau 2 does so up to an amplitude of 0.1."""
    return level_gaps(runs, 2)


@claim(
    "item 8",
    pulses((0.3, 1.0), SCALES[-1:]),
    kind="largest",
    tolerance=0.01,
    expected="FAILS",
    figure=drawings.levels,
)
def tanh_level_2_beyond(runs):
    """It also does so at amplitudes of 0.3 and 1, where it is still a plateau."""
    return level_gaps(runs, 2)
