"""The models that learning reaches, against the flow of small networks that know nothing of models."""

import numpy as np
import pytest
from essay_targets import CE, FIVE, G0, A, R, drawn, response
from scipy.integrate import solve_ivp
from scipy.linalg import toeplitz

from stepwell.theory import (
    best_poles,
    first_drop,
    impulse_loss,
    one_pole_minima,
    reach_is_certified,
    reached_one_pole,
    reached_poles,
)

# Its two-pole plateau is not the best two-pole model.
LED_ASTRAY = [0.8, -0.25, 0.51], [0.83, 0.56, -1.13]


def flow(target: tuple, units: int, sigma0: float, duration: float, rho=0.0, steps=120, stop=None):
    """Weights at the end of the gradient flow from a small random start, over a finite horizon."""
    aim, weight = response(*target, steps), toeplitz(rho ** np.arange(steps))

    def split(x):
        return x[: units**2].reshape(units, units), x[units**2 : -units], x[-units:]

    def forward(x):
        W, b, c = split(x)
        H = np.empty((steps, units))
        H[0] = b
        for s in range(1, steps):
            H[s] = W @ H[s - 1]
        return H, H @ c - aim

    def velocity(_, x):
        W, b, c = split(x)
        H, error = forward(x)
        pull = error if rho == 0 else weight @ error
        adjoint = np.empty((steps, units))
        adjoint[-1] = pull[-1] * c
        for s in range(steps - 1, 0, -1):
            adjoint[s - 1] = pull[s - 1] * c + W.T @ adjoint[s]
        return -np.concatenate([(adjoint[1:].T @ H[:-1]).ravel(), adjoint[0], pull @ H])

    def crossing(_, x):
        return 0.5 * np.sum(forward(x)[1] ** 2) - (stop or 0.0)

    crossing.terminal = stop is not None
    start = sigma0 * np.random.default_rng(1).standard_normal(units**2 + 2 * units)
    run = solve_ivp(velocity, (0, duration), start, "LSODA", rtol=1e-8, atol=1e-6 * sigma0, events=crossing)
    return split(run.y[:, -1])


def test_the_counter_example_stops_at_the_first_minimum_on_its_side():
    reached = reached_poles(*CE, 1)
    assert abs(reached.loss - 0.96241735111) < 1e-11  # as printed
    assert best_poles(*CE, 1).loss < reached.loss
    W, b, c = flow(CE, units=1, sigma0=1e-3, duration=60)
    assert abs(W[0, 0] - reached.poles[0]) < 1e-6  # tolerance of the flow


@pytest.mark.parametrize("target", [R, LED_ASTRAY])
def test_two_units_end_on_the_reached_two_pole_model(target):
    reached = reached_poles(*target, 2)
    W, b, c = flow(target, units=2, sigma0=1e-2, duration=1500, steps=90)
    loss = impulse_loss(W, b[:, None], c[None], *target)
    assert abs(loss - reached.loss) < 1e-6 * reached.loss  # tolerance of the flow
    assert np.abs(np.sort(np.linalg.eigvals(W)) - np.sort(reached.poles)).max() < 1e-4


def test_the_reached_model_is_a_listed_minimum_but_not_always_the_best():
    reached, best = reached_poles(*LED_ASTRAY, 2), best_poles(*LED_ASTRAY, 2)
    assert reached.loss > 1.1 * best.loss
    assert min(abs(reached.loss - minimum.loss) for minimum in best.local_minima) < 1e-14


@pytest.mark.parametrize("k", [2, 3, 4])
def test_degree_five_is_followed_to_stationary_models(k):
    reached = reached_poles(*FIVE, k)
    assert abs(reached.loss - best_poles(*FIVE, k).loss) < 1e-13  # both are polished by Newton's method
    assert not reach_is_certified(*FIVE, k)


def test_certificates():
    assert [reach_is_certified(*A, k) for k in range(4)] == [True] * 4
    assert not reach_is_certified(*R, 2)  # three minima: the flow has to choose


def test_ends_of_the_stairs_are_nothing_and_the_target():
    assert reached_poles(*A, 0).poles.shape == (0,)
    assert reached_poles(*A, 3).poles.tolist() == [0.5, -0.45, -0.75]
    assert reached_poles(*A, 3).loss == 0


@pytest.mark.parametrize("seed", range(5))
def test_side_rule_agrees_with_a_one_unit_network(seed):
    target = drawn(seed)
    W, _, _ = flow(target, units=1, sigma0=1e-4, duration=400 / abs(sum(target[1])))
    assert abs(W[0, 0] - reached_one_pole(*target).poles[0]) < 1e-5  # what is left of a slow approach


@pytest.mark.parametrize(("rho", "pole", "loss"), [(0.7, 0.479448, 0.0182883), (-0.5, None, None)])
def test_coloured_input_reaches_the_weighted_optimum(rho, pole, loss):
    reached = reached_one_pole(*A, correlation=rho)
    W, b, c = flow(A, units=1, sigma0=1e-3, duration=300, rho=rho)
    assert abs(W[0, 0] - reached.poles[0]) < 1e-6  # tolerance of the flow
    assert abs(impulse_loss(W, b[:, None], c[None], *A, correlation=rho) - reached.loss) < 1e-9
    if pole:
        assert abs(reached.poles[0] - pole) < 1e-6  # as printed
        assert abs(reached.loss - loss) < 1e-7


def test_under_coloured_input_the_pole_may_turn_around():
    target, rho = ([-0.7, -0.3], [0.8, 1.1]), 0.6
    first, second = (toeplitz(rho ** np.arange(200)) @ response(*target, 200))[:2]
    reached = reached_one_pole(*target, correlation=rho)
    assert first * second > 0 > reached.poles[0]  # the side on which the pole leaves does not decide
    W, _, _ = flow(target, units=1, sigma0=1e-3, duration=200, rho=rho)
    assert abs(W[0, 0] - reached.poles[0]) < 1e-5  # tolerance of the flow


def test_half_way_down_the_first_drop():
    drop = first_drop(*A)
    middle = 0.5 * sum(best_poles(*A, k).loss for k in (0, 1))
    W, b, c = flow(A, units=1, sigma0=1e-5, duration=60, stop=middle)
    assert abs(drop.pole - W[0, 0]) < 1e-4  # the start is of size 1e-5
    assert abs(drop.residue - b[0] * c[0]) < 1e-4
    assert (
        abs(impulse_loss([[drop.pole]], [[drop.residue]], [[1.0]], *A) - middle) < 1e-9
    )  # of the integration
    assert abs(drop.residue / drop.profiled - 0.367) < 0.03  # the reference, from a record of steps 0.2


def test_targets_without_a_side_are_refused():
    with pytest.raises(ValueError, match="no side"):
        reached_poles(*G0, 1)
    undecided = [0.9, -0.9], [1.0, 1.0]  # even: the pole leaves 0 on either side
    assert len(one_pole_minima(*undecided)) == 2
    with pytest.raises(ValueError, match="no side"):
        reached_poles(*undecided, 1)


def test_an_even_target_of_short_memory_keeps_its_pole_at_zero():
    reached = reached_poles([0.5, -0.5], [1.0, 1.0], 1)
    assert abs(reached.poles[0]) < 1e-12
    assert abs(reached.residues[0] - 2) < 1e-12
