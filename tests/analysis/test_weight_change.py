"""Spectra and directions of weight changes against matrices built to have them."""

import numpy as np
import pytest

from stepwell.analysis import (
    alignment,
    direction_angle,
    direction_cosine,
    eigenvalue_outliers,
    factor_singular_values,
    feedback_residual,
    gap_index,
    numerical_rank,
    participation_ratio,
    singular_values,
    variance_explained,
)


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_singular_values_of_factors_are_those_of_the_matrix(draw):
    A, B = draw.standard_normal((3, 40, 5)), draw.standard_normal((3, 40, 5))
    dense = singular_values(A @ np.swapaxes(B, -1, -2), np.zeros((3, 40, 40)))
    assert dense.shape == (3, 40)
    np.testing.assert_allclose(factor_singular_values(A, B), dense[:, :5], rtol=1e-12)  # rounding
    assert np.all(dense[:, 5:] < 1e-12 * dense[:, :1])
    np.testing.assert_array_equal(numerical_rank(dense), [5, 5, 5])


def test_permuting_the_units_changes_no_measure(draw):
    W, W0 = draw.standard_normal((2, 12, 12))
    b, c, order = draw.standard_normal((12, 2)), draw.standard_normal((1, 12)), draw.permutation(12)
    swapped = W[order][:, order], W0[order][:, order]
    np.testing.assert_allclose(singular_values(*swapped), singular_values(W, W0), atol=1e-13)  # rounding
    here, there = alignment(W, W0, b, c), alignment(*swapped, b[order], c[:, order])
    for name, cosines in here.items():
        np.testing.assert_allclose(there[name], cosines, atol=1e-12)
    np.testing.assert_allclose(eigenvalue_outliers(*swapped), eigenvalue_outliers(W, W0), atol=1e-12)


def test_participation_ratio_and_explained_variance_are_the_sums_they_name():
    s = np.array([[2.0, 1.0, 1.0], [3.0, 0.0, 0.0]])
    np.testing.assert_allclose(participation_ratio(s), [36 / 18, 1])
    np.testing.assert_allclose(variance_explained(s), [[0, 4 / 6, 5 / 6, 1], [0, 1, 1, 1]])
    assert np.isnan(participation_ratio(np.zeros(3)))
    np.testing.assert_array_equal(gap_index([[9.0, 8, 1, 0.9], [9.0, 1, 0.9, 0.0]]), [2, 3])
    assert gap_index([9.0, 1, 0.9, 0.3], least=2) == 3


def test_outliers_are_the_eigenvalues_outside_the_bulk(draw):
    N, g = 200, 0.8
    W0 = g / np.sqrt(N) * draw.standard_normal((N, N))
    u, v = draw.standard_normal((2, N)) / np.sqrt(N)
    v = v - u * (u @ v) / (u @ u)
    W = W0 + 1.5 * np.outer(u, u) / (u @ u) + 0.3 * np.outer(u, v)
    found = eigenvalue_outliers(W, W0, g=g)
    assert len(found) == 1
    # An outlier of the low-rank part stays put for wide networks; it fluctuates like g / sqrt(N) = 0.06.
    assert abs(found[0] - 1.5) < 5 * g / np.sqrt(N)
    assert len(eigenvalue_outliers(W0, W0, g=g)) == 0


def test_alignment_finds_the_first_order_of_learning(draw):
    """The first gradient step is the outer product of the two resolvent vectors."""
    N = 30
    W0 = 0.3 / np.sqrt(N) * draw.standard_normal((N, N))
    b, c = draw.standard_normal((N, 1)), draw.standard_normal((1, N))
    R = np.linalg.inv(np.eye(N) - W0)
    cosines = alignment(W0 + 1e-3 * R.T @ c.T @ b.T @ R.T, W0, b, c, directions=1)
    np.testing.assert_allclose(cosines["resolvent readout"][0], 1, atol=1e-12)  # rounding
    np.testing.assert_allclose(cosines["resolvent input"][1], 1, atol=1e-12)
    assert np.all(cosines["readout"][0] < 1 - 1e-3)
    direct = abs(np.vdot(R @ b, W0 @ b)) / np.linalg.norm(R @ b) / np.linalg.norm(W0 @ b)
    np.testing.assert_allclose(cosines["W0 input"][1], direct, atol=1e-12)


def test_alignment_with_nothing_is_nan(draw):
    b, c = draw.standard_normal((4, 1)), draw.standard_normal((1, 4))
    unchanged = alignment(np.eye(4) / 2, np.eye(4) / 2, b, c)
    assert all(np.isnan(cosines).all() for cosines in unchanged.values())
    without_start = alignment(c.T @ b.T, np.zeros((4, 4)), b, c, directions=1)
    assert np.isnan(without_start["W0 input"]).all() and not np.isnan(without_start["input"]).any()


def test_cosine_and_angle_between_directions(draw):
    G = {"W": draw.standard_normal((2, 3, 3)), "b": draw.standard_normal((2, 3, 1)), "c": np.ones((2, 1, 3))}
    H = {"W": draw.standard_normal((2, 3, 3)), "b": draw.standard_normal((2, 3, 1)), "c": np.zeros((2, 1, 3))}
    for i in range(2):
        g, h = (np.append(d["W"][i].ravel(), d["b"][i].ravel()) for d in (G, H))
        wanted = g @ h / np.sqrt((g @ g) * (h @ h))
        assert direction_cosine(G, H)[i] == pytest.approx(wanted, rel=1e-13)  # rounding
        assert direction_angle(G, H)[i] == pytest.approx(np.arccos(wanted), rel=1e-13)
    np.testing.assert_allclose(direction_cosine(G, {"W": -G["W"]}, names=["W"]), -1)


def test_feedback_residual_is_what_the_span_misses(draw):
    F, M, off = draw.standard_normal((10, 2)), draw.standard_normal((2, 10)), draw.standard_normal((10, 10))
    assert feedback_residual(F @ M, F) < 1e-14  # rounding
    Q = np.linalg.svd(F)[0][:, 2:]
    wanted = np.linalg.norm(Q.T @ off) / np.linalg.norm(off)
    assert feedback_residual(off, F) == pytest.approx(wanted, rel=1e-12)


def test_diverged_weights_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="leave out the snapshots after a run has diverged"):
        singular_values(np.full((2, 2), np.nan), np.zeros((2, 2)))
