"""What passes between a task and a network: a batch of trials."""

import equinox as eqx
from jaxtyping import Array, Float


class Trials(eqx.Module):
    """A batch of trials, or one trial without the first axis.

    Attributes:
        inputs: what the network sees, [trial, step, input].
        targets: what it should answer, [trial, step, output].
        mask: weight of each target in the loss, [trial, step, output]; 0 where nothing is asked.
        h0: the state before the first step: a number for all units, [hidden], or None for 0.
    """

    inputs: Float[Array, "*trial step input"]
    targets: Float[Array, "*trial step output"]
    mask: Float[Array, "*trial step output"]
    h0: float | Float[Array, "..."] | None = None
