"""Stairs under Adam and with tanh units: what the runs train on, and what is read off them."""

import jax
import numpy as np
import pytest

from stepwell.network import Linear
from stepwell.rule.population import population_update
from stepwell.study.across.protocols import EPROP, RFLO, response, target, tbptt
from stepwell.study.across.readings import ACTIVE, modes, predicted_modes
from stepwell.study.across.stairs_measured import below, descent, outside
from stepwell.study.across.tanh_units import TanhUnits
from stepwell.study.base import varied

SHORT = {"updates": 300, "recording__every": 300}


@pytest.fixture(scope="module")
def under_adam():
    return varied(descent("adam", RFLO, 1, 3), **SHORT).run([0, 1])


def test_the_impulse_task_has_the_response_of_its_target():
    task = target(4, 2)
    W, b, c = (np.asarray(part) for part in task.system())
    powers = [c @ np.linalg.matrix_power(W, s) @ b for s in range(20)]
    shown = np.asarray(response(task, 20).response())
    assert np.abs(shown - powers).max() < 1e-14  # rounding


@pytest.mark.parametrize("rule", [RFLO, tbptt(2), EPROP])
def test_a_rule_does_on_the_impulse_what_it_expects_under_white_inputs(rule):
    task, network, key = target(4, 2), Linear(4, 1, 2, 0.2), jax.random.key(1)
    params, state = network.init(key), rule.init(network, key)
    on_impulse = response(task, 200)
    _, change, _ = rule.gradient(network, on_impulse, params, on_impulse.trials(key), state)
    student = params["W"], params["b"], params["c"]
    _, expected = population_update(rule, student, task.system(), state.get("feedback"))
    for name, part in zip("Wbc", expected):
        assert np.abs(np.asarray(change[name]) - np.asarray(part)).max() < 1e-12  # 0.8^200, and rounding


def test_adam_writes_along_the_signs_of_one_feedback(under_adam):
    # Adam's epsilon of 1e-8 stands beside gradients that are mostly above 1e-5.
    assert outside(under_adam, np.sign).max() < 1e-3
    assert outside(under_adam).min() > 0.1
    changes = under_adam.W.values[:, -1] - under_adam.W.values[:, 0]
    values = np.linalg.svd(changes, compute_uv=False)
    assert (values[:, 1] < 1e-3 * values[:, 0]).all()


def test_modes_are_large_hankel_values_and_unknown_where_a_network_is_unstable(under_adam):
    run = under_adam.copy(deep=True)
    run.W.values[:, -1], run.b.values[:, -1], run.c.values[:, -1] = np.diag([0.5, -0.45, 0.1]), 1.0, 1.0
    response = np.sum(np.array([0.5, -0.45, 0.1]) ** np.arange(1, 60)[:, None], axis=1)
    hankel = [[3.0, *response][i : i + 30] for i in range(30)]
    expected = np.sum(np.linalg.svd(hankel, compute_uv=False) > ACTIVE)
    assert modes(run).tolist() == [expected] * 2
    run.W.values[1, -1, 0, 0] = 1.1
    assert np.isnan(modes(run)).tolist() == [False, True]


def test_an_experiment_has_the_stairs_and_the_level_of_its_flow(under_adam):
    assert predicted_modes(descent("tanh", tbptt(2), 2, 6)) == 4
    run = under_adam.copy(deep=True)
    run.loss.values[:, -1] = 0.95 * 0.0996732, 0.85 * 0.0996732  # the level on which RFLO rests
    assert below(run).tolist() == [False, True]


def test_tanh_units_with_two_outputs_become_linear():
    task, key = response(target(4, 2), 20), jax.random.key(3)
    trials = task.trials(key)
    params = Linear(4, 1, 2, 0.5).init(key)
    linear = Linear(4, 1, 2).rollout(params, trials)
    shown = TanhUnits(4, 0.5, 1e-4, output=2).rollout(params, trials)
    assert np.abs(np.asarray(shown - linear)).max() < 1e-6  # the square of the amplitude, times some tens
    assert all((params[name] == value).all() for name, value in TanhUnits(4, 0.5, output=2).init(key).items())
