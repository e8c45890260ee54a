"""The first moments of learning, against the exact gradient and the updates of small networks."""

import numpy as np
import pytest
from essay_targets import G0, A, B, C
from scipy.integrate import solve_ivp

from stepwell.theory import flip_time, impulse_loss_gradient, leading_gradient, pole_per_residue


def start(sigma0: float, seed: int = 0, n: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = sigma0 * np.random.default_rng(seed).standard_normal(n * n + 2 * n)
    return x[: n * n].reshape(n, n), x[n * n : -n, None], x[None, -n:]


@pytest.mark.parametrize("target", [A, B, C])
def test_leading_gradient_is_the_gradient_at_small_weights(target):
    W, b, c = start(1e-6)
    for leading, exact in zip(leading_gradient(b, c, *target), impulse_loss_gradient(W, b, c, *target)):
        assert np.linalg.norm(leading - exact) < 1e-4 * np.linalg.norm(
            exact
        )  # the next order is sigma0 higher


def test_the_zero_lag_point_is_not_critical():
    g0, g1 = 0.95, 0.6225
    b = np.array([[np.sqrt(g0)], [0.0]])
    dW, db, dc = impulse_loss_gradient(np.zeros((2, 2)), b, b.T, *A)
    assert max(np.abs(db).max(), np.abs(dc).max()) < 1e-15
    assert abs(np.linalg.norm(dW) - g0 * g1) < 1e-14
    assert abs(g0 * g1 - 0.591375) < 1e-12


@pytest.mark.parametrize("target", [A, ([0.5, -0.2], [-1.0, 0.3])])
def test_flip_time_is_where_the_flow_changes_the_sign(target):
    W, b, c = start(1e-5, seed=4)
    c = c - (c @ b + 1e-10 * np.sign(sum(target[1]))) * b.T / np.sum(
        b**2
    )  # a wrong sign of cb, about sigma0²

    def velocity(_, x):
        return -np.concatenate([d.ravel() for d in impulse_loss_gradient(*unpacked(x), *target)])

    def product(_, x):
        return (x[9:12] @ x[12:]) * 1e10

    product.terminal = True
    x = np.concatenate([W.ravel(), b[:, 0], c[0]])
    run = solve_ivp(velocity, (0, 10), x, "DOP853", rtol=1e-9, atol=1e-14, events=product)
    time = flip_time(b, c, *target)
    assert time > 0.01
    assert abs(run.t[-1] - time) < 1e-4  # the next order is sigma0 higher


def test_a_right_start_has_flipped_in_the_past():
    assert flip_time([[1.0], [0.0]], [[0.5, 0.2]], *A) < 0


@pytest.mark.parametrize("step", [0.1, 0.01])
def test_pole_follows_the_residue_of_gradient_descent(step):
    W, b, c = np.zeros((1, 1)), np.full((1, 1), 1e-6), np.full((1, 1), 1e-6)
    while b[0, 0] * c[0, 0] < 1e-5:
        dW, db, dc = impulse_loss_gradient(W, b, c, *A)
        W, b, c = W - step * dW, b - step * db, c - step * dc
    ratio = W[0, 0] / (b[0, 0] * c[0, 0])
    assert abs(ratio / pole_per_residue(*A, learning_rate=step) - 1) < 1e-4  # the residue is at most 1.3e-5


def test_pole_per_residue_has_the_reference_values():
    assert abs(pole_per_residue(*A) - 0.3276) < 5e-5  # as printed
    assert abs(pole_per_residue(*A, learning_rate=0.1) - 0.31277) < 5e-6


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        leading_gradient(np.ones((3, 1)), np.ones((1, 2)), *A)
    with pytest.raises(ValueError, match="is 0"):
        flip_time(np.ones((2, 1)), np.ones((1, 2)), *G0)


def unpacked(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return x[:9].reshape(3, 3), x[9:12, None], x[None, 12:]
