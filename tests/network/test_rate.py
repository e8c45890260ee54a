"""Rate networks: reference values, PyTorch, and the hand-written reverse pass against automatic ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from stepwell import Experiment, train
from stepwell.experiment import keys
from stepwell.network import Rate, unroll
from stepwell.network.rate import SCALINGS, perturbed
from stepwell.task import FlipFlop, Trials
from stepwell.task.loss import masked_square

# Form, nonlinearity and channels: few channels take another product than many.
KINDS = [
    ("current", "tanh", (2, 3)),
    ("current", "relu", (6, 5)),
    ("current", "identity", (1, 1)),
    ("rate", "tanh", (6, 5)),
    ("rate", "relu", (2, 3)),
]


def small() -> tuple[Rate, dict, Trials]:
    """The small network with closed-form entries."""
    i, m, t, k = np.arange(6), np.arange(2), np.arange(7), np.arange(2)
    params = {
        "W": 0.3 * np.sin(1 + i[:, None] + 2 * i[None, :]),
        "b": np.cos(0.5 * i[:, None] + m[None, :]),
        "c": 0.2 * np.cos(i)[None, :],
    }
    inputs = np.sin(0.3 * t[None, :, None] + m[None, None, :] + 0.7 * k[:, None, None])
    targets = 0.5 * np.cos(0.2 * t[None, :] + k[:, None])[..., None]
    mask = (t[None, :] >= 3 + k[:, None])[..., None] * 1.0
    trials = Trials(jnp.asarray(inputs), jnp.asarray(targets), jnp.asarray(mask))
    return Rate(hidden=6, input=2, output=1), {name: jnp.asarray(p) for name, p in params.items()}, trials


def loss_of(network: Rate, trials: Trials):
    return lambda params: masked_square(network.rollout(params, trials), trials)


def test_small_network_has_the_reference_values():
    network, params, trials = small()
    value, gradient = jax.jit(jax.value_and_grad(loss_of(network, trials)))(params)
    outputs = jax.jit(network.rollout)(params, trials)
    states = jax.jit(lambda p: unroll(network, p, trials, readout=lambda _, h: h))(params)
    found = [
        value, outputs[0, -1, 0], outputs[1, -1, 0], states[0, -1, 2],
        gradient["W"][2, 4], gradient["b"][1, 1], gradient["c"][0, 3],
        *(jnp.linalg.norm(gradient[name]) for name in "Wbc"),
    ]  # fmt: skip
    wanted = [
        0.06468236819939503, 0.41336923897795, 0.23128154244244, 0.18728262951366,
        0.03506812798874, 0.00795959660876, -0.11368748169237,
        0.11000216155267, 0.06545239768957, 0.45965801223938,
    ]  # fmt: skip
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13)  # printed to 14 decimals


def test_adam_steps_are_those_of_pytorch():
    network, params, trials = small()
    optimiser, loss = optax.adam(0.05 / 6), loss_of(network, trials)

    @jax.jit
    def step(params, state):
        value, gradient = jax.value_and_grad(loss)(params)
        changes, state = optimiser.update(gradient, state)
        return optax.apply_updates(params, changes), state, value

    state, values = optimiser.init(params), []
    theirs = {name: torch.tensor(np.asarray(p), requires_grad=True) for name, p in params.items()}
    adam = torch.optim.Adam(theirs.values(), lr=0.05 / 6)
    for _ in range(5):
        other = torch_loss(theirs, trials)
        adam.zero_grad()
        other.backward()
        adam.step()
        params, state, value = step(params, state)
        values.append((float(value), float(params["W"][2, 4])))
        assert abs(values[-1][0] - other.item()) < 1e-12
        for name, p in params.items():
            np.testing.assert_allclose(p, theirs[name].detach(), atol=1e-12)  # rounding, over Adam's root
    after_three = [values[3][0], values[2][1]]
    np.testing.assert_allclose(after_three, [0.03201232387079, -0.32480544254129], atol=1e-13)  # 14 decimals


def torch_loss(params: dict[str, torch.Tensor], trials: Trials) -> torch.Tensor:
    x, target, mask = (torch.tensor(np.asarray(a)) for a in (trials.inputs, trials.targets, trials.mask))
    h, total = torch.zeros(len(x), len(params["W"]), dtype=torch.float64), 0.0
    for t in range(x.shape[1]):
        h = 0.5 * h + 0.5 * (torch.tanh(h) @ params["W"].T + x[:, t] @ params["b"].T)
        total = total + (mask[:, t] * (torch.tanh(h) @ params["c"].T - target[:, t]) ** 2).sum()
    return 0.5 * total / mask.sum()


def test_losses_of_a_trained_network_are_the_published_ones():
    """N = 256, 32 trials of 100 steps: loss before update 0 and 10 of Adam."""
    draw = np.random.default_rng(0)
    x = (draw.random((100, 32, 2)) < 0.02) * draw.choice([-1.0, 1.0], (100, 32, 2))
    target = 0.5 * np.sign(np.cumsum(x, 0))
    trials = Trials(*(jnp.asarray(np.moveaxis(a, 0, 1)) for a in (x, target, np.ones_like(x))))
    draw, shapes = np.random.default_rng(0), {"W": (256, 256), "b": (256, 2), "c": (2, 256)}
    factors = {"W": 0.9 / 16, "b": 1.0, "c": 1 / 256}
    params = {name: jnp.asarray(factors[name] * draw.standard_normal(shapes[name])) for name in "Wbc"}
    optimiser, loss = optax.adam(0.05 / 256), loss_of(Rate(hidden=256, input=2, output=2), trials)

    def update(carry, _):
        value, gradient = jax.value_and_grad(loss)(carry[0])
        changes, state = optimiser.update(gradient, carry[1])
        return (optax.apply_updates(carry[0], changes), state), value

    losses = jax.jit(lambda p: jax.lax.scan(update, (p, optimiser.init(p)), length=11))(params)[1]
    # Adam divides by the root of its second moment, which magnifies rounding where a gradient is small.
    np.testing.assert_allclose(losses[::10], [0.05816258305567955, 0.0410114042639578], atol=1e-9)


@pytest.mark.parametrize("form, phi, channels", KINDS)
def test_rollout_is_unroll_with_all_its_derivatives(form, phi, channels):
    network = Rate(hidden=7, input=channels[0], output=channels[1], form=form, phi=phi, scaling="text")
    keys = jax.random.split(jax.random.key(0), 5)
    inputs = jax.random.normal(keys[1], (4, 9, channels[0]))
    targets, mask = jax.random.uniform(keys[2], (2, 4, 9, channels[1]))
    arguments = (jax.jit(network.init)(keys[0]), jax.random.normal(keys[3], (7,)), inputs, jnp.asarray(0.3))

    def loss(params, h0, inputs, leak, rollout):
        edited = eqx.tree_at(lambda n: n.leak, network, leak)
        outputs = rollout(edited, params, Trials(inputs, targets, mask, h0))
        return jnp.sum(mask * jnp.log(jnp.cosh(outputs - targets)))

    derivatives = jax.value_and_grad(loss, argnums=(0, 1, 2, 3))
    both = jax.jit(lambda *a: (derivatives(*a, Rate.rollout), derivatives(*a, unroll)))
    close(*both(*arguments), 1e-12)  # rounding


def close(found, wanted, tolerance: float) -> None:
    """Equal within a tolerance relative to the largest entry of each array."""
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * float(jnp.abs(b).max()))


def test_second_derivatives_are_those_of_unroll():
    network, params, trials = small()
    direction = jax.tree.map(jnp.cos, params)

    def curvature(rollout):
        def gradient(p):
            return jax.grad(lambda p: masked_square(rollout(network, p, trials), trials))(p)

        return jax.jvp(gradient, (params,), (direction,))[1]

    close(*jax.jit(lambda: (curvature(Rate.rollout), curvature(unroll)))(), 1e-12)  # rounding


def test_stacked_networks_have_the_gradients_of_single_ones():
    network, _, trials = small()
    many = jax.jit(jax.vmap(network.init))(jax.random.split(jax.random.key(1), 3))
    gradient = jax.grad(loss_of(network, trials))
    stacked, single = jax.jit(lambda many: (jax.vmap(gradient)(many), jax.lax.map(gradient, many)))(many)
    close(stacked, single, 1e-13)  # rounding


def test_permuting_the_units_permutes_the_gradient():
    network, params, trials = small()
    order = np.array([3, 0, 5, 1, 4, 2])

    def permuted(p):
        return {"W": p["W"][order][:, order], "b": p["b"][order], "c": p["c"][:, order]}

    gradient = jax.jit(jax.grad(loss_of(network, trials)))
    close(gradient(permuted(params)), permuted(gradient(params)), 1e-14)  # order of sums


def test_a_new_leak_compiles_nothing():
    traces = []

    @jax.jit
    def outputs(network, params, trials):
        traces.append(1)
        return network.rollout(params, trials)

    network, params, trials = small()
    for leak in (0.1, 0.5, 0.8):
        outputs(eqx.tree_at(lambda n: n.leak, network, leak), params, trials)
    assert len(traces) == 1


def test_float32_stays_float32():
    network, params, trials = small()
    network = eqx.tree_at(lambda n: n.leak, network, jnp.asarray(0.5, "float64"))
    params, trials = jax.tree.map(lambda a: a.astype("float32"), (params, trials))
    gradient = jax.jit(jax.grad(loss_of(network, trials)))(params)
    assert {a.dtype.name for a in jax.tree.leaves(gradient)} == {"float32"}


@pytest.mark.parametrize(
    "scaling, b_norm, c_norm", [("code", 8.0, 0.125), ("text", 1.0, 1.0), ("standard", 8.0, 1.0)]
)
def test_initial_directions_have_exact_norms(scaling, b_norm, c_norm):
    params = Rate(hidden=64, input=3, output=2, scaling=scaling, g=1.5).init(jax.random.key(0))
    np.testing.assert_allclose(
        jnp.linalg.norm(params["b"], axis=0), b_norm, rtol=1e-14
    )  # rounding of a sum of 64
    np.testing.assert_allclose(jnp.linalg.norm(params["c"], axis=1), c_norm, rtol=1e-14)
    assert abs(float(jnp.std(params["W"])) * 8 / 1.5 - 1) < 5 / np.sqrt(2 * 4096)  # five standard errors


def test_code_and_text_scaling_start_as_the_same_function_and_learn_differently():
    _, _, trials = small()

    def start(scaling):
        network = Rate(hidden=16, input=2, output=1, scaling=scaling)
        return jax.value_and_grad(loss_of(network, trials))(network.init(jax.random.key(0)))

    (loss, code), (same, text) = jax.jit(lambda: (start("code"), start("text")))()
    assert float(same) == pytest.approx(float(loss), rel=1e-14)  # rounding
    close(text["b"], 4 * code["b"], 1e-13)  # sqrt(16)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_tied_networks_read_out_along_their_input(scaling):
    params = Rate(hidden=9, scaling=scaling, tied=True).init(jax.random.key(0))
    b, c = params["b"][:, 0], params["c"][0]
    assert float(b @ c) == pytest.approx(
        float(jnp.linalg.norm(b) * jnp.linalg.norm(c)), rel=1e-14
    )  # rounding


def test_noise_enters_through_the_drive_of_single_units():
    network, quiet = Rate(hidden=5, input=2, output=2, noise=0.3, leak=0.75), jnp.ones((100, 40, 2))
    trials = Trials(quiet, quiet, quiet)
    noisy = perturbed(network, trials, jax.random.key(1))
    private = noisy.inputs[..., 2:]
    assert private.shape == (100, 40, 5)
    assert float(jnp.std(private)) == pytest.approx(0.3 / 0.5, rel=5 / np.sqrt(2 * private.size))  # 5 errors
    params, h = network.init(jax.random.key(2)), jnp.arange(5.0)
    moved = network.drive(params, h, noisy.inputs[0, 0]) - network.drive(params, h, trials.inputs[0, 0])
    np.testing.assert_allclose(moved, private[0, 0], atol=1e-14)  # rounding
    outputs = jax.jit(network.rollout)(params, noisy)
    assert float(jnp.std(outputs[:, -1], axis=0).min()) > 0  # equal trials, different outputs
    assert perturbed(Rate(hidden=5), trials, jax.random.key(1)) is trials


def test_training_sees_the_noise_and_is_as_it_was_without():
    task, quiet = FlipFlop(steps=14), Rate(hidden=4, input=2, output=2)
    noisy = Rate(hidden=4, input=2, output=2, noise=0.5)
    first, other = (
        float(train(Experiment(task=task, network=network, updates=1), seeds=[0]).loss[0, 0])
        for network in (quiet, noisy)
    )
    trials = task.trials(jax.random.fold_in(keys(0).trials, 0))
    alone = task.loss(quiet.rollout(quiet.init(keys(0).init), trials), trials)
    assert first == pytest.approx(float(alone), rel=1e-13)  # rounding
    assert abs(other - first) > 1e-4


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"hidden": 0}, "at least one unit"),
        ({"leak": 1.0}, "share of the state kept"),
        ({"g": float("nan")}, "finite number, 0 or above"),
        ({"form": "rates"}, "choose one of current, rate"),
        ({"phi": "sin"}, "choose one of tanh, relu, identity"),
        ({"scaling": "ntk"}, "choose one of code, text, standard"),
        ({"tied": True, "input": 2}, "as many inputs as outputs"),
        ({"noise": -1.0}, "no standard deviation"),
    ],
)
def test_bad_settings_are_refused_with_a_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Rate(**{"hidden": 4, **settings})
