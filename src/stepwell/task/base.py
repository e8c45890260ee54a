"""What must be learned: a batch of trials and the loss of a batch of outputs."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import Settings
from stepwell.trials import Trials


class AbstractTask(eqx.Module, metaclass=Settings):
    """A source of trials and a loss.

    `steps` is the length of a trial and `batch` the number of trials of one update; `sizes` tells the number
    of channels.
    """

    steps: eqx.AbstractVar[int]
    batch: eqx.AbstractVar[int]

    @abc.abstractmethod
    def trial(self, key: PRNGKeyArray) -> Trials:
        """One trial, without the trial axis."""

    @abc.abstractmethod
    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """`count` trials (`batch` if None), [trial, step, channel]; mostly `draw(self, key, count)`."""

    @abc.abstractmethod
    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """The loss of the whole batch, with the task's own factor (1/2 or not)."""


class Sizes(NamedTuple):
    """The numbers of channels, steps and trials of a task's batch."""

    input: int
    output: int
    steps: int
    batch: int


def sizes(task: AbstractTask) -> Sizes:
    """The sizes of a task, read off the shapes of its trials; nothing is computed."""
    shapes = eqx.filter_eval_shape(task.trials, jax.random.key(0))
    batch, steps, inputs = shapes.inputs.shape
    return Sizes(inputs, shapes.targets.shape[-1], steps, batch)


def draw(task: AbstractTask, key: PRNGKeyArray, count: int | None = None) -> Trials:
    """Independent trials of a task: `task.trial` under `vmap`, one key each; the initial state is shared."""

    def one(key: PRNGKeyArray) -> tuple[tuple[Array, Array, Array], Array | float | None]:
        trial = task.trial(key)
        return (trial.inputs, trial.targets, trial.mask), trial.h0

    keys = jax.random.split(key, task.batch if count is None else count)
    (inputs, targets, mask), h0 = jax.vmap(one, out_axes=(0, None))(keys)
    return Trials(inputs, targets, mask, h0)
