"""What rules ask of networks, feedback and settings, and the sentences with which they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.network import LSTM, Rate
from stepwell.network.base import AbstractUnitNetwork
from stepwell.rule import BPTT, RFLO, RTRL, RULES, TBPTT, EProp
from tests.reference.rule_cases import NETWORKS, OMEGA, TASK, all_of, distance, draws, weighted


def test_exact_rules_work_on_networks_that_offer_a_step_alone():
    network = LSTM(4, 3, 2)
    params, (_, _, inputs, targets) = network.init(jax.random.key(0)), draws(steps=6)
    trials = weighted(inputs, targets, np.ones(6), 0.1)
    rules = (BPTT(), RTRL(), TBPTT(6), TBPTT(2))
    exact, *others, cut = all_of([(rule, network, params, jnp.zeros(1)) for rule in rules], trials)
    exact = jax.tree.map(np.asarray, exact)
    assert max(distance(other, exact) for other in others) < 1e-13  # rounding
    assert distance(cut, exact) > 1e-3  # a cut that changes nothing is none
    for rule in (RFLO(), RFLO(0.3), RFLO(0.3, gate=False), EProp()):
        with pytest.raises(TypeError, match="LSTM offers step alone"):
            rule.init(network, jax.random.key(0))


def test_feedback_is_drawn_once_and_can_be_replaced():
    network = Rate(2000, 1, 3)
    state = RFLO().init(network, jax.random.key(0))
    assert state["feedback"].shape == (2000, 3)
    # 6000 draws: the standard deviation is known to 1 %.
    assert float(state["feedback"].std() * np.sqrt(2000)) == pytest.approx(1, abs=0.04)
    assert EProp("symmetric").init(network, jax.random.key(0)) == {}
    params, feedback, inputs, targets = draws()
    trials = weighted(inputs, targets, OMEGA["sum"])
    one, two = all_of([(EProp(), NETWORKS["tanh"], params, F) for F in (feedback, -feedback)], trials)
    np.testing.assert_array_equal(one["W"], -two["W"])


def test_single_precision_stays_single():
    params, feedback, inputs, targets = draws()
    single = jax.tree.map(lambda a: a.astype(jnp.float32), params)
    trials = jax.tree.map(lambda a: a.astype(jnp.float32), weighted(inputs, targets, OMEGA["sum"]))
    rules = (RFLO(0.3), EProp(), TBPTT(2))
    for direction in all_of([(rule, NETWORKS["linear"], single, feedback) for rule in rules], trials):
        assert {d.dtype for d in direction.values()} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    "build, sentence",
    [
        (lambda: TBPTT(0), "lag=0"),
        (lambda: RFLO(1.0), r"decay=1.0 is out of range"),
        (lambda: RFLO(-0.1), r"decay=-0.1 is out of range"),
        (lambda: RFLO((0.2, 1.5)), r"decay=1.5 is out of range"),
        (lambda: RFLO(feedback="aligned"), "feedback 'aligned' is unknown"),
        (lambda: EProp("aligned"), "feedback 'aligned' is unknown"),
        (lambda: RFLO((0.2, 0.3)).init(NETWORKS["linear"], jax.random.key(0)), "decay has 2 values"),
        (lambda: RTRL().init(Rate(65), jax.random.key(0)), "use bptt"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


@pytest.mark.parametrize("rule", [RFLO(), EProp()])
def test_feedback_of_the_wrong_shape_is_refused(rule):
    params, feedback, inputs, targets = draws()
    trials = weighted(inputs, targets, OMEGA["sum"])
    with pytest.raises(ValueError, match=r"feedback has shape \(2, 5\).*\[hidden, output\] = \(5, 2\)"):
        rule.gradient(NETWORKS["linear"], TASK, params, trials, {"feedback": feedback.T})


def test_a_state_without_its_feedback_is_refused():
    params, _, inputs, targets = draws()
    trials = weighted(inputs, targets, OMEGA["sum"])
    with pytest.raises(ValueError, match="start from rule.init"):
        EProp().gradient(NETWORKS["linear"], TASK, params, trials, {})


def test_the_table_holds_every_rule():
    assert {name: type(RULES[name]()) for name in RULES} == {
        "bptt": BPTT,
        "rtrl": RTRL,
        "tbptt": TBPTT,
        "rflo": RFLO,
        "eprop": EProp,
    }
    assert all(isinstance(network, AbstractUnitNetwork) for network in NETWORKS.values())
