"""The figure of the student of a slow flip-flop."""

import numpy as np

from stepwell import figure
from stepwell.figure.style import THEORY
from stepwell.study.across.held_states import falls, modes_at, task_of
from stepwell.study.across.linear_student import linear_student

MOMENTS = 24


def student(runs, predicted, ax):
    """The loss of the last record beside the linear student's levels; the slow pole of its first seed at the
    origin and where its state is held, beside the teacher's."""
    run, (loss, poles) = runs[-1], figure.columns(ax, 2, gap=0.8)
    times, task = run.learning_time.values, task_of(run)
    loss.plot(times, run.loss.values.T, color=figure.colour("student"), linewidth=0.9)
    for k, level in enumerate(linear_student(task).levels):
        loss.axhline(level, color=figure.mode_colour(k), label=f"linear plateau {k}", **THEORY)
    loss.set(yscale="log", xlabel="learning time", ylabel="loss", xlim=times[[0, -1]])
    figure.log_ticks(loss)
    figure.key_above(loss, 1)
    first = np.searchsorted(times, falls(run)[0, 0])
    places = np.linspace(first, len(times) - 1, MOMENTS).astype(int)
    found = np.array([modes_at(run, 0, place) for place in places])[..., 0]
    for k, (name, teacher) in enumerate(zip(("origin", "held state"), task.slow_modes()), 1):
        poles.plot(times[places], found[:, k - 1], color=figure.mode_colour(k), label=name)
        poles.axhline(teacher[0], color=figure.mode_colour(k), **THEORY)
    poles.plot([], [], color=figure.colour("ink"), label="teacher", **THEORY)
    linear = linear_student(task).pole
    poles.axhline(linear, color=figure.colour("muted"), linestyle=":", label="linear model")
    poles.set(xlabel="learning time", ylabel="slow pole", xlim=times[[0, -1]], ylim=(0.9, 1.06))
    figure.key_above(poles, 1)
    return ax
