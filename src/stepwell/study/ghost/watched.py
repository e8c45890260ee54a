"""The exact gradient, with an eye on the accuracy and a hand on the confidence."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network import AbstractNetwork, Params
from stepwell.rule import AbstractRule
from stepwell.settings import number, setting
from stepwell.task import AbstractTask
from stepwell.trials import Trials

COURSES = ("constant", "linear", "geometric", "adaptive")


class Watched(AbstractRule):
    """BPTT that remembers what the accuracy was, and may change the confidence of a tied output meanwhile.

    Its state holds, of the updates before the present one: `onset`, the first with an accuracy above 1/2 (-1
    if none); `streak`, how many of the last ones in a row were not above; `accuracy` of the last one; the
    number `done`; and the `confidence` now.

    Attributes:
        course: "constant" (the network's own confidence), "linear" or "geometric" from `first` to `last`, or
            "adaptive": after the onset times 0.9 while the streak is 20 or longer, else times 1.01, between
            0.1 and `last`.
        first, last: confidences.
        over: updates of the change.
    """

    course: str = setting("constant")
    first: float = number(1.0)
    last: float = number(10.0)
    over: int = setting(6000)

    def __check_init__(self) -> None:
        if self.course not in COURSES:
            raise ValueError(f"course='{self.course}' is unknown; choose one of {', '.join(COURSES)}.")

    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> dict[str, Array]:
        """Nothing seen yet."""
        first = self.last if self.course == "adaptive" else self.first
        start = {"onset": -1.0, "streak": 0.0, "accuracy": 0.0, "done": 0.0, "confidence": first}
        return {name: jnp.asarray(value, float) for name, value in start.items()}

    def gradient(
        self,
        network: AbstractNetwork,
        task: AbstractTask,
        params: Params,
        trials: Trials,
        state: dict[str, Array],
    ) -> tuple[Float[Array, ""], Params, dict[str, Array]]:
        """The loss and its gradient at the confidence of the moment."""
        if self.course != "constant":
            network = eqx.tree_at(lambda net: net.confidence, network, self._confidence(state))

        def loss(params: Params) -> tuple[Array, Array]:
            outputs = network.rollout(params, trials)
            return task.loss(outputs, trials), outputs

        (value, outputs), direction = jax.value_and_grad(loss, has_aux=True)(params)
        return value, direction, self._seen(state, jnp.mean((outputs > 0.5) == (trials.targets > 0.5)))

    def _confidence(self, state: dict[str, Array]) -> Array:
        share = jnp.minimum(state["done"] / self.over, 1.0)
        if self.course == "linear":
            return self.first + share * (self.last - self.first)
        return (
            self.first * (self.last / self.first) ** share
            if self.course == "geometric"
            else state["confidence"]
        )

    def _seen(self, state: dict[str, Array], accuracy: Array) -> dict[str, Array]:
        low, fresh = accuracy <= 0.5, state["onset"] < 0
        streak = jnp.where(low, state["streak"] + 1, 0.0)
        raised = jnp.clip(state["confidence"] * jnp.where(streak >= 20, 0.9, 1.01), 0.1, self.last)
        new = {
            "onset": jnp.where(fresh & ~low, state["done"], state["onset"]),
            "streak": streak,
            "accuracy": accuracy,
            "done": state["done"] + 1,
            "confidence": jnp.where(fresh, state["confidence"], raised),
        }
        return {name: value.astype(state[name].dtype) for name, value in new.items()}
