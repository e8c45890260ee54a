"""The slow flip-flop, the linear student of its trials, and what is read off tanh networks that learn it."""

import jax
import numpy as np
import pytest
import xarray as xr
from scipy.integrate import cumulative_trapezoid

from stepwell import analysis
from stepwell.experiment import Experiment
from stepwell.network import Linear
from stepwell.network.linear import realisation
from stepwell.study.across import held_states, lazy_limit, tanh_models
from stepwell.study.across.held_states import slow_modes
from stepwell.study.across.linear_student import linear_student
from stepwell.study.across.linearised import largest_gap
from stepwell.study.across.protocols import POLES, RESIDUES
from stepwell.study.across.protocols_lazy_limit import MANTE, ROMO
from stepwell.study.across.silent_push import silent_push
from stepwell.study.across.slow_flipflop_task import SIZES, SlowFlipFlop
from stepwell.study.across.tanh_units import TanhUnits
from stepwell.task import Impulse
from stepwell.theory import reached_poles
from stepwell.theory.linear_flow import exact_g0, final_g0

HELD = 0.3
TASK = SlowFlipFlop(HELD)
SLOPE = np.arctanh(HELD) / HELD


def test_the_trials_are_what_two_tanh_units_answer():
    trials = TASK.trials(jax.random.key(0))
    targets = np.asarray(trials.targets)[:, :, 0]
    for size, target in zip(SIZES, targets):
        slow = fast = HELD * size
        for shown in target:
            slow, fast = np.tanh(slow), np.tanh(fast)
            assert abs(shown - (slow + fast / 4) / HELD) < 1e-12  # rounding over 60 steps
            slow, fast = SLOPE * slow, -0.5 * fast
    assert np.ptp(targets[:, -1]) < 0.1 * np.ptp(targets[:, 0])  # sizes are forgotten


def test_the_slow_modes_of_the_teacher_are_those_of_its_linearisation():
    gaps = np.subtract(slow_modes(TASK, *TASK.teacher()), TASK.slow_modes())
    assert np.abs(gaps).max() < 1e-7  # the search for the held state stops at a speed of 1e-9


def test_a_network_that_holds_nothing_has_no_held_state():
    network, params = TASK.teacher()
    origin, held = slow_modes(TASK, network, {**params, "W": 0.8 * params["W"]})
    assert origin.pole < 1 and np.isnan(held).all()


def at_saddle(hidden, *poles_and_residue):
    """Parameters of a linear network with at most one active unit."""
    pole, residue = poles_and_residue or (0.0, 0.0)
    W, b, c = np.zeros((hidden, hidden)), np.zeros((hidden, 1)), np.zeros((1, hidden))
    W[0, 0], b[0, 0], c[0, 0] = pole, np.sqrt(residue), np.sqrt(residue)
    return {"W": W, "b": b, "c": c}


def test_the_plateaus_of_the_linear_student_are_saddles_with_its_levels_and_rates():
    found, experiment = linear_student(TASK), Experiment(TASK, Linear(2))
    for k, model in enumerate(((), (found.pole, found.residue))):
        loss, gradient = analysis.gradient(experiment, at_saddle(2, *model))
        assert loss == pytest.approx(found.levels[k], rel=1e-12)
        # The place of a minimum is known to the root of the rounding of the loss, times a curvature of 1e4.
        assert max(np.abs(g).max() for g in gradient.values()) < 1e-2
        falling = analysis.hessian_spectrum(experiment, at_saddle(2, *model))[0]
        assert falling == pytest.approx(-found.rates[k], rel=1e-5)


def test_no_linear_network_gets_below_the_rest():
    found, experiment = linear_student(TASK), Experiment(TASK, Linear(3))
    rng = np.random.default_rng(0)
    W, b, c = realisation((0.999, 0.94, -0.5), (0.8, 0.2, 0.25))
    for size in (0, 1e-3, 1e-2):
        noisy = {"W": W + size * rng.standard_normal(W.shape), "b": b, "c": c}
        assert analysis.gradient(experiment, noisy)[0] > found.rest


def test_silent_weights_are_pushed_with_the_square_of_the_amplitude():
    """Linear units have no push at the saddle; what tanh adds to a target without slow poles is cubic."""
    task, model = Impulse(POLES, RESIDUES, steps=60), reached_poles(POLES, RESIDUES, 1)
    arguments = model.poles[0].real, model.residues[0].real
    assert silent_push(Experiment(task, Linear(3)), *arguments) < 1e-10  # the saddle is known to 1e-12
    pushes = [silent_push(Experiment(task, TanhUnits(3, 0.1, a)), *arguments) for a in (1e-3, 1e-2)]
    assert abs(np.log10(pushes[1] / pushes[0]) - 2) < 1e-3  # the next order is the fourth


def record(loss, norm):
    """A record of one seed with a snapshot at every time."""
    times = np.arange(len(loss), dtype=float)
    curves = {"loss": (("seed", "update"), [loss]), "gradient_norm": (("seed", "update"), [norm])}
    return xr.Dataset({**curves, "learning_time": ("update", times)})


def test_a_plateau_lies_between_two_falls():
    level = held_states.FAST_LEVEL
    run = record([16.0, 16, 4, level, level, level / 8, 1e-6], [1.0, 2, 9, 0.3, 0.1, 3, 1e-3])
    # On a logarithmic scale 8 is half-way from 16 to 4, and half the level a third of the way to an eighth.
    assert np.abs(held_states.falls(run) - [[1.5, 4 + 1 / 3]]).max() < 1e-12
    assert held_states.resting_places(run) == [4]


def test_the_strongest_modes_are_told_from_silent_ones():
    W, b, c = realisation((0.5, -0.45, 0.9), (0.9, 0.7, 1e-9))
    modes = tanh_models.strongest({"W": W, "b": b, "c": c}, 2)
    assert np.abs(modes - [[-0.45, 0.5], [0.7, 0.9]]).max() < 1e-9  # rounding of the eigenvectors


def test_growth_and_laziness_are_read_task_by_task(monkeypatch):
    monkeypatch.setattr(lazy_limit, "at", lambda runs, g: [run for run in runs if run.attrs["g"] == g])
    monkeypatch.setattr(lazy_limit, "task_of", lambda run: run.attrs["task"])
    laws = {(MANTE, 0.0): -1.0, (MANTE, 0.9): 0.5, (ROMO, 0.0): 2.0, (ROMO, 0.9): 0.0}
    runs = [
        xr.Dataset(
            {"drift": ("seed", [float(n) ** law] * 2), "W": (("unit",), np.zeros(n))},
            attrs={"g": g, "task": task},
        )
        for (task, g), law in laws.items()
        for n in (16, 64)
    ]
    for (task, g), law in laws.items():
        # Rounding of a fit through two points.
        assert np.abs(lazy_limit.growth(runs, task, "drift", g) - law).max() < 1e-12
    assert np.abs(lazy_limit.lazier(runs, ROMO) + 2 * np.log10(64)).max() < 1e-12


def test_the_largest_gap_is_that_of_the_closed_form():
    for target in (0.5, 2.0):
        exact = exact_g0(np.linspace(0.0, final_g0(target), 20001)[:-1])
        speed = exact.growth**2 * (target - exact.output)  # the kernel is the square of the growth
        times = cumulative_trapezoid(1 / speed, exact.output, initial=0.0)
        gap = np.abs(exact.output / target - 1 + np.exp(-times)).max()
        assert abs(largest_gap(0.0, target) - gap) < 1e-3  # 400 moments along the flow
