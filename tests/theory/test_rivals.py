"""Rival models against Gramians by scipy and against Hankel matrices."""

import itertools

import numpy as np
import pytest
from essay_targets import FIVE, LP, A, C, R, response
from scipy.linalg import cholesky, hankel, solve_discrete_lyapunov

from stepwell.network.linear import realisation
from stepwell.theory import best_poles, rival_models

CASES = [(A, 1), (A, 2), (R, 1), (R, 2), (C, 1), (LP, 2), (FIVE, 1), (FIVE, 2), (FIVE, 3), (FIVE, 4)]


def matrix(poles: np.ndarray, residues: np.ndarray) -> np.ndarray:
    g = response(list(poles), list(residues), 399)
    return hankel(g[:200], g[199:])


def test_r_has_the_reference_losses():
    ratios = [[m.loss / best_poles(*R, k).loss for m in rival_models(*R, k).values()] for k in (1, 2)]
    expected = [[1.5665, 1.0930, 1.1708, 2.0817], [9.1269, 2.1562, 1.0110, 1.0605]]
    assert np.abs(np.array(ratios) - expected).max() < 5.1e-5  # as printed


@pytest.mark.parametrize(("target", "k"), CASES)
def test_losses_are_those_of_the_impulse_responses_and_above_the_best(target, k):
    for model in rival_models(*target, k).values():
        assert len(model.poles) == k
        error = response(list(model.poles), list(model.residues), 400) - response(*target, 400)
        assert abs(model.loss - 0.5 * error @ error) < 1e-13  # rounding of a sum of 400 terms
        assert model.loss > best_poles(*target, k).loss


@pytest.mark.parametrize(("target", "k"), CASES)
def test_hankel_model_has_rank_k_and_the_next_singular_value_as_error(target, k):
    model = rival_models(*target, k)["Hankel"]
    values = np.linalg.svd(matrix(model.poles, model.residues))[1]
    assert np.sum(values > 1e-10 * values[0]) == k
    gap = np.linalg.norm(matrix(model.poles, model.residues) - matrix(*target), 2)
    assert abs(gap - np.linalg.svd(matrix(*target))[1][k]) < 1e-10  # 200 rows leave out less


@pytest.mark.parametrize(("target", "k"), CASES)
def test_balanced_model_is_the_projection_by_gramians(target, k):
    W, b, c = realisation(*target)
    P, Q = solve_discrete_lyapunov(W, b @ b.T), solve_discrete_lyapunov(W.T, c.T @ c)
    L_P, L_Q = cholesky(P, lower=True), cholesky(Q, lower=True)
    U, values, V = np.linalg.svd(L_Q.T @ L_P)
    out, into = L_P @ V[:k].T / np.sqrt(values[:k]), (L_Q @ U[:, :k] / np.sqrt(values[:k])).T
    model = rival_models(*target, k)["balanced"]
    expected = [(c @ out @ np.linalg.matrix_power(into @ W @ out, s) @ into @ b).item() for s in range(50)]
    # The Gramians of target FIVE are conditioned like 1e5.
    assert np.abs(response(list(model.poles), list(model.residues), 50) - expected).max() < 1e-9


@pytest.mark.parametrize("k", [1, 2, 3])
def test_modal_models_are_the_best_subsets(k):
    rivals = rival_models(*FIVE, k)
    losses = []
    for kept in itertools.combinations(range(5), k):
        error = np.array(FIVE[1]) * ~np.isin(range(5), kept)
        losses.append(0.5 * np.sum(response(FIVE[0], list(error), 400) ** 2))
    assert abs(rivals["modal"].loss - min(losses)) < 1e-13  # rounding
    assert rivals["refitted modal"].loss < rivals["modal"].loss
    assert set(rivals["refitted modal"].poles) <= set(FIVE[0])


def test_half_a_pair_is_no_modal_model():
    assert list(rival_models(*C, 1)) == ["balanced", "Hankel"]


@pytest.mark.parametrize("k", [0, 3])
def test_nothing_to_compare_is_refused(k):
    with pytest.raises(ValueError, match="1 to 2 poles"):
        rival_models(*A, k)
