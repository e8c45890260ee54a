"""Rests and ghosts, planted in one and in many dimensions: all are found and certified, none is invented."""

from collections import Counter
from typing import Any

import cusp_networks as cusp
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import fsolve

from stepwell.analysis.fields import as_vector, latent_field, lifted, network_field
from stepwell.analysis.rest_points import fixed_points
from stepwell.network.low_rank import LowRank

GRID = np.linspace(-15, 15, 1001)


def kinds(points):
    return Counter(point.kind for point in points)


class RateField(eqx.Module):
    """A field whose bounds are not stated; a module, so that other weights compile nothing."""

    W: Any
    b: Any

    def __call__(self, h):
        return jnp.tanh(self.W @ h + self.b) - h


class TurnedField(eqx.Module):
    """Lines of one dimension side by side, in turned coordinates."""

    turn: Any
    strengths: Any
    drives: Any

    def __call__(self, h):
        z = self.turn.T @ h
        return self.turn @ (self.strengths * jnp.tanh(z + self.drives) - z)


@pytest.mark.parametrize("exponent", range(2, 9))
@pytest.mark.parametrize("sign", [1, -1])
def test_hardest_cases_are_told_apart(exponent, sign):
    """A ghost at distance r from a fold, or two rests as close to it, in one dimension and in five."""
    r = sign * 10.0**-exponent
    m, n, b = cusp.units(cusp.drive(r))
    line, space = latent_field(m, n, b), RateField(np.outer(m, n), b)
    for field, starts in (line, [-1.2]), (space, -0.6 + 0.01 * np.arange(5)[None]):
        [point] = fixed_points(field, starts)
        assert point.kind == ("ghost" if sign > 0 else "fixed")
        assert point.certified
        if sign > 0:
            # r is computed from numbers of order one, and found again from the field at the ghost.
            assert point.distance * point.curvature == pytest.approx(r * cusp.CURVATURE, abs=1e-15, rel=1e-7)
            assert point.passage_time == pytest.approx(np.pi / np.sqrt(r * cusp.CURVATURE), rel=1e-7)
        else:
            assert point.passage_time == np.inf and point.speed < 1e-14


def test_one_dimension_finds_everything_between_its_starts():
    [rest, ghost] = fixed_points(latent_field(*cusp.units(cusp.drive(0.1))), GRID)
    assert (rest.kind, ghost.kind) == ("fixed", "ghost")
    assert rest.state == pytest.approx(1.9785462531, abs=1e-10)
    assert ghost.state == pytest.approx(cusp.ghost(0.1), abs=1e-12)
    assert (ghost.distance, ghost.curvature) == pytest.approx((0.1, cusp.CURVATURE), abs=1e-12)
    three = fixed_points(latent_field(*cusp.units(cusp.drive(-0.1))), GRID)
    assert kinds(three) == {"fixed": 3}
    assert [point.stable() for point in three] == [True, False, True]
    assert [point.stable(step=0.5) for point in three] == [True, False, True]


def test_rests_closer_than_the_grid_are_found():
    # 2 sqrt(r/a) = 2.4e-3 apart, on a grid with spacing 0.03.
    points = fixed_points(latent_field(*cusp.units(cusp.drive(-1e-6))), GRID)
    assert kinds(points) == {"fixed": 3} and all(point.certified for point in points)
    gap = points[1].state - points[0].state
    assert gap == pytest.approx(2 * np.sqrt(1e-6 / cusp.CURVATURE), rel=1e-2)  # next order of the expansion


def test_a_rest_on_the_grid_counts_once():
    # At b = 0 the field vanishes at 0 exactly, which is a point of the grid.
    points = fixed_points(latent_field([0.5, 0.2], [1.0, 1.0], [0.0, 0.0]), GRID)
    assert [point.state for point in points] == [0.0]


def test_random_fields_against_a_root_finder():
    rng = np.random.default_rng(0)
    for _ in range(5):
        m, n, b = rng.standard_normal((3, 30)) * [[1.5], [1.0], [1.5]]
        points = [p for p in fixed_points(latent_field(m, n, b), GRID) if p.kind == "fixed"]
        f = lambda k, m=m, n=n, b=b: n @ np.tanh(m * k + b) - k  # noqa: E731
        tried = [fsolve(f, k, xtol=1e-13, full_output=True) for k in np.linspace(-15, 15, 400)]
        roots = {round(float(x[0]), 6) for x, _, converged, _ in tried if converged == 1}
        assert sorted(round(float(p.state), 6) for p in points) == sorted(roots)


