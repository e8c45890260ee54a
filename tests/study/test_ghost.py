"""The ghost study: its claims at the smallest scale, and the runs behind them."""

import numpy as np
import pytest

from stepwell.network import saddle_node_exact as exact
from stepwell.run.continued import continued
from stepwell.run.reduced_toy import ToyDescent
from stepwell.study.base import varied
from stepwell.study.ghost import STUDY
from stepwell.study.ghost.protocols import Landscape, Planted, Scaled, T, rank_one
from stepwell.study.ghost.rate_scan import RateScan
from stepwell.study.ghost.readings import walk
from stepwell.study.ghost.watched import Watched
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


@pytest.mark.parametrize(
    "confidence, beta, entry, back",
    [(0.5, 1.1, 170, 173), (0.5, 0.9, None, None), (0.1, 1.1, None, None), (1.0, 1.1, 213, None)],
)
def test_at_finite_confidence_descent_may_come_back_from_the_zone(confidence, beta, entry, back):
    # the reference values of entry and return, by quadrature; the last one returns after the end of this run
    found = ToyDescent((beta,), updates=230, confidence=confidence).run((0,))
    inside = found.r.values[0, :, 0, 0] < 0.25
    assert inside.any() == (entry is not None)
    if entry is not None:
        assert np.argmax(inside) == entry
        assert back is None or np.flatnonzero(inside)[-1] == back - 1


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


def test_noise_is_drawn_anew_in_every_update_and_leaves_the_accuracy_alone():
    kicked = varied(EXPERIMENT, rule__noise=0.1).run((40,))
    again = varied(EXPERIMENT, rule__noise=0.1).run((40,))
    assert np.array_equal(kicked.loss, again.loss)
    assert np.abs(np.diff(kicked.loss.values[0])).min() > 0
    assert kicked.streak.values[0].tolist() == [0, 20, 40]


def test_a_scan_of_rates_is_its_single_runs(run):
    scan = RateScan(rank_one(0.01, 40, every=20), (0.02, 0.3)).run((40, 3))
    # one program for several rates may round differently
    assert np.allclose(scan.losses.values[..., 0], run.loss.values[:, [0, 20, 40]], rtol=1e-12)
    assert scan.streak.values[:, -1].tolist() == [[40, 40], [40, 40]] and (scan.left_at.values == -1).all()


def test_fainter_weights_are_trained_from_their_share():
    faint = rank_one(0.03, 4, every=2, rank=None, tied=False, hidden=20)
    found, usual = Scaled(faint, 0.1).run((0,)), faint.run((0,))
    assert np.allclose(found.W.values[:, 0], 0.1 * usual.W.values[:, 0], rtol=1e-15)  # one product
    assert np.array_equal(found.c.values[:, 0], usual.c.values[:, 0])
    assert found.snapshot_update.values.tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    "bad, words",
    [
        (lambda: Landscape((0.5,), 0.0).run((0,)), "confidence=0"),
        (lambda: ToyDescent((0.5,), T=0.0).run((0,)), "T=0"),
        (lambda: rank_one(0.02, 10, rank=101), "rank=101 does not fit 100 units"),
        (lambda: rank_one(0.02, 10, delay=0), "delay=0"),
        (lambda: Watched("falling"), "course='falling'"),
    ],
)
def test_bad_settings_are_refused(bad, words):
    with pytest.raises(ValueError, match=words):
        bad()
