"""The mode equations against full aligned networks, and their invariants, stability and end points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from stepwell.network import Linear
from stepwell.rule import BPTT, RFLO, RTRL, TBPTT, EProp
from stepwell.rule.population import population_update
from stepwell.task.data_aligned import DataAligned
from stepwell.theory import (
    equal_rate,
    fold_point,
    hopf_point,
    line_rate,
    matrix_invariant,
    mode_end,
    mode_flow,
    mode_invariant,
    mode_jacobian,
    mode_loss,
    mode_rates,
    stable_window,
    trace_and_determinant,
)

SYMMETRIC = RFLO(None, "symmetric")
RULES = [BPTT(), RTRL(), TBPTT(), TBPTT(3), RFLO(), SYMMETRIC]
ONE_CONSTANT = [BPTT(), TBPTT(), RFLO(), SYMMETRIC, EProp(), EProp("symmetric")]
# The parameters of the source's figures 1 to 3: a*, b*, w*, feedback, decay.
FIGURE = (0.4, 0.25, 0.7, 0.2, 0.3)


def rotation(rng, size):
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def aligned(rng, modes=4, own_axes=True):
    """A student, its feedback and modes, aligned with the teacher of a task, in hidden axes of its own."""
    task = DataAligned(
        *(tuple(rng.uniform(-1, 1, modes)) for _ in range(2)), tuple(rng.uniform(-0.8, 0.8, modes)), steps=1
    )
    U, V = map(np.asarray, task.axes())
    P = rotation(rng, modes) if own_axes else np.eye(modes)
    a, b, feedback = rng.normal(size=(3, modes))
    w = rng.uniform(-0.8, 0.8, modes)
    student = P @ np.diag(w) @ P.T, P @ np.diag(b) @ V.T, U @ np.diag(a) @ P.T
    return task, student, P @ np.diag(feedback) @ U.T, (a, b, w, feedback), (U, V, P)


@pytest.mark.parametrize("rule", [*RULES, EProp()], ids=str)
def test_aligned_networks_learn_mode_by_mode(rule):
    rng = np.random.default_rng(0)
    for _ in range(3):
        task, student, F, (a, b, w, feedback), (U, V, P) = aligned(rng, own_axes=not isinstance(rule, EProp))
        _, (dW, db, dc) = population_update(rule, student, task.system(), F, decay=0.35)
        teacher = np.array(task.a_star), np.array(task.b_star), np.array(task.w_star)
        flow = mode_flow(rule, a, b, w, *teacher, feedback, 0.35)
        for matrix, modes in zip((U.T @ dc @ P, P.T @ db @ V, P.T @ dW @ P), flow):
            # 1e-13 is the contract; rounding gives 1e-15. The off-diagonal is part of the comparison.
            assert np.abs(matrix + np.diag(modes)).max() < 1e-13 * max(1, np.abs(matrix).max())


def test_e_prop_mixes_modes_in_other_hidden_axes():
    task, student, F, _, (_, _, P) = aligned(np.random.default_rng(0))
    dW = np.asarray(population_update(EProp(), student, task.system(), F)[1][0])
    turned = P.T @ dW @ P
    off = turned - np.diag(np.diag(turned))
    assert np.linalg.norm(off) > 1e-3 * np.linalg.norm(turned)


@pytest.mark.parametrize("rule", [*RULES, EProp()], ids=str)
def test_finite_trials_equal_the_full_network_on_one_hot_trials(rule):
    place, teacher, steps = (0.7, 0.4, 0.3), (0.9, 0.6, -0.5), 4
    task = DataAligned(*((x,) for x in teacher), bases="axes", steps=steps, inputs="one_hot", weights="final")
    a, b, w = place
    params = {name: jnp.full((1, 1), value) for name, value in zip("Wbc", (w, b, a))}
    given = RFLO(0.25, rule.feedback) if isinstance(rule, RFLO) else rule
    trials, state = task.trials(jax.random.key(0)), {"feedback": jnp.full((1, 1), -0.35)}
    direction = given.gradient(Linear(1), task, params, trials, state)[1]
    flow = mode_flow(rule, *place, *teacher, -0.35, 0.25, steps=steps)
    np.testing.assert_allclose(flow, [-direction[k][0, 0] for k in "cbW"], rtol=1e-13)  # rounding


def test_modes_side_by_side_are_modes_alone():
    rng = np.random.default_rng(1)
    a, b, w = rng.uniform(-0.8, 0.8, (3, 2, 3))
    J = mode_jacobian(RFLO(), a, b, w, *FIGURE)
    assert J.shape == (2, 3, 3, 3)
    alone = mode_jacobian(RFLO(), a[1, 2], b[1, 2], w[1, 2], *FIGURE)
    np.testing.assert_allclose(J[1, 2], alone, rtol=1e-14)  # rounding


@pytest.mark.parametrize("rule", [TBPTT(3), *ONE_CONSTANT], ids=str)
def test_jacobian_is_the_slope_of_the_flow(rule):
    place, step = np.array([0.5, -0.4, 0.2]), 1e-6
    J = np.asarray(mode_jacobian(rule, *place, *FIGURE))
    for i, direction in enumerate(np.eye(3)):
        ends = [np.array(mode_flow(rule, *(place + s * step * direction), *FIGURE)) for s in (1, -1)]
        np.testing.assert_allclose(J[:, i], (ends[0] - ends[1]) / (2 * step), atol=1e-9)  # rounding / step


def test_an_unstable_teacher_is_refused():
    with pytest.raises(ValueError, match="the teacher is unstable"):
        mode_flow(BPTT(), 0.5, -0.4, 0.2, 0.4, 0.25, 1.7)


def test_bptt_descends_the_loss_of_the_mode():
    place, teacher = (0.7, 0.4, 0.3), (0.9, 0.6, -0.5)
    slope = jax.grad(mode_loss, (0, 1, 2))(*place, *teacher)
    np.testing.assert_allclose(mode_flow(BPTT(), *place, *teacher), -np.array(slope), rtol=1e-13)  # rounding


@pytest.mark.parametrize("rule", ONE_CONSTANT, ids=str)
def test_the_flow_conserves_its_invariants(rule):
    rng = np.random.default_rng(2)
    for place in rng.uniform(-0.8, 0.8, (3, 3)):
        flow = jnp.stack(mode_flow(rule, *place, *FIGURE))
        change = (
            jax.grad(lambda p: mode_invariant(rule, *p, feedback=0.2, decay=0.3))(jnp.asarray(place)) @ flow
        )
        assert abs(change) < 1e-14  # rounding


def network(rng, hidden=5, channels=2):
    W = 0.15 * rng.normal(size=(hidden, hidden))
    b, c = 0.3 * rng.normal(size=(hidden, channels)), 0.3 * rng.normal(size=(channels, hidden))
    return (W, b, c), 0.4 * rng.normal(size=(hidden, channels))


@pytest.mark.parametrize("rule", [*ONE_CONSTANT, RFLO((0.1, 0.6, 0.3, 0.0, 0.2))], ids=str)
def test_the_matrix_invariant_is_conserved_by_any_update(rule):
    rng = np.random.default_rng(3)
    student, F = network(rng)
    teacher = np.diag([0.7, -0.3]), rng.normal(size=(2, 2)), rng.normal(size=(2, 2))
    decay = None if isinstance(rule, RFLO) and rule.decay else 0.35
    _, update = population_update(rule, student, teacher, F, decay)

    def invariant(weights):
        return matrix_invariant(rule, *weights, F, decay)

    _, change = jax.jvp(invariant, (tuple(map(jnp.asarray, student)),), (update,))
    # Rounding; the terms that cancel are of the order of the update.
    assert np.abs(change).max() < 1e-13 * np.abs(update[0]).max()


def test_finite_steps_drift_in_proportion_to_their_length():
    rng = np.random.default_rng(4)
    start, F = network(rng)
    teacher = np.diag([0.7, -0.3]), rng.normal(size=(2, 2)), rng.normal(size=(2, 2))

    @jax.jit
    def drift(rate, updates):
        def step(_, student):
            change = population_update(RFLO(0.35), student, teacher, jnp.asarray(F))[1]
            return tuple(p - rate * d for p, d in zip(student, change))

        end = jax.lax.fori_loop(0, updates, step, tuple(map(jnp.asarray, start)))
        values = [matrix_invariant(RFLO(0.35), *student, F) for student in (start, end)]
        return jnp.linalg.norm(values[1] - values[0])

    # First order: the ratio is 2 up to terms of the order of the step.
    assert float(drift(0.02, 200) / drift(0.01, 400)) == pytest.approx(2, abs=0.1)


def test_only_lag_one_conserves_something():
    for wrong in (mode_invariant, matrix_invariant):
        with pytest.raises(ValueError, match="lag 2 conserves nothing"):
            wrong(TBPTT(2), *np.ones((3, 1, 1)))


@pytest.mark.parametrize("rule", ONE_CONSTANT, ids=str)
def test_trace_and_determinant_are_those_of_the_jacobian(rule):
    rng = np.random.default_rng(5)
    for _ in range(20):
        s, a_star, b_star, feedback = rng.normal(size=4)
        w_star, decay = rng.uniform(-0.95, 0.95), rng.uniform(0, 0.95)
        rest = a_star, b_star, w_star, feedback, decay
        J = -np.asarray(mode_jacobian(rule, s, a_star * b_star / s, w_star, *rest))
        trace, determinant = trace_and_determinant(rule, s, *rest)
        minors = sum(J[i, i] * J[j, j] - J[i, j] * J[j, i] for i, j in ((0, 1), (0, 2), (1, 2)))
        scale = np.abs(J).max()
        # Minors of large entries that nearly cancel: 1e-8 is the contract.
        assert abs(np.trace(J) - trace) < 1e-8 * scale and abs(minors - determinant) < 1e-8 * scale**2
        values = np.linalg.eigvals(J)
        values = np.delete(values, np.argmin(np.abs(values)))
        rates = mode_rates(rule, s, *rest)
        assert np.abs(np.sort_complex(values) - np.sort_complex(rates)).max() < 1e-6 * scale


def test_e_prop_is_stable_where_its_sign_says_so():
    rng = np.random.default_rng(6)
    s, feedback, kappa = rng.normal(size=(3, 20000))
    w_star = rng.uniform(-0.95, 0.95, 20000)
    trace, determinant = trace_and_determinant(EProp(), s, kappa, 1.0, w_star, feedback)
    assert ((np.minimum(trace, determinant) > 0) == (feedback * s > 0)).all()
    # Real eigenvalues, up to rounding where they nearly coincide.
    assert (trace**2 - 4 * determinant > -1e-9 * trace**2).all()


@pytest.mark.parametrize("rule", [BPTT(), TBPTT(), RFLO(0.3, "symmetric"), EProp("symmetric")], ids=str)
def test_the_line_is_a_saddle(rule):
    for w in (-0.6, 0.0, 0.5):
        J = np.asarray(mode_jacobian(rule, 0.0, 0.0, w, 0.4, 0.25, 0.7))
        rate = float(line_rate(rule, w, 0.4, 0.25, 0.7))
        np.testing.assert_allclose(
            np.sort(np.linalg.eigvals(J).real), [-rate, 0, rate], atol=1e-12
        )  # rounding


def test_fixed_feedback_moves_the_line():
    for w in (-0.5, 0.0, 0.6):
        flow = mode_flow(RFLO(), 0.0, 0.0, w, *FIGURE)
        np.testing.assert_allclose(flow, [0, 0.025316455696202528, 0], atol=1e-15)  # closed form
    with pytest.raises(ValueError, match="not stationary"):
        line_rate(RFLO(), 0.0, *FIGURE[:3])


def test_slow_rates_at_the_figures_parameters():
    printed = {
        BPTT(): (0.073953, 0.067681, 0.073953),
        TBPTT(): (0.019516, 0.024829, 0.038070),
        RFLO(): (0.061759, 0.022001, 0.0094292),
        SYMMETRIC: (0.031148, 0.036037, 0.048137),
    }
    for rule, slow in printed.items():
        rates = mode_rates(rule, np.array([0.1, np.sqrt(0.1), 1.0]), *FIGURE)
        np.testing.assert_allclose(rates[:, 0].real, slow, atol=6e-7)  # printed with 5 digits
    # BPTT is slowest in the middle: 0.31623 is a minimum.
    near = mode_rates(BPTT(), np.sqrt(0.1) * np.array([0.98, 1, 1.02]), *FIGURE)[:, 0].real
    assert near[1] < min(near[0], near[2])
    assert equal_rate(RFLO(), BPTT(), (0.01, 0.3), *FIGURE) == pytest.approx(0.08310, abs=5e-6)
    with pytest.raises(ValueError, match="slower one at both"):
        equal_rate(RFLO(), BPTT(), (0.2, 0.3), *FIGURE)


def test_far_out_the_rates_of_rflo_follow_their_asymptotes():
    kappa, w_star, feedback, decay = 0.1, *FIGURE[2:]
    S, D = 1 / (1 - w_star**2), 1 / (1 - decay * w_star)
    small, large = (mode_rates(RFLO(), s, *FIGURE)[0].real for s in (1e-4, 1e4))
    # Corrections are of the order of s^3/kappa^2 and kappa^2/s.
    assert small == pytest.approx(feedback * kappa**2 * S * D**2 / 1e-4, rel=1e-3)
    assert large == pytest.approx(feedback * kappa**2 * S**2 * D / 1e4, rel=1e-3)


def test_the_wrong_sign_branch_has_a_stable_window():
    assert fold_point(0.4, 0.25, 0.2) == pytest.approx(-0.36840, abs=5e-6)
    hopf = hopf_point(RFLO(), *FIGURE)
    assert hopf.s == pytest.approx(-0.392199, abs=5e-7)
    assert 2 * np.pi / hopf.frequency == pytest.approx(305.9, abs=0.05)  # printed
    lower, upper = stable_window(RFLO(), *FIGURE)
    for s, stable in ((lower - 1e-3, False), ((lower + upper) / 2, True), (upper + 1e-3, False)):
        J = mode_jacobian(RFLO(), s, 0.1 / s, 0.7, *FIGURE)
        values = np.linalg.eigvals(J)
        growth = np.delete(values, np.argmin(np.abs(values))).real.max()
        assert (growth < 0) == stable
    np.testing.assert_allclose(-mode_rates(RFLO(), -0.3, *FIGURE).real, [0.01717, -0.12224], atol=5e-6)
    np.testing.assert_allclose(-mode_rates(RFLO(), -1.0, *FIGURE).real, [0.2346, 0.00998], atol=5e-5)


def integrated(rule, start, teacher, feedback, decay):
    """The end of the flow, by an integrator."""
    flow = jax.jit(lambda y: jnp.stack(mode_flow(rule, *y, *teacher, feedback, decay)))
    solution = solve_ivp(lambda _, y: np.asarray(flow(y)), (0, 400), start, "LSODA", rtol=1e-10, atol=1e-12)
    return solution.y[:, -1]


@pytest.mark.parametrize("rule", ONE_CONSTANT, ids=str)
def test_invariants_tell_the_end(rule):
    told = 0
    for start in ((1.2, 0.3, 0.1), (-0.9, 0.2, -0.2), (0.3, 0.8, 0.2), (0.2, -0.7, -0.1)):
        rest = (1.0, 0.5, 0.7, 0.9, 0.3)
        end = mode_end(rule, *start, *rest)
        got = integrated(rule, start, rest[:3], *rest[3:])
        # The integrator's tolerance, 1e-10 per step, over some hundred steps.
        assert abs(got[0]) == pytest.approx(end.magnitude, abs=1e-6)
        if not end.reason:
            told += 1
            np.testing.assert_allclose(got, end[:3], atol=1e-6)
    assert told >= 2


def test_figure_four_ends_on_the_other_branch():
    teacher, start = (1.0, 0.5, 0.7), (1.0, 1.0, 0.6)
    end = mode_end(RFLO(), *start, *teacher, feedback=-0.2, decay=0.3)
    roots = np.roots([1, -3.325, 0, 0.625])
    assert end.a == pytest.approx(roots[roots < 0][0], abs=1e-12)  # the same cubic, divided by -0.4
    np.testing.assert_allclose(integrated(RFLO(), start, teacher, -0.2, 0.3), end[:3], atol=1e-5)
    assert mode_end(BPTT(), *start, *teacher).magnitude == pytest.approx(np.sqrt(0.5), abs=1e-12)
    assert "both change sign" in mode_end(BPTT(), *start, *teacher).reason


def test_the_end_is_not_told_where_two_are_stable():
    # A start on the wrong-sign branch, within its stable window.
    s = -0.38
    end = mode_end(RFLO(), s, 0.1 / s, 0.7, *FIGURE)
    assert "is stable too" in end.reason and np.isnan(end.a)