def planted(hidden, seed):
    """A rotated field in which each coordinate has its own rests and ghosts; and all their combinations."""
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((hidden, hidden)))[0]
    drives = np.array([cusp.drive(0.03), cusp.drive(-0.2), cusp.drive(0.1)] + [0.0] * (hidden - 3))
    strengths = np.array(3 * [cusp.NU] + [0.5] * (hidden - 3))
    lines = [fixed_points(latent_field([1.0], [nu], [b]), GRID) for nu, b in zip(strengths, drives)]
    places = np.array(np.meshgrid(*([p.state for p in line] for line in lines))).reshape(hidden, -1).T
    ghosts = (
        np.array(np.meshgrid(*([p.kind == "ghost" for p in line] for line in lines))).reshape(hidden, -1).T
    )
    field = TurnedField(*map(jnp.asarray, (rotation, strengths, drives)))
    return field, places @ rotation.T, ghosts.any(axis=1)


def test_planted_points_are_found_from_random_starts_and_none_is_invented():
    field, places, ghosts = planted(6, 0)
    starts = np.random.default_rng(1).uniform(-3, 3, (300, 6))
    points = fixed_points(field, starts)
    assert kinds(points) == {"fixed": int((~ghosts).sum()), "ghost": int(ghosts.sum())}
    assert all(point.certified for point in points)
    for place, ghost in zip(places, ghosts):
        gaps = [np.linalg.norm(point.state - place) for point in points]
        nearest = points[int(np.argmin(gaps))]
        # Ghosts are level to 1e-7 of their speed, over a curvature of the speed of 2 r a.
        assert min(gaps) < 1e-8 and nearest.kind == ("ghost" if ghost else "fixed")


