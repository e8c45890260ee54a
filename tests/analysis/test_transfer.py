"""Poles, zeros, residues and responses against reference values, identities and other libraries."""

import control
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import hankel, solve_discrete_lyapunov
from scipy.optimize import linear_sum_assignment

from stepwell.analysis import (
    frequency_response,
    hankel_singular_values,
    impulse_response,
    mode_norms,
    pair_gaps,
    poles,
    residues,
    zeros,
)
from stepwell.network.linear import realisation, stein

W = np.array([[0.5, 0.2, 0.0], [-0.1, 0.3, 0.4], [0.0, -0.3, -0.2]])
b = np.array([[1.0], [0.5], [-0.2]])
c = np.array([[0.4, -0.3, 0.8]])
PRINTED = 7.1e-13  # half a unit of the 12th decimal, to which real and imaginary parts are printed

seeds = st.integers(0, 2**32 - 1)


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest distance between two sets of numbers, optimally paired."""
    assert len(found) == len(wanted)
    gaps = np.abs(found[:, None] - wanted)
    return float(gaps[linear_sum_assignment(gaps)].max(initial=0.0))


def drawn(seed: int, units: int = 4, channels: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random stable system, scaled to spectral radius 0.8."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((units, units))
    W *= 0.8 / np.abs(np.linalg.eigvals(W)).max()
    return W, rng.standard_normal((units, channels)), rng.standard_normal((channels, units))


def of_relative_degree(seed: int, units: int, degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random system with its readout orthogonal to b, Wb, ...: it first responds at lag degree - 1."""
    W, b, c = drawn(seed, units)
    silent = np.hstack(
        [b / np.linalg.norm(b), *(np.linalg.matrix_power(W, j) @ b for j in range(1, degree - 1))]
    )
    basis = np.linalg.qr(silent)[0] if degree > 1 else np.zeros((units, 0))
    for _ in range(2):  # the second projection removes the rounding of the first
        c = c - c @ basis @ basis.T
    return W, b, c


def test_small_system_has_the_printed_values():
    pair, other = 0.080615672330 + 0.229690777088j, -0.384966429832 + 0.335762130593j
    places = poles(W)
    assert distance(places, np.array([0.438768655339, pair, pair.conjugate()])) < PRINTED
    assert distance(zeros(W, b, c), -0.594444444444 + np.array([1j, -1j]) * 0.813751410459) < PRINTED
    at = {"real": np.argmin(abs(places - 0.4388)), "upper": np.argmax(np.imag(places))}
    assert abs(residues(W, b, c)[at["real"], 0, 0] - 0.859932859663) < PRINTED
    assert abs(residues(W, b, c)[at["upper"], 0, 0] - other) < PRINTED
    wanted = [
        0.09,
        0.161,
        0.1763,
        0.08719,
        0.033581,
        0.0133977,
    ]  # exact decimals, so only rounding is allowed
    np.testing.assert_allclose(impulse_response(W, b, c, 6)[:, 0, 0], wanted, rtol=1e-14)
    found = frequency_response(W, b, c, [0, np.pi / 2, np.pi])[:, 0, 0]
    wanted = [0.572222222222, -0.084948857486 + 0.057655912870j, -0.042369020501]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=PRINTED)
    wanted = [0.411060267525, 0.142099055634, 0.038334409470]
    np.testing.assert_allclose(hankel_singular_values(W, b, c), wanted, rtol=0, atol=PRINTED)


def test_small_system_of_relative_degree_two_has_one_zero():
    assert distance(zeros(W, b, np.array([[0.5, -1.0, 0.0]])), np.array([-0.187878787879])) < PRINTED


@pytest.mark.parametrize("units", [1, 2, 3, 5, 10, 30])
@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_number_of_zeros_is_units_minus_relative_degree(units, degree):
    for seed in range(20):
        if degree <= units:
            assert len(zeros(*of_relative_degree(seed, units, degree))) == units - degree


