"""Gradient flow: what it conserves, its order, and times that an independent solver gave."""

import math

import diffrax
import numpy as np
import pytest

from benchmarks import experiments
from stepwell import NETWORKS, TASKS, Experiment, Flow, Optimiser, Recording, flow, train
from stepwell.analysis import conserved
from stepwell.run import integrator
from stepwell.run.record import notes_of, settings_of

TARGET = TASKS["impulse"](poles=(0.5, -0.45, -0.75), residues=(0.9, 0.7, -0.65), steps=100)
LEVELS = (0.7321058902, 0.099558817439, 0.008654987861, 1e-6)


def from_normals(sigma0):
    """The experiment whose start is sigma0 times fifteen normals, in the order W, b, c."""
    values = sigma0 * np.random.default_rng(0).standard_normal(15)
    start = {"W": values[:9].reshape(3, 3), "b": values[9:12, None], "c": values[None, 12:]}
    return Experiment(task=TARGET, network=experiments.given_start(NETWORKS["linear"](hidden=3), [start]))


def drift(run):
    Q = conserved(run.W.values, run.b.values, run.c.values)
    return np.abs(Q - Q[:, :1]).max()


@pytest.mark.parametrize(
    ("sigma0", "times"),
    [(1e-2, (4.182185, 46.259590, 115.125504)), (1e-6, (13.900336, 121.425043, 251.150751))],
)
def test_crossing_times(sigma0, times):
    run = flow(from_normals(sigma0), [0], duration=times[-1] + 10, every=0.02, atol=min(1e-8, 1e-3 * sigma0))
    for level, time in zip(map(math.sqrt, np.multiply(LEVELS[:-1], LEVELS[1:])), times):
        after = int(np.argmax(run.loss.values[0] < level))
        between = np.log(run.loss.values[0, [after, after - 1]])
        crossing = np.interp(math.log(level), between, run.learning_time.values[[after, after - 1]])
        # The times are those of an eighth-order solver at 1e-11; 5e-3 is what rtol = 1e-6 leaves.
        assert crossing == pytest.approx(time, abs=5e-3)


@pytest.mark.parametrize("solver", ["tsit5", "rk4"])
def test_the_flow_conserves_Q(solver):
    experiment = Experiment(task=TARGET, network=NETWORKS["linear"](hidden=3, sigma0=0.3))
    # Both solvers make errors of about 1e-7 per unit of time here.
    assert drift(flow(experiment, range(2), 60.0, solver=solver)) < 1e-5


def test_fixed_steps_are_of_fourth_order_and_descent_of_first():
    experiment = Experiment(task=TARGET, network=NETWORKS["linear"](hidden=3, sigma0=0.3))
    # Four steps make one recorded interval: steps of 0.1 and 0.05. Halving a step of order p divides by 2^p.
    coarse, fine = (drift(flow(experiment, [0], 60.0, every, solver="rk4")) for every in (0.4, 0.2))
    assert coarse / fine == pytest.approx(16, abs=2)

    def descent(rate):
        settings = Experiment(
            task=TARGET,
            network=NETWORKS["linear"](hidden=3, sigma0=0.3),
            optimiser=Optimiser("sgd", rate),
            updates=round(60 / rate),
            recording=Recording(round(1 / rate)),
        )
        return drift(train(settings, [0]))

    assert descent(0.1) / descent(0.05) == pytest.approx(2, abs=0.2)


def test_the_record_is_that_of_the_flow():
    run = flow(from_normals(0.1), [0], duration=20.0, every=0.5, rtol=1e-9)
    assert run.sizes["update"] == run.sizes["snapshot"] == 41
    np.testing.assert_allclose(run.learning_time, 0.5 * np.arange(41))
    # The loss falls at the rate of the squared norm; Simpson's rule errs in fourth order of the spacing, 0.5.
    speed = run.gradient_norm.values[0] ** 2
    fall = 0.5 / 3 * (speed[0:-2:2] + 4 * speed[1:-1:2] + speed[2::2]).sum()
    assert run.loss.values[0, 0] - run.loss.values[0, -1] == pytest.approx(fall, rel=2e-3)
    assert settings_of(flow(Experiment(TARGET, NETWORKS["linear"](hidden=3)), [0], 1.0)).duration == 1.0


def test_frozen_parameters_stay():
    settings = Experiment(TARGET, NETWORKS["linear"](hidden=3, sigma0=0.1), trainable=("c",))
    run = flow(settings, [0], 5.0)
    assert (run.W == run.W[:, 0]).all() and (run.b == run.b[:, 0]).all()
    assert not np.array_equal(run.c[:, 0], run.c[:, -1])


def test_new_tolerances_compile_nothing(monkeypatch):
    settings, solves, solve = from_normals(0.1), [], diffrax.diffeqsolve
    monkeypatch.setattr(diffrax, "diffeqsolve", lambda *a, **k: (solves.append(1), solve(*a, **k))[1])
    for rtol, atol in ((1e-5, 1e-8), (1e-6, 1e-9), (1e-6, None)):
        flow(settings, [0], duration=7.9, every=0.1, rtol=rtol, atol=atol, solver="dopri5")
    assert len(solves) == 1


def test_a_solve_that_fails_is_data(monkeypatch):
    monkeypatch.setattr(integrator, "MOST_STEPS", 40)
    run = flow(from_normals(0.1), [0], duration=93.7, every=0.3, solver="dopri8")
    lost = int(run.diverged_at[0])
    assert (
        lost > 0
        and np.isnan(run.loss.values[0, lost:]).all()
        and np.isfinite(run.loss.values[0, :lost]).all()
    )
    assert "seed 0" in notes_of(run)[0]


def test_what_makes_no_flow_is_refused():
    with pytest.raises(ValueError, match="no solver 'tsit6'; did you mean 'tsit5'"):
        Flow(from_normals(0.1), 1.0, solver="tsit6")
    with pytest.raises(ValueError, match="every=2.0, duration=1.0"):
        Flow(from_normals(0.1), 1.0, every=2.0)


def test_a_flow_does_not_speak_of_learning_rates():
    settings = Experiment(TARGET, NETWORKS["linear"](hidden=3), optimiser=Optimiser("sgd", 50.0))
    assert flow(settings, [0], 1.0).loss.notnull().all()  # a warning would be an error here
