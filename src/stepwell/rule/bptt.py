"""Backpropagation through time: the exact gradient."""

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params
from stepwell.rule.base import AbstractRule, State
from stepwell.task.base import AbstractTask, Trials


class BPTT(AbstractRule):
    """The gradient of the loss through the whole unrolled graph; works on every network.

    Source: essay2026, section 8.1; williams2026, section 2.
    """

    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """No state."""
        return {}

    def gradient(
        self, network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, state: State
    ) -> tuple[Float[Array, ""], Params, State]:
        """The loss and its gradient by automatic differentiation of the rollout."""
        loss, direction = jax.value_and_grad(lambda p: task.loss(network.rollout(p, trials), trials))(params)
        return loss, direction, state
