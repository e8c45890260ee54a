"""Best models with many channels: against the scalar theory, a plain search, and shuffled channels."""

import numpy as np
import pytest
from essay_targets import CE, A, R
from scipy.optimize import minimize

from stepwell.network.linear import realisation, spectral_radius
from stepwell.theory import best_models, best_poles, impulse_loss

POLES = [0.6, -0.5, 0.2]
RESIDUES = [
    np.outer([1, 0.4], [0.9, -0.2]),
    np.outer([-0.3, 0.8], [0.3, 0.7]),
    np.outer([0.5, 0.6], [-0.2, 0.6]),
]


@pytest.mark.parametrize("target", [A, CE, R])
def test_one_channel_is_the_scalar_theory(target):
    for k in range(len(target[0]) + 1):
        found, known = best_models(realisation(target[0], target[1]), k), best_poles(target[0], target[1], k)
        assert abs(found.loss - known.loss) < 1e-14
        np.testing.assert_allclose(
            found.poles, np.sort_complex(known.poles)[::-1], atol=1e-7
        )  # a flat minimum
        if found.certified:
            assert len(found.local_minima) == len(known.local_minima)


def test_markov_parameters_are_the_same_target():
    system = realisation(POLES, RESIDUES)
    g = np.array([system[2] @ np.linalg.matrix_power(system[0], s) @ system[1] for s in range(60)])
    for k in range(4):
        # What the last lags leave out is 0.6^60 = 5e-14.
        assert abs(best_models(g, k).loss - best_models(system, k).loss) < 1e-12


def test_loss_is_that_of_the_realisation():
    for k in (1, 2):
        best = best_models(realisation(POLES, RESIDUES), k)
        assert abs(impulse_loss(*best.realisation, POLES, RESIDUES) - best.loss) < 1e-14


@pytest.mark.parametrize("k", [1, 2])
def test_no_search_finds_a_better_model(k):
    best, rng = best_models(realisation(POLES, RESIDUES), k).loss, np.random.default_rng(0)

    def loss(x: np.ndarray) -> float:
        W, b, c = x[: k * k].reshape(k, k), x[k * k : k * k + 2 * k].reshape(k, 2), x[-2 * k :].reshape(2, k)
        return 10.0 if spectral_radius(W) >= 0.999 else impulse_loss(W, b, c, POLES, RESIDUES)

    draws = 0.5 * rng.standard_normal((6, k * k + 4 * k))
    found = min(minimize(loss, x, method="BFGS", options={"maxiter": 200}).fun for x in draws)
    assert best - 1e-12 < found < best + 1e-6  # scipy stops where its numerical gradient is below 1e-5


def test_swapping_channels_changes_nothing():
    swapped = [residue[::-1] for residue in RESIDUES]
    one, other = (best_models(realisation(POLES, each), 2).loss for each in (RESIDUES, swapped))
    assert abs(one - other) < 1e-13


def test_certificates_and_their_sentences():
    found = [best_models(realisation(POLES, RESIDUES), k) for k in range(4)]
    assert [best.certified for best in found] == [True, True, False, True]
    assert "Not certified" in found[2].note and sum(found[2].hits) > 0
    assert found[3].loss == 0


def test_bad_targets_are_refused():
    for target, match in (
        ((np.eye(2), np.ones((2, 1)), np.ones((1, 2))), "unstable"),
        ((np.eye(2), np.ones((3, 1)), np.ones((1, 2))), "sizes"),
        (np.zeros((4, 2, 2)), "zero"),
        (np.ones((2, 2)), "shape"),
    ):
        with pytest.raises(ValueError, match=match):
            best_models(target, 1)
    with pytest.raises(ValueError, match="out of range"):
        best_models(realisation(POLES, RESIDUES), 4)
