"""Every rule against the recursion that defines it, and against its relatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.network import Linear, Rate, unroll
from stepwell.network.low_rank import LowRank
from stepwell.rule import BPTT, RFLO, RTRL, TBPTT, EProp
from stepwell.rule.base import decayed, own_diagonal, own_leak
from stepwell.rule.course import edited_step
from tests.reference import trace_recursions as reference
from tests.reference.rule_cases import (
    NETWORKS,
    OMEGA,
    TASK,
    UNEQUAL,
    M,
    N,
    T,
    all_of,
    distance,
    draws,
    weighted,
)

RULES_TO_TEST = {
    "bptt": (BPTT(), reference.rtrl, {}),
    "rtrl": (RTRL(), reference.rtrl, {}),
    "tbptt": (TBPTT(), reference.truncated, {"lag": 1}),
    "tbptt 3": (TBPTT(3), reference.truncated, {"lag": 3}),
    "tbptt T": (TBPTT(T), reference.rtrl, {}),
    "tbptt beyond": (TBPTT(T + 5), reference.rtrl, {}),
    "rflo": (RFLO(), reference.local, {"feedback": True}),
    "rflo decay": (RFLO(0.3), reference.local, {"feedback": True, "decay": 0.3}),
    "rflo unequal": (RFLO(UNEQUAL), reference.local, {"feedback": True, "decay": np.array(UNEQUAL)}),
    "rflo ungated": (RFLO(gate=False), reference.local, {"feedback": True, "gated": False}),
    "rflo sym": (RFLO(0.3, "symmetric"), reference.local, {"decay": 0.3}),
    "rflo sym ungated": (RFLO(None, "symmetric", False), reference.local, {"gated": False}),
    "eprop": (EProp(), reference.local, {"feedback": True, "own": True}),
    "eprop ungated": (EProp(gate=False), reference.local, {"feedback": True, "own": True, "gated": False}),
    "eprop sym": (EProp("symmetric"), reference.local, {"own": True}),
}


def leaky(network, leak):
    """The network with its numbers as arrays, so that leaks share a compiled program."""
    return jax.tree.map(jnp.asarray, eqx.tree_at(lambda n: n.leak, network, leak))


@eqx.filter_jit
def updates(network, params, trials, feedback):
    """The loss and the update of every rule."""
    return {
        name: rule.gradient(network, TASK, params, trials, {"feedback": feedback})[:2]
        for name, (rule, _, _) in RULES_TO_TEST.items()
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_rules_equal_their_trace_recursions(name):
    network = NETWORKS[name]
    params, feedback, inputs, targets = draws()
    phi, form = ("identity", "rate") if name == "linear" else ("tanh", network.form)
    weights = {k: np.asarray(v) for k, v in params.items()}
    for leak in (0.0, 0.7):
        for omega in OMEGA.values():
            got = updates(leaky(network, leak), params, weighted(inputs, targets, omega), feedback)
            for rule, (_, recursion, options) in RULES_TO_TEST.items():
                if "feedback" in options:
                    options = {**options, "feedback": np.asarray(feedback)}
                total = [
                    recursion(*weights.values(), x, y, omega, 1 - leak, phi, form, 0.3, **options)
                    for x, y in zip(inputs, targets)
                ]
                loss, *expected = (sum(parts) for parts in zip(*total))
                # 1e-13 is the contract; rounding of some hundred terms gives 1e-15.
                assert abs(float(got[rule][0]) / loss - 1) < 1e-13, rule
                assert distance(got[rule][1], dict(zip(("W", "b", "c"), expected))) < 1e-13, (rule, leak)


def replaced_readout(network, feedback, gate):
    """The readout with the network's value and the feedback's way back, written with stopped gradients."""
    stop = jax.lax.stop_gradient

    def readout(params, h):
        shown = feedback.T @ (network.rates(h) if gate else h)
        return network.readout(params, stop(h)) + shown - stop(shown)

    return readout


@pytest.mark.parametrize("network", [*NETWORKS.values(), LowRank(N, 2, input=M, sigma0=1.5)], ids=str)
def test_rules_are_gradients_of_the_edited_graph(network):
    params, feedback, inputs, targets = draws()
    if isinstance(network, LowRank):
        params = {**network.init(jax.random.key(0)), "b": params["b"]}
        feedback, targets = feedback[:, :1], targets[..., :1]
    trials = weighted(inputs, targets, OMEGA["mean"])
    cases = {
        "own leak": (RFLO(), own_leak(network), True),
        "decay": (RFLO(0.3, gate=False), decayed(network, 0.3), False),
        "own diagonal": (EProp(), own_diagonal(network), True),
        "cut": (TBPTT(), decayed(network, 0.0), None),
    }

    @jax.jit
    def both(params):
        pairs = {}
        for name, (rule, respond, gate) in cases.items():
            readout = None if gate is None else replaced_readout(network, feedback, gate)

            def loss(p, respond=respond, readout=readout):
                return TASK.loss(unroll(network, p, trials, edited_step(network, respond), readout), trials)

            fast = rule.gradient(network, TASK, params, trials, {"feedback": feedback})[1]
            pairs[name] = fast, jax.grad(loss)(params)
        return pairs

    for name, (fast, graph) in both(params).items():
        assert distance(fast, jax.tree.map(np.asarray, graph)) < 1e-13, name  # rounding


SEQUENCE = {
    "W": [[0.4, -0.3, 0.2], [0.1, 0.5, -0.2], [-0.3, 0.2, 0.1]],
    "b": [[0.6, -0.4], [0.2, 0.7], [-0.5, 0.3]],
    "c": [[0.8, -0.5, 0.3], [0.1, 0.6, -0.7]],
}
F = np.array([[0.5, 0.2], [-0.4, 0.9], [0.3, -0.6]])
X = np.array([[1, -0.5], [0.3, 0.8], [-0.7, 0.2], [0.4, -0.9], [0.6, 0.1]])
Y = np.array([[0.5, -0.2], [0.1, 0.4], [-0.3, 0.6], [0.2, -0.1], [-0.4, 0.3]])
LINEAR_VALUES = {
    BPTT(): ([-0.00206697575, -0.24012527235, 0.05822757823], 0.295169210856, 0.496848420737),
    TBPTT(1): ([0.15993272428, -0.29420546651, -0.06422244095], 0.399417353344, 0.413195874600),
    TBPTT(2): ([0.04815105878, -0.22812166155, 0.01277428593], 0.321125571379, 0.616595455921),
    RFLO(0.3): ([0.03155223225, -0.116467596375, 0.000763660875], 0.150689783207, 0.319355705355),
    EProp(): ([0.017582826, -0.082605755625, 0.004339828875], 0.123618942464, 0.333731633631),
}
TANH_VALUES = {
    BPTT(): ([0.001986569974, 0.002345233876, -0.002714952541], 0.029842081104, 0.043360163353),
    TBPTT(2): ([-8.371144367e-4, 9.162763581e-4, -2.026911677e-6], 0.022548395688, 0.051008401900),
    RFLO(): ([-4.540834248e-4, 7.622468902e-4, -6.919034402e-5], 0.026759937302, 0.052512385175),
    RFLO(0.3, "symmetric"): (
        [0.001318949109, -1.679126500e-4, -0.001639653469],
        0.020171762228,
        0.057476907786,
    ),
    EProp("symmetric"): ([0.004149607478, 0.0027524176, -0.004738399007], 0.028001082678, 0.041849909209),
}


@pytest.mark.parametrize(
    "network, omega, loss, values",
    [
        (Linear(3, 2, 2), np.eye(5)[-1], 0.258795519435, LINEAR_VALUES),
        (Rate(3, 2, 2, leak=0.6, form="rate"), np.full(5, 0.2), 0.089217163634, TANH_VALUES),
    ],
    ids=["linear", "tanh"],
)
def test_reference_values_of_one_sequence(network, omega, loss, values):
    params = {name: jnp.asarray(value) for name, value in SEQUENCE.items()}
    trials = weighted(X[None], Y[None], omega, 0.0)
    directions = all_of([(rule, network, params, jnp.asarray(F)) for rule in values], trials)
    # The values are printed with 10 to 12 digits.
    np.testing.assert_allclose(TASK.loss(network.rollout(params, trials), trials), loss, atol=1e-12)
    for (row, norm_W, norm_b), direction in zip(values.values(), directions):
        np.testing.assert_allclose(direction["W"][0], row, atol=2e-12)
        np.testing.assert_allclose(np.linalg.norm(direction["W"]), norm_W, atol=2e-12)
        np.testing.assert_allclose(np.linalg.norm(direction["b"]), norm_b, atol=2e-12)


def test_rules_that_coincide_under_conditions():
    params, feedback, inputs, targets = draws()
    trials, linear = weighted(inputs, targets, OMEGA["sum"]), leaky(NETWORKS["linear"], 0.4)
    tanh, still = leaky(NETWORKS["tanh"], 0.4), leaky(NETWORKS["linear"], 0.0)
    diagonal = {**params, "W": jnp.diag(jnp.diagonal(params["W"]))}
    silent = {**params, "W": 0 * params["W"]}
    own = tuple((0.4 + 0.6 * np.diagonal(params["W"])).tolist())
    mirrored = eqx.tree_at(lambda r: r.decay, RFLO((0.5,) * N), own)  # own decays may lie outside [0, 1)
    pairs = [
        (RFLO(), RFLO(0.4), tanh, params, feedback),
        (RFLO(0.0, "symmetric"), TBPTT(), still, params, feedback),
        (EProp("symmetric"), BPTT(), tanh, diagonal, feedback),
        (RFLO(None, "symmetric"), BPTT(), linear, silent, feedback),
        (RFLO(), RFLO(None, "symmetric"), tanh, params, params["c"].T),
        (EProp(), mirrored, linear, params, feedback),
    ]
    got = all_of([(rule, *rest) for one, two, *rest in pairs for rule in (one, two)], trials)
    for pair, first, second in zip(pairs, got[::2], got[1::2]):
        assert distance(first, jax.tree.map(np.asarray, second)) < 1e-13, pair[:2]  # rounding


def test_bptt_is_the_slope_of_the_loss():
    params, feedback, inputs, targets = draws()
    network, trials = NETWORKS["current"], weighted(inputs, targets, OMEGA["mean"])
    (gradient,) = all_of([(BPTT(), network, params, feedback)], trials)
    loss = jax.jit(lambda p: TASK.loss(network.rollout(p, trials), trials))
    for name, value in params.items():
        step = jnp.zeros_like(value).at[1, 2].set(1e-5)
        slope = (loss({**params, name: value + step}) - loss({**params, name: value - step})) / 2e-5
        # Central differences: an error of 1e-10 from the step, 1e-11 from rounding.
        np.testing.assert_allclose(gradient[name][1, 2], slope, rtol=1e-7, atol=1e-9)


def test_turning_the_hidden_basis_commutes_unless_the_rule_looks_at_single_units():
    params, feedback, inputs, targets = draws()
    trials = weighted(inputs, targets, OMEGA["sum"], 0.0)
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(N, N)))[0]
    turned = {"W": Q @ params["W"] @ Q.T, "b": Q @ params["b"], "c": params["c"] @ Q.T}
    network = leaky(NETWORKS["linear"], 0.4)
    rules = {BPTT(): True, TBPTT(2): True, RFLO(0.3): True, EProp(): False, RFLO(UNEQUAL): False}
    plains = all_of([(rule, network, params, feedback) for rule in rules], trials)
    afters = all_of([(rule, network, turned, jnp.asarray(Q @ feedback)) for rule in rules], trials)
    for (rule, commutes), plain, after in zip(rules.items(), plains, afters):
        gap = distance(after, {"W": Q @ plain["W"] @ Q.T, "b": Q @ plain["b"], "c": plain["c"] @ Q.T})
        # Rounding where it commutes; elsewhere the difference is of the order of the update.
        assert gap < 1e-13 if commutes else gap > 1e-2, rule


def test_the_sign_of_feedback_is_the_sign_of_the_cosine():
    params, feedback, inputs, targets = draws()
    network, trials = leaky(NETWORKS["linear"], 0.4), weighted(inputs, targets, OMEGA["sum"])

    cases = [(RFLO(), network, params, feedback), (RFLO(), network, params, -feedback)]
    one, two, exact = all_of([*cases, (BPTT(), network, params, feedback)], trials)

    def cosine(direction):
        first, second = (np.concatenate([d["W"].ravel(), d["b"].ravel()]) for d in (direction, exact))
        return first @ second / np.linalg.norm(first) / np.linalg.norm(second)

    assert cosine(one) == pytest.approx(-cosine(two), rel=1e-12)  # rounding
