"""Linear systems: realisation, Stein equations, and the norm-balanced form, against references."""

import numpy as np
import pytest
from scipy.linalg import expm, solve_discrete_lyapunov
from scipy.optimize import minimize

from stepwell.network.linear import balanced, conserved, realisation, spectral_radius, stein

PAIR = 0.8 * np.exp(0.25j * np.pi)


def of_radius(radius: float, n: int, seed: int) -> np.ndarray:
    A = np.random.default_rng(seed).standard_normal((n, n))
    return A * radius / spectral_radius(A)


def size(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float(np.sum(W**2) + np.sum(b**2) + np.sum(c**2))


def markov(W: np.ndarray, b: np.ndarray, c: np.ndarray, steps: int = 12) -> np.ndarray:
    return np.array([c @ np.linalg.matrix_power(W, s) @ b for s in range(steps)])


@pytest.mark.parametrize("radius", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("n", [1, 3, 8])
def test_stein_agrees_with_scipy(radius, n):
    A = of_radius(radius, n, seed=n)
    Y = A @ A.T + np.eye(n)
    expected = solve_discrete_lyapunov(A, Y, method="direct")
    # Both lose digits in proportion to 1 / (1 - radius²).
    np.testing.assert_allclose(stein(A, A, Y), expected, rtol=1e-12 / (1 - radius**2))


def test_stein_solves_rectangular_equations_and_stacks_of_them():
    A, C = of_radius(0.9, 4, seed=0), of_radius(0.8, 3, seed=1)
    Y = np.random.default_rng(2).standard_normal((5, 4, 3))
    X = stein(A, C, Y)
    np.testing.assert_allclose(A @ X @ C.T + Y, X, atol=1e-13)  # rounding of sums of order 10
    np.testing.assert_allclose(stein(A, C, Y[3]), X[3], atol=1e-13)


def test_stein_waits_for_matrices_far_from_normal():
    A = np.array([[0.9, 1e6], [0.0, -0.9]])
    X = stein(A, A, np.eye(2))
    np.testing.assert_allclose(A @ X @ A.T + np.eye(2), X, rtol=1e-12)  # rounding relative to |X| ~ 1e13


@pytest.mark.parametrize("radius", [1.0, 1 + 1e-9, 3.0, np.nan])
def test_stein_refuses_what_is_not_stable(radius):
    with pytest.raises(ValueError, match="multiply to 1 or more"):
        stein(radius * np.eye(2), radius * np.eye(2), np.eye(2))


@pytest.mark.parametrize(
    ("poles", "residues"),
    [
        ([0.5, -0.45, 0.0], [0.9, 0.7, -0.65]),
        ([PAIR, 0.3, PAIR.conjugate()], [0.5 - 0.15j, -1.0, 0.5 + 0.15j]),
        ([0.6, -0.5], [np.outer([1, 0.4], [0.9, -0.2]), np.array([[1.0, 2.0], [3.0, 4.0]])]),
        ([PAIR, PAIR.conjugate()], [np.outer([1, 2j, 3], [1j, 1]), np.outer([1, -2j, 3], [-1j, 1])]),
        ([PAIR.conjugate(), PAIR], [np.array([[1, 2], [3j, 1]]), np.array([[1, 2], [-3j, 1]])]),
    ],
)
def test_realisation_has_the_poles_and_residues(poles, residues):
    W, b, c = realisation(poles, residues)
    ranks = [np.linalg.matrix_rank(np.atleast_2d(residue)) for residue in residues]
    assert W.shape == (sum(ranks), sum(ranks))
    for z in (1.1, -0.3 + 1.7j, 2j):
        expected = sum(np.atleast_2d(residue) / (z - pole) for pole, residue in zip(poles, residues))
        np.testing.assert_allclose(c @ np.linalg.solve(z * np.eye(len(W)) - W, b), expected, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_balanced_form_has_zero_q_and_the_same_impulse_response(n):
    W, b, c = of_radius(0.8, n, seed=n), *np.random.default_rng(n).standard_normal((2, n, 1))
    system = W, b, c.T
    form = balanced(*system)
    assert np.abs(conserved(*form)).max() < 1e-14 * (1 + size(*form))  # Newton's method ends at rounding
    np.testing.assert_allclose(markov(*form), markov(*system), atol=1e-12)  # a change of basis rounds


def test_balanced_form_is_the_smallest_and_forgets_the_basis():
    rng = np.random.default_rng(0)
    W, b, c = of_radius(0.7, 3, seed=5), rng.standard_normal((3, 2)), rng.standard_normal((1, 3))

    def in_basis(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        S = expm(x.reshape(3, 3))
        return S @ W @ np.linalg.inv(S), S @ b, c @ np.linalg.inv(S)

    searched = minimize(lambda x: size(*in_basis(x)), np.zeros(9), method="BFGS", options={"gtol": 1e-8}).fun
    forms = [balanced(W, b, c), balanced(*in_basis(rng.standard_normal(9)))]
    for form in forms:
        assert abs(size(*form) - searched) < 1e-10  # the search stops where its gradient is below 1e-8
    spectra = [np.linalg.svd(W)[1] for W, _, _ in forms]
    np.testing.assert_allclose(*spectra, rtol=1e-11)  # the other start is conditioned like 1e3


def test_balanced_refuses_a_system_without_input_or_output():
    with pytest.raises(ValueError, match="b = 0 or c = 0"):
        balanced(np.eye(2), np.zeros((2, 1)), np.ones((1, 2)))


def test_balanced_keeps_a_system_without_units():
    assert balanced(np.zeros((0, 0)), np.zeros((0, 1)), np.zeros((1, 0)))[0].shape == (0, 0)


def test_q_is_constant_along_the_gradient_of_any_loss_of_the_impulse_response():
    W, b, c = of_radius(0.8, 3, seed=7), *np.random.default_rng(8).standard_normal((2, 3, 1))
    c = c.T
    pull = np.random.default_rng(9).standard_normal(6)  # the derivative of some loss by g_s
    power = [np.linalg.matrix_power(W, s) for s in range(6)]
    dc = sum(e * (power[s] @ b).T for s, e in enumerate(pull))
    db = sum(e * (c @ power[s]).T for s, e in enumerate(pull))
    dW = sum(e * (c @ power[j]).T @ (power[s - 1 - j] @ b).T for s, e in enumerate(pull) for j in range(s))
    ahead, behind = (conserved(W + step * dW, b + step * db, c + step * dc) for step in (1, -1))
    assert np.abs(ahead - behind).max() < 1e-13 * np.abs(ahead).max()  # Q is quadratic: no error but rounding