def test_search_repeats_itself():
    field, _, _ = planted(6, 0)
    starts = np.random.default_rng(1).uniform(-3, 3, (40, 6))
    one, other = fixed_points(field, starts), fixed_points(field, starts)
    assert all(np.array_equal(a.state, b.state) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("bulk", [0.0, 0.1])
def test_ghost_of_a_rank_one_network_in_all_its_dimensions(bulk):
    hidden, r = 100, 0.01
    m, n, b = cusp.mixed_units(cusp.drive(r), hidden, 0)
    kappa = cusp.ghost(r)
    network = LowRank(hidden=hidden, g=bulk)
    params = {"m": m[:, None], "n": n[:, None], "b": b[:, None]}
    params["W0"] = np.random.default_rng(1).standard_normal((hidden, hidden)) * bulk / np.sqrt(hidden)
    field = network_field(network, params, 1.0)
    trajectory = [np.full(hidden, -0.3)]
    for _ in range(60):
        trajectory.append(trajectory[-1] + 0.5 * np.asarray(field(jnp.asarray(trajectory[-1]))))
    points = fixed_points(field, np.array(trajectory)[::3])
    [ghost] = [point for point in points if point.kind == "ghost"]
    if bulk:
        assert ghost.certified and ghost.note == "bound known"
        return
    state = lifted(m, n, b, kappa)
    assert np.linalg.norm(ghost.state - state) < 1e-8
    assert ghost.speed == pytest.approx(r / np.linalg.norm(n), rel=1e-10)
    assert ghost.distance * ghost.curvature == pytest.approx(r * cusp.CURVATURE, rel=1e-8)
    slope = (1 - np.tanh(m * kappa + b) ** 2) * m
    assert abs(ghost.distance) == pytest.approx(np.linalg.norm(slope) * r, rel=1e-8)
    # The state starts on the other side of the fold's mirror image and never passes the ghost.
    passing = fixed_points(field, np.array(trajectory)[::3], trajectory=np.array(trajectory))
    assert [point.kind for point in passing] == ["fixed", "slow"]
    assert "from the trajectory" in passing[1].note and not passing[1].certified


def test_effective_filter_keeps_a_ghost_that_is_passed():
    field = latent_field(*cusp.units(cusp.drive(0.02)))
    trajectory = [-3.0]
    for _ in range(100):
        trajectory.append(trajectory[-1] + 0.5 * float(field(trajectory[-1])))
    assert kinds(fixed_points(field, GRID, trajectory=trajectory)) == {"fixed": 1, "ghost": 1}
    # A short piece far away, a slow piece, and a tiny piece at the ghost.
    for piece, words in (
        ([1.0, 1.5], "from the trajectory"),
        (cusp.ghost(0.02) + np.array([0.0, 1e-3]), "extent"),
        ([-1.6, -1.5, 1.96, 1.961, 1.962, 1.963], "median"),
    ):
        [_, point] = fixed_points(field, GRID, trajectory=piece)
        assert point.kind == "slow" and words in point.note


def test_a_fold_is_neither_rest_nor_ghost():
    points = fixed_points(lambda x: x**2, np.linspace(-1, 1, 101))
    assert [point.kind for point in points] == ["slow"]
    assert not points[0].certified and "fold" in points[0].note


def test_what_does_not_settle_is_slow_and_says_so():
    points = fixed_points(lambda x: jnp.exp(-x), [0.0])
    assert [point.kind for point in points] == ["slow"]
    assert "stopped" in points[0].note


def test_certificates_with_estimated_bounds_see_corners():
    corner = fixed_points(lambda h: -h + jax.nn.relu(0.5 * h), [[0.3, -0.4]])
    assert [point.kind for point in corner] == ["fixed"]
    assert not corner[0].certified and "not smooth" in corner[0].note
    [away] = fixed_points(lambda h: -h + jax.nn.relu(0.5 * h + 1), [[0.3, -0.4]])
    assert away.certified and away.note == "bound estimated"
    np.testing.assert_allclose(away.state, 2, atol=1e-12)


def test_eigenvalues_are_those_of_the_jacobian():
    rng = np.random.default_rng(0)
    W = rng.standard_normal((8, 8)) * 0.3
    [point] = fixed_points(RateField(W, rng.standard_normal(8)), rng.standard_normal((4, 8)))
    J = -np.eye(8) + (1 - np.tanh(np.arctanh(point.state)) ** 2)[:, None] * W
    np.testing.assert_allclose(
        np.sort_complex(point.eigenvalues), np.sort_complex(np.linalg.eigvals(J)), atol=1e-12
    )


def test_field_of_a_network_is_its_velocity():
    network = LowRank(hidden=16, leak=0.8)
    params = network.init(jax.random.key(0))
    h = jnp.linspace(-1, 1, 16)
    wanted = np.tanh(np.asarray(params["m"] @ (params["n"].T @ h) + params["b"][:, 0])) - h
    np.testing.assert_allclose(network_field(network, params, [1.0])(h), wanted, atol=1e-14)
    assert as_vector(lambda x: 2 * x)(jnp.array([3.0])).shape == (1,)


@pytest.mark.parametrize(
    "field, starts, words",
    [
        (lambda x: x, [], "at least one"),
        (lambda x: x, np.zeros((2, 2, 2)), "at least one"),
        (lambda x: x / x, [1.0, 0.0], "not finite at start 1"),
        (lambda h: h[:1], np.ones((1, 2)), "one shape"),
        (lambda x: x, [np.nan], "NaN"),
    ],
)
def test_bad_input_is_refused(field, starts, words):
    with pytest.raises(ValueError, match=words):
        fixed_points(field, np.asarray(starts))


def test_fields_outside_jax_are_refused():
    with pytest.raises(TypeError, match="jax.numpy"):
        fixed_points(np.tanh, np.ones((1, 2)))


def test_float32_is_refused():
    with jax.enable_x64(False), pytest.raises(ValueError, match="jax_enable_x64"):
        fixed_points(lambda x: x, np.ones(1))


@pytest.mark.parametrize("b", [np.zeros(3), np.full(2, np.nan)])
def test_latent_fields_need_fitting_numbers(b):
    with pytest.raises(ValueError, match="do not fit|NaN"):
        latent_field(np.ones(2), np.ones(2), b)
