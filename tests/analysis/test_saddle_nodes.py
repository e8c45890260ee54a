"""Saddle-nodes between snapshots, where the cusp family has them; counts against the points themselves."""

import cusp_networks as cusp
import numpy as np
import pytest
import xarray as xr

from stepwell.analysis.fields import latent_field
from stepwell.analysis.rest_points import fixed_points
from stepwell.analysis.saddle_nodes import GRID, census, recorded_points, saddle_node_events

DIMS = ("seed", "snapshot", "unit", "rank")


def record(m, n, b, updates=None):
    """A record of m, n [seed, snapshot, unit, rank] and b [seed, snapshot, unit]."""
    variables = {"m": (DIMS, m), "n": (DIMS, n), "b": ((*DIMS[:3], "input"), b[..., None])}
    coordinates = {} if updates is None else {"snapshot_update": ("snapshot", updates)}
    return xr.Dataset(variables, coordinates)


def course(drives, updates=None):
    """One network of mixed units whose drive passes through the given values."""
    parts = [np.stack([cusp.mixed_units(b, 7, 0)[k] for b in drives])[None] for k in range(3)]
    return record(parts[0][..., None], parts[1][..., None], parts[2], updates)


def test_saddle_node_is_located_inside_its_update():
    [event] = saddle_node_events(course([cusp.B_FOLD + 0.1, cusp.B_FOLD - 0.1]))
    assert (event.seed, event.update) == (0, 0)
    assert event.fraction == pytest.approx(0.5, abs=1e-10)
    # The fold is a simple root of the extended system, so Newton finds it to rounding.
    assert event.state == pytest.approx(cusp.KAPPA_FOLD, abs=1e-10)


def test_events_carry_the_updates_of_the_record():
    drives = cusp.B_FOLD + np.array([0.1, 0.2, -0.1, -0.3, 0.1])
    events = saddle_node_events(course(drives, [0, 10, 20, 30, 40]))
    assert [event.update for event in events] == [10, 30]
    assert [event.fraction for event in events] == pytest.approx([2 / 3, 3 / 4], abs=1e-10)


def test_snapshots_of_a_diverged_run_are_left_out():
    drives = cusp.B_FOLD + np.array([0.1, -0.1, 0.1])
    broken = course(drives)
    broken["m"][0, 2] = np.nan
    assert [event.update for event in saddle_node_events(broken)] == [0]


def test_saddle_node_of_a_rank_two_network():
    # Two independent cusps in rotated latent variables, of which one passes its fold.
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    m, n, b = np.zeros((1, 2, 6, 2)), np.zeros((1, 2, 6, 2)), np.full((1, 2, 6), 0.8)
    m[..., :3, 0] = m[..., 3:, 1] = cusp.M
    n[..., :3, 0] = n[..., 3:, 1] = cusp.NU / 3
    b[0, :, :3] = cusp.B_FOLD + np.array([[0.1], [-0.3]])
    [event] = saddle_node_events(record(m @ turn, n @ turn, b))
    assert event.fraction == pytest.approx(0.25, abs=1e-10)
    assert (turn @ event.state)[0] == pytest.approx(cusp.KAPPA_FOLD, abs=1e-10)


def test_census_counts_what_the_search_finds():
    rng = np.random.default_rng(0)
    m, n, b = rng.standard_normal((3, 12, 30)) * np.reshape([1, 0.5, 1], (3, 1, 1))  # rests on the grid
    counts = census(m, n, b)
    for i in range(12):
        points = fixed_points(latent_field(m[i], n[i], b[i]), GRID)
        assert counts.rests[i] == sum(point.kind == "fixed" for point in points)
        assert counts.ghosts[i] == sum(point.kind == "ghost" for point in points)


@pytest.mark.parametrize("r, rests, ghosts", [(1e-6, 1, 1), (-1e-6, 3, 0), (0.1, 1, 1)])
def test_census_sees_between_the_points_of_its_grid(r, rests, ghosts):
    counts = census(*cusp.units(cusp.drive(r)))
    assert (counts.rests, counts.ghosts) == (rests, ghosts)
    # The steepest slope of the family is nu m - 1, between two points of the grid 0.03 apart.
    assert counts.steepest == pytest.approx(cusp.NU * cusp.M - 1, abs=1e-3)


def test_census_counts_a_rest_on_its_grid_once():
    assert census([0.5], [0.5], [0.0]).rests == 1


def test_recorded_points_are_those_of_the_snapshot():
    sightings = recorded_points(course(cusp.B_FOLD + np.array([0.1, -0.1]), [0, 100]), [100])
    assert [(s.seed, s.update, s.point.kind) for s in sightings] == 3 * [(0, 100, "fixed")]


def test_bad_input_is_refused():
    run = course([0.0, 0.1], [0, 100])
    with pytest.raises(ValueError, match="update 70 .* nearest is 100"):
        recorded_points(run, [70])
    with pytest.raises(ValueError, match="no m and no n"):
        saddle_node_events(run.drop_vars(["m", "n"]))
