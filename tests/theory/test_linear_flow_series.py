"""Rational series against the coefficients of the source, against the flow itself, and against identities."""

from fractions import Fraction as F

import numpy as np
import pytest

from stepwell.theory.linear_flow import (
    cubic,
    exact_g0,
    first_order,
    lazy_output,
    moments,
    series,
    settling,
    solve,
)


def test_third_order_is_that_of_the_source():
    terms = series(3)
    assert terms["A12"] == [{}, {1: F(1)}, {1: F(-1, 2)}, {1: F(1, 6), 3: F(1, 3)}]
    assert terms["A11"] == terms["A22"] == [{}, {}, {2: F(1, 2)}, {2: F(-1, 2)}]
    assert terms["A21"] == [{}, {}, {}, {3: F(1, 3)}]


def test_higher_orders_are_the_published_ones():
    terms = series(7)
    assert terms["y"][4] == {1: F(-1, 24), 3: F(-56, 24)}
    assert terms["y"][5] == {1: F(1, 120), 3: F(256, 120), 5: F(336, 120)}
    assert terms["nu"][3:5] == [{1: F(1, 6), 3: F(4, 6)}, {1: F(-1, 24), 3: F(-32, 24)}]
    assert terms["y(nu)"][:6] == [0, 1, 0, F(2, 3), 0, F(7, 15)]
    assert terms["s2(nu)"][:6] == [0, 0, 0, F(1, 12), 0, F(-7, 240)]
    assert terms["sigma(nu)"][:6] == [0, 1, 0, F(-2, 3), 0, F(1, 3)]


def test_series_in_the_nuclear_norm_sum_to_the_exact_solution():
    nu, terms = 0.1, series(13)
    exact = exact_g0(nu)
    wanted = {"y(nu)": exact.output, "s1(nu)": exact.singular_values[0], "s2(nu)": exact.singular_values[1]}
    wanted["sigma(nu)"] = exact.clock
    for name, value in wanted.items():
        total = sum(float(term) * nu**k for k, term in enumerate(terms[name]))
        assert total == pytest.approx(value, abs=1e-14)  # the next power is 0.1^15


def test_series_in_learning_time_sum_to_the_flow():
    target, time, terms = 0.6, 0.05, series(9)
    state = solve(0.0, target).at_time([time])
    exact = exact_g0(state.nuclear_norm[0])
    wanted = {"y": state.output[0], "nu": state.nuclear_norm[0], "A11": exact.A[0, 0], "A21": exact.A[1, 0]}
    for name, value in wanted.items():
        total = sum(
            float(c) * target**m * time**k for k, term in enumerate(terms[name]) for m, c in term.items()
        )
        assert total == pytest.approx(value, abs=1e-12)  # the next power is 0.05^10, times about ten


def test_eigenvalues_appear_at_second_order():
    """A11 +- sqrt(A12 A21): coefficients 1/2 +- 1/sqrt 3 of (y* tau)^2."""
    time, target = 1e-3, 0.5
    nu = solve(0.0, target).at_time([time]).nuclear_norm[0]
    found = exact_g0(nu).eigenvalues / (target * time) ** 2
    np.testing.assert_allclose(found, 0.5 + np.array([1, -1]) / np.sqrt(3), atol=2e-3)  # third order: tau


@pytest.mark.parametrize("G", [F(0), F(1, 2), F(9, 25), F(81, 100)])
def test_moments_are_exact_rationals(G):
    beta = 1 / (1 - G)
    assert moments(G, 3) == [beta, beta**4, beta**7 * (1 + 2 * G)]


@pytest.mark.parametrize("g, target", [(0.0, 0.5), (0.6, 2.0), (0.8, 0.5)])
def test_cubic_is_the_third_order_of_the_flow(g, target):
    te = np.array([1e-3, 2e-3])
    time = te * (1 - g * g) ** 2
    state, expansion = solve(g, target).at_time(time), cubic(g, target, time)
    scale = np.array([(1 + 56 * target**2 / (1 - g * g)) / 24 * 1.5, 20 * (1 + target**2) / (1 - g * g)])
    assert np.all(np.abs(state.output - expansion.output) < scale[0] * target * te**4)
    assert np.all(
        np.abs(state.singular_values[:, 0] - expansion.singular_values[:, 0]) < scale[0] * target * te**4
    )
    np.testing.assert_allclose(
        state.singular_values[:, 1], expansion.singular_values[:, 1], rtol=scale[1] * 2e-3
    )


def test_first_order_ends_where_the_linearisation_does():
    g, target = 0.6, 2.0
    rough, beta = first_order(g, target), 1.5625
    assert (rough.learning_time, rough.norm, rough.gradient) == pytest.approx(
        (beta**-2, 1.28, 3.125), rel=1e-14
    )
    assert rough.shuffled_loss == pytest.approx(g**4 * (2 - g * g) ** 2, rel=1e-14)
    early = 1e-4 * rough.learning_time
    flow = solve(g, target).at_time([early])
    assert flow.norm[0] == pytest.approx(1e-4 * rough.norm, rel=1e-3)  # second order in 1e-4


@pytest.mark.parametrize(
    "g, target, gap, at, speed",
    [(0.0, 0.5, 0.0974, 1.60, 1.269), (0.0, 2.0, 0.6377, 0.433, 4.065),
     (0.6, 0.5, 0.1521, 1.44, 1.423), (0.6, 2.0, 0.7434, 0.292, 5.605)],
)  # fmt: skip
def test_gaps_to_the_lazy_network_are_the_reference_ones(g, target, gap, at, speed):
    flow, beta = solve(g, target), 1 / (1 - g * g)
    te = np.linspace(0.01, 3, 1200)
    gaps = np.abs(flow.at_time(te / beta**2).output - lazy_output(g, target, te / beta**2)) / target
    assert gaps.max() == pytest.approx(gap, abs=6e-5)  # printed to 4 decimals
    assert te[gaps.argmax()] == pytest.approx(at, rel=0.02)  # flat top, grid of 0.0025
    assert np.log(np.sqrt(20)) / beta**2 / flow.time_to(0.05) == pytest.approx(speed, abs=6e-4)


@pytest.mark.parametrize(
    "g, target, gap", [(0.0, 0.5, 0.530), (0.0, 2.0, 0.201), (0.6, 0.5, 0.524), (0.6, 2.0, 0.383)]
)
def test_gaps_to_the_cubic_are_the_reference_ones(g, target, gap):
    flow = solve(g, target)
    times = np.linspace(0, flow.time_to(0.05), 400)
    gaps = np.abs(flow.at_time(times).output - cubic(g, target, times).output) / target
    assert gaps.max() == pytest.approx(gap, abs=6e-4)  # printed to 3 decimals


def test_settling_is_what_a_finite_trial_misses():
    draw = np.random.default_rng(0)
    W, b, c = 0.3 * draw.standard_normal((3, 3)), draw.standard_normal((3, 1)), draw.standard_normal((1, 3))
    h = np.zeros((3, 1))
    for _ in range(15):
        h = 0.5 * h + 0.5 * (W @ h + b)
    limit = c @ np.linalg.solve(np.eye(3) - W, b)
    np.testing.assert_allclose(settling(W, b, c, 15), c @ h - limit, atol=1e-13)  # rounding
