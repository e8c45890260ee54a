"""tanh units that see a pulse of some amplitude, from small weights: nearly linear where it is small."""

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network import AbstractUnitNetwork, Params, unroll
from stepwell.network.linear import Linear
from stepwell.settings import number, setting
from stepwell.trials import Trials


class TanhUnits(AbstractUnitNetwork):
    r"""$h_{t+1}=\tanh(Wh_t+ab\,x_t)$, $y_t=c\,h_{t+1}/a$; as $a\to0$ the linear network.

    Attributes:
        hidden: number of units.
        sigma0: standard deviation of every weight at the start, those of `Linear` for the same seed.
        amplitude: a.
        output: number of outputs.
    """

    hidden: int = setting()
    sigma0: float = number(0.01)
    amplitude: float = number(1.0)
    input: int = setting(1, init=False)
    output: int = setting(1)

    def init(self, key: PRNGKeyArray) -> Params:
        """The weights of a linear network."""
        return Linear(self.hidden, self.input, self.output, self.sigma0).init(key)

    def drive(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """$Wh+ab\\,x$."""
        return params["W"] @ h + self.amplitude * (params["b"] @ x)

    def respond(self, h: Float[Array, " hidden"], a: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        """tanh of the drive."""
        return jnp.tanh(a)

    def rates(self, h: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        """The state itself."""
        return h

    def self_weights(self, params: Params) -> Float[Array, " hidden"]:
        """The diagonal of W."""
        return jnp.diagonal(params["W"])

    def readout(self, params: Params, h: Float[Array, " hidden"]) -> Float[Array, " output"]:
        """$c\\,h/a$."""
        return params["c"] @ h / self.amplitude

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The outputs of a batch."""
        return unroll(self, params, trials)
