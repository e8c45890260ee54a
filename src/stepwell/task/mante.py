"""Judge one of two noisy stimuli, and which one a context tells."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import number, setting
from stepwell.task.base import AbstractTask, Trials, draw
from stepwell.task.loss import masked_square

COHERENCES = (0.125, 0.25, 0.5, 1.0)


class Mante(AbstractTask):
    r"""Context-dependent decision: the sign of the coherence of the stimulus that the context names.

    Phases, in steps: fixation, stimulus, delay, decision. Inputs 0 and 1 are the context, one of them 1
    during the stimulus; inputs 2 and 3 carry independent noise throughout and, during the stimulus, one
    coherence each, of random sign and size 1, 1/2, 1/4 or 1/8. The target is 0 until the stimulus ends,
    nothing is asked in the delay, and the decision follows.

    Attributes:
        fixation, stimulus, delay, decision: lengths of the phases; `steps` is their sum.
        batch: trials per update.
        amplitude: size of the target.
        noise: standard deviation per sensory channel and step.

    Raises:
        ValueError: for a phase without steps.

    Source: schuessler2020, section 2 and supplement; noise 0.05/sqrt(dt) at dt = 1/2.
    """

    fixation: int = setting(6)
    stimulus: int = setting(40)
    delay: int = setting(10)
    decision: int = setting(40)
    batch: int = setting(32)
    amplitude: float = number(0.5)
    noise: float = number(0.05 * 2**0.5)

    def __check_init__(self) -> None:
        if min(self.stimulus, self.decision, self.batch) < 1 or min(self.fixation, self.delay) < 0:
            raise ValueError(
                f"the trial is too short: stimulus, decision and batch need at least 1, fixation and delay "
                f"at least 0; got {self.stimulus}, {self.decision}, {self.batch}, {self.fixation}, "
                f"{self.delay}."
            )

    @property
    def steps(self) -> int:  # type: ignore[override]
        """Steps of a trial."""
        return self.fixation + self.stimulus + self.delay + self.decision

    def trial(self, key: PRNGKeyArray) -> Trials:
        """One trial: inputs [step, 4], targets and mask [step, 1]."""
        key_context, key_size, key_sign, key_noise = jax.random.split(key, 4)
        context = jnp.arange(2) == jax.random.randint(key_context, (), 0, 2)
        sizes = jax.random.choice(key_size, jnp.asarray(COHERENCES), (2,))
        coherence = sizes * jax.random.rademacher(key_sign, (2,), dtype=sizes.dtype)

        step = jnp.arange(self.steps)[:, None]
        end = self.fixation + self.stimulus
        stimulus = (step >= self.fixation) & (step < end)
        noise = self.noise * jax.random.normal(key_noise, (self.steps, 2))
        inputs = jnp.concatenate([stimulus * context[None, :], noise + stimulus * coherence[None, :]], axis=1)
        decision = step >= end + self.delay
        target = self.amplitude * jnp.sign(jnp.sum(coherence * context))
        return Trials(
            inputs, jnp.where(decision, target, 0.0), (decision | (step < end)).astype(inputs.dtype)
        )

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """`count` trials (`batch` if None)."""
        return draw(self, key, count)

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """Half the mean squared error where something is asked."""
        return masked_square(outputs, trials)
