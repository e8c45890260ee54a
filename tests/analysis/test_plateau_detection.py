"""The detector on curves whose transitions are known, and on a staircase descended in plain NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from stepwell.analysis import Plateau, crossing, matched, plateaus, transitions

LAGS = 100
TARGET = np.array([0.9, 0.7, -0.65]) @ np.array([[0.5], [-0.45], [-0.75]]) ** np.arange(LAGS)
START = 0.01 * np.random.default_rng(0).standard_normal(15)
LEVELS = [0.7321058902, 0.099558817439, 0.008654987861]  # best models with 0, 1, 2 poles


def descent(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Loss and gradient of three linear units on the target, by the adjoint recursion."""
    W, b, c = theta[:9].reshape(3, 3), theta[9:12], theta[12:]
    states = np.empty((LAGS, 3))
    states[0] = b
    for s in range(1, LAGS):
        states[s] = W @ states[s - 1]
    error = states @ c - TARGET
    adjoint, dW = error[-1] * c, np.zeros((3, 3))
    for s in range(LAGS - 1, 0, -1):
        dW += np.outer(adjoint, states[s - 1])
        adjoint = error[s - 1] * c + W.T @ adjoint
    return 0.5 * float(error @ error), np.concatenate([dW.ravel(), adjoint, error @ states])


@pytest.fixture(scope="module")
def staircase() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loss, gradient norm and learning time of 1000 steps of gradient descent at learning rate 0.1."""
    theta, losses, norms = START, [], []
    for _ in range(1000):
        loss, slope = descent(theta)
        losses.append(loss)
        norms.append(np.linalg.norm(slope))
        theta = theta - 0.1 * slope
    return np.array(losses), np.array(norms), 0.1 * np.arange(1000)


def flow(loss: np.ndarray, learning_time: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A record of a gradient flow with this loss: its squared gradient is the rate of descent."""
    return loss, np.sqrt(np.maximum(-np.gradient(loss, learning_time), 0)), learning_time


def stairs(learning_time: np.ndarray, steps: dict[float, float], steepness: float = 1.0) -> np.ndarray:
    """A loss that falls by `steps[t]` around each time t."""
    falls = [size / (1 + np.exp(steepness * (learning_time - t))) for t, size in steps.items()]
    return np.sum(falls, axis=0)


def test_staircase_has_its_known_transitions_and_levels(staircase):
    np.testing.assert_allclose(transitions(*staircase), [4.1, 46.9, 70.1], atol=0.2)  # known to 0.2
    found = plateaus(*staircase)
    # The levels are known to five decimals.
    np.testing.assert_allclose([p.level for p in found], [0.73182, 0.09956, 0.00864], atol=5.1e-6)
    assert matched(found, LEVELS) == found


def test_plateaus_fill_the_time_between_transitions(staircase):
    edges, found = [0, *transitions(*staircase)], plateaus(*staircase)
    assert [(p.start, p.end) for p in found] == list(zip(edges, edges[1:]))
    assert all(p.dwell == p.end - p.start and p.start <= p.place < p.end for p in found)
    loss, norm, time = staircase
    for p in found:  # the quietest moment of all in between
        between = (time >= p.start) & (time <= p.end)
        assert p.place == time[between][np.argmin(norm[between])]
        assert p.level == loss[time == p.place]


def test_crossings_of_the_flow_are_the_reference_ones():
    times = np.arange(0, 120, 0.05)
    flown = solve_ivp(lambda _, y: -descent(y)[1], (0, 120), START, "DOP853", times, rtol=1e-6, atol=1e-6)
    loss = np.array([descent(theta)[0] for theta in flown.y.T])
    levels = [*LEVELS, 1e-6]
    found = [crossing(loss, times, math.sqrt(a * b)) for a, b in zip(levels, levels[1:])]
    # 5e-3 is the accuracy asked of an adaptive integration.
    np.testing.assert_allclose(found, [4.182185, 46.259590, 115.125504], rtol=0, atol=5e-3)


@given(st.floats(9, 11), st.floats(39, 41), st.floats(0.01, 0.5))
@settings(deadline=None, max_examples=30)
def test_transitions_are_found_between_the_samples(first, second, size):
    time = np.arange(0, 80, 0.2)
    found = transitions(*flow(stairs(time, {first: 1.0, second: size}, steepness=0.7), time))
    # A sample is up to 0.1 away; the parabola misses by a share (0.7 * 0.2)^2 / 12 of that, the differences
    # that stand for the gradient add as much, and the other stair is exp(-0.7 * 28) there.
    np.testing.assert_allclose(found, [first, second], atol=2e-3)


