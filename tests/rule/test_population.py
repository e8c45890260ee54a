"""Expected updates in closed form against sums over one-hot trials, printed values, and differentiation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from stepwell.network import Linear
from stepwell.rule import BPTT, RFLO, RTRL, TBPTT, EProp
from stepwell.rule.aligned_modes import mode_update, mode_way
from stepwell.rule.base import AbstractRule
from stepwell.rule.population import population_update
from stepwell.task.white_noise import WhiteNoise

W = np.array([[0.4, -0.3, 0.2], [0.1, 0.5, -0.2], [-0.3, 0.2, 0.1]])
B = np.array([[0.6, -0.4], [0.2, 0.7], [-0.5, 0.3]])
C = np.array([[0.8, -0.5, 0.3], [0.1, 0.6, -0.7]])
F = np.array([[0.5, 0.2], [-0.4, 0.9], [0.3, -0.6]])
STUDENT = W, B, C
TEACHER = (
    np.array([[0.7, 0.2], [-0.1, -0.4]]),
    np.array([[0.9, 0.1], [-0.3, 0.6]]),
    np.array([[1.0, -0.2], [0.4, 0.8]]),
)
RULES = {
    "bptt": BPTT(),
    "rtrl": RTRL(),
    "tbptt": TBPTT(),
    "tbptt 3": TBPTT(3),
    "rflo": RFLO(0.3),
    "rflo default": RFLO(),
    "rflo unequal": RFLO((0.1, 0.7, 0.4)),
    "rflo sym": RFLO(0.3, "symmetric"),
    "eprop": EProp(),
    "eprop sym": EProp("symmetric"),
}


def test_closed_form_equals_the_sum_over_one_hot_trials():
    # The spectral radii are .50 and .68: after 100 steps 1e-17 is left of what enters the loss.
    task = WhiteNoise(teacher=TEACHER, steps=100, inputs="one_hot", weights="final")
    params = dict(zip(("W", "b", "c"), map(jnp.asarray, STUDENT)))
    trials = task.trials(jax.random.key(0))

    @jax.jit
    def summed(params):
        state = {"feedback": jnp.asarray(F)}
        return [r.gradient(Linear(3, 2, 2), task, params, trials, state)[:2] for r in RULES.values()]

    for (name, rule), (loss, direction) in zip(RULES.items(), summed(params)):
        expected, update = population_update(rule, STUDENT, TEACHER, F)
        assert abs(loss / expected - 1) < 1e-12  # the contract; rounding gives 1e-15
        for key, value in zip(("W", "b", "c"), update):
            assert np.abs(direction[key] - value).max() < 1e-12 * np.abs(value).max(), name


def test_mean_over_steps_has_the_same_limit():
    params = dict(zip(("W", "b", "c"), map(jnp.asarray, STUDENT)))
    limit = population_update(BPTT(), STUDENT, TEACHER)[1][0]

    def gap(steps):
        task = WhiteNoise(teacher=TEACHER, steps=steps, inputs="one_hot", weights="mean")
        trials = task.trials(jax.random.key(0))
        direction = BPTT().gradient(Linear(3, 2, 2), task, params, trials, {})[1]
        return float(jnp.linalg.norm(direction["W"] - limit))

    # What is missing at the start of a trial is shared out over its steps: an error of order 1/T.
    assert gap(80) / gap(40) == pytest.approx(0.5, abs=0.01)


PRINTED = {
    BPTT(): ([-0.08986655914, -0.756976515822, 0.169486626849], 1.162625059538, 1.623237568417),
    TBPTT(1): ([-0.098444196708, -0.623730934289, 0.161469323486], 0.817071919866, 1.080890373720),
    TBPTT(2): ([-0.110625733184, -0.758393118507, 0.188141616794], 1.086361873253, 1.477700174088),
    RFLO(0.3): ([-0.089101703574, -0.47973857138, 0.135234880889], 0.711185704481, 1.128022617224),
    EProp(): ([-0.109297971203, -0.515783543114, 0.15741397756], 0.758975803016, 1.212311524355),
}


@pytest.mark.parametrize("rule", PRINTED, ids=str)
def test_printed_values(rule):
    loss, (dW, db, dc) = population_update(rule, STUDENT, TEACHER, F)
    row, norm_W, norm_b = PRINTED[rule]
    # Printed with 11 to 12 digits.
    np.testing.assert_allclose(loss, 1.263522164463, atol=1e-12)
    np.testing.assert_allclose(dW[0], row, atol=2e-12)
    np.testing.assert_allclose([np.linalg.norm(dW), np.linalg.norm(db)], [norm_W, norm_b], atol=2e-12)
    np.testing.assert_allclose(dc[0], [0.006431645124, -0.981297120316, 0.104394643175], atol=2e-12)


def test_bptt_is_the_gradient_of_the_closed_loss():
    def loss(W, b, c):
        return population_update(BPTT(), (W, b, c), TEACHER)[0]

    gradient = jax.jit(jax.grad(loss, (0, 1, 2)))(*map(jnp.asarray, STUDENT))
    for exact, value in zip(population_update(BPTT(), STUDENT, TEACHER)[1], gradient):
        np.testing.assert_allclose(exact, value, rtol=0, atol=1e-13)  # rounding
    # and the loss against a solver of its own, on the joint system of student and teacher
    joint = np.block([[W, np.zeros((3, 2))], [np.zeros((2, 3)), TEACHER[0]]])
    drive, error = np.vstack([B, TEACHER[1]]), np.hstack([C, -TEACHER[2]])
    X = solve_discrete_lyapunov(joint, drive @ drive.T)
    np.testing.assert_allclose(loss(*STUDENT), 0.5 * np.trace(error @ X @ error.T), rtol=1e-13)  # rounding


def test_a_decay_given_at_the_call_replaces_the_rules_own():
    one = population_update(RFLO(0.6), STUDENT, TEACHER, F, decay=0.3)[1][0]
    np.testing.assert_array_equal(one, population_update(RFLO(0.3), STUDENT, TEACHER, F)[1][0])
    three = population_update(RFLO(), STUDENT, TEACHER, F, decay=(0.3, 0.3, 0.3))[1][0]
    np.testing.assert_allclose(one, three, rtol=1e-14)  # rounding


def test_the_hidden_axes_of_the_teacher_enter_no_update():
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(2, 2)))[0]
    turned = Q @ TEACHER[0] @ Q.T, Q @ TEACHER[1], TEACHER[2] @ Q.T
    for rule in (BPTT(), RFLO(0.3), EProp()):
        one, two = (population_update(rule, STUDENT, teacher, F)[1] for teacher in (TEACHER, turned))
        for plain, other in zip(one, two):
            np.testing.assert_allclose(plain, other, rtol=0, atol=1e-14)  # rounding


def test_it_runs_in_a_compiled_loop_and_an_unstable_student_has_infinite_loss():
    @jax.jit
    def descend(student):
        def update(student, _):
            loss, change = population_update(RFLO(0.3), student, TEACHER, jnp.asarray(F))
            return tuple(p - 0.02 * d for p, d in zip(student, change)), loss

        return jax.lax.scan(update, student, None, length=200)[1]

    losses = np.asarray(descend(tuple(map(jnp.asarray, STUDENT))))
    # The local rule is no gradient, but with this feedback it goes down.
    assert np.isfinite(losses).all() and losses[-1] < 0.5 * losses[0]
    assert np.isinf(population_update(BPTT(), (2.1 * W, B, C), TEACHER)[0])


MODES = {
    BPTT(): ([-0.113311036789, 0.085566828112], [0.5475, -0.11953125]),
    TBPTT(1): ([-0.182, 0.091585284281], [0.504, -0.10875]),
    TBPTT(2): ([-0.10766, 0.084050568562], [0.5436, -0.1185]),
    RFLO(): ([0.062054054054, -0.043188285275], [0.268, -0.057083333333]),
    RFLO(None, "symmetric"): ([-0.124108108108, 0.086376570550], [0.459428571429, -0.097857142857]),
    EProp(): ([0.056655518395, -0.042783414056], [0.319375, -0.0697265625]),
}


@pytest.mark.parametrize("rule", MODES, ids=str)
def test_printed_values_of_one_mode(rule):
    places = ((0.7, 0.4, 0.3), -0.064749163880), ((-0.6, 0.5, -0.2), -0.45625)
    for (place, da), rest in zip(places, MODES[rule]):
        for steps in (None, 80):
            got = mode_update(mode_way(rule, (), -0.35, 0.25), place, (0.9, 0.6, -0.5), steps)
            # Printed with 12 digits; at |w*| = .5 nothing is left after 80 steps.
            np.testing.assert_allclose(got, [da, *rest], atol=1e-12)


class Unknown(AbstractRule):
    """A rule of somebody else's."""

    def init(self, network, key):
        return {}

    def gradient(self, network, task, params, trials, state):
        raise NotImplementedError


@pytest.mark.parametrize(
    "arguments, error, sentence",
    [
        ((RFLO(0.3), STUDENT, TEACHER), ValueError, "random feedback; give the matrix"),
        ((RFLO(0.3), STUDENT, TEACHER, F.T), ValueError, r"feedback has shape \(2, 3\)"),
        ((RFLO(), STUDENT, TEACHER, F, 1.2), ValueError, "decay=1.2 is out of range"),
        ((BPTT(), (W, B.T, C), TEACHER), ValueError, r"the student is W \[hidden, hidden\]"),
        ((BPTT(), STUDENT, (TEACHER[0], TEACHER[1][:, :1], TEACHER[2])), ValueError, "student has 2 inputs"),
        ((BPTT(), STUDENT, (2 * TEACHER[0], *TEACHER[1:])), ValueError, "the teacher is unstable"),
        ((Unknown(), STUDENT, TEACHER), TypeError, "Unknown has no closed form"),
    ],
)
def test_what_has_no_expected_update_is_refused(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        population_update(*arguments)
