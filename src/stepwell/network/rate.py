r"""Rate networks: leaky units with random recurrent weights of strength g."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, AbstractUnitNetwork, Params, initial_state, unroll
from stepwell.network.rate_adjoint import PHI, outputs
from stepwell.settings import number, setting
from stepwell.trials import Trials

# Powers of N: norms of the stored columns of b and rows of c; factors of b and c in the forward pass.
SCALINGS = {"code": (0.5, -0.5, 0.0, 0.0), "text": (0.0, 0.0, 0.5, -0.5), "standard": (0.5, 0.0, 0.0, 0.0)}


class Rate(AbstractUnitNetwork):
    r"""Leaky rate units, $\ell$ the `leak` and $\phi$ the nonlinearity.

    In the current form $h_{t+1}=\ell h_t+(1-\ell)(W\phi(h_t)+b\,x_t)$ and $y_t=c\,\phi(h_{t+1})$; in the rate
    form $h_{t+1}=\ell h_t+(1-\ell)\phi(W h_t+b\,x_t)$ and $y_t=c\,h_{t+1}$.

    Parameters: `W` [hidden, hidden], row = receiving unit, entries $N(0,g^2/N)$ at the start; `b` [hidden,
    input] and `c` [output, hidden], whose columns and rows are Gaussian directions of exact norm. With N =
    `hidden`:

    | `scaling` | columns of b | rows of c | the forward pass |
    |---|---|---|---|
    | `code` | $\sqrt N$ | $1/\sqrt N$ | as above |
    | `text` | 1 | 1 | multiplies b by $\sqrt N$ and c by $1/\sqrt N$ |
    | `standard` | $\sqrt N$ | 1 | as above; outputs of order 1 |

    `code` and `text` are the same function at the start and learn differently.

    Attributes:
        hidden, input, output: numbers of units and channels.
        g: strength of the initial recurrent weights.
        leak: share of the state that is kept from step to step, in [0, 1).
        scaling: "code", "text" or "standard".
        form: "current" or "rate".
        phi: "tanh", "relu" or "identity".
        tied: start with the rows of c along the columns of b.
        noise: private noise of every unit while it learns, in units of its drive and per square root of a
            time constant.

    Source: schuessler2020, eqs. 1-2 and the authors' code (its x is our h, u our x, z our y).
    """

    hidden: int = setting()
    input: int = setting(1)
    output: int = setting(1)
    g: float = number(0.9)
    leak: float = number(0.5)
    scaling: str = setting("code")
    form: str = setting("current")
    phi: str = setting("tanh")
    tied: bool = setting(False)
    noise: float = setting(0.0, converter=float)

    def __check_init__(self) -> None:
        if min(self.hidden, self.input, self.output) < 1:
            raise ValueError(
                f"a rate network needs at least one unit and channel; got hidden={self.hidden}, "
                f"input={self.input}, output={self.output}."
            )
        if isinstance(self.g, (int, float)) and not (math.isfinite(self.g) and self.g >= 0):
            raise ValueError(
                f"g={self.g} is no strength of recurrent weights; it must be a finite number, 0 or above."
            )
        if isinstance(self.leak, (int, float)) and not 0 <= self.leak < 1:
            raise ValueError(
                f"leak={self.leak} is out of range; it is the share of the state kept, in [0, 1)."
            )
        for name, names in (("scaling", SCALINGS), ("form", ("current", "rate")), ("phi", PHI)):
            if getattr(self, name) not in names:
                raise ValueError(
                    f"{name}='{getattr(self, name)}' is unknown; choose one of {', '.join(names)}."
                )
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise ValueError(
                f"noise={self.noise} is no standard deviation; it must be a finite number, 0 or above."
            )
        if self.tied and self.input != self.output:
            raise ValueError(
                f"tied weights need as many inputs as outputs; got {self.input} and {self.output}."
            )

    def init(self, key: PRNGKeyArray) -> Params:
        """Random recurrent weights, and random directions for input and readout."""
        key_W, key_b, key_c = jax.random.split(key, 3)
        b = _directions(key_b, self.hidden, self.input)
        c = b.T if self.tied else _directions(key_c, self.hidden, self.output).T
        in_norm, out_norm, _, _ = SCALINGS[self.scaling]
        W = self.g / math.sqrt(self.hidden) * jax.random.normal(key_W, (self.hidden, self.hidden))
        return {"W": W, "b": self.hidden**in_norm * b, "c": self.hidden**out_norm * c}

    def drive(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        r"""$W\phi(h)+b\,x$, in the rate form $W h+b\,x$.

        Inputs beyond the first `input` ones are the noise of single units (see `perturbed`).
        """
        a = self.rates(h) @ params["W"].T + x[: self.input] @ self._in(params).T
        return a if len(x) == self.input else a + x[self.input :]

    def respond(self, h: Float[Array, " hidden"], a: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        r"""$\ell h+(1-\ell)a$, in the rate form $\ell h+(1-\ell)\phi(a)$."""
        return self.leak * h + (1 - self.leak) * (a if self.form == "current" else PHI[self.phi][0](a))

    def rates(self, h: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        r"""$\phi(h)$, in the rate form the state itself."""
        return PHI[self.phi][0](h) if self.form == "current" else h

    def self_weights(self, params: Params) -> Float[Array, " hidden"]:
        """The diagonal of W."""
        return jnp.diagonal(params["W"])

    def readout(self, params: Params, h: Float[Array, " hidden"]) -> Float[Array, " output"]:
        """c times the rates."""
        return self._out(params) @ self.rates(h)

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The outputs of a batch: what `unroll` gives, with a hand-written reverse pass."""
        if trials.inputs.shape[-1] > self.input:
            return unroll(self, params, trials)
        inputs = jnp.moveaxis(trials.inputs, 1, 0)
        h0 = jnp.broadcast_to(initial_state(self, trials, params), (inputs.shape[1], self.hidden))
        leak = jnp.asarray(self.leak, h0.dtype)
        y: Any = outputs(
            params["W"], self._in(params), self._out(params), inputs, h0, leak, self.form, self.phi
        )
        return jnp.moveaxis(y, 0, 1)

    def _in(self, params: Params) -> Array:
        return self.hidden ** SCALINGS[self.scaling][2] * params["b"]

    def _out(self, params: Params) -> Array:
        return self.hidden ** SCALINGS[self.scaling][3] * params["c"]


def perturbed(network: AbstractNetwork, trials: Trials, key: PRNGKeyArray) -> Trials:
    r"""The trials that a network learns from: with `noise` $\sigma$, one more input per unit is its noise.

    Independent normals of standard deviation $\sigma/\sqrt{1-\ell}$ per step, so that the leak does not
    change its effect.
    """
    if not (isinstance(network, Rate) and network.noise):
        return trials
    shape = (*trials.inputs.shape[:-1], network.hidden)
    private = network.noise / jnp.sqrt(1 - network.leak) * jax.random.normal(key, shape, trials.inputs.dtype)
    return Trials(jnp.concatenate([trials.inputs, private], axis=-1), trials.targets, trials.mask, trials.h0)


def _directions(key: PRNGKeyArray, length: int, count: int) -> Float[Array, "length count"]:
    """Gaussian columns of norm 1."""
    vectors = jax.random.normal(key, (length, count))
    return vectors / jnp.linalg.norm(vectors, axis=0, keepdims=True)
