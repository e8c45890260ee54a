"""The student of a slow, nearly linear flip-flop: linear stairs, and poles where its state is held."""

from functools import partial

import numpy as np

from stepwell.study.across import drawings_slow_flipflop as drawings
from stepwell.study.across.held_states import falls, modes_at, resting_places, task_of
from stepwell.study.across.linear_student import linear_student
from stepwell.study.across.protocols import MEASURED, claim
from stepwell.study.across.protocols_slow_flipflop import FINEST, HELD, LINEAR, SCALES, student, students
from stepwell.study.across.silent_push import silent_push
from stepwell.study.across.slow_flipflop_task import SlowFlipFlop
from stepwell.study.saddle_to_saddle.readings import sigma0, slopes

linear, held = students((LINEAR,)), students((HELD,))
coarse = students((HELD,), SCALES[:1])


def dwells(runs, k):
    """How long plateau k lasts, [seed, run]."""
    return np.stack([np.diff(falls(run), axis=1, prepend=0.0)[:, k] for run in runs], axis=1)


def ratios(runs, k):
    """The slope of dwell k against ln(1/sigma0), over that of the linear student, [seed]."""
    rate = linear_student(task_of(runs[0])).rates[k]
    return rate * slopes([np.log(1 / sigma0(run)) for run in runs], dwells(runs, k))


for name, runs, k, expected, where in (
    ("0", held, 0, "HOLDS", "0 lasts as long as for the best linear approximation of a flip-flop"),
    ("1", linear, 1, "HOLDS", "1 does so where the flip-flop is linear on the horizon of a trial"),
    ("1_beyond", held, 1, "FAILS", "1 also does so where the state is held at 0.3"),
):
    claim(
        "item 8",
        runs,
        predict=1.0,
        kind="mean",
        tolerance=0.03,
        scales="full",
        expected=expected,
        name=f"slow_dwell_{name}",
        statement=f"Plateau {where}: slope of the dwell over the linear one.",
        figure=drawings.student,
    )(partial(ratios, k=k))


@claim(
    "item 8",
    students(FINEST, (1e-8,)),
    predict=lambda experiments: 2 / linear_student(experiments[0].experiment.task).rates[1],
    kind="mean",
    relative=True,
    tolerance=0.03,
    scales="full",
    expected="FAILS",
    figure=drawings.student,
)
def slow_amplitude(runs):
    """Where the square of the held state exceeds sigma0 it takes its place, as for modes that are not slow:
    plateau 1 lengthens by 2/s per factor e by which the held state shrinks."""
    return slopes(np.log(1 / np.array(FINEST)), dwells(runs, 1))


@claim("item 8", (), predict=4.0, tolerance=0.05, scales="full")
def slow_push(runs):
    """There the linear saddle pushes silent weights with the fourth power of the held state, not with its
    square: exponent of their gradient."""
    held, pushes = (0.005, 0.01, 0.02), []
    for experiment in (student(a, SCALES[0]).experiment for a in held):
        model = linear_student(experiment.task)
        pushes.append(silent_push(experiment, model.pole, model.residue))
    return np.polyfit(np.log(held), np.log(pushes), 1)[0]


def level_gaps(runs):
    """Relative distances of the loss on plateau 1 from the linear student's, [run, seed]."""
    levels = [linear_student(task_of(run)).levels[1] for run in runs]
    return [
        run.loss.values[range(run.sizes["seed"]), resting_places(run)] / x - 1 for run, x in zip(runs, levels)
    ]


@claim("item 8", linear, kind="largest", tolerance=0.01, scales="full", figure=drawings.student)
def slow_level(runs):
    """Plateau 1 rests on the level of the best linear model where the flip-flop is linear."""
    return level_gaps(runs)


@claim(
    "item 8",
    held,
    kind="largest",
    tolerance=0.01,
    scales="quick full",
    expected="FAILS",
    figure=drawings.student,
)
def slow_level_beyond(runs):
    """It also does so where the state is held at 0.3, which no linear network can do."""
    return level_gaps(runs)


def on_plateau_and_end(run):
    """The slow modes [seed, moment, point, pole or residue] on plateau 1 and at the end."""
    return np.array(
        [[modes_at(run, i, at) for at in (place, -1)] for i, place in enumerate(resting_places(run))]
    )


@claim(
    "item 8", coarse, predict=2.0, kind="mean", tolerance=0.1, scales="quick full", figure=drawings.student
)
def slow_pitchfork(runs):
    """The student's held state damps perturbations twice as fast as its origin lets them grow, from plateau 1
    on: ratio of the distances of the two poles from 1."""
    poles = on_plateau_and_end(runs[0])[..., 0]
    return (1 - poles[..., 1]) / (poles[..., 0] - 1)


def residue_gap(runs, moment):
    """The largest distance of a slow residue from the teacher's, over both points and all seeds."""
    teacher = task_of(runs[0]).slow_modes()
    return np.abs(on_plateau_and_end(runs[0])[:, moment, :, 1] - teacher[:, 1]).max()


measured = partial(claim, "item 8", coarse, **MEASURED, figure=drawings.student)
for moment, (name, when) in enumerate((("plateau", "on plateau 1"), ("end", "at the end"))):
    for point, (where, teacher) in enumerate(zip(("origin", "held state"), SlowFlipFlop(HELD).slow_modes())):
        measured(
            name=f"slow_pole_{where.split()[0]}_{name}",
            statement=f"The slow pole at the {where} {when}; the teacher has {teacher[0]:.4f}.",
        )(lambda runs, at=(moment, point): on_plateau_and_end(runs[0])[:, *at, 0])
    measured(
        name=f"slow_residues_{name}",
        statement=f"The residues of these modes {when}: largest distance from the teacher's.",
    )(partial(residue_gap, moment=moment))
