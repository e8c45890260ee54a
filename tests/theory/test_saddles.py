"""Saddles, their Hessians and the matrix M, against automatic derivatives over a finite horizon."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from essay_targets import CE, FIVE, A, B, C, R, response

from stepwell.network.linear import conserved
from stepwell.theory import (
    active_curvatures,
    escape_rate,
    expansion_matrix,
    hessian_counts,
    impulse_loss,
    impulse_loss_gradient,
    mode_coupling,
    reached_poles,
    saddle,
    silent_weight_ratio,
)

SADDLES = [(A, 0), (A, 1), (A, 2), (B, 1), (B, 2), (C, 1), (CE, 1), (R, 1), (R, 2), (FIVE, 2), (FIVE, 3)]
EVEN = [0.5, -0.5], [1.0, 1.0]  # its one-pole model has its pole at 0, so that W is singular


def loss(x: jax.Array, aim: jax.Array, n: int) -> jax.Array:
    W, b, c = x[: n * n].reshape(n, n), x[n * n : -n], x[-n:]
    g = jax.lax.scan(lambda h, _: (W @ h, c @ h), b, length=len(aim))[1]
    return 0.5 * jnp.sum((g - aim) ** 2)


HESSIAN = jax.jit(jax.hessian(loss), static_argnums=2)


def automatic_hessian(target: tuple, system: tuple) -> np.ndarray:
    """The Hessian of the finite-horizon loss by automatic differentiation."""
    packed = np.concatenate([array.ravel() for array in system])
    return np.asarray(HESSIAN(packed, response(*target, 200), len(system[0])))


def with_silent_pole(system: tuple, q: float) -> tuple:
    W, b, c = (array.copy() for array in system)
    W[-1, -1] = q
    return W, b, c


@pytest.mark.parametrize(("target", "k"), SADDLES)
def test_saddles_are_balanced_critical_points_at_their_level(target, k):
    system = saddle(*target, hidden=k + 2, k=k)
    assert max(np.abs(slope).max() for slope in impulse_loss_gradient(*system, *target)) < 1e-12  # rounding
    assert np.abs(conserved(*system)).max() < 1e-13
    assert abs(impulse_loss(*system, *target) - reached_poles(*target, k).loss) < 1e-13


@pytest.mark.parametrize(
    ("target", "hidden", "k"), [(A, 3, 0), (A, 3, 1), (A, 3, 2), (A, 5, 2), (C, 3, 1), (R, 3, 2)]
)
def test_spectrum_of_the_hessian(target, hidden, k):
    values = np.linalg.eigvalsh(automatic_hessian(target, saddle(*target, hidden, k)))
    rate, (negative, zero, positive) = escape_rate(*target, k), hessian_counts(hidden, k)
    assert len(values) == negative + zero + positive == hidden**2 + 2 * hidden
    threshold = 1e-10  # rounding of automatic derivatives of order 10
    assert (np.sum(values < -threshold), np.sum(values > threshold)) == (negative, positive)
    assert np.abs(values[:negative] + rate).max() < 1e-11
    expected = np.sort(np.concatenate([active_curvatures(*target, k), [rate] * negative]))
    assert np.abs(values[-positive:] - expected).max() < 1e-11


@pytest.mark.parametrize(("target", "k"), SADDLES)
def test_expansion_matrix_has_rank_one_and_equal_factors(target, k):
    W, b, c = saddle(*target, hidden=k, k=k)
    error = sum(reached_poles(*target, k).residues) - np.real(sum(target[1]))
    into = np.concatenate([[1], -np.linalg.solve(W, b)[:, 0]])
    out = np.concatenate([[1], -np.linalg.solve(W.T, c[0])])
    assert abs(np.linalg.norm(into) / np.linalg.norm(out) - 1) < 1e-10  # conditioned like 1 / smallest pole
    assert np.abs(expansion_matrix(*target, k) - error * np.outer(into, out)).max() < 1e-11
    assert abs(silent_weight_ratio(*target, k) - np.linalg.norm(into[1:])) < 1e-9


def test_expansion_matrix_of_a_singular_w_is_still_the_hessian():
    values = np.linalg.eigvalsh(automatic_hessian(EVEN, saddle(*EVEN, hidden=3, k=1)))
    assert np.abs(values[:2] + np.linalg.norm(expansion_matrix(*EVEN, 1), 2)).max() < 1e-12
    assert abs(escape_rate(*EVEN, 1) - 1) < 1e-12  # |r| |e_2| = 2 · 0.5


@pytest.mark.parametrize("q", [0.0, 0.3, -0.6])
@pytest.mark.parametrize(("target", "k"), [(A, 1), (A, 2), (C, 1)])
def test_silent_unit_with_a_pole_of_its_own(target, k, q):
    system = with_silent_pole(saddle(*target, k + 1, k), q)
    hessian = automatic_hessian(target, system)
    M = expansion_matrix(*target, k, silent_pole=q)
    assert abs(np.linalg.eigvalsh(hessian)[0] + np.linalg.norm(M, 2)) < 1e-11  # rounding, as above
    J, b_index, c_index = mode_coupling(*target, k, q), (k + 1) ** 2 + k, (k + 1) ** 2 + 2 * k + 1
    block = hessian[np.ix_([b_index, c_index], [b_index, c_index])]
    assert np.abs(block - [[0, J], [J, 0]]).max() < 1e-12
    steps = np.arange(300)
    model = reached_poles(*target, k)
    error = response(list(model.poles), list(model.residues), 300) - response(*target, 300)
    assert abs(J - np.sum(q**steps * error)) < 1e-14


def test_silent_mode_has_the_reference_values():
    assert abs(mode_coupling(*A, 1, 0.3) - 0.00355961893395) < 1e-13  # by 30-digit arithmetic
    # The references below are printed to ten decimals, of which the last two or three are not right.
    assert abs(mode_coupling(*A, 1, 0.3) - 0.0035596202) < 2e-9
    assert abs(np.linalg.norm(expansion_matrix(*A, 1, 0.3), 2) - 0.097316983) < 5e-8


@pytest.mark.parametrize("q", [0.0, 0.3])
def test_a_mode_that_is_driven_but_not_read_is_pulled(q):
    W, b, c = with_silent_pole(saddle(*A, hidden=2, k=1), q)
    b[1] = 1.0
    _, _, dc = impulse_loss_gradient(W, b, c, *A)
    assert abs(dc[0, 1] - mode_coupling(*A, 1, q)) < 1e-13  # rounding
    assert abs(impulse_loss(W, b, c, *A) - reached_poles(*A, 1).loss) < 1e-14


def test_curvatures_have_the_reference_values():
    assert np.abs(active_curvatures(*A, 1) - [1.56013, 3.94]).max() < 5e-3  # as printed, to two decimals
    assert abs(active_curvatures(*A, 2)[0] - 1.27887) < 5e-6
    assert abs(active_curvatures(*A, 2)[-1] - 6.46) < 5e-3
    assert abs(active_curvatures(*C, 1)[0] - 2.2198) < 5e-5
    assert active_curvatures(*A, 0).size == 0


def test_weights_into_a_silent_unit_at_the_first_saddle():
    model = reached_poles(*A, 1)
    assert abs(silent_weight_ratio(*A, 1) - np.sqrt(model.residues[0]) / model.poles[0]) < 1e-12
    assert abs(silent_weight_ratio(*A, 1) - 2.0077) < 5e-5  # as printed


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        saddle(*A, hidden=1, k=2)
    with pytest.raises(ValueError, match="silent_pole=1.0"):
        expansion_matrix(*A, 1, silent_pole=1.0)
