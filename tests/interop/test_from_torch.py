"""Networks of PyTorch against PyTorch: outputs, gradients, the way back, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from stepwell.interop import Stacked, functions
from stepwell.interop.torch import from_torch, to_torch
from stepwell.network import LSTM, Rate, unroll
from stepwell.task import Trials

DTYPES = {torch.float32: (1e-6, 1e-5), torch.float64: (1e-12, 1e-10)}
"""Promised agreement of outputs and of gradients, relative to the largest."""
STEPS, TRIALS = 9, 3


def kinds():
    for dtype in DTYPES:
        for layers in (1, 2, 3):
            given = {"num_layers": layers, "bias": layers != 2, "dtype": dtype}
            for name, kind, more in (
                ("tanh", torch.nn.RNN, {}),
                ("relu", torch.nn.RNN, {"nonlinearity": "relu"}),
                ("gru", torch.nn.GRU, {}),
                ("lstm", torch.nn.LSTM, {}),
            ):
                yield pytest.param(kind, {**given, **more}, id=f"{name}-{layers}-{dtype}")


KINDS = list(kinds())


def close(ours, theirs, tolerance):
    theirs = theirs.detach().numpy()
    assert np.abs(np.asarray(ours) - theirs).max() <= tolerance * max(1.0, np.abs(theirs).max())


def trials_of(x):
    empty = jnp.zeros((*x.shape[:2], 1), jnp.asarray(x.numpy()).dtype)
    return Trials(jnp.asarray(x.numpy()), empty, empty)


@pytest.mark.parametrize("kind, options", KINDS)
def test_outputs_and_gradients_are_those_of_pytorch(kind, options):
    torch.manual_seed(options["num_layers"])
    inputs, units = np.random.default_rng(options["num_layers"]).integers(2, 40, 2).tolist()
    module = kind(inputs, units, batch_first=True, **options)
    readout = torch.nn.Linear(units, 2, bias=options["bias"], dtype=options["dtype"])
    x = torch.randn(TRIALS, STEPS, inputs, dtype=options["dtype"])
    near, near_gradient = DTYPES[options["dtype"]]
    network, params = from_torch(module, readout)
    outputs = readout(module(x)[0])
    trials = trials_of(x)

    def loss(params):
        found = network.rollout(params, trials)
        return jnp.sum(found**2), found

    (_, found), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    close(found, outputs, near)
    outputs.square().sum().backward()
    theirs = {**dict(module.named_parameters()), "c": readout.weight, "bias": readout.bias}
    ours = {"W": "weight_hh_l0", "b": "weight_ih_l0"}
    for name, gradient in gradients.items():
        close(gradient, theirs[ours.get(name, name)].grad, near_gradient)


@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_the_state_is_hidden_states_then_cells(kind):
    module = kind(2, 5, num_layers=2, dtype=torch.float64)
    network, params = from_torch(module)
    h, x = np.random.default_rng(0).standard_normal(network.hidden), torch.randn(1, 2, dtype=torch.float64)
    parts = torch.tensor(h).reshape(-1, 2, 5)
    outputs, state = module(x, (parts[0], parts[1]) if len(parts) == 2 else parts[0])
    flat = torch.cat(state if len(parts) == 2 else (state,)).ravel()
    new = network.step(params, jnp.asarray(h), jnp.asarray(x[0].numpy()))
    close(new, flat, 1e-12)  # promised
    close(network.readout(params, new), outputs[0], 1e-12)


class ReluCell(torch.nn.RNNCell):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, nonlinearity="relu", **options)


@pytest.mark.parametrize("cell", [torch.nn.RNNCell, ReluCell, torch.nn.GRUCell, torch.nn.LSTMCell])
def test_cells_take_the_same_step(cell):
    module = cell(3, 4, dtype=torch.float64)
    network, params = from_torch(module)
    parts = torch.randn(network.hidden // 4, 1, 4, dtype=torch.float64)
    x = torch.randn(1, 3, dtype=torch.float64)
    state = module(x, tuple(parts) if len(parts) == 2 else parts[0])
    flat = torch.cat(state if isinstance(state, tuple) else (state,)).ravel()
    ours = network.step(params, jnp.asarray(parts.ravel().numpy()), jnp.asarray(x[0].numpy()))
    close(ours, flat, 1e-12)  # promised


class Leaky(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(4, 4, dtype=torch.float64)
        self.outer = torch.nn.Linear(2, 4, bias=False, dtype=torch.float64)

    def forward(self, x, h):
        return 0.9 * h + 0.1 * torch.tanh(self.inner(h) + self.outer(x))


def leaky(params, h, x):
    a = params["inner.weight"] @ h + params["inner.bias"] + params["outer.weight"] @ x
    return 0.9 * h + 0.1 * jnp.tanh(a)


def test_a_cell_of_ones_own_is_given_as_a_function():
    cell, readout = Leaky(), torch.nn.Linear(4, 1, dtype=torch.float64)
    network, params = from_torch(cell, readout, step=leaky, hidden=4, input=2)
    x, h = torch.randn(2, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    ours = network.step(params, jnp.asarray(h.numpy()), jnp.asarray(x.numpy()))
    close(ours, cell(x, h), 1e-12)  # promised
    close(network.readout(params, ours), readout(cell(x, h)), 1e-12)
    with pytest.raises(TypeError, match="exactly one is needed.*step="):
        from_torch(cell)


def test_a_model_with_one_recurrent_layer_and_its_readout_is_found():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = torch.nn.GRU(2, 6), torch.nn.Linear(6, 3)

    network, params = from_torch(Model())
    assert (network.kind, network.hidden, network.output) == ("gru", 6, 3)
    assert params["c"].dtype == jnp.float32


@pytest.mark.parametrize("kind, options", KINDS)
def test_the_way_back_gives_the_same_module(kind, options):
    module = kind(3, 4, **options)
    back, readout = to_torch(*from_torch(module))
    assert readout is None and back.batch_first
    for name, value in module.state_dict().items():
        assert torch.equal(back.state_dict()[name], value)


@pytest.mark.parametrize(
    "network",
    [
        LSTM(hidden=4, input=2, output=3, layers=2),
        Rate(hidden=5, input=2, leak=0.0, form="rate", scaling="text"),
    ],
)
def test_networks_of_ours_run_in_pytorch(network):
    params = network.init(jax.random.key(0))
    module, readout = to_torch(network, params)
    x = torch.randn(TRIALS, STEPS, 2, dtype=torch.float64)
    close(network.rollout(params, trials_of(x)), readout(module(x)[0]), 1e-12)  # promised


REFUSED = {
    "bidirectional": (torch.nn.GRU(2, 3, bidirectional=True), None),
    "proj_size=2": (torch.nn.LSTM(2, 3, proj_size=2), None),
    "half precision": (torch.nn.GRU(2, 3).half(), None),
    "half precision;": (torch.nn.GRU(2, 3).bfloat16(), None),
    "the last layer has 3": (torch.nn.GRU(2, 3), torch.nn.Linear(4, 1)),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_cannot_be_a_network_is_refused(told):
    with pytest.raises(ValueError, match=told):
        from_torch(*REFUSED[told])


def test_a_wrong_kind_of_object_is_refused():
    with pytest.raises(TypeError, match="no torch.nn.Module"):
        from_torch({"weight": 1})
    with pytest.raises(TypeError, match="PyTorch has no module"):
        to_torch(Rate(hidden=3), Rate(hidden=3).init(jax.random.key(0)))
    with pytest.raises(ValueError, match="kind='elman' is unknown"):
        Stacked(kind="elman", units=2)


def test_functions_of_jax_train_and_those_of_numpy_run():
    params = {"W": jnp.eye(3) / 2, "b": jnp.ones((3, 2))}
    given = {"hidden": 3, "input": 2, "output": 1}
    ours, theirs = (
        functions.network(lambda p, h, x, m=m: m.tanh(p["W"] @ h + p["b"] @ x), lambda p, h: h[:1], **given)
        for m in (jnp, np)
    )
    trials = trials_of(torch.randn(TRIALS, STEPS, 2, dtype=torch.float64))
    close(
        unroll(theirs, params, trials), torch.tensor(np.asarray(ours.rollout(params, trials))), 1e-14
    )  # eps

    def loss(params, network):
        return network.rollout(params, trials).sum()

    assert np.isfinite(jax.grad(loss)(params, ours)["W"]).all()
    with pytest.raises(TypeError, match="written in NumPy and has no gradient"):
        jax.grad(loss)(params, theirs)


def test_the_bounds_of_tanh_units_hold():
    network = Stacked(kind="tanh", units=6, input=1)
    params, draw = network.init(jax.random.key(0)), np.random.default_rng(0)
    second, third = network.derivative_bounds(params)

    def along(h, u):
        line = lambda t: network.step(params, h + t * u, jnp.zeros(1))  # noqa: E731
        twice = jax.jacfwd(jax.jacfwd(line))
        return jnp.linalg.norm(twice(0.0)), jnp.linalg.norm(jax.jacfwd(twice)(0.0))

    units = draw.standard_normal((2000, 6))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    found = jax.jit(jax.vmap(along))(jnp.asarray(draw.standard_normal((2000, 6))), jnp.asarray(units))
    assert 0.05 * second < found[0].max() <= second and 0.05 * third < found[1].max() <= third
    assert Stacked(kind="gru", units=2).derivative_bounds({}) is None
