"""The exact linear flow: closed form, closure, published values, networks of finite width."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from stepwell.theory.linear_flow import divergence, exact_g0, final_g0, solve


@pytest.mark.parametrize(
    "target, nu, entries, values, norm, outlier, time, growth",
    [
        (0.5, 0.436185645, (0.088129386, 0.410477749, 0.025707896), (0.429702720, 0.006482926),
         0.429751621, 0.190854842, 1.180500464, 1.483750124),
        (2.0, 0.897984942, (0.301198139, 0.715315287, 0.182669656), (0.851047394, 0.046937548),
         0.852340777, 0.662676212, 0.368484175, 7.817447597),
    ],
)  # fmt: skip
def test_exact_solution_has_the_reference_values(target, nu, entries, values, norm, outlier, time, growth):
    exact = exact_g0(final_g0(target))
    found = [final_g0(target), *exact.A.ravel()[[0, 1, 2]], *exact.singular_values, exact.norm]
    found += [exact.eigenvalues[0], solve(0, target).time_to(0.05), exact.growth]
    np.testing.assert_allclose(
        found, [nu, *entries, *values, norm, outlier, time, growth], atol=5.1e-10
    )  # 9 digits
    assert exact.output == pytest.approx(target, rel=1e-14)  # rounding


def flow_of_two_units(clock: float) -> np.ndarray:
    """dA/dsigma = alpha chi^T of the network with c = (1, 0), b = (0, 1), integrated."""

    def slope(_, A):
        R = np.linalg.inv(np.eye(2) - A.reshape(2, 2))
        return np.outer(R[0], R[:, 1]).ravel()

    return (
        solve_ivp(slope, (0, clock), np.zeros(4), method="DOP853", rtol=1e-13, atol=1e-15)
        .y[:, -1]
        .reshape(2, 2)
    )


@pytest.mark.parametrize("nu", [1e-3, 0.3, 0.9])
def test_exact_solution_is_the_flow_of_two_units(nu):
    exact = exact_g0(nu)
    A = flow_of_two_units(float(exact.clock))
    np.testing.assert_allclose(exact.A, A, atol=1e-12)  # tolerance of the integration
    np.testing.assert_allclose(exact.singular_values, np.linalg.svd(A, compute_uv=False), atol=1e-12)
    np.testing.assert_allclose(exact.eigenvalues, np.sort(np.linalg.eigvals(A).real)[::-1], atol=1e-12)
    R = np.linalg.inv(np.eye(2) - exact.A)
    np.testing.assert_allclose([exact.output, exact.growth], [R[0, 1], R[0] @ R[0]], rtol=1e-12)


def test_small_changes_keep_their_digits():
    nu = np.array([1e-9, 1e-5, 1e-3, 9.99e-3, 1.01e-2])
    exact = exact_g0(nu)
    np.testing.assert_allclose(
        exact.A[:, 1, 0], nu**3 / 3 - 2 * nu**5 / 15 + 17 * nu**7 / 315, rtol=1e-11
    )  # 3e-16 / nu^2
    np.testing.assert_allclose(
        exact.singular_values[:, 1], nu**3 / 12 - 7 * nu**5 / 240 + 199 * nu**7 / 20160, rtol=1e-10
    )  # 3e-16 / nu^3 of cancellation
    np.testing.assert_allclose(exact.singular_values.sum(-1), nu, rtol=1e-15)


def test_a_target_below_zero_mirrors_the_flow():
    plus, minus = exact_g0(final_g0(0.7)), exact_g0(final_g0(-0.7))
    np.testing.assert_allclose(minus.A, plus.A * [[1, -1], [-1, 1]], atol=1e-16)
    np.testing.assert_allclose(minus.singular_values, plus.singular_values, rtol=1e-14)
    there, here = solve(0.5, -0.7), solve(0.5, 0.7)
    np.testing.assert_array_equal(there.output, -here.output)
    np.testing.assert_array_equal(there.singular_values, here.singular_values)


@pytest.mark.parametrize("target", [0.5, 2.0])
def test_closure_without_initial_weights_is_the_exact_solution(target):
    flow = solve(0.0, target)
    exact = exact_g0(flow.nuclear_norm)
    np.testing.assert_allclose(flow.output, exact.output, atol=1e-10)
    np.testing.assert_allclose(flow.singular_values[:, :2], exact.singular_values, atol=1e-12)
    np.testing.assert_allclose(flow.growth, exact.growth, rtol=1e-10)
    np.testing.assert_allclose(flow.clock, exact.clock, atol=1e-12)
    assert flow.final.nuclear_norm == pytest.approx(final_g0(target), abs=1e-11)

    def pace(nu):  # dtau = dnu D^3 / (y* D - tanh nu)
        D = 1 - nu * np.tanh(nu)
        return D**3 / (target * D - np.tanh(nu))

    end = float(flow.at_time([flow.time_to(0.05)]).nuclear_norm[0])
    assert flow.time_to(0.05) == pytest.approx(quad(pace, 0, end, epsabs=1e-13, epsrel=1e-13)[0], rel=1e-10)


@pytest.mark.parametrize(
    "g, target, nu, norm, values, time, effective",
    [
        (0.6, 0.5, 0.261547, 0.255838, (0.255774, 0.005755, 1.90e-05), 0.431107, 1.052507),
        (0.6, 2.0, 0.460564, 0.429297, (0.428095, 0.032106, 3.62e-04), 0.109454, 0.267223),
        (0.9, 0.5, 0.057625, 0.054761, (0.054684, 0.002911, 3.03e-05), 0.022497, 0.623172),
    ],
)
def test_closure_has_the_reference_values(g, target, nu, norm, values, time, effective):
    flow, beta = solve(g, target), 1 / (1 - g * g)
    found = [flow.final.nuclear_norm, flow.final.norm, *flow.final.singular_values[:2], flow.time_to(0.05)]
    np.testing.assert_allclose(found, [nu, norm, *values[:2], time], atol=5.1e-7)  # printed to 6 decimals
    assert flow.final.singular_values[2] == pytest.approx(values[2], rel=3e-3)  # printed to 3 digits
    assert beta**2 * flow.time_to(0.05) == pytest.approx(effective, abs=5.1e-7)
    if g == 0.6:
        assert flow.final.growth == pytest.approx({0.5: 2.810, 2.0: 22.97}[target], rel=2e-4)  # 4 digits


@pytest.mark.parametrize("g, target", [(0.3, 1.0), (0.6, 2.0), (0.9, 4.0), (0.99, 1.0)])
def test_closure_converges_in_its_nodes_and_is_consistent(g, target):
    flow, more = solve(g, target, nodes=8), solve(g, target, nodes=12)
    for name in ("nuclear_norm", "norm", "clock", "growth", "learning_time"):
        np.testing.assert_allclose(getattr(flow, name), getattr(more, name), rtol=1e-8, atol=1e-14)
    # Two things that the equations do not enforce: the trace of the kernel, and the output as a mean over
    # nodes.
    np.testing.assert_allclose(flow.singular_values.sum(-1), flow.nuclear_norm, rtol=1e-11, atol=1e-15)
    states = flow.path(np.array([0.5, 3.0, 12.0]))
    K = len(flow.nodes.values)
    outputs = -target * np.expm1([-0.5, -3.0, -12.0])
    np.testing.assert_allclose(flow.nodes.weights @ states[K : 2 * K], outputs, rtol=1e-11)


def test_resolvent_of_the_closure_agrees_with_its_growth():
    r"""$X_1=\hat c^\top P^{-1}\hat c$ from the two linear equations of the rank-two update equals p."""
    flow = solve(0.7, 1.5)
    K, (values, weights) = len(flow.nodes.values), flow.nodes
    for states in flow.path(np.linspace(0, 20, 9)).T:
        zeta, _, psi, _ = states[: 4 * K].reshape(4, K)
        S0, S1 = weights @ values, weights @ (values * zeta)
        S2 = weights @ (values * (zeta**2 + values * psi**2))
        X1, X2 = np.linalg.solve([[1 - S1, -S0], [-S2, 1 - S1]], [S0, S1])
        p = growth_of(flow, states, K)
        assert X1 == pytest.approx(p, rel=1e-10)
        assert X2 == pytest.approx((S1 + S2 * p) / (1 - S1), rel=1e-10, abs=1e-14)


def growth_of(flow, states: np.ndarray, K: int) -> float:
    values, weights = flow.nodes
    return float(weights @ states[K : 2 * K] ** 2 + (weights * values) @ states[3 * K : 4 * K] ** 2)


def test_path_does_not_depend_on_the_target():
    outputs = [0.1, 0.3, 0.45]
    near, far = solve(0.6, 0.5).at_output(outputs), solve(0.6, 4.0).at_output(outputs)
    for name in ("nuclear_norm", "clock", "growth", "singular_values"):
        np.testing.assert_allclose(
            getattr(near, name), getattr(far, name), rtol=1e-9, atol=1e-20
        )  # two integrations
    assert np.all(near.learning_time > far.learning_time)


def test_singular_values_grow_with_odd_powers_of_the_nuclear_norm():
    flow = solve(0.6, 1e-2)
    states = flow.at_output([2e-3, 4e-3])
    slopes = np.diff(np.log(states.singular_values[:, :3]), axis=0)[0] / np.diff(np.log(states.nuclear_norm))
    np.testing.assert_allclose(slopes, [1, 3, 5], atol=0.01)


def test_flow_in_time_inverts_its_own_learning_time():
    flow = solve(0.6, 2.0)
    times = np.array([0.0, 0.02, flow.time_to(0.05), 0.12, 5.0])
    found = flow.at_time(times)
    back = solve(0.6, 2.0).at_output(found.output[:4])
    np.testing.assert_allclose(
        back.learning_time, times[:4], rtol=1e-9, atol=1e-13
    )  # near the target 1 - y/y* cancels
    assert found.output[2] == pytest.approx(2 * (1 - np.sqrt(0.05)), rel=1e-12)
    assert found.output[-1] == pytest.approx(2.0, rel=1e-15)


def test_first_powers_are_those_of_the_series():
    g, y = 0.5, 1e-3 * np.arange(1, 6)
    beta, G = 1 / (1 - g * g), g * g
    sigma = solve(g, 0.1).at_output(y).clock * beta**2
    wanted = sigma + 4 / 3 * beta * sigma**3 + (42 + 8 * G) / 15 * beta**2 * sigma**5
    np.testing.assert_allclose(y, wanted, rtol=1e-11)  # the next term is of order sigma^7


def test_the_path_diverges_at_the_reference_points():
    found = divergence(0)
    assert found.nuclear_norm == pytest.approx(1.199678640257734, abs=1e-10)
    assert found.clock == pytest.approx(0.575537365886575, abs=1e-10)
    A = exact_g0(1.199678640257734 - 1e-9).A
    assert np.linalg.eigvals(A).real.max() == pytest.approx(1, abs=1e-8)
    other = divergence(0.6)
    assert other.nuclear_norm == pytest.approx(0.549, abs=5e-4)
    assert other.clock / (1 - 0.36) ** 2 == pytest.approx(0.43728, abs=5e-6)
    assert solve(0.6, 1e4).final.nuclear_norm == pytest.approx(
        other.nuclear_norm, abs=1e-4
    )  # gap about 0.4 / y*


@pytest.mark.parametrize("target", [0.5, 2.0, 4.0])
def test_plain_updates_converge_below_the_bound_only(target):
    exact = exact_g0(final_g0(target))
    bound = solve(0, target).largest_learning_rate
    errors = {}
    for share in (0.9, 1.1):
        W = exact.A.copy()
        W[0, 1] -= 1e-4 / exact.growth
        for _ in range(50):
            R = np.linalg.inv(np.eye(2) - W)
            W = W + share * bound * (target - R[0, 1]) * np.outer(R[0], R[:, 1])
        errors[share] = abs(np.linalg.inv(np.eye(2) - W)[0, 1] / target - 1)
    assert errors[0.9] < 1e-8 and errors[1.1] > 5e-2


def test_a_wide_network_follows_the_closure():
    """Small-step descent of 400 units on the fixed point, mean of three draws."""
    g, target, N, found = 0.6, 2.0, 400, []
    for seed in range(3):
        draw = np.random.default_rng(seed)
        W0 = g / np.sqrt(N) * draw.standard_normal((N, N))
        b, c = (v / np.linalg.norm(v) for v in draw.standard_normal((2, N)))
        R = np.linalg.inv(np.eye(N) - W0)
        b = b - (R.T @ c) * (c @ R @ b) / (R.T @ c @ R.T @ c)  # the first output of an infinite network is 0
        b, left, right = b / np.linalg.norm(b), [], []
        while True:
            alpha, chi = R.T @ c, R @ b
            p = np.linalg.norm(alpha) * np.linalg.norm(chi)
            step = min(0.004 / p, (target - c @ chi) / p**2)
            if target - c @ chi < 1e-6:
                break
            R = R + step * np.outer(R @ alpha, chi @ R) / (1 - step * chi @ R @ alpha)
            left, right = [*left, step * alpha], [*right, chi]
        q, r = (np.linalg.qr(np.array(v).T, mode="r") for v in (left, right))
        found.append(np.linalg.svd(q @ r.T, compute_uv=False)[:2])
    # Spread between draws at this width about 7 % and 10 %; the step adds 1 %.
    np.testing.assert_allclose(np.mean(found, axis=0), solve(g, target).final.singular_values[:2], rtol=0.15)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: solve(1.0, 0.5), "g=1.0 is outside"),
        (lambda: solve(-0.1, 0.5), "outside"),
        (lambda: solve(0.5, 0.0), "leaves nothing to learn"),
        (lambda: solve(0.5, np.inf), "leaves nothing to learn"),
        (lambda: solve(0.5, 1.0, nodes=0), "no number of Gauss nodes"),
        (lambda: solve(0.5, 1.0).time_to(0.0), "no share of the initial loss"),
        (lambda: solve(0.5, 1.0).at_output([1.0]), "do not reach"),
        (lambda: exact_g0(1.2), "never reached"),
        (lambda: divergence(1.5), "outside"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
