"""Tangent kernels against an explicit Jacobian and finite differences, drifts against closed forms."""

import numpy as np
import pytest

from stepwell.analysis import impulse_response, tangent_kernel, tangent_kernel_drift
from stepwell.experiment import Experiment
from stepwell.network import Linear, Rate
from stepwell.task import FlipFlop, Impulse

TASK = Impulse((0.5, -0.45), (0.9, 0.7), steps=12)
NAMES = ("W", "b", "c")


def drawn(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: 0.4 * rng.standard_normal(s) for name, s in zip(NAMES, ((3, 3), (3, 1), (1, 3)))}


def jacobian(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Of g_s = c W^s b by W, b and c, term by term."""
    powers = [np.linalg.matrix_power(W, s) for s in range(12)]
    by_W = [
        sum((powers[j].T @ c.T @ b.T @ powers[s - 1 - j].T for j in range(s)), np.zeros((3, 3)))
        for s in range(12)
    ]
    rows = zip(by_W, [c @ power for power in powers], [(power @ b).T for power in powers])
    return np.array([np.concatenate([part.ravel() for part in row]) for row in rows])


def test_kernel_is_that_of_the_explicit_jacobian():
    params = drawn(0)
    J = jacobian(**params)
    found = tangent_kernel(Experiment(TASK, Linear(3)), params)
    assert np.abs(found - J @ J.T).max() < 1e-13  # rounding of numbers of order one


def test_explicit_jacobian_is_that_of_finite_differences():
    params, step = drawn(0), 1e-6
    J = jacobian(**params)
    moved = {name: array.copy() for name, array in params.items()}
    moved["W"][1, 2] += step
    change = impulse_response(**moved, steps=12) - impulse_response(**params, steps=12)
    assert np.abs(change[:, 0, 0] / step - J[:, 5]).max() < 1e-5  # first order in the step


def test_only_trainable_parameters_count():
    params = drawn(0)
    J = jacobian(**params)[:, :9]
    found = tangent_kernel(Experiment(TASK, Linear(3), trainable=("W",)), params)
    assert np.abs(found - J @ J.T).max() < 1e-13


def test_drift_compares_the_kernels_of_both_ends():
    before, after = drawn(0), drawn(1)
    K0, K1 = (J @ J.T for J in (jacobian(**before), jacobian(**after)))
    found = tangent_kernel_drift(Experiment(TASK, Linear(3)), before, after)
    assert abs(found.drift - np.linalg.norm(K1 - K0) / np.linalg.norm(K0)) < 1e-12
    gaps = np.concatenate([(after[name] - before[name]).ravel() for name in NAMES])
    assert abs(found.distance - np.sqrt(gaps @ gaps)) < 1e-14


def test_a_gradient_step_moves_the_outputs_by_the_kernel():
    """To first order y(theta - eta J^T e) = y - eta K e, in a nonlinear network with a mask."""
    import jax

    task, network = FlipFlop("zero"), Rate(8, 2, 2)
    experiment = Experiment(task, network)
    with jax.enable_x64(True):
        params = network.init(jax.random.key(1))
        trials = task.trials(jax.random.key(0), 2)
        error = np.random.default_rng(0).standard_normal(trials.mask.shape) * np.asarray(trials.mask)

        def outputs(values):
            return trials.mask * network.rollout(values, trials)

        shown, pull = jax.vjp(outputs, params)
        slope, eta = pull(error)[0], 1e-6
        after = outputs({name: params[name] - eta * slope[name] for name in params})
    K = tangent_kernel(experiment, {name: np.asarray(value) for name, value in params.items()}, trials=2)
    change = np.asarray(after - shown).ravel() / -eta
    # The second order of a step of 1e-6, relative to the largest entry.
    assert np.abs(change - K @ error.ravel()).max() < 1e-4 * np.abs(change).max()


def test_parameters_of_another_network_are_refused():
    with pytest.raises(ValueError, match="network needs"):
        tangent_kernel_drift(Experiment(TASK, Linear(2)), drawn(0), drawn(1))
