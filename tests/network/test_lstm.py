"""LSTM against PyTorch, and its initial weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from stepwell.network import LSTM
from stepwell.network.base import initial_state
from stepwell.task import Trials


def trials(count: int, steps: int, inputs: int, outputs: int) -> Trials:
    x, y = jax.random.normal(jax.random.key(5), (count, steps, inputs)), jnp.zeros((count, steps, outputs))
    return Trials(x, y, y)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_outputs_states_and_gradients_are_those_of_pytorch(layers):
    network, batch = LSTM(hidden=5, input=3, output=2, layers=layers), trials(4, 6, 3, 2)
    params = network.init(jax.random.key(0))
    module = torch.nn.LSTM(3, 5, layers, batch_first=True, dtype=torch.float64)
    module.load_state_dict(
        {k: torch.tensor(np.asarray(v)) for k, v in params.items() if k not in ("c", "bias")}
    )
    c = torch.tensor(np.asarray(params["c"]), requires_grad=True)
    top, (h, cell) = module(torch.tensor(np.asarray(batch.inputs)))
    theirs = top @ c.T + torch.tensor(np.asarray(params["bias"]))

    np.testing.assert_allclose(
        jax.jit(network.rollout)(params, batch), theirs.detach(), atol=1e-14
    )  # rounding
    state = initial_state(network, batch, params)
    step = jax.jit(network.step)
    for x in batch.inputs[0]:
        state = step(params, state, x)
    flat = torch.cat([h[:, 0].ravel(), cell[:, 0].ravel()]).detach()  # outputs layer by layer, then cells
    np.testing.assert_allclose(state, flat, atol=1e-14)

    torch.sin(theirs).sum().backward()
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(jnp.sin(network.rollout(p, batch)))))(params)
    for name, parameter in [*module.named_parameters(), ("c", c)]:
        np.testing.assert_allclose(
            gradient[name], parameter.grad, atol=1e-12
        )  # rounding of sums over 24 steps


def test_weights_start_uniform_within_their_bounds():
    params = LSTM(hidden=100, input=25, layers=2, gain=2.0, embedding=True).init(jax.random.key(1))
    bounds = {"weight_ih_l0": 0.2, "weight_hh_l0": 0.2, "weight_ih_l1": 0.2, "weight_hh_l1": 0.2, "c": 0.1}
    for name, bound in bounds.items():
        largest = float(jnp.abs(params[name]).max())
        assert (
            bound * (1 - 20 / params[name].size) < largest <= bound
        )  # misses a band of 20 entries with e^-20
    assert float(jnp.abs(params["bias_hh_l1"]).max()) <= 0.1


def test_stacked_recurrent_matrices_have_a_bulk_up_to_root_three():
    """Entries uniform within 1/sqrt(H), 4H x H: singular values from 1/sqrt 3 to sqrt 3 at any H."""
    W = LSTM(hidden=256).init(jax.random.key(0))["weight_hh_l0"]
    values = np.linalg.svd(np.asarray(W), compute_uv=False)
    assert values[0] == pytest.approx(3**0.5, rel=0.03)  # edge fluctuates like H^(-2/3) = 0.025
    assert values[-1] == pytest.approx(3**-0.5, rel=0.05)


def test_an_lstm_without_layers_is_refused():
    with pytest.raises(ValueError, match="at least one unit, channel and layer"):
        LSTM(hidden=4, layers=0)
