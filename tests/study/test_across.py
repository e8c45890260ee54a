"""Across the sources: every smoke-scale claim comes out as expected, and the flow of a rule is that of its
updates."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from stepwell import check
from stepwell.study import STUDIES
from stepwell.study.across.protocols import RFLO, rule_flow, target, tbptt


@pytest.fixture(scope="module")
def findings():
    return {finding.claim: finding for finding in check("across", "smoke")}


@pytest.mark.parametrize("claim", [claim.id for claim in STUDIES["across"].claims if "smoke" in claim.scales])
def test_a_smoke_claim_has_the_expected_verdict(findings, claim):
    assert findings[claim].verdict == findings[claim].expected


def test_what_tbptt_keeps_is_kept_by_its_flow():
    run = rule_flow(tbptt(1), target(3), 0.3, 50.0).run([0, 1])
    W, b, c = (run[name].values for name in "Wbc")
    turned = (np.swapaxes(x, -1, -2) for x in (W, b))
    kept = W @ next(turned) + b @ next(turned) - np.swapaxes(c, -1, -2) @ c
    # The absolute tolerance of the solver is 3e-6 per step at this scale, over some tens of steps.
    np.testing.assert_allclose(kept, kept[:, :1].repeat(kept.shape[1], 1), rtol=0, atol=1e-4)


def test_rflo_moves_along_its_feedback():
    flow = rule_flow(RFLO, target(3), 0.3, 20.0)
    (W0, b0, _), F = flow.start(3)
    run = flow.run([3])
    changes = np.concatenate([run.W.values[0, -1] - W0, run.b.values[0, -1] - b0], axis=1)
    assert F is not None
    off = changes - F @ np.linalg.lstsq(F, changes, rcond=None)[0]
    assert np.abs(changes).max() > 0.1
    assert np.abs(off).max() < 1e-10  # exact but for rounding: solvers combine velocities linearly


def test_the_loss_is_that_of_the_two_systems():
    run = rule_flow(tbptt(1), target(3), 0.3, 5.0).run([0])
    W, b, c = (run[name].values[0, -1] for name in "Wbc")
    teacher = [np.asarray(part) for part in target(3).system()]
    zero = np.zeros((3, 3))
    A, B, C = (
        np.block([[W, zero], [zero, teacher[0]]]),
        np.vstack([b, teacher[1]]),
        np.hstack([c, -teacher[2]]),
    )
    loss = 0.5 * (C @ solve_discrete_lyapunov(A, B @ B.T) @ C.T).item()
    assert run.loss.values[0, -1] == pytest.approx(loss, rel=1e-9)  # sums by doubling against a linear solve