@given(seeds, st.integers(2, 8))
@settings(deadline=None, max_examples=50)
def test_zeros_are_the_eigenvalues_of_the_network_with_its_output_held_at_zero(seed, units):
    W, b, c = drawn(seed, units)
    assume(abs(c @ b).item() > 0.1)
    held = np.linalg.eigvals(W - b @ c @ W / (c @ b))
    assume(np.abs(held[:, None] - held + np.eye(units)).min() > 1e-2)
    # Eigenvalues 1e-2 apart lose about as many digits as that to their condition.
    assert distance(np.append(zeros(W, b, c), 0), held) < 1e-9 * (1 + np.abs(held).max())


@pytest.mark.parametrize("units, channels", [(3, 1), (6, 1), (4, 2), (7, 3)])
def test_zeros_and_poles_equal_those_of_python_control(units, channels):
    W, b, c = drawn(3, units, channels)
    other = control.StateSpace(W, b, c, np.zeros((channels, channels)), True)
    assert distance(poles(W), other.poles()) < 1e-12  # both are LAPACK's
    theirs = other.zeros()
    # It keeps infinite eigenvalues that rounding has made finite, at 1e7 and beyond.
    assert distance(zeros(W, b, c), theirs[np.abs(theirs) < 1e6]) < 1e-9


def test_zeros_scale_with_small_weights():
    # Initial weights of 1e-6 change no digit: the projections see b and c apart from W.
    W, b, c = drawn(5)
    assert distance(zeros(1e-6 * W, 1e-6 * b, 1e-6 * c) * 1e6, zeros(W, b, c)) < 1e-13


def test_zero_runs_to_infinity_as_the_first_response_vanishes():
    W, b = np.array([[0.5, 0.2], [-0.1, 0.3]]), np.array([[1.0], [0.0]])
    for first in (1e-3, 1e-6, 1e-9):
        c = np.array([[first, 1.0]])
        wanted = np.trace(W) - (c @ W @ b / (c @ b)).item()  # the sum of the zeros, here of one
        np.testing.assert_allclose(zeros(W, b, c), [wanted], rtol=1e-15 / first)  # rounding of c against c b
    assert len(zeros(W, b, np.array([[0.0, 1.0]]))) == 0


@given(seeds, st.integers(1, 2))
@settings(deadline=None, max_examples=50)
def test_change_of_basis_changes_nothing(seed, channels):
    W, b, c = drawn(seed, 4, channels)
    places = poles(W)
    assume(np.abs(places[:, None] - places + np.eye(4)).min() > 0.1)
    rng = np.random.default_rng(seed)
    S = np.linalg.qr(rng.standard_normal((4, 4)))[0] @ np.diag(rng.uniform(0.5, 2, 4))
    other = S @ W @ np.linalg.inv(S), S @ b, c @ np.linalg.inv(S)
    # 1e-10: rounding times the condition of S (4) and of the eigenvectors (poles are 0.1 apart or more).
    assert distance(poles(other[0]), places) < 1e-10
    order = np.argmin(np.abs(places[:, None] - poles(other[0])), axis=1)
    np.testing.assert_allclose(residues(*other)[order], residues(W, b, c), atol=1e-10 * 1e2)
    np.testing.assert_allclose(mode_norms(*other)[order], mode_norms(W, b, c), atol=1e-10 * 1e2)
    np.testing.assert_allclose(hankel_singular_values(*other), hankel_singular_values(W, b, c), atol=1e-10)
    np.testing.assert_allclose(impulse_response(*other, 20), impulse_response(W, b, c, 20), atol=1e-10)
    finite = zeros(W, b, c)
    assume(np.abs(finite).max() < 10 and np.abs(finite[:, None] - finite + np.eye(len(finite))).min() > 0.1)
    assert distance(zeros(*other), finite) < 1e-9


