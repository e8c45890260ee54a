"""The theory of the one-parameter model: its formulas against the iterated descent and the quadratures."""

import numpy as np
import pytest

from stepwell.theory.saddle_node import (
    abruptness,
    critical_learning_rate,
    cycle,
    descend,
    escape_updates,
    finite_gradient,
    flat_gradient,
    gradient,
    kink_gradient,
    local_learning_rate,
    loss,
    optimum,
    plateau_length,
    plateau_updates,
    point_of_no_return,
    smooth_optimum,
)

T = 100.0
BEST, CRITICAL = optimum(T), critical_learning_rate(T)


def first(holds: np.ndarray) -> int:
    return int(np.argmax(holds)) if holds.any() else -1


def test_identities():
    assert CRITICAL == pytest.approx(9.132102284437727e-10, rel=1e-15)
    assert point_of_no_return(T) == pytest.approx(6.168502750680849e-5, rel=1e-15)
    for a in (0.1, 1.0, 25.0):
        rate = critical_learning_rate(T, a)
        assert rate == pytest.approx(3 * np.pi**4 / (32 * a**2 * T**5), rel=1e-14)
        best = optimum(T, a)
        landed = best - rate * gradient(best * (1 + 1e-14), T, a)
        assert landed == pytest.approx(point_of_no_return(T, a), rel=1e-12)
        assert gradient(best * (1 + 1e-14), T, a) == pytest.approx(2 * a * T**3 / np.pi**2, rel=1e-12)
    assert loss(BEST, T) == pytest.approx(0.0, abs=1e-12) and loss(BEST / 4, T) == pytest.approx(T, rel=1e-14)


@pytest.mark.parametrize(
    "rate, crossed, halved, lost", [(1e-10, 1538, 1386, -1), (5e-10, 309, 278, -1), (2e-9, 79, 70, 79)]
)
def test_published_descents(rate, crossed, halved, lost):
    path = descend(10 * BEST, rate, T, 2000)
    assert first(path <= BEST) == crossed == plateau_updates(10 * BEST, rate, T)
    assert first(loss(path, T) / T < 0.5) == halved
    assert first(path < BEST / 4) == lost
    assert len(path) == 2001 and path[0] == 10 * BEST


def test_descent_ends_as_it_should():
    after = descend(10 * BEST, 1e-10, T, 10000)[1538:]
    assert (after.min() / BEST, after.max() / BEST) == pytest.approx((0.918, 1.082), abs=5e-4)
    assert np.mean(loss(after, T)) / T == pytest.approx(0.0206, abs=1e-4)
    assert descend(10 * BEST, 2e-9, T, 100)[-1] / BEST == pytest.approx(0.10675, abs=1e-5)
    around = descend(10 * BEST, 5e-10, T, 3000)[-3000:][-999:]
    assert np.mean(loss(around, T)) / T == pytest.approx(0.1127, abs=1e-4)


def test_plateau_formulas_against_the_descent():
    rng = np.random.default_rng(0)
    late = []
    for beta, rho0 in zip(rng.uniform(0.03, 3.2, 40), rng.uniform(3, 20, 40)):
        start, rate = rho0 * BEST, beta * CRITICAL
        measured = first(descend(start, rate, T, 2 + plateau_updates(start, rate, T)) <= BEST)
        late.append(plateau_updates(start, rate, T) - measured)
        assert 0.5 < measured - plateau_length(start, rate, T) < 3.5  # the lag of steps behind the flow
    # Exact in most cases, else one too large.
    assert set(late) <= {0, 1} and np.mean(late) < 0.2


@pytest.mark.parametrize("rho0, beta, tolerance", [(10, 0.02, 2e-3), (30, 0.3, 2e-3)])
def test_abruptness_against_the_descent(rho0, beta, tolerance):
    path = descend(rho0 * BEST, beta * CRITICAL, T, plateau_updates(rho0 * BEST, beta * CRITICAL, T))
    curve = loss(path, T) / loss(path[0], T)
    at_90, at_10 = first(curve < 0.9), first(curve < 0.1)
    # Whole updates, of some thousands, and the lag of steps.
    assert abruptness(rho0 * BEST, T) == pytest.approx((at_10 - at_90) / at_90, rel=tolerance)


def test_cycle():
    u, multiplier, window = cycle()
    np.testing.assert_allclose(u, [0.98861344, 1.75160810, 1.42808459], atol=1e-8)
    assert multiplier == pytest.approx(-0.29430476, abs=1e-8)
    assert window == pytest.approx((0.41031290, 1.02904347), abs=1e-7)
    # The descent lands on it, and not beyond its window.
    beta = 0.9
    end = descend(10 * BEST, beta * CRITICAL, T, 3000)[-3:] / BEST
    np.testing.assert_allclose(np.sort(end), np.sort(beta**0.4 * u), rtol=1e-9)
    lost = descend(BEST * np.linspace(9, 11, 50), 1.03 * CRITICAL, T, 3000)[-1]
    assert (lost < BEST / 4).all()


def test_zone_at_finite_confidence():
    assert flat_gradient(T, 1) == pytest.approx(-1.3617918, abs=1e-7)
    assert flat_gradient(T, 0.1) == pytest.approx(finite_gradient(0.0, T, 0.1), rel=1e-12)
    assert escape_updates(CRITICAL, T, 1) == pytest.approx(4.96e4, rel=1e-3)


@pytest.mark.parametrize("confidence, tolerance", [(0.5, 0.01), (1.0, 0.01), (2.0, 0.01)])
def test_local_rate_against_the_curvature_by_quadrature(confidence, tolerance):
    best = smooth_optimum(T)
    step = 1e-7 * best
    ahead, behind = finite_gradient(best + step * np.array([1, -1]), T, confidence)
    measured = 2 / ((ahead - behind) / (2 * step))
    # The closed form leaves out terms of 1/(threshold T).
    assert local_learning_rate(T, confidence) == pytest.approx(measured, rel=tolerance)


def test_kink_is_a_hyperbolic_tangent():
    r = BEST * np.array([0.99, 1.0, 1.01, 1.5])
    gap = kink_gradient(r, T, 1) / finite_gradient(r, T, 1) - 1
    assert np.all(np.abs(gap) < [7e-4, 1e-4, 3e-9, 3e-9])  # inside the kink, and away from it
    # Curvature: only the product a r and the scaled output count.
    a = 4.0
    scaled = kink_gradient(r / a, T, 1.0 * a, 10.0 / a, a)
    np.testing.assert_allclose(scaled, a * kink_gradient(r, T, 1.0, 10.0), rtol=1e-12)
    assert smooth_optimum(T, 10.0 / a, a) * a == pytest.approx(smooth_optimum(T, 10.0), rel=1e-12)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="T=0"):
        critical_learning_rate(0)
    with pytest.raises(ValueError, match="not above the optimum"):
        plateau_length(BEST / 2, CRITICAL, T)
    with pytest.raises(ValueError, match="updates=-1"):
        descend(BEST, CRITICAL, T, -1)
    with pytest.raises(ValueError, match="confidence=0"):
        local_learning_rate(T, 0)
