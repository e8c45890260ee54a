"""Local rules: every smoke-scale claim comes out as expected, and reduced runs agree with plain NumPy."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from stepwell import check
from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import Linear, Rate
from stepwell.rule import RULES
from stepwell.run.reduced_modes import ModeFlow, PopulationDescent, population_starts
from stepwell.study import STUDIES
from stepwell.task import DataAligned, WhiteNoise


@pytest.fixture(scope="module")
def findings():
    return {finding.claim: finding for finding in check("local_rules", "smoke")}


@pytest.mark.parametrize(
    "claim", [claim.id for claim in STUDIES["local_rules"].claims if "smoke" in claim.scales]
)
def test_a_smoke_claim_has_the_expected_verdict(findings, claim):
    assert findings[claim].verdict == findings[claim].expected


def descended(rule, **options):
    """Three updates of a student with three units on two modes."""
    task = DataAligned((1.0, 0.5), (0.8, 0.4), (0.6, -0.3))
    settings = Experiment(task, Linear(3, 2, 2, sigma0=0.3), rule, Optimiser("sgd", 0.05), 3, Recording(1))
    return PopulationDescent(settings, **options)


def update_by_lags(student, teacher, F, decay, lags=200):
    """RFLO's expected update as sums over lags; with F = c^T and W^T in place of the decay, BPTT's."""
    (W, b, c), (Ws, bs, cs) = student, teacher
    power = np.linalg.matrix_power
    K = decay * np.eye(len(W)) if np.isscalar(decay) else decay
    kernel = [c @ power(W, k) @ b - cs @ power(Ws, k) @ bs for k in range(lags)]
    states = [power(W, k) @ b for k in range(lags)]
    dc = sum(e @ h.T for e, h in zip(kernel, states))
    db = sum(power(K, k) @ F @ kernel[k] for k in range(lags))
    dW = sum(
        power(K, k) @ F @ sum(kernel[k + 1 + j] @ states[j].T for j in range(lags - k - 1)) for k in range(60)
    )
    return dW, db, dc


def test_descent_takes_the_steps_of_plain_sums_over_lags():
    settings = descended(RULES["rflo"](0.3))
    run = settings.run([4])
    student, teacher, F = population_starts(settings, [4])
    weights = [np.asarray(x[0]) for x in student]
    fixed = [np.asarray(x[0]) for x in teacher]
    for update in range(3):
        for name, weight in zip(("W", "b", "c"), weights):
            # Powers of W beyond the last lag are below 1e-12 here; the rest is rounding.
            np.testing.assert_allclose(run[name].values[0, update], weight, rtol=0, atol=1e-12)
        steps = update_by_lags(weights, fixed, np.asarray(F[0]), 0.3)
        weights = [weight - 0.05 * step for weight, step in zip(weights, steps)]


def test_the_hybrid_takes_its_turn():
    rule = RULES["rflo"](0.3)
    mixed, alone = (descended(rule, exact_every=n).run([4]).W.values for n in (2, 0))
    np.testing.assert_array_equal(mixed[0, 1], alone[0, 1])
    settings = descended(rule, exact_every=2)
    weights = [descended(rule).run([4])[name].values[0, 1] for name in ("W", "b", "c")]
    teacher = [np.asarray(x[0]) for x in population_starts(settings, [4])[1]]
    dW, _, _ = update_by_lags(weights, teacher, weights[2].T, weights[0].T)
    np.testing.assert_allclose(mixed[0, 2], weights[0] - 0.05 * dW, rtol=0, atol=1e-12)  # as above


def test_an_unstable_network_stays_and_says_so():
    settings = PopulationDescent(
        Experiment(
            WhiteNoise(input=1), Linear(2, 1, 1), RULES["bptt"](), Optimiser("sgd", 0.1), 2, Recording(1)
        ),
        start=(9.0, 1.0, 1.0),
    )
    run = settings.run([0])
    assert run.diverged_at.values[0] == 0
    np.testing.assert_array_equal(run.W.values[0, 0], run.W.values[0, 2])


def test_a_mode_follows_the_equations_written_out():
    a_star, b_star, w_star, f, d = 1.0, 0.5, 0.7, -0.2, 0.3
    flow = ModeFlow(RULES["rflo"](d), (a_star,), (b_star,), (w_star,), (f,), (1.0, 1.0, 0.6), None, 30.0, 31)
    kappa = a_star * b_star

    def field(t, y):
        a, b, w = y
        S, Q, E, Es = (1 / (1 - x) for x in (w * w, w * w_star, d * w, d * w_star))
        da = b * (a * b * S - kappa * Q)
        db = f * (a * b * E - kappa * Es)
        dw = f * b * (a * b * w * S * E - kappa * w_star * Q * Es)
        return -da, -db, -dw

    other = solve_ivp(field, (0, 30), (1, 1, 0.6), "LSODA", np.arange(31), rtol=1e-11, atol=1e-13)
    run = flow.run([0])
    found = np.stack([run[name].values[0, :, 0] for name in "abw"])
    np.testing.assert_allclose(found, other.y, rtol=0, atol=1e-7)  # both solvers' global errors
    assert run.loss.values[0, 0] == pytest.approx(0.16428, abs=5e-6)  # printed digits


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (lambda e: Experiment(e.task, Rate(3, 2, 2)), "linear networks"),
        (lambda e: Experiment(e.task, e.network, updates=5, recording=Recording(2)), "whole number"),
    ],
)
def test_what_has_no_expected_update_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        PopulationDescent(settings(descended(RULES["bptt"]()).experiment))
