"""A rule turns the error of a batch into a direction of weight change."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params
from stepwell.task.base import AbstractTask, Trials

State = dict[str, Float[Array, "..."]]


class AbstractRule(eqx.Module):
    """Gradient descent through the unrolled graph, with some of its paths cut or replaced."""

    @abc.abstractmethod
    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """What the rule keeps between updates, a dict of arrays; `feedback` [hidden, output] is one entry, if it has any.

        Raises:
            TypeError: for a network that this rule cannot train, with the reason.
        """

    @abc.abstractmethod
    def gradient(
        self, network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, state: State
    ) -> tuple[Float[Array, ""], Params, State]:
        """The loss of the batch, the direction to subtract (named as the parameters), and the new state."""
