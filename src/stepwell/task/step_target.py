"""Reach a constant output under a constant input."""

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import number, setting
from stepwell.task.base import AbstractTask, Trials, draw
from stepwell.task.loss import masked_square


class StepTarget(AbstractTask):
    """The input is 1 from step `fixation` on, and the last `asked` steps ask for the output `target`.

    Attributes:
        target: the output wanted.
        steps: length of a trial.
        fixation: steps before the input is switched on.
        asked: steps at the end in which the target counts.
        batch: trials per update, all alike.

    Raises:
        ValueError: for a trial too short for its phases.

    Source: schuessler2020, section 3 and the authors' code (trials of 101 time units at dt = 1/2).
    """

    target: float = number(0.5)
    steps: int = setting(202)
    fixation: int = setting(2)
    asked: int = setting(2)
    batch: int = setting(1)

    def __check_init__(self) -> None:
        if min(self.asked, self.batch) < 1 or self.fixation < 0 or self.steps < self.fixation + self.asked:
            raise ValueError(
                f"steps={self.steps} is too short for fixation={self.fixation} and asked={self.asked}, which "
                f"needs to be at least 1, as does batch={self.batch}."
            )

    def trial(self, key: PRNGKeyArray) -> Trials:
        """The trial: inputs, targets and mask, each [step, 1]."""
        step = jnp.arange(self.steps)[:, None]
        asked = (step >= self.steps - self.asked) * 1.0
        return Trials((step >= self.fixation) * 1.0, self.target * asked, asked)

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """`count` trials (`batch` if None)."""
        return draw(self, key, count)

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """Half the mean squared error where something is asked."""
        return masked_square(outputs, trials)
