"""The ghost study: its claims at the smallest scale, and the runs behind them."""

import numpy as np
import pytest

from stepwell.network import saddle_node_exact as exact
from stepwell.run.continued import continued
from stepwell.run.reduced_toy import ToyDescent
from stepwell.study.ghost import STUDY
from stepwell.study.ghost.protocols import Landscape, Planted, T, rank_one
from stepwell.study.ghost.readings import walk
from stepwell.study.judge import check
from stepwell.theory import saddle_node as toy

TOY = tuple(claim.id for claim in STUDY.claims if "smoke" in claim.scales)[:10]
"""Claims that train no network."""


def test_the_toy_claims_come_out_as_expected_at_smoke_scale():
    findings = check("ghost", "smoke", claims=TOY)
    assert len(findings) == len(TOY)
    assert not [f.claim for f in findings if f.surprising]


def test_claims_name_known_scales_and_one_statement_each():
    ids = [claim.id for claim in STUDY.claims]
    assert len(set(ids)) == len(ids)
    assert all(claim.statement.endswith(".") or ":" in claim.statement for claim in STUDY.claims)


def test_the_compiled_descent_is_descent_on_the_exact_gradient():
    found = ToyDescent((0.3, 1.5), spread=0.1, starts=3, updates=600).run((7,))
    best, rates = exact.optimum(T), np.array([[0.3], [1.5]]) * toy.critical_learning_rate(T)
    start = best * (10 + 0.1 * np.random.RandomState(7).standard_normal(3))
    path = exact.descent(start, rates, 600, lambda r: exact.gradient(r, T))
    # before the first passage of the kink, after which rounding can change the branch
    assert np.allclose(found.r.values[0, :100] * best, path[:100], rtol=1e-12)


def test_a_descent_needs_updates():
    with pytest.raises(ValueError, match="do not make a run"):
        ToyDescent((0.3,), updates=0)


def test_the_landscape_holds_loss_and_slope_by_quadrature():
    found = Landscape((0.5, 1.5), 1.0).run((0,))
    r, step = found.r.values[0], 1e-9
    change = exact.finite_loss(r + step, T, 1.0) - exact.finite_loss(r - step, T, 1.0)
    assert np.allclose(found.slope.values[0], change / (2 * step), rtol=1e-5)  # limited by the differences


def test_planted_networks_are_at_their_distance_from_the_fold():
    found = Planted((0.1, -0.1), 5).run((0,))
    m, n, b = (found[name].values[0, :, :, 0] for name in ("m", "n", "b"))
    kappa = np.arctanh(-np.sqrt(0.5)) - b[:, :1]  # where the slope of the field is 0
    field = (n * np.tanh(m * kappa + b)).sum(axis=1) - kappa[:, 0]
    assert np.allclose(field, (0.1, -0.1), atol=1e-12)  # rounding


EXPERIMENT = rank_one(0.02, 40, every=20)


@pytest.fixture(scope="module")
def run():
    """A short run of two published seeds."""
    return EXPERIMENT.run((40, 3))


def test_training_goes_on_from_a_snapshot_as_if_it_had_not_stopped(run):
    params = {name: run[name].values[:, 1] for name in ("m", "n", "b")}
    further = continued(EXPERIMENT, params, 20)
    # two programs, which may round differently
    assert np.allclose(further["loss"], run.loss.values[:, 20:], rtol=1e-12)
    assert np.allclose(further["m"][:, 20], run.m.values[:, 2], rtol=1e-12)


def test_the_latent_walk_is_the_network(run):
    params = {name: run[name].values[0, 0] for name in ("m", "n", "b")}
    outputs = 1 / (1 + np.exp(-10 * (walk(params)[1:] - 1)))
    target = np.arange(40) >= 20
    assert np.isclose(((outputs - target) ** 2).sum() / 20, run.loss.values[0, 0], rtol=1e-12)  # rounding
    assert np.isclose(run.loss.values[0, 0], 0.9999092080971883, atol=1e-12)  # the published seed


def test_watched_training_counts_updates_without_an_output(run):
    assert run.onset.values[0, -1] == -1 and run.streak.values[0].tolist() == [0, 20, 40]
