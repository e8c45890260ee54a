r"""The one-parameter model of abrupt learning, $\dot x=a x^2+r$, as an Euler network."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params, unroll
from stepwell.settings import number, setting
from stepwell.trials import Trials

LARGEST = 1e6


class SaddleNode(AbstractNetwork):
    r"""$h_{t+1}=\min\big(h_t+dt\,(a h_t^2+r),\,10^6\big)$, $y_t=\sigma(\gamma(h_{t+1}-\theta))$.

    It draws the published loss. Do not train it: the output switches within a time
    $1/(\gamma\theta^2)\ll dt$, so the gradient through the steps is that of the Euler loss, which has nothing
    to do with that of the loss in continuous time. `stepwell.theory.saddle_node` has the exact gradients.

    Parameters: `r` [], and `a` [] if it is trained.

    Attributes:
        r0: $r$ at the start, in 1/time².
        curvature: $a$; the state has unit 1/time.
        confidence, threshold: $\gamma$ and $\theta$.
        dt: length of a step.
        parameters: the trained ones, ("r",) or ("r", "a").

    Raises:
        ValueError: for a number out of range or another choice of parameters.

    Source: ghost2025, Eqs. (1) and (2); Euler scheme from the authors' code.
    """

    r0: float = number(1e-3)
    curvature: float = number(1.0)
    confidence: float = number(1.0)
    threshold: float = number(10.0)
    dt: float = number(0.1)
    parameters: tuple[str, ...] = setting(("r",), converter=tuple)
    hidden: int = setting(1, init=False)
    input: int = setting(1, init=False)
    output: int = setting(1, init=False)

    def __check_init__(self) -> None:
        if self.parameters not in (("r",), ("r", "a")):
            raise ValueError(
                f"parameters={self.parameters} is no choice; the model has ('r',) or ('r', 'a')."
            )
        for name in ("curvature", "confidence", "threshold", "dt"):
            value = getattr(self, name)
            if isinstance(value, float) and not 0 < value < np.inf:
                raise ValueError(f"{name}={value} is out of range; it must be a finite number above 0.")

    def init(self, key: PRNGKeyArray) -> Params:
        """`r` at `r0`, `a` at `curvature`; nothing is random."""
        start = {"r": self.r0, "a": self.curvature}
        return {name: jnp.asarray(start[name], float) for name in self.parameters}

    def step(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """One Euler step, with a ceiling in place of infinity."""
        speed = params.get("a", self.curvature) * h**2 + params["r"]
        return jnp.minimum(h + self.dt * speed, LARGEST)

    def readout(self, params: Params, h: Float[Array, " hidden"]) -> Float[Array, " output"]:
        """$\\sigma(\\gamma(h-\\theta))$."""
        return jax.nn.sigmoid(self.confidence * (h - self.threshold))

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The outputs of a batch, by the scan over steps."""
        return unroll(self, params, trials)
