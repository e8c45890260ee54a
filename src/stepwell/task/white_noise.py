"""Learn what a linear teacher answers to white inputs."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import number, setting
from stepwell.task.base import AbstractTask, Trials
from stepwell.task.linear_teacher import (
    Teacher,
    check_teacher,
    check_words,
    fitting_batch,
    taught_loss,
    taught_trial,
    taught_trials,
)


class WhiteNoise(AbstractTask):
    r"""A teacher sees the inputs of its student.

    It answers $y^\star_t=c^\star h_{t+1}$ with $h_{t+1}=W^\star h_t+b^\star x_t$, and is Gaussian or given.
    The loss is $\sum_t\omega_t\tfrac12|\varepsilon_t|^2$ with $\omega$ 1 at the last step alone (`final`),
    1/T at every step (`mean`) or 1 (`sum`). `white` inputs are independent standard normals, and the loss
    is the average over the batch. `one_hot` inputs are all trials with a single 1, one per step and
    channel, and the loss is their sum: for a linear student that starts at 0 that is the exact expectation
    over white inputs, under every rule.

    Attributes:
        input, output: numbers of channels; None takes those of a given teacher, or 3 and 1.
        hidden: units of a drawn teacher.
        radius: spectral radius of its $W^\star$, below 1.
        input_scale: standard deviation of its $b^\star$; that of $c^\star$ is $1/\sqrt{\mathrm{hidden}}$.
        seed: of a drawn teacher.
        teacher: $(W^\star,b^\star,c^\star)$ in place of a drawn one, arrays or nested tuples.
        steps: length T of a trial.
        batch: trials per update; None for 32, or steps times input for `one_hot` inputs.
        inputs: "white" or "one_hot".
        weights: "final", "mean" or "sum".

    Raises:
        ValueError: for sizes that do not fit, an unknown word, or an unstable teacher.

    Source: williams2026, section 4 (student and teacher, white inputs); one-hot inputs are ours.
    """

    input: int = setting(automatic=True)
    output: int = setting(automatic=True)
    hidden: int = setting(4)
    radius: float = number(0.8)
    input_scale: float = number(1.0)
    seed: int = setting(0)
    teacher: Any = setting(None)
    steps: int = setting(25)
    batch: int = setting(automatic=True)
    inputs: str = setting("white")
    weights: str = setting("mean")

    def __init__(
        self,
        input: int | None = None,
        output: int | None = None,
        hidden: int = 4,
        radius: float = 0.8,
        input_scale: float = 1.0,
        seed: int = 0,
        teacher: Any = None,
        steps: int = 25,
        batch: int | None = None,
        inputs: str = "white",
        weights: str = "mean",
    ):
        sizes, self.teacher = (3, 1), None
        if teacher is not None:
            W, b, c = (np.asarray(part, float) for part in teacher)
            check_teacher(W, b, c)
            # Tuples have a fingerprint that can be read back, and are part of the compiled program.
            self.teacher = tuple(tuple(map(tuple, part.tolist())) for part in (W, b, c))
            sizes = b.shape[1], len(c)
        self.input = sizes[0] if input is None else input
        self.output = sizes[1] if output is None else output
        if teacher is not None and (self.input, self.output) != sizes:
            raise ValueError(
                f"the teacher has {sizes[0]} inputs and {sizes[1]} outputs; leave input and output out."
            )
        self.hidden, self.radius, self.input_scale, self.seed = hidden, radius, input_scale, seed
        self.steps, self.inputs, self.weights = steps, inputs, weights
        self.batch = fitting_batch(batch, inputs, steps * self.input)

    def __check_init__(self) -> None:
        check_words(self.inputs, self.weights)
        if min(self.input, self.output, self.hidden, self.steps, self.batch) < 1:
            raise ValueError(
                f"a teacher needs a channel, a unit, a step and a trial at least; got input={self.input}, "
                f"output={self.output}, hidden={self.hidden}, steps={self.steps}, batch={self.batch}."
            )
        if isinstance(self.radius, float) and not 0 <= self.radius < 1:
            raise ValueError(f"the teacher is unstable: radius={self.radius}; it must be in [0, 1).")

    def system(self) -> Teacher:
        """The teacher (W, b, c)."""
        if self.teacher is not None:
            W, b, c = (jnp.asarray(part, float) for part in self.teacher)
            return W, b, c
        rng = np.random.default_rng(self.seed)
        W = rng.standard_normal((self.hidden, self.hidden))
        b = rng.standard_normal((self.hidden, self.input))
        c = rng.standard_normal((self.output, self.hidden)) / np.sqrt(self.hidden)
        unit = W / np.abs(np.linalg.eigvals(W)).max()
        return self.radius * jnp.asarray(unit), self.input_scale * jnp.asarray(b), jnp.asarray(c)

    def trial(self, key: PRNGKeyArray) -> Trials:
        """One trial with white inputs, or the first of the one-hot ones."""
        return taught_trial(self, key)

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """Independent trials with white inputs, or every one-hot trial."""
        return taught_trials(self, key, count)

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """The weighted squared error, averaged over white trials or summed over one-hot ones."""
        return taught_loss(self, outputs, trials)
