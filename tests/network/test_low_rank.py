"""Low-rank networks: the reduction against the network and a hand-written gradient, PyTorch's seeds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from reference.rank_one_adjoint import loss_and_gradient

from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import unroll
from stepwell.network.low_rank import LowRank
from stepwell.network.torch_seeds import torch_normals
from stepwell.run import train
from stepwell.task.delayed_activation import DelayedActivation
from stepwell.trials import Trials

TASK = DelayedActivation(delay=20)
TRIALS = TASK.trials(jax.random.key(0))
KINDS = [
    {},
    {"rank": 3},
    {"rank": 2, "tied": False},
    {"rank": None, "tied": False},
    {"rank": 2, "g": 0.9},
    {"trained_confidence": True, "confidence": 2},
]


def at_random(network: LowRank, seed: int) -> dict:
    """Parameters of order one, in which every path matters."""
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    rng = np.random.default_rng(seed)
    size = {"m": 1.0, "n": 0.3, "W": 0.3, "W0": 0.2, "b": 0.3, "c": 0.5, "c0": 1.0, "confidence": 1.0}
    return {k: jnp.asarray(size[k] * rng.standard_normal(v.shape)) for k, v in shapes.items()}


def loss(outputs):
    return TASK.loss(outputs, TRIALS)


@pytest.mark.parametrize("kind", KINDS)
def test_reduction_is_the_network(kind):
    network = LowRank(hidden=20, **kind)
    params = at_random(network, 0)
    fast, slow = (
        jax.jit(jax.value_and_grad(lambda p, f=f: loss(f(p))))(params)
        for f in (lambda p: network.rollout(p, TRIALS), lambda p: unroll(network, p, TRIALS))
    )
    assert float(fast[0]) == pytest.approx(float(slow[0]), rel=1e-13)  # two orders of summation
    for name, direction in slow[1].items():
        gap = np.abs(fast[1][name] - direction).max()
        assert gap <= 1e-13 * max(np.abs(direction).max(), 1e-3), name


def test_reduction_takes_inputs_states_and_batches():
    network = LowRank(hidden=20, rank=2, input=3, tied=False)
    rng = np.random.default_rng(1)
    inputs, h0 = jnp.asarray(rng.standard_normal((4, 9, 3))), jnp.asarray(rng.standard_normal(20))
    trials = Trials(inputs, jnp.zeros((4, 9, 1)), jnp.ones((4, 9, 1)), h0)
    params = at_random(network, 2)
    gap = network.rollout(params, trials) - unroll(network, params, trials)
    assert np.abs(gap).max() < 1e-13  # two orders of summation


def test_gradient_is_that_of_the_written_out_reverse_pass():
    network = LowRank(hidden=100)
    params = at_random(network, 3)
    value, gradient = jax.jit(jax.value_and_grad(lambda p: loss(network.rollout(p, TRIALS))))(params)
    wanted, directions = loss_and_gradient(*(np.asarray(params[k]).ravel() for k in "mnb"), delay=20)
    assert value == pytest.approx(wanted, rel=1e-13)
    for name, direction in directions.items():
        np.testing.assert_allclose(
            gradient[name].ravel(), direction, rtol=0, atol=1e-13 * np.abs(direction).max()
        )


def test_bulk_is_frozen_and_a_step_holds_it():
    network = LowRank(hidden=20, g=0.9)
    params = network.init(jax.random.key(5))
    gradient = jax.grad(lambda p: loss(network.rollout(p, TRIALS)))(params)
    assert np.abs(gradient["W0"]).max() == 0
    W = params["m"] @ params["n"].T + params["W0"]
    h, x = jnp.linspace(-1, 1, 20), jnp.ones(1)
    np.testing.assert_allclose(network.step(params, h, x), 0.5 * h + 0.5 * jnp.tanh(W @ h), atol=1e-15)
    np.testing.assert_allclose(network.self_weights(params), np.diag(W), atol=1e-16)
    # Entries of variance g²/N: 400 of them tell it to 7 %; four standard deviations.
    assert np.std(params["W0"]) * np.sqrt(20) == pytest.approx(0.9, rel=0.15)


def test_derivative_bounds_hold_and_are_sharp_for_equal_units():
    network = LowRank(hidden=20)
    params = at_random(network, 4)
    W = np.asarray(network.weights(params))
    K, K3 = network.derivative_bounds(params)
    second = jax.hessian(lambda h: jnp.tanh(jnp.asarray(W) @ h) - h)
    rng = np.random.default_rng(0)
    for h in rng.standard_normal((5, 20)):
        u, v = rng.standard_normal((2, 20))
        bend = np.einsum("ijk,j,k", second(jnp.asarray(h)), u / np.linalg.norm(u), v / np.linalg.norm(v))
        assert np.linalg.norm(bend) <= K
    # The curvature of tanh is at most 4/(3 sqrt 3); on equal units W acts as the number 2.
    equal = {"m": jnp.ones((4, 1)), "n": jnp.ones((4, 1)) / 2, "b": jnp.zeros((4, 1))}
    K, K3 = LowRank(hidden=4).derivative_bounds(equal)
    assert K == pytest.approx(4 / (3 * np.sqrt(3)) * 2**2, rel=1e-14)
    assert K3 == pytest.approx(2 * 2**3, rel=1e-14)


@pytest.mark.parametrize("seed", [40, 0, 7, 99])
def test_torch_seeds_are_those_of_torch(seed):
    torch.manual_seed(seed)
    shapes = [(100,), (100, 3), (16,), (1,), (37, 2)]
    wanted = [torch.randn(*shape).numpy() for shape in shapes]
    for ours, theirs in zip(torch_normals(seed, shapes), wanted):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=3e-7)  # rounding of float32 log and cos


def test_torch_order_of_draws():
    torch.manual_seed(3)
    n, m, c, c0 = torch.randn(50, 2), torch.randn(2, 50), torch.randn(50), torch.randn(1)
    params = LowRank(hidden=50, rank=2, tied=False, seeding="torch", sigma0=2).init(jax.random.key(3))
    wanted = {"n": n, "m": m.T, "c": c[None], "c0": c0}
    for name, draw in wanted.items():
        np.testing.assert_allclose(params[name], 2 * draw.numpy() / np.sqrt(50), rtol=0, atol=3e-7)
    torch.manual_seed(3)
    W = torch.randn(50, 50).T.numpy() / np.sqrt(50)
    full = LowRank(hidden=50, rank=None, tied=False, seeding="torch").init(jax.random.key(3))
    np.testing.assert_allclose(full["W"], W, rtol=0, atol=1e-7)  # rounding of float32, over sqrt 50


def test_published_start_has_the_reference_values():
    network = LowRank(seeding="torch")
    params = network.init(jax.random.key(40))
    value, gradient = jax.jit(jax.value_and_grad(lambda p: loss(network.rollout(p, TRIALS))))(params)
    assert value == pytest.approx(0.9999092080971883, abs=1e-12)
    norm = np.sqrt(sum(np.sum(np.asarray(g) ** 2) for g in gradient.values()))
    assert norm == pytest.approx(9.08286e-4, abs=1e-8)
    # float32 rounding of the draws
    assert -0.3 * params["n"].sum() == pytest.approx(-0.2966647, abs=5e-7)
    assert np.vdot(params["m"], params["n"]) == pytest.approx(0.0530852, abs=5e-7)


def test_published_run_drops_where_it_should():
    experiment = Experiment(
        task=TASK,
        network=LowRank(seeding="torch"),
        optimiser=Optimiser(learning_rate=0.02),
        updates=5060,
        recording=Recording(every=5060),
    )
    record = train(experiment, [40])
    curve = record["loss"].values[0]
    assert curve[2000] == pytest.approx(0.99985707, abs=1e-6)
    assert curve[4900] == pytest.approx(0.998257, abs=1e-5)
    assert int(np.argmax(curve < 0.5)) in (5050, 5051, 5052)  # rounding grows on the way


def test_workload_has_the_reference_loss():
    rng = np.random.default_rng(0)
    m, n = (rng.standard_normal((100, 1)) / 10 for _ in range(2))
    params = {"m": jnp.asarray(m), "n": jnp.asarray(n), "b": jnp.zeros((100, 1))}
    assert loss(LowRank().rollout(params, TRIALS)) == pytest.approx(0.9999092090107857, abs=1e-11)


def test_permuting_units_changes_nothing_but_flipping_one_does():
    network = LowRank(hidden=20)
    params = at_random(network, 6)
    outputs = network.rollout(params, TRIALS)
    order = np.random.default_rng(0).permutation(20)
    permuted = network.rollout({k: v[order] for k, v in params.items()}, TRIALS)
    np.testing.assert_allclose(permuted, outputs, rtol=1e-12)  # order of summation, times the confidence
    # The field is the same, but the start of the state is not flipped with the unit.
    flipped = network.rollout({k: v.at[0].multiply(-1) for k, v in params.items()}, TRIALS)
    assert np.abs(flipped / outputs - 1).max() > 0.01


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"hidden": 10, "rank": 11}, "rank=11"),
        ({"rank": 0}, "rank=0"),
        ({"rank": None}, "tied=False"),
        ({"confidence": 0}, "confidence=0.0"),
        ({"leak": 1}, "leak=1.0"),
        ({"sigma0": -1}, "sigma0=-1.0"),
        ({"threshold": np.inf}, "threshold=inf"),
        ({"g": -0.1}, "g=-0.1"),
        ({"seeding": "numpy"}, "seeding='numpy'"),
        ({"seeding": "torch", "hidden": 15}, "16 units"),
        ({"tied": False, "trained_confidence": True}, "tied=True"),
        ({"hidden": 0}, "hidden=0"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        LowRank(**settings)


def test_torch_draws_of_a_few_numbers_are_refused():
    with pytest.raises(ValueError, match="at least 16"):
        torch_normals(0, [(3,)])
