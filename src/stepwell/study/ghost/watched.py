"""The exact gradient, with an eye on the accuracy, a hand on the confidence, and noise if it is wanted."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network import AbstractNetwork, Params, unroll
from stepwell.rule import AbstractRule
from stepwell.settings import number, setting
from stepwell.task import AbstractTask
from stepwell.trials import Trials

COURSES = ("constant", "linear", "geometric", "adaptive")


class Watched(AbstractRule):
    """BPTT that remembers what the accuracy was, and may change the confidence of a tied output meanwhile.

    The accuracy is that without noise. The state holds, of the updates before the present one: `onset`, the
    first with an accuracy above 1/2 (-1 if none); `streak`, how many of the last ones in a row were not
    above; `accuracy` of the last one; the number `done`; the `confidence` now; and `draw`, from which all
    noise follows.

    Attributes:
        course: "constant" (the network's own confidence), "linear" or "geometric" from `first` to `last`, or
            "adaptive": after the onset times 0.9 while the streak is 20 or longer, else times 1.01, between
            0.1 and `last`.
        first, last: confidences.
        over: updates of the change.
        noise: standard deviation of what is added to every unit after every step, anew in every update.
    """

    course: str = setting("constant")
    first: float = number(1.0)
    last: float = number(10.0)
    over: int = setting(6000)
    noise: float = setting(0.0, converter=float)

    def __check_init__(self) -> None:
        if self.course not in COURSES:
            raise ValueError(f"course='{self.course}' is unknown; choose one of {', '.join(COURSES)}.")

    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> dict[str, Array]:
        """Nothing seen yet."""
        first = self.last if self.course == "adaptive" else self.first
        start = {"onset": -1.0, "streak": 0.0, "accuracy": 0.0, "done": 0.0, "confidence": first}
        draw = jax.random.randint(key, (), 0, 2**24)  # held by a float in either precision
        return {name: jnp.asarray(value, float) for name, value in {**start, "draw": draw}.items()}

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
            noisy = self._noisy(network, params, trials, state) if self.noise else None
            outputs = network.rollout(params, trials) if noisy is None else noisy
            return task.loss(outputs, trials), outputs

        (value, outputs), direction = jax.value_and_grad(loss, has_aux=True)(params)
        if self.noise:
            outputs = network.rollout(params, trials)
        return value, direction, self._seen(state, jnp.mean((outputs > 0.5) == (trials.targets > 0.5)))

    def _noisy(
        self, network: AbstractNetwork, params: Params, trials: Trials, state: dict[str, Array]
    ) -> Float[Array, "trial step output"]:
        """The outputs of states that are kicked after every step; further inputs carry the kicks."""
        draw, done = (state[name].astype(int) for name in ("draw", "done"))
        shape = (*trials.inputs.shape[:2], network.hidden)
        kicks = jax.random.normal(jax.random.fold_in(jax.random.key(draw), done), shape, trials.inputs.dtype)
        inputs = jnp.concatenate([trials.inputs, self.noise * kicks], axis=-1)

        def step(params: Params, h: Array, x: Array) -> Array:
            return network.step(params, h, x[: network.input]) + x[network.input :]

        return unroll(network, params, Trials(inputs, trials.targets, trials.mask, trials.h0), step)

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
            "draw": state["draw"],
        }
        return {name: value.astype(state[name].dtype) for name, value in new.items()}
