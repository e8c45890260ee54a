"""The loss that tasks with a mask share."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from stepwell.task.base import Trials


def masked_square(outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
    r"""Half the mean squared error where something is asked: $\tfrac12\sum m(y-y^*)^2/\sum m$.

    Both sums run over trials, steps and channels of the whole batch. That is no mean over trials: a trial in
    which more is asked counts more.

    Source: schuessler2020, section 2; the factor 1/2 is that of the authors' code.
    """
    return 0.5 * jnp.sum(trials.mask * (outputs - trials.targets) ** 2) / jnp.sum(trials.mask)
