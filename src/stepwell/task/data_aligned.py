"""Learn a linear teacher that is made of modes: each connects one input axis to one output axis."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials
from stepwell.task.linear_teacher import (
    Teacher,
    check_words,
    fitting_batch,
    taught_loss,
    taught_trial,
    taught_trials,
)


class DataAligned(AbstractTask):
    r"""As `white_noise`, with a teacher of modes.

    $W^\star=\mathrm{diag}(w^\star)$, $b^\star=\bar bV^\top$ and $c^\star=U\bar c$, where $\bar b$ [mode,
    input] and $\bar c$ [output, mode] are diagonal, with entries $b^\star$ and $a^\star$. The orthogonal U
    [output, output] and V [input, input] are the output and input axes; hidden axes would change no answer.
    A student aligned with U and V learns mode by mode, see `theory.mode_flow`.

    Attributes:
        a_star, b_star, w_star: readout, input and recurrent weight of every mode, [mode].
        input, output: numbers of channels, at least that of modes; None for as many.
        bases: "random" or "axes" (U = V = I).
        seed: of random bases.
        steps, batch, inputs, weights: as in `white_noise`.

    Raises:
        ValueError: for no modes, numbers of modes that differ, too few channels, or an unstable mode.

    Source: williams2026, section 3 and caption of Fig. 5.
    """

    a_star: tuple[float, ...] = (1.0, 0.9, 0.8, 0.7)
    b_star: tuple[float, ...] = (1.0, 0.7, 0.5, 0.35)
    w_star: tuple[float, ...] = (0.8, 0.65, 0.5, 0.35)
    input: int = setting(automatic=True)
    output: int = setting(automatic=True)
    bases: str = setting("random")
    seed: int = setting(0)
    steps: int = setting(25)
    batch: int = setting(automatic=True)
    inputs: str = setting("white")
    weights: str = setting("mean")

    def __init__(
        self,
        a_star: Sequence[float] = (1.0, 0.9, 0.8, 0.7),
        b_star: Sequence[float] = (1.0, 0.7, 0.5, 0.35),
        w_star: Sequence[float] = (0.8, 0.65, 0.5, 0.35),
        input: int | None = None,
        output: int | None = None,
        bases: str = "random",
        seed: int = 0,
        steps: int = 25,
        batch: int | None = None,
        inputs: str = "white",
        weights: str = "mean",
    ):
        self.a_star, self.b_star, self.w_star = (
            tuple(float(mode) for mode in modes) for modes in (a_star, b_star, w_star)
        )
        self.input = len(self.a_star) if input is None else input
        self.output = len(self.a_star) if output is None else output
        self.bases, self.seed, self.steps = bases, seed, steps
        self.inputs, self.weights = inputs, weights
        self.batch = fitting_batch(batch, inputs, steps * self.input)

    def __check_init__(self) -> None:
        check_words(self.inputs, self.weights)
        counts = [len(modes) for modes in (self.a_star, self.b_star, self.w_star)]
        if min(counts) == 0 or len(set(counts)) > 1:
            raise ValueError(
                f"a teacher needs a mode at least, and as many a_star as b_star and w_star; got {counts}."
            )
        for w in self.w_star:
            if not abs(w) < 1:
                raise ValueError(f"the teacher is unstable: w_star={w}; every mode needs |w_star| below 1.")
        if self.bases not in ("random", "axes"):
            raise ValueError(f"bases '{self.bases}' is unknown; choose one of random, axes.")
        if min(self.input, self.output) < counts[0] or min(self.steps, self.batch) < 1:
            raise ValueError(
                f"{counts[0]} modes need as many inputs and outputs at least, a step and a trial; got "
                f"input={self.input}, output={self.output}, steps={self.steps}, batch={self.batch}."
            )

    def axes(self) -> tuple[Float[Array, "output output"], Float[Array, "input input"]]:
        """The output axes U and the input axes V, one per column."""
        if self.bases == "axes":
            return jnp.eye(self.output), jnp.eye(self.input)
        rng = np.random.default_rng(self.seed)
        return jnp.asarray(_rotation(rng, self.output)), jnp.asarray(_rotation(rng, self.input))

    def system(self) -> Teacher:
        """The teacher (W, b, c), with one unit per mode."""
        U, V = self.axes()
        a, b, w = (jnp.asarray(modes, U.dtype) for modes in (self.a_star, self.b_star, self.w_star))
        return jnp.diag(w), b[:, None] * V.T[: len(b)], U[:, : len(a)] * a[None]

    def trial(self, key: PRNGKeyArray) -> Trials:
        """One trial with white inputs, or the first of the one-hot ones."""
        return taught_trial(self, key)

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """Independent trials with white inputs, or every one-hot trial."""
        return taught_trials(self, key, count)

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """The weighted squared error, averaged over white trials or summed over one-hot ones."""
        return taught_loss(self, outputs, trials)


def _rotation(rng: np.random.Generator, size: int) -> np.ndarray:
    """An orthogonal matrix, uniform over all of them."""
    Q, R = np.linalg.qr(rng.standard_normal((size, size)))
    return Q * np.sign(np.diag(R))