@pytest.mark.parametrize(
    "places, weights",
    [
        ([0.5, -0.45, -0.75], [0.9, 0.7, -0.65]),
        ([0.3 + 0.6j, 0.3 - 0.6j, -0.2], [0.5 - 0.15j, 0.5 + 0.15j, 1.0]),
        ([0.6, -0.5], [np.outer([1, 0.4], [0.9, -0.2]), np.outer([-0.3, 0.8], [0.3, 0.7])]),
    ],
)
def test_realisation_gives_its_poles_and_residues_back(places, weights):
    system = realisation(places, weights)
    order = [int(np.argmin(np.abs(poles(system[0]) - place))) for place in places]
    np.testing.assert_allclose(poles(system[0])[order], places, atol=1e-14)  # rounding
    wanted = [np.atleast_2d(weight) for weight in weights]
    np.testing.assert_allclose(residues(*system)[order], wanted, atol=1e-14)


def test_residues_are_in_the_order_of_the_poles():
    for units in (3, 20, 100):
        system = drawn(units, units, 2)
        z = np.exp(1j * np.array([0.3, 2.0]))
        partial = residues(*system)[None] / (z[:, None] - poles(system[0]))[:, :, None, None]
        wanted = frequency_response(*system, [0.3, 2.0])
        # Rounding times the condition of the eigenvectors of 100 random units, about 1e3.
        np.testing.assert_allclose(partial.sum(axis=1), wanted, rtol=1e-10, atol=1e-10)


def test_residue_is_a_product_of_distances_to_zeros_and_poles():
    # r = K (p - z) prod (p - z_j) / prod (p - p_j), so a residue falls linearly as a zero comes near.
    for seed in range(5):
        system = drawn(seed)
        places, gain = poles(system[0]), (system[2] @ system[1]).item()
        for k, place in enumerate(places):
            others = np.delete(places, k)
            wanted = gain * np.prod(place - zeros(*system)) / np.prod(place - others)
            np.testing.assert_allclose(
                residues(*system)[k, 0, 0], wanted, rtol=1e-10
            )  # sum of a dozen roundings


def test_energy_in_time_frequency_and_state_is_the_same():
    for seed in range(5):
        W, b, c = drawn(seed)
        energy = np.sum(impulse_response(W, b, c, 400) ** 2)  # 0.8^800 is nothing
        state = (c @ stein(W, W, b @ b.T) @ c.T).item()
        circle = np.arange(400) * 2 * np.pi / 400
        np.testing.assert_allclose(state, energy, rtol=1e-12)  # rounding of 400 summands
        np.testing.assert_allclose(
            np.mean(np.abs(frequency_response(W, b, c, circle)) ** 2), energy, rtol=1e-12
        )


def test_energy_of_the_small_system_is_the_printed_one():
    np.testing.assert_allclose(
        np.sum(impulse_response(W, b, c, 200) ** 2), 0.0740562757572, rtol=0, atol=PRINTED
    )


def test_hankel_values_are_roots_of_the_eigenvalues_of_both_gramians():
    for channels in (1, 2):
        W, b, c = drawn(4, 4, channels)
        product = solve_discrete_lyapunov(W, b @ b.T) @ solve_discrete_lyapunov(W.T, c.T @ c)
        wanted = np.sqrt(np.sort(np.linalg.eigvals(product).real)[::-1])
        # The square root halves the digits of the small ones; 1e-7 of the largest is safe, see the next test.
        np.testing.assert_allclose(hankel_singular_values(W, b, c), wanted, atol=1e-7 * wanted[0])


def test_hankel_value_of_a_silent_mode_is_right_to_rounding_of_the_largest():
    W, b, c = np.diag([0.6, -0.4]), np.array([[1.0], [1.0]]), np.array([[1.0, 1e-9]])
    response = impulse_response(W, b, c, 120)[:, 0, 0]
    wanted = np.linalg.svd(hankel(response[:60], response[59:-1]), compute_uv=False)[:2]
    np.testing.assert_allclose(hankel_singular_values(W, b, c), wanted, atol=1e-15 * wanted[0])


