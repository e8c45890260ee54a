"""Keep the output at 0 for a delay, then switch it to 1 and hold it."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials, draw


class DelayedActivation(AbstractTask):
    r"""A trial of $2T_d$ steps: the target is 0 in the first half and 1 in the second, the input always 1.

    The loss is `loss_scale` times $\sum_t(y_t-y^*_t)^2$. With $1/T_d$, the default, an output that is 0
    throughout has loss 1. In the one-parameter model, with steps of length $dt$, `loss_scale` $=dt$ gives the
    integral $L$ and the default $L/T$.

    Attributes:
        delay: $T_d$, in steps.
        h0: state of every unit before the first step.
        loss_scale: factor of the summed squared error; None for $1/T_d$.

    Raises:
        ValueError: for a delay below one step, or a number that is not finite.

    Source: ghost2025, Eq. (3) and Fig. 3; divisor and initial state from the authors' code.
    """

    h0: float
    loss_scale: float = eqx.field(metadata={"automatic": True})
    delay: int = setting()
    steps: int = eqx.field(static=True, init=False)
    batch: int = eqx.field(static=True, init=False)

    def __init__(self, delay: int = 20, h0: float = -0.3, loss_scale: float | None = None):
        if delay < 1:
            raise ValueError(f"delay={delay} is no delay; it is a number of steps, at least 1.")
        scale = 1 / delay if loss_scale is None else loss_scale
        if not (np.isfinite(h0) and np.isfinite(scale) and scale > 0):
            raise ValueError(
                f"h0={h0} and loss_scale={loss_scale} do not fit; both must be finite, loss_scale above 0."
            )
        self.delay, self.h0, self.loss_scale = int(delay), float(h0), float(scale)
        self.steps, self.batch = 2 * self.delay, 1

    def trial(self, key: PRNGKeyArray) -> Trials:
        """The trial; the task has no randomness."""
        targets = (jnp.arange(self.steps) >= self.delay).astype(float)[:, None]
        return Trials(jnp.ones_like(targets), targets, jnp.ones_like(targets), self.h0)

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """The same trial, once or `count` times."""
        return draw(self, key, count)

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """`loss_scale` times the squared error summed over steps, averaged over trials."""
        return self.loss_scale * jnp.sum(trials.mask * (outputs - trials.targets) ** 2) / len(outputs)

    def accuracy(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """Share of the steps on which the output is on the right side of 1/2."""
        return jnp.mean((outputs > 0.5) == (trials.targets > 0.5))
