"""Layers of simple, gated or long short-term units in PyTorch's convention, written in JAX."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network import AbstractNetwork, Params, unroll
from stepwell.settings import setting
from stepwell.trials import Trials

READOUTS = ("state", "linear", "affine")


class Stacked(AbstractNetwork):
    r"""Layers of recurrent units, each reading the new state of the one below, and a readout of the last.

    With $u=W_{ih}x+b_{ih}$ and $v=W_{hh}h+b_{hh}$, cut into one block of rows per gate:

    | `kind` | step |
    |---|---|
    | `tanh`, `relu` | $h'=\phi(u+v)$ |
    | `gru` | $h'=(1-z)\,n+z\,h$, $r,z=\sigma(u_{r,z}+v_{r,z})$, $n=\tanh(u_n+r\,v_n)$ |
    | `lstm` | $m'=\sigma(f)\,m+\sigma(i)\tanh g$, $h'=\sigma(o)\tanh m'$, $i,f,g,o$ the blocks of $u+v$ |

    The state is flat: layer by layer the hidden state, then, for `lstm`, layer by layer the cells $m$.
    Parameters: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, and so on for each layer, with the
    gates in the order of PyTorch; `c` [output, units] and `bias` [output]. In a single layer of simple units
    the matrices are named as everywhere in stepwell, `W` for `weight_hh_l0` and `b` for `weight_ih_l0`. All
    entries start uniform between $\pm1/\sqrt{\text{units}}$.

    Attributes:
        kind: "tanh", "relu", "gru" or "lstm".
        units: per layer.
        input: number of channels.
        layers: number of layers.
        biased: whether the steps have biases.
        reading: "affine" (c and bias), "linear" (c alone), or "state": the hidden state of the last layer.
        outputs: number of outputs of a linear or affine readout.
    """

    kind: str = setting()
    units: int = setting()
    input: int = setting(1)
    layers: int = setting(1)
    biased: bool = setting(True)
    reading: str = setting("affine")
    outputs: int = setting(1)

    def __check_init__(self) -> None:
        for name, known in (("kind", CELLS), ("reading", READOUTS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}='{getattr(self, name)}' is unknown; choose one of {', '.join(known)}."
                )
        if min(self.units, self.input, self.layers, self.outputs) < 1:
            raise ValueError(
                f"layers of units need sizes of at least 1; got units={self.units}, input={self.input}, "
                f"layers={self.layers}, outputs={self.outputs}."
            )

    @property
    def hidden(self) -> int:  # type: ignore[override]
        """Length of the state."""
        return self.layers * self.units * (2 if self.kind == "lstm" else 1)

    @property
    def output(self) -> int:  # type: ignore[override]
        """Number of outputs."""
        return self.units if self.reading == "state" else self.outputs

    def init(self, key: PRNGKeyArray) -> Params:
        """Uniform entries."""
        shapes, bound = self.shapes(), 1 / math.sqrt(self.units)
        keys = jax.random.split(key, len(shapes))
        return {
            name: jax.random.uniform(key, shape, minval=-bound, maxval=bound)
            for (name, shape), key in zip(shapes.items(), keys)
        }

    def step(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """The state after one step, all layers."""
        old, new = h.reshape(-1, self.layers, self.units), []
        for layer in range(self.layers):
            into, within = (
                self._sum(params, which, layer, of) for which, of in (("ih", x), ("hh", old[0, layer]))
            )
            new.append(CELLS[self.kind](into, within, old[:, layer]))
            x = new[-1][0]
        return jnp.stack(new, axis=1).ravel()

    def readout(self, params: Params, h: Float[Array, " hidden"]) -> Float[Array, " output"]:
        """Of the hidden state of the last layer."""
        last = h[(self.layers - 1) * self.units : self.layers * self.units]
        if self.reading == "state":
            return last
        return params["c"] @ last + (params["bias"] if self.reading == "affine" else 0)

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The outputs of a batch, by the scan over steps."""
        return unroll(self, params, trials)

    def derivative_bounds(self, params: Params) -> tuple[float, float] | None:
        r"""Bounds on the second and third derivative of a step, for a single layer of tanh units.

        $\tfrac4{3\sqrt3}\|W\|w$ and $2\|W\|w^2$, with $w$ the largest norm of a row of W; None for all other
        kinds, for which no bound holds everywhere or none is known.
        """
        if self.kind != "tanh" or self.layers > 1:
            return None
        W = np.asarray(params["W"], float)
        norm, row = float(np.linalg.norm(W, 2)), float(np.linalg.norm(W, axis=1).max())
        return 4 / (3 * math.sqrt(3)) * norm * row, 2 * norm * row**2

    def matrix(self, which: str, layer: int) -> str:
        """The name of a matrix; `which` is "ih" or "hh"."""
        if self.layers == 1 and self.kind in ("tanh", "relu"):
            return {"ih": "b", "hh": "W"}[which]
        return f"weight_{which}_l{layer}"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all parameters by name."""
        rows, found = GATES[self.kind] * self.units, {}
        for layer in range(self.layers):
            found[self.matrix("ih", layer)] = (rows, self.units if layer else self.input)
            found[self.matrix("hh", layer)] = (rows, self.units)
            found |= {f"bias_{which}_l{layer}": (rows,) for which in ("ih", "hh") if self.biased}
        if self.reading != "state":
            found["c"] = (self.outputs, self.units)
        if self.reading == "affine":
            found["bias"] = (self.outputs,)
        return found

    def _sum(self, params: Params, which: str, layer: int, of: Array) -> Array:
        total = params[self.matrix(which, layer)] @ of
        return total + params[f"bias_{which}_l{layer}"] if self.biased else total


def _simple(phi: Callable[[Array], Array]) -> Callable[[Array, Array, Array], Array]:
    return lambda into, within, state: phi(into + within)[None]


def _gru(into: Array, within: Array, state: Array) -> Array:
    reset, update, new = jnp.split(into, 3)
    from_reset, from_update, from_new = jnp.split(within, 3)
    z = jax.nn.sigmoid(update + from_update)
    n = jnp.tanh(new + jax.nn.sigmoid(reset + from_reset) * from_new)
    return (1 - z)[None] * n[None] + z[None] * state


def _lstm(into: Array, within: Array, state: Array) -> Array:
    i, f, g, o = jnp.split(into + within, 4)
    cell = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jnp.stack([jax.nn.sigmoid(o) * jnp.tanh(cell), cell])


# (input part, recurrent part, [hidden state or hidden state and cell, unit]) -> the same after the step.
CELLS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "tanh": _simple(jnp.tanh),
    "relu": _simple(jax.nn.relu),
    "gru": _gru,
    "lstm": _lstm,
}
GATES = {"tanh": 1, "relu": 1, "gru": 3, "lstm": 4}
"""Blocks of rows in the matrices of a kind."""
