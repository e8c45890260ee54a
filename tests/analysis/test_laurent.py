"""Laurent coefficients where residues do not exist, or only just."""

import numpy as np
import pytest

from stepwell.analysis import frequency_response, laurent

b = np.array([[1.0], [0.5], [-0.2]])
c = np.array([[0.4, -0.3, 0.8]])


def test_jordan_block_has_laurent_coefficients_eleven_and_six():
    [(place, coefficients)] = laurent([[0.5, 1.0], [0.0, 0.5]], [[1.0], [2.0]], [[3.0, 4.0]])
    assert place == 0.5
    assert coefficients[:, 0, 0].tolist() == [11, 6]


@pytest.mark.parametrize(
    "block",
    [
        [[0.5, 1.0], [0.0, 0.5]],
        [[0.5, 1.0], [0.0, 0.5 + 1e-9]],
        [[0.5, 1.0], [-1e-14, 0.5]],
        [[0.5, 0.0], [0.0, 0.5]],
        [[0.5, 1.0], [0.0, 0.6]],
        [[0.5, 0.6], [-0.6, 0.5]],
    ],
    ids=["double", "nearly double", "close pair", "two alike", "simple", "pair"],
)
def test_laurent_series_rebuilds_the_response(block):
    S = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    W = np.zeros((4, 4))
    W[:2, :2], W[2:, 2:] = block, np.diag([-0.3, 0.2])
    W, b, c = S @ W @ S.T, S @ np.array([[1.0, 2.0, 0.5, 1.0]]).T, np.array([[3.0, 4.0, 1.0, -1.0]]) @ S.T
    frequencies = np.linspace(0, np.pi, 7)
    z = np.exp(1j * frequencies)
    series = sum(
        r[0, 0] / (z - p) ** (j + 1)
        for p, coefficients in laurent(W, b, c)
        for j, r in enumerate(coefficients)
    )
    # A double pole at 1e-8 or less from its mean leaves an error of the square of that, and rounding.
    np.testing.assert_allclose(series, frequency_response(W, b, c, frequencies)[:, 0, 0], rtol=1e-13)


def test_laurent_leaves_out_orders_that_are_only_rounding():
    S = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    orders = {round(p.real, 6): len(r) for p, r in laurent(S @ np.diag([0.5, 0.5, -0.2]) @ S.T, b, c)}
    assert orders == {0.5: 1, -0.2: 1}


def test_laurent_gathers_a_triple_pole_if_told_to():
    S = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    W = 0.4 * np.eye(3) + np.diag([1.0, 1.0], 1)
    [(place, coefficients)] = laurent(S @ W @ S.T, S @ b, c @ S.T, gap=1e-3)
    wanted = [(c @ np.linalg.matrix_power(W - 0.4 * np.eye(3), j) @ b).item() for j in range(3)]
    np.testing.assert_allclose(
        coefficients[:, 0, 0], wanted, atol=1e-13
    )  # the mean of the three is right to rounding
    assert abs(place - 0.4) < 1e-13


def test_simple_poles_of_a_small_system_have_the_printed_residues():
    W = np.array([[0.5, 0.2, 0.0], [-0.1, 0.3, 0.4], [0.0, -0.3, -0.2]])
    found = {round(p.imag, 6): (p, r) for p, r in laurent(W, b, c)}
    assert sorted(found) == [-0.229691, 0.0, 0.229691]
    # Printed to 12 decimals.
    np.testing.assert_allclose(found[0.0][1], [[[0.859932859663]]], rtol=0, atol=6e-13)
    wanted = [[[-0.384966429832 + 0.335762130593j]]]
    np.testing.assert_allclose(found[0.229691][1], wanted, rtol=0, atol=7.1e-13)
    assert found[0.0][0].imag == 0


def test_coefficients_keep_the_axes_of_outputs_and_inputs():
    [(_, coefficients)] = laurent(np.array([[0.5, 1.0], [0.0, 0.5]]), np.eye(2, 3), np.eye(2))
    wanted = [np.eye(2, 3), [[0, 1, 0], [0, 0, 0]]]  # c b and c (W - p) b
    np.testing.assert_allclose(coefficients, wanted, atol=1e-15)  # no rounding to speak of


def test_several_systems_at_once_are_refused():
    with pytest.raises(ValueError, match="loop over its leading axes"):
        laurent(np.zeros((2, 3, 3)), b, c)
