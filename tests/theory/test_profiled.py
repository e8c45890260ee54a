"""The profiled loss against the Gram identity, the companion form, and finite differences."""

import numpy as np
import pytest
from essay_targets import FIVE, A, C, drawn, response
from scipy.linalg import solve_discrete_lyapunov

from stepwell.theory import profiled_gradient, profiled_loss, profiled_residues
from stepwell.theory.profiled import denominator, denominator_loss

MODELS = [[0.3, -0.2], [0.4 + 0.5j, 0.4 - 0.5j], [-0.7, 0.1, 0.6], [0.2, -0.5 + 0.3j, -0.5 - 0.3j], []]


def gram(q: list, p: list, r: list) -> tuple[float, np.ndarray]:
    """Loss and residues by the normal equations."""
    q, p, r = np.array(q, complex), np.array(p), np.array(r)
    d = np.sum(r / (1 - p * q[:, None]), axis=1)
    residues = np.linalg.solve(1 / (1 - np.outer(q, q)), d)
    return float(np.real(r @ (1 / (1 - np.outer(p, p))) @ r - d @ residues)) / 2, residues


def companion(q: list, p: list, r: list) -> float:
    """Loss by Gramians of the companion form, which do not mind repeated poles."""
    k = len(q)
    A = np.vstack([-np.real(np.poly(q))[1:], np.eye(k)[:-1]])
    P = solve_discrete_lyapunov(A, np.eye(k)[:, :1] @ np.eye(k)[:1])
    steps = 2000
    states = [np.eye(k)[0]]
    for _ in range(steps - 1):
        states.append(A @ states[-1])
    target = response(p, r, steps)
    d = target @ np.array(states)
    return 0.5 * (target @ target - d @ np.linalg.solve(P, d))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("target", [A, C, FIVE])
def test_loss_and_residues_solve_the_normal_equations(model, target):
    loss, residues = gram(model, *target)
    assert (
        abs(profiled_loss(model, *target) - loss) < 1e-13
    )  # the reference is a difference of numbers of order 1
    np.testing.assert_allclose(
        profiled_residues(model, *target), residues, rtol=1e-11
    )  # conditioned like 100


@pytest.mark.parametrize(
    "model", [[0.4, 0.4], [0.4, 0.4 + 1e-6], [0.1 + 0.6j, 0.1 - 0.6j], [-0.5, -0.5, -0.5]]
)
def test_repeated_poles_lose_no_digits(model):
    assert abs(profiled_loss(model, *A) - companion(model, *A)) < 1e-12  # what the reference loses


def test_repeated_pole_has_the_reference_loss():
    assert abs(profiled_loss([0.4, 0.4], *A) - 0.098629891845158) < 1e-14  # printed to 15 decimals


def test_repeated_poles_have_no_residues():
    with pytest.raises(ValueError, match="repeats a pole"):
        profiled_residues([0.4, 0.4], *A)


def test_a_pole_of_the_target_is_an_ordinary_point():
    left, at, right = (profiled_loss([0.5 + gap], *A) for gap in (-1e-6, 0.0, 1e-6))
    assert abs(left - 2 * at + right) < 1e-11  # second difference of a smooth function


def test_leading_axes_are_a_batch():
    grid = np.random.default_rng(0).uniform(-0.9, 0.9, (4, 5, 2))
    for function in (profiled_loss, profiled_residues, profiled_gradient):
        batched = function(grid, *A)
        np.testing.assert_allclose(batched[2, 3], function(grid[2, 3], *A), rtol=1e-13)  # rounding


@pytest.mark.parametrize("seed", range(3))
def test_gradient_is_that_of_finite_differences(seed):
    target, model, step = drawn(seed), np.array([0.35, -0.6, 0.1]), 1e-6
    differences = [
        (profiled_loss(model + e, *target) - profiled_loss(model - e, *target)) / (2 * step)
        for e in step * np.eye(3)
    ]
    assert np.abs(profiled_gradient(model, *target) - differences).max() < 1e-8  # rounding / step


def test_gradient_has_the_reference_values():
    assert (
        np.abs(profiled_gradient([0.3, -0.2], *A) - [0.0201649784, 0.0550170862]).max() < 1e-10
    )  # as printed


def test_denominator_slopes_have_the_reference_values():
    a, _ = denominator(np.array([0.3, -0.4]))
    loss, gradient, _ = denominator_loss(a, np.array(A[0], complex), np.array(A[1], complex))
    assert abs(loss - profiled_loss(np.roots([1, *a]), *A)) < 1e-15
    assert np.abs(gradient - [-0.278342107, -0.147871905]).max() < 1e-9  # as printed


def test_denominator_derivatives_are_those_of_finite_differences():
    p, r = np.array(FIVE[0], complex), np.array(FIVE[1], complex)
    a, step = denominator(np.array([0.3, -0.4, 0.6]))[0], 1e-6
    _, gradient, hessian = denominator_loss(a, p, r)
    ahead, behind = ([denominator_loss(a + sign * e, p, r) for e in step * np.eye(3)] for sign in (1, -1))
    differences = [[(x[i] - y[i]) / (2 * step) for x, y in zip(ahead, behind)] for i in (0, 1)]
    assert np.abs(gradient - differences[0]).max() < 1e-8  # rounding / step
    assert np.abs(hessian - differences[1]).max() < 1e-8


def test_reflection_coefficients_give_stable_polynomials_and_their_slopes():
    reflections, step = np.random.default_rng(0).uniform(-0.99, 0.99, (50, 4)), 1e-6
    a, slopes = denominator(reflections)
    assert max(np.abs(np.roots([1, *row])).max() for row in a) < 1
    np.testing.assert_array_equal(a[:, -1], reflections[:, -1])  # the last coefficient is the last reflection
    for j, e in enumerate(step * np.eye(4)):
        differences = (denominator(reflections + e)[0] - denominator(reflections - e)[0]) / (2 * step)
        assert (
            np.abs(slopes[..., j] - differences).max() < 1e-9
        )  # the polynomial is linear in each reflection


@pytest.mark.parametrize("model", [[1.0], [0.5, -1.2], [np.nan]])
def test_unstable_models_are_refused(model):
    with pytest.raises(ValueError, match="unstable"):
        profiled_loss(model, *A)
