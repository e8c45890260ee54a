"""Learn what a linear teacher answers to white inputs."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials, draw

Teacher = tuple[Float[Array, "hidden hidden"], Float[Array, "hidden input"], Float[Array, "output hidden"]]
INPUTS = ("white", "one_hot")
WEIGHTS = ("final", "mean", "sum")


class WhiteNoise(AbstractTask):
    r"""A Gaussian linear teacher $h_{t+1}=W^\star h_t+b^\star x_t$, $y^\star_t=c^\star h_{t+1}$, that student and teacher see alike.

    The loss is $\sum_t\omega_t\tfrac12|\varepsilon_t|^2$ with $\omega$ 1 at the last step alone (`final`), 1/T at every
    step (`mean`), or 1 (`sum`). Under `white` inputs every entry is an independent standard normal, and the loss is the
    average over the batch. Under `one_hot` inputs the batch holds one trial per step and channel with a single 1, and
    the loss is their sum: for a linear student at rest that is the exact expectation over white inputs, for every rule.

    Attributes:
        input, output: numbers of channels.
        hidden: units of the teacher.
        radius: spectral radius of $W^\star$, below 1.
        input_scale, output_scale: standard deviations of $b^\star$ and $c^\star$; None takes $1/\sqrt{\text{hidden}}$ for $c^\star$.
        seed: of the teacher.
        teacher: $(W^\star,b^\star,c^\star)$ as nested tuples or arrays in place of a drawn one; it sets the sizes.
        steps: length T of a trial.
        batch: trials per update; with `one_hot` inputs it is steps times input.
        inputs: "white" or "one_hot".
        weights: "final", "mean" or "sum".

    Raises:
        ValueError: for sizes below 1, an unknown word, or an unstable teacher.

    Source: williams2026, section 4 (student and teacher, white inputs); one-hot inputs are ours.
    """

    input: int = setting(3)
    output: int = setting(1)
    hidden: int = setting(4)
    radius: float = 0.8
    input_scale: float = 1.0
    output_scale: float | None = None
    seed: int = setting(0)
    teacher: Any = setting(None)
    steps: int = setting(25)
    batch: int = setting(32)
    inputs: str = setting("white")
    weights: str = setting("mean")
