"""Branches and collisions against paths that are known by construction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.analysis import collisions, pole_branches, poles

START = np.array([[0.6, 0.3], [0.1, 0.2]])
DRIFT = np.array([[-0.1, -0.5], [0.6, 0.2]])


def shuffled(places: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same poles at each time, in another order."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(row) for row in places])


def discriminant(W: np.ndarray) -> np.ndarray:
    return np.trace(W, axis1=-2, axis2=-1) ** 2 - 4 * np.linalg.det(W)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_branches_undo_any_shuffling(seed):
    t = np.linspace(0, 1, 60)
    wanted = np.stack([0.5 * t, 0.5 - 0.4 * t, -0.3 + 0.1 * np.sin(4 * t), 0.2 * np.exp(2j + 1j * t)], axis=1)
    wanted = np.concatenate([wanted, wanted[:, -1:].conj()], axis=1)
    found = pole_branches(np.concatenate([wanted[:1], shuffled(wanted[1:], seed)]))
    np.testing.assert_array_equal(found, wanted)  # the very numbers, in order


def test_real_poles_that_pass_through_each_other_do_not_collide():
    t = np.linspace(0, 1, 30)
    crossing = np.stack([0.1 + 0.6 * t, 0.8 - 0.5 * t], axis=1)  # the nearest place would swap them
    found = pole_branches(np.concatenate([crossing[:1], shuffled(crossing[1:])]))
    np.testing.assert_array_equal(found, crossing)
    assert collisions(shuffled(crossing), t) == []


def test_two_real_branches_go_on_as_a_pair():
    t = np.linspace(0, 1, 201)
    found = pole_branches(poles(START + t[:, None, None] * DRIFT))
    assert np.isreal(found[0]).all() and not np.isreal(found[-1]).any()
    np.testing.assert_allclose(found[-1, 0], found[-1, 1].conj(), rtol=1e-12)  # one real matrix, one pair
    # Around the collision a pole moves by sqrt(|D'| h) / 2, |D'| < 2, in h = 1/200, before and behind it.
    assert np.abs(np.diff(found, axis=0)).max() < 2 * np.sqrt(2 / 200) / 2


@given(st.integers(0, 1000), st.integers(5, 200))
@settings(deadline=None, max_examples=25)
def test_two_units_collide_where_their_discriminant_vanishes(seed, moments):
    # W is linear in time here, so D is a parabola and the cubic through four moments has its exact root.
    parabola = np.polynomial.Polynomial.fit(
        [0, 1, 2], discriminant(START + np.arange(3)[:, None, None] * DRIFT), 2
    )
    [root] = [r.real for r in parabola.roots() if 0 < r.real < 1]
    t = np.linspace(0, 1, moments)
    [found] = collisions(shuffled(poles(START + t[:, None, None] * DRIFT), seed), t)
    # D is rounded to 1e-16 and has a slope of about 1; the fit loses some digits.
    assert abs(found.time - root) < 1e-12
    assert abs(found.place - np.trace(START + root * DRIFT) / 2) < 1e-12
    assert abs(found.slope - parabola.deriv()(root)) < 1e-9  # a derivative, at spacings down to 1/200
    assert sorted(found.branches) == [0, 1]


def test_curved_paths_are_located_to_fourth_order():
    rotation = np.array([[0.0, 1.0], [-0.6, 0.0]])
    path = lambda t: START * np.cos(t)[..., None, None] + rotation * (t**2 + t)[..., None, None]  # noqa: E731
    fine = np.linspace(0, 1, 4001)
    [best] = collisions(poles(path(fine)), fine)
    assert abs(discriminant(path(np.array(best.time)))) < 1e-12  # D itself, at a spacing of 2.5e-4
    errors = []
    for moments in (11, 21, 41):
        t = np.linspace(0, 1, moments)
        errors.append(abs(collisions(poles(path(t)), t)[0].time - best.time))
    assert errors[0] < 1e-4
    assert (
        errors[2] < errors[0] / 4**3
    )  # a cubic gains 4^4 in two halvings, up to where in its interval the root is


def test_imaginary_parts_grow_as_the_slope_says():
    t = np.linspace(0, 1, 101)
    [found] = collisions(poles(START + t[:, None, None] * DRIFT), t)
    later = found.time + 1e-6
    wanted = 0.5 * np.sqrt(-found.slope * 1e-6)
    # The next term of D is of relative size D''/D' * 1e-6.
    np.testing.assert_allclose(np.abs(np.imag(poles(START + later * DRIFT))), wanted, rtol=1e-5)


def test_collision_among_other_poles_names_its_branches():
    t = np.linspace(0, 1, 101)
    W = np.zeros((101, 4, 4))
    W[:, 1:3, 1:3] = START + t[:, None, None] * DRIFT
    W[:, 0, 0], W[:, 3, 3] = -0.5 + 0.2 * t, -0.9
    found = pole_branches(poles(W))
    [collision] = collisions(poles(W), t)
    pair = found[:, list(collision.branches)]
    assert np.isreal(pair[0]).all() and pair[-1, 0].imag > 0 > pair[-1, 1].imag
    # The same as for the block alone: the others do not take part.
    [alone] = collisions(poles(W[:, 1:3, 1:3]), t)
    assert abs(collision.time - alone.time) < 1e-12  # rounding of D over its slope


def test_collision_at_the_edge_of_a_record_or_at_a_moment_is_found():
    t = np.array([-0.1, 0.1])
    [found] = collisions(np.emath.sqrt(-t)[:, None] * [1, -1], t)
    assert abs(found.time) < 1e-15  # a straight line through two symmetric values
    t = np.array([-0.1, 0.0, 0.1])
    [found] = collisions(np.emath.sqrt(-t)[:, None] * [1, -1], t)
    assert abs(found.time) < 1e-15


def test_pair_that_becomes_real_is_no_collision():
    t = np.linspace(-1, 1, 20)
    assert collisions(np.emath.sqrt(t)[:, None] * [1, -1], t) == []


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: pole_branches([0.1, 0.2]), "one run are needed"),
        (lambda: pole_branches([[0.1, 0.2], [np.nan, 0.2]]), "follow poles\\[:1\\]"),
        (lambda: collisions([[0.1, 0.2], [0.1, 0.2]], [0.0]), "2 increasing numbers"),
        (lambda: collisions([[0.1, 0.2], [0.1, 0.2]], [1.0, 0.0]), "2 increasing numbers"),
    ],
)
def test_bad_input_gets_its_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