def test_what_follows_the_last_transition_is_no_plateau():
    time = np.arange(0, 80, 0.2)
    one = flow(stairs(time, {10: 0.9}) + 0.1, time)
    [first] = plateaus(*one)
    assert abs(first.level - 1) < 1e-4  # exp(-10) of the stair has gone before the record starts
    assert plateaus(*flow(np.exp(-time), time)) == []  # a descent without a stair


@given(st.floats(1e-6, 1e6), st.floats(0.01, 100), st.floats(-50, 50))
@settings(deadline=None, max_examples=30)
def test_units_of_loss_and_time_do_not_matter(scale, stretch, shift):
    time = np.arange(0, 60, 0.2)
    loss, norm, _ = flow(stairs(time, {10: 0.9, 40: 0.1}), time)
    found = plateaus(scale * loss, np.sqrt(scale) * norm, stretch * time + shift)
    wanted = plateaus(loss, norm, time)
    assert len(found) == len(wanted) == 2
    for one, other in zip(found, wanted):
        # Rounding of times of size 6000 against spacings of 0.002; scaling turns nothing else.
        np.testing.assert_allclose(one.level, scale * other.level, rtol=1e-12)
        np.testing.assert_allclose((one.start - shift) / stretch, other.start, atol=1e-8)
        np.testing.assert_allclose(one.dwell / stretch, other.dwell, atol=1e-8)


def test_shoulder_counts_by_its_prominence_and_is_told_by_its_level():
    # Two stairs far apart, and between them two overlapping ones: a dip of 0.8 decades that is no saddle.
    time = np.arange(0, 120, 0.2)
    run = flow(stairs(time, {10: 0.9, 60: 0.05, 68: 0.05, 110: 0.001}), time)
    low, high = plateaus(*run, prominence=0.5), plateaus(*run, prominence=1.0)
    assert (len(low), len(high)) == (4, 3)
    shoulder = low[2]
    assert abs(shoulder.dwell - 8) < 0.3  # the two slopes pull their peaks together a little
    first, second, last = matched(low, levels=(1.001, 0.101, 0.001))
    assert shoulder not in (first, second, last) and None not in (first, second, last)
    assert matched(low, levels=[0.03]) == [None]


def test_squares_below_rounding_of_the_loss_make_no_transitions():
    time = np.arange(0, 100, 0.2)
    loss, norm, _ = flow(stairs(time, {10: 1.0}) + 1e-3, time)
    noise = 1e-9 * np.random.default_rng(0).uniform(0, 1, len(time))  # squares of 1e-18, below 1e-16
    np.testing.assert_allclose(transitions(loss, norm + noise, time), [10], atol=0.01)
    assert plateaus(np.zeros(10), np.zeros(10), np.arange(10)) == []


def test_flat_top_of_two_samples_has_its_transition_in_the_middle():
    norm = np.array([0.001, 0.01, 1.0, 1.0, 0.01, 0.001])
    np.testing.assert_allclose(transitions(np.ones(6), norm, np.arange(6)), [2.5], atol=1e-12)  # by symmetry


def test_crossing_is_exact_on_exponentials():
    time = np.array([0.0, 0.7, 1.9, 4.0, 5.5])
    for when in (0.3, 0.7, 3.9, 5.5):
        assert abs(crossing(np.exp(-0.8 * time), time, math.exp(-0.8 * when)) - when) < 1e-14  # rounding
    assert crossing(np.exp(-time), time, 2.0) == 0.0
    assert math.isnan(crossing(np.exp(-time), time, 1e-9))
    assert (
        crossing([1.0, 0.0], [0.0, 1.0], 0.5) < 0.01
    )  # log 2 of the 708 units of log down to the smallest number


def test_crossing_is_the_first_of_several():
    time = np.arange(5)
    loss = [1.0, 0.25, 1.0, 0.25, 0.1]
    assert abs(crossing(loss, time, 0.5) - 0.5) < 1e-15


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: plateaus([1, 2], [1, 2, 3], [0, 1, 2]), "need one axis"),
        (lambda: plateaus([[1.0]], [[1.0]], [[1.0]]), "need one axis"),
        (lambda: plateaus([], [], []), "need one axis"),
        (lambda: plateaus([1, np.nan], [1, 1], [0, 1]), "loss holds NaN"),
        (lambda: transitions([1, 1], [1, np.inf], [0, 1]), "gradient_norm holds NaN or infinity"),
        (lambda: plateaus([1, 1], [1, 1], [0, 0]), "must increase"),
        (lambda: plateaus([1, 1], [1, 1], [0, 1], prominence=0), "must be above 0"),
        (lambda: crossing([1, 1], [0, 1], 0.0), "must be above 0"),
    ],
)
def test_bad_input_gets_its_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_plateau_reads_as_numbers():
    assert Plateau(0.1, 30.0, 10.0, 40.0, 25.0).dwell == 30.0