@pytest.mark.parametrize("units", [2, 5])
def test_hankel_values_are_as_many_as_units(units):
    found = hankel_singular_values(np.zeros((units, units)), np.ones((units, 1)), np.ones((1, units)))
    np.testing.assert_allclose(found, [units] + [0] * (units - 1), atol=1e-14)  # rounding of one product


def test_mode_norm_is_that_of_the_summed_mode():
    for seed in range(3):
        W, b, c = drawn(seed, 4, 2)
        powers = poles(W) ** np.arange(300)[:, None]
        wanted = [
            np.linalg.norm(powers[:, k, None, None] * residue) for k, residue in enumerate(residues(W, b, c))
        ]
        np.testing.assert_allclose(mode_norms(W, b, c), wanted, rtol=1e-12)  # 0.8^600 is nothing
    assert mode_norms([[1.0]], [[1.0]], [[1.0]]).tolist() == [np.inf]


def test_pair_gap_is_the_distance_to_the_nearest_zero():
    # H = 1/(z-0.5) + d/(z+0.4) has its zero at (0.5 d - 0.4)/(1 + d).
    for weight in (1e-3, 1e-9):
        gaps = pair_gaps(np.diag([0.5, -0.4]), np.ones((2, 1)), np.array([[1.0, weight]]))
        zero = (0.5 * weight - 0.4) / (1 + weight)
        np.testing.assert_allclose(
            gaps, [0.5 - zero, zero + 0.4], atol=1e-15
        )  # rounding of a zero of size 0.4
    assert pair_gaps([[0.5]], [[1.0]], [[1.0]]).tolist() == [np.inf]


def test_batches_equal_one_system_at_a_time():
    systems = [drawn(seed, 3, 2) for seed in range(6)]
    W, b, c = (np.stack(arrays).reshape(2, 3, *arrays[0].shape) for arrays in zip(*systems))
    rest = {residues: (), mode_norms: (), hankel_singular_values: (), impulse_response: (7,)}
    for function, more in (rest | {frequency_response: ([0.1, 1.0],)}).items():
        batched = function(W, b, c, *more)
        for i, j in np.ndindex(2, 3):
            one = function(W[i, j], b[i, j], c[i, j], *more)
            np.testing.assert_allclose(
                batched[i, j], one, rtol=1e-12, atol=1e-14
            )  # the same operations, rounded
    np.testing.assert_array_equal(poles(W)[1, 2], poles(W[1, 2]))


def test_one_W_serves_many_readouts():
    found = impulse_response(W, b, np.stack([c, 2 * c]), 4)
    np.testing.assert_allclose(found[1], 2 * impulse_response(W, b, c, 4), rtol=1e-15)  # a factor 2 is exact


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: poles(np.ones((2, 3))), "two equal last axes"),
        (lambda: poles((0.5, 0.2)), "a matrix is needed"),
        (lambda: poles([[np.nan]]), "W holds NaN"),
        (lambda: residues(W, b[:, 0], c), "b\\[:, None\\]"),
        (lambda: residues(W, b[:2], c), "sizes do not fit"),
        (lambda: residues(np.stack([W] * 2), np.stack([b] * 3), c), "sizes do not fit"),
        (lambda: zeros(W, np.hstack([b, b]), c), "as many inputs as outputs"),
        (lambda: zeros(W, 0 * b, c), "singular at every z"),
        (lambda: zeros(np.diag([0.5, 0.3]), [[1.0], [0.0]], [[0.0, 1.0]]), "singular at every z"),
        (lambda: zeros(W[None], b, c), "loop over its leading axes"),
        (lambda: impulse_response(W, b, c, 0), "at least 1"),
        (lambda: frequency_response([[1.0]], [[1.0]], [[1.0]], [0.0]), "lies on the unit circle"),
        (lambda: hankel_singular_values([[1.1]], [[1.0]], [[1.0]]), "W is unstable"),
    ],
)
def test_bad_input_gets_its_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_complex_weights_are_refused():
    with pytest.raises(TypeError, match="real numbers"):
        poles([[1j]])
