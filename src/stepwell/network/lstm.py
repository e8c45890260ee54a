"""Long short-term memory, in PyTorch's convention."""

import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params, unroll
from stepwell.settings import number, setting
from stepwell.trials import Trials


class LSTM(AbstractNetwork):
    r"""Layers of gated units and a linear readout of the last layer.

    Per layer, with $[i,f,g,o]$ the four blocks of $W_{ih}x+b_{ih}+W_{hh}h+b_{hh}$:
    $m'=\sigma(f)\,m+\sigma(i)\tanh g$ and $h'=\sigma(o)\tanh m'$; $y=c\,h'+$`bias` of the last layer. Each
    layer reads the new output of the one below.

    The state is flat: the outputs $h$ layer by layer, then the cells $m$ layer by layer. Parameters have
    PyTorch's names: `weight_ih_l0` [4 hidden, input], `weight_hh_l0` [4 hidden, hidden], `bias_ih_l0`,
    `bias_hh_l0` [4 hidden], and so on; `c` [output, hidden], `bias` [output]. All entries start uniform
    between $\pm1/\sqrt{\text{hidden}}$.

    Attributes:
        hidden, input, output: numbers of units per layer and of channels.
        layers: number of layers.
        gain: factor on the stacked recurrent matrices (all `weight_hh`, and `weight_ih` from layer 1 on) at
            the start.
        embedding: draw `weight_ih_l0` between $\pm1/\sqrt{\text{input}}$ instead.

    Source: schuessler2020, section 4 and the authors' code.
    """

    hidden: int = setting()
    input: int = setting(1)
    output: int = setting(1)
    layers: int = setting(1)
    gain: float = number(1.0)
    embedding: bool = setting(False)

    def __check_init__(self) -> None:
        if min(self.hidden, self.input, self.output, self.layers) < 1:
            raise ValueError(
                f"an LSTM needs at least one unit, channel and layer; got hidden={self.hidden}, "
                f"input={self.input}, output={self.output}, layers={self.layers}."
            )

    @property
    def state(self) -> int:
        """Length of the state: an output and a cell per unit."""
        return 2 * self.layers * self.hidden

    def init(self, key: PRNGKeyArray) -> Params:
        """Uniform entries."""
        shapes = dict(self._shapes())
        params = {}
        for (name, shape), key_one in zip(shapes.items(), jax.random.split(key, len(shapes))):
            fan = self.input if self.embedding and name == "weight_ih_l0" else self.hidden
            stacked = name.startswith("weight") and name != "weight_ih_l0"
            bound = (self.gain if stacked else 1.0) / math.sqrt(fan)
            params[name] = bound * jax.random.uniform(key_one, shape, minval=-1.0, maxval=1.0)
        return params

    def step(
        self, params: Params, h: Float[Array, " state"], x: Float[Array, " input"]
    ) -> Float[Array, " state"]:
        """The state after one step, all layers."""
        outputs, cells = jnp.split(h.reshape(2 * self.layers, self.hidden), 2)
        new = []
        for layer in range(self.layers):
            p = {
                kind: params[f"{kind}_l{layer}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            }
            gates = p["weight_ih"] @ x + p["bias_ih"] + p["weight_hh"] @ outputs[layer] + p["bias_hh"]
            i, f, g, o = jnp.split(gates, 4)
            cell = jax.nn.sigmoid(f) * cells[layer] + jax.nn.sigmoid(i) * jnp.tanh(g)
            x = jax.nn.sigmoid(o) * jnp.tanh(cell)
            new.append((x, cell))
        return jnp.concatenate([x for x, _ in new] + [cell for _, cell in new])

    def readout(self, params: Params, h: Float[Array, " state"]) -> Float[Array, " output"]:
        """Linear in the outputs of the last layer."""
        last = (self.layers - 1) * self.hidden
        return params["c"] @ h[last : last + self.hidden] + params["bias"]

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The outputs of a batch, by the scan over steps."""
        return unroll(self, params, trials)

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        for layer in range(self.layers):
            yield f"weight_ih_l{layer}", (4 * self.hidden, self.hidden if layer else self.input)
            yield f"weight_hh_l{layer}", (4 * self.hidden, self.hidden)
            yield f"bias_ih_l{layer}", (4 * self.hidden,)
            yield f"bias_hh_l{layer}", (4 * self.hidden,)
        yield "c", (self.output, self.hidden)
        yield "bias", (self.output,)
