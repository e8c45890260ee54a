"""Trials from a user's own arrays."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials


class Arrays(AbstractTask):
    r"""Trials that a user brings: inputs, targets, and a mask.

    The loss is $\tfrac12\sum m\,(y-y^*)^2/\sum m$ over trials, steps and outputs, or without the divisor for
    `normalise=False`. An update sees all trials in their order if `batch` is None, else `batch` of them drawn
    anew without replacement.

    Attributes:
        inputs: [trial, step, input]. targets: [trial, step, output]. mask: [trial, step, output], 1 if None.
        h0: state before the first step: a number, or None for 0.
        batch: trials per update.
        normalise: divide by the sum of the mask.

    Raises:
        ValueError: for sizes that do not fit, NaN or infinity, an empty mask, or a batch larger than the
            number of trials.
    """

    inputs: Any = eqx.field(converter=np.asarray)
    targets: Any = eqx.field(converter=np.asarray)
    mask: Any = None
    h0: float | None = None
    batch: int = setting(automatic=True)
    normalise: bool = setting(True)

    def __init__(
        self,
        inputs: Any,
        targets: Any,
        mask: Any = None,
        h0: float | None = None,
        batch: int | None = None,
        normalise: bool = True,
    ):
        self.inputs, self.targets = np.asarray(inputs, float), np.asarray(targets, float)
        self.mask = np.ones_like(self.targets) if mask is None else np.asarray(mask, float)
        self.h0, self.normalise = h0, normalise
        shapes = f"inputs {self.inputs.shape}, targets {self.targets.shape}, mask {self.mask.shape}"
        if self.inputs.ndim != 3 or self.targets.ndim != 3 or self.inputs.shape[:2] != self.targets.shape[:2]:
            raise ValueError(f"arrays need [trial, step, channel] with equal trials and steps; got {shapes}.")
        if self.mask.shape != self.targets.shape:
            raise ValueError(f"the mask needs the shape of the targets; got {shapes}.")
        if not all(np.isfinite(array).all() for array in (self.inputs, self.targets, self.mask)):
            raise ValueError(
                "the arrays hold NaN or infinity; mask such steps with 0 and put a finite number there."
            )
        if not self.mask.sum() > 0:
            raise ValueError(
                "the mask is 0 everywhere, so nothing is asked of the network; weight some targets by 1."
            )
        count = len(self.inputs)
        self.batch = count if batch is None else batch
        if not 1 <= self.batch <= count:
            raise ValueError(f"batch={batch} does not fit; there are {count} trials.")

    @property
    def steps(self) -> int:  # type: ignore[override]
        """Steps of a trial."""
        return self.inputs.shape[1]

    def trial(self, key: PRNGKeyArray) -> Trials:
        """One of the trials, drawn uniformly."""
        return self._pick(jax.random.randint(key, (), 0, len(self.inputs)))

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """All trials in their order where as many are asked for, else a draw without replacement."""
        count = self.batch if count is None else count
        if count > len(self.inputs):
            raise ValueError(f"there are {len(self.inputs)} trials; {count} were asked for.")
        every = jnp.arange(len(self.inputs))
        return self._pick(
            every if count == len(every) else jax.random.choice(key, every, (count,), replace=False)
        )

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """Half the masked squared error, divided by the sum of the mask unless told otherwise."""
        total = 0.5 * jnp.sum(trials.mask * (outputs - trials.targets) ** 2)
        return total / jnp.sum(trials.mask) if self.normalise else total

    def _pick(self, index: Array) -> Trials:
        inputs, targets, mask = (jnp.asarray(a)[index] for a in (self.inputs, self.targets, self.mask))
        return Trials(inputs, targets, mask, self.h0)
