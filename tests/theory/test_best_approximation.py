"""Best k-pole models against reference values, optimality conditions, and independent searches."""

import numpy as np
import pytest
from essay_targets import CE, FIVE, LP, A, B, C, R, drawn, transfer
from scipy.optimize import minimize

from stepwell.theory import best_poles, one_pole_minima, profiled_loss, profiled_residues
from stepwell.theory.profiled import denominator

MODELS = (
    [(target, k) for target in (A, B, R, LP) for k in (1, 2)] + [(C, 1)] + [(FIVE, k) for k in (1, 2, 3, 4)]
)


def searched(target: tuple, k: int, starts: int, seed: int = 0) -> list[float]:
    """Losses of the minima found by scipy's BFGS over reflection coefficients, rising."""

    def loss(u: np.ndarray) -> float:
        return float(profiled_loss(np.roots([1.0, *denominator(np.tanh(u))[0]]), *target))

    draws = np.random.default_rng(seed).uniform(-2, 2, (starts, k))
    return sorted(minimize(loss, u, method="BFGS").fun for u in draws)


@pytest.mark.parametrize(
    ("target", "k", "loss", "poles", "residues"),
    [
        (A, 0, 0.7321058902, [], []),
        (A, 1, 0.099558817439, [0.492765764], [0.978726924]),
        (A, 2, 0.008654987861, [0.383325832, -0.850028929], [1.194206526, -0.257676721]),
        (C, 0, 0.9864421743, [], []),
        (C, 1, 0.281997829358, [0.402180478], [1.086739233]),
        (CE, 1, 0.87299709978, [-0.805403], None),
        (R, 1, 0.144290932470, [-0.794089], [0.529240]),
        (R, 2, 0.047423398408, [0.801852, -0.825197], None),
    ],
)
def test_reference_values(target, k, loss, poles, residues):
    best = best_poles(*target, k)
    assert best.certified
    assert abs(best.loss - loss) < 1e-10  # the references print ten to twelve decimals of the loss,
    assert np.abs(best.poles - poles).max(initial=0) < 1e-6  # six to nine of the rest, not all of them right
    if residues is not None:
        assert np.abs(best.residues - residues).max(initial=0) < 1e-6


def test_stationary_points_of_the_counter_example_and_of_a():
    minima = one_pole_minima(*CE)
    assert np.abs(np.array([m.poles[0] for m in minima]) - [-0.805403, 0.506598]).max() < 1e-6  # as printed
    assert np.abs(np.array([m.loss for m in minima]) - [0.87299709978, 0.96241735111]).max() < 1e-11
    second = best_poles(*A, 1).local_minima[1]
    assert abs(second.poles[0] + 0.957433929) < 1e-8
    assert abs(second.loss - 0.723018264) < 1e-9


@pytest.mark.parametrize(("target", "k"), MODELS)
def test_optimal_models_interpolate_the_target_at_the_mirrored_poles(target, k):
    best = best_poles(*target, k)
    mirrored = 1 / best.poles
    for order, tolerance in ((0, 1e-12), (1, 1e-11)):  # the condition of the interpolation points, below 100
        gap = transfer(best.poles, best.residues, mirrored, order) - transfer(*target, mirrored, order)
        assert np.abs(gap).max() < tolerance * max(1, np.abs(transfer(*target, mirrored, order)).max())


@pytest.mark.parametrize(("target", "k"), MODELS)
def test_error_is_divisible_by_the_squared_mirror_of_the_denominator(target, k):
    best = best_poles(*target, k)
    D, D_target = np.real(np.poly(best.poles)), np.real(np.poly(target[0]))
    N, N_target = numerator(best.poles, best.residues), numerator(*target)
    difference = np.polysub(np.polymul(N_target, D), np.polymul(N, D_target))
    # Division from the lowest power: the roots of the mirrored polynomial lie outside the unit circle.
    square = np.polymul(D, D)
    _, remainder = np.polydiv(difference[::-1], square)
    assert np.abs(remainder).max() < 1e-10 * np.abs(difference).max()  # rounding of the products


@pytest.mark.parametrize("target", [A, C, CE, R, LP, FIVE])
def test_one_pole_minima_are_all_that_a_fine_grid_shows(target):
    grid = np.tanh(np.linspace(-4.5, 4.5, 20001))
    losses = profiled_loss(grid[:, None], *target)
    dips = np.flatnonzero((losses[1:-1] < losses[:-2]) & (losses[1:-1] < losses[2:])) + 1
    minima = best_poles(*target, 1).local_minima
    assert len(minima) == len(dips)
    assert (
        np.abs(np.sort(grid[dips]) - np.sort([m.poles[0] for m in minima])).max() < 1e-3
    )  # spacing of the grid


@pytest.mark.parametrize("seed", range(6))
def test_two_poles_of_three_agree_with_a_search(seed):
    target = drawn(seed)
    best = best_poles(*target, 2)
    assert best.certified
    found = searched(target, 2, starts=8)
    assert best.loss <= found[0] + 1e-15
    assert abs(best.loss - found[0]) < 1e-9  # scipy stops where its numerical gradient is below 1e-5
    for minimum in best.local_minima:
        assert abs(profiled_loss(minimum.poles, *target) - minimum.loss) < 1e-14


@pytest.mark.parametrize("k", [2, 3])
def test_search_for_higher_degrees_agrees_with_another_search(k):
    best = best_poles(*FIVE, k)
    assert not best.certified
    assert sum(best.hits) > 100
    assert len(best.hits) == len(best.local_minima)
    assert abs(best.loss - searched(FIVE, k, starts=4)[0]) < 1e-9  # as above


def test_losses_fall_with_the_degree_and_residues_are_profiled():
    losses = [best_poles(*FIVE, k).loss for k in range(6)]
    assert losses[-1] == 0
    assert all(np.diff(losses) < 0)
    best = best_poles(*FIVE, 3)
    np.testing.assert_allclose(best.residues, profiled_residues(best.poles, *FIVE).real, rtol=1e-12)


@pytest.mark.parametrize("k", [1, 2])
def test_scaling_the_target_scales_the_loss_and_leaves_the_poles(k):
    scaled = best_poles(A[0], -3 * np.array(A[1]), k)
    np.testing.assert_allclose(scaled.loss, 9 * best_poles(*A, k).loss, rtol=1e-12)  # rounding
    np.testing.assert_allclose(scaled.poles, best_poles(*A, k).poles, atol=1e-12)


def test_silent_poles_of_the_target_do_not_count():
    padded = [*A[0], 0.3], [*A[1], 0.0]
    assert best_poles(*padded, 2).certified
    assert best_poles(*padded, 3).loss == 0
    with pytest.raises(ValueError, match="0 to 3 poles"):
        best_poles(*padded, 4)


@pytest.mark.parametrize("k", [-1, 4])
def test_degrees_out_of_range_are_refused(k):
    with pytest.raises(ValueError, match="0 to 3 poles"):
        best_poles(*A, k)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (([1.1], [1.0]), "unstable"),
        (([0.5, 0.5], [1.0, 2.0]), "repeats a pole"),
        (([0.5, 0.1], [0.0, 0.0]), "target is zero"),
        (([0.5], [np.eye(2)]), "one input and one output"),
    ],
)
def test_targets_beyond_the_theory_are_refused(target, message):
    with pytest.raises(ValueError, match=message):
        best_poles(*target, 1)


def numerator(poles: np.ndarray, residues: np.ndarray) -> np.ndarray:
    return np.real(sum(r * np.poly(np.delete(poles, i)) for i, r in enumerate(residues)))
