"""Loss, gradient and Hessian over an infinite horizon against finite sums, recursions and differences."""

import numpy as np
import pytest
from essay_targets import CE, A, C, R, response
from scipy.linalg import toeplitz

from stepwell.theory import impulse_loss, impulse_loss_gradient, impulse_loss_hessian

W = np.array([[0.5, 0.2, 0.0], [-0.1, 0.3, 0.4], [0.0, -0.3, -0.2]])
b = np.array([[1.0], [0.5], [-0.2]])
c = np.array([[0.4, -0.3, 0.8]])
STEPS = 400
MATRIX_TARGET = [0.6, -0.5], [np.outer([1, 0.4], [0.9, -0.2, 0.5]), np.outer([-0.3, 0.8], [0.3, 0.7, -0.1])]


def packed(system: tuple) -> np.ndarray:
    return np.concatenate([array.ravel() for array in system])


def unpacked(x: np.ndarray, inputs: int = 1, outputs: int = 1) -> tuple:
    W, b, c = np.split(x, [9, 9 + 3 * inputs])
    return W.reshape(3, 3), b.reshape(3, inputs), c.reshape(outputs, 3)


def recursion(target: tuple) -> tuple[float, tuple]:
    """Loss and gradient over a finite horizon: states forward, adjoint back."""
    states = [b[:, 0]]
    for _ in range(STEPS - 1):
        states.append(W @ states[-1])
    H = np.array(states)
    error = H @ c[0] - response(*target, STEPS)
    adjoint, dW = error[-1] * c[0], np.zeros((3, 3))
    for s in range(STEPS - 1, 0, -1):
        dW += np.outer(adjoint, H[s - 1])
        adjoint = error[s - 1] * c[0] + W.T @ adjoint
    return 0.5 * error @ error, (dW, adjoint[:, None], (error @ H)[None])


def test_small_system_has_the_reference_values():
    dW, db, dc = impulse_loss_gradient(W, b, c, *A)
    printed = 1e-12  # the references have twelve decimals
    assert abs(impulse_loss(W, b, c, *A) - 0.557215384079) < printed
    assert np.abs(db[:, 0] - [-0.438129031971, 0.371811076652, -0.571805626983]).max() < printed
    assert np.abs(dc[0] - [-1.109518961546, -0.425738181326, 0.222779702465]).max() < printed
    assert np.abs(dW[0] - [-0.173143459046, -0.078757348878, 0.029128880716]).max() < printed


def test_near_the_unit_circle_the_leading_terms_rule():
    near = [[0.99]], [[1.0]], [[1.0]]
    loss, slope = impulse_loss(*near, *A), impulse_loss_gradient(*near, *A)[0][0, 0]
    assert (round(loss, 4), round(slope, 2)) == (23.9643, 2498.16)


@pytest.mark.parametrize("target", [A, C, R, CE])
def test_closed_form_is_the_limit_of_finite_horizons(target):
    loss, gradient = recursion(target)
    assert abs(impulse_loss(W, b, c, *target) - loss) < 1e-14 * loss + 1e-14  # rounding of a sum of 400 terms
    assert np.abs(packed(impulse_loss_gradient(W, b, c, *target)) - packed(gradient)).max() < 1e-13


def test_many_channels_sum_over_inputs_and_outputs():
    x = np.random.default_rng(0).standard_normal(9 + 9 + 6) / 4
    g = [
        unpacked(x, 3, 2)[2] @ np.linalg.matrix_power(unpacked(x, 3, 2)[0], s) @ unpacked(x, 3, 2)[1]
        for s in range(99)
    ]
    target = [sum(p**s * residue for p, residue in zip(*MATRIX_TARGET)) for s in range(99)]
    expected = 0.5 * np.sum((np.array(g) - target) ** 2)
    assert abs(impulse_loss(*unpacked(x, 3, 2), *MATRIX_TARGET) - expected) < 1e-13  # 0.6^198 is left out
    slope = packed(impulse_loss_gradient(*unpacked(x, 3, 2), *MATRIX_TARGET))
    differences = central(lambda y: impulse_loss(*unpacked(y, 3, 2), *MATRIX_TARGET), x)
    assert np.abs(slope - differences).max() < 1e-8  # central differences with step 1e-5


@pytest.mark.parametrize("target", [A, C])
def test_hessian_is_the_change_of_the_gradient(target):
    x = packed((W, b, c))
    differences = central(lambda y: packed(impulse_loss_gradient(*unpacked(y), *target)), x)
    assert np.abs(impulse_loss_hessian(W, b, c, *target) - differences).max() < 1e-8  # as above


@pytest.mark.parametrize("rho", [0.7, -0.5])
def test_coloured_loss_is_the_toeplitz_form(rho):
    error = np.array([(c @ np.linalg.matrix_power(W, s) @ b).item() for s in range(STEPS)]) - response(
        *A, STEPS
    )
    expected = 0.5 * error @ toeplitz(rho ** np.arange(STEPS)) @ error
    assert abs(impulse_loss(W, b, c, *A, correlation=rho) - expected) < 1e-13
    x = packed((W, b, c))
    differences = central(lambda y: impulse_loss(*unpacked(y), *A, correlation=rho), x)
    slope = packed(impulse_loss_gradient(W, b, c, *A, correlation=rho))
    assert np.abs(slope - differences).max() < 1e-8  # as above


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ((np.eye(3), b, c), "W is unstable"),
        ((W, b[:, 0], c), "the sizes do not fit"),
        ((W, b, c.T), "the sizes do not fit"),
        ((W * np.nan, b, c), "NaN or infinity"),
    ],
)
def test_bad_networks_are_refused(network, message):
    with pytest.raises(ValueError, match=message):
        impulse_loss(*network, *A)
    with pytest.raises(ValueError, match=message):
        impulse_loss_gradient(*network, *A)


@pytest.mark.parametrize("target", [([1.0], [1.0]), ([0.5j], [1.0]), ([0.5, 0.2], [1.0]), ([0.5], [np.nan])])
def test_bad_targets_are_refused(target):
    with pytest.raises(ValueError, match="target"):
        impulse_loss(W, b, c, *target)


def central(function, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    return np.array([(function(x + step * e) - function(x - step * e)) / (2 * step) for e in np.eye(len(x))])
