"""Compare two pulses that are apart in time."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import number, setting
from stepwell.task.base import AbstractTask, Trials, draw
from stepwell.task.loss import masked_square


class Romo(AbstractTask):
    r"""Delayed comparison: output 0 answers if the first pulse was larger, output 1 if the second was.

    Phases, in steps: fixation, first pulse, a delay of `shortest` to `longest`, second pulse, decision delay,
    decision. Both amplitudes are uniform on (0.5, 1.5), given that they differ by at least 0.2. The target is
    0 until the second pulse ends, nothing is asked in the decision delay and after the decision.

    Attributes:
        fixation, pulse, shortest, longest, decision_delay, decision: lengths of the phases; `steps` is the
            longest sum.
        batch: trials per update.
        amplitude: size of the target.

    Raises:
        ValueError: for a phase without steps.

    Source: schuessler2020, section 2 and supplement.
    """

    fixation: int = setting(6)
    pulse: int = setting(2)
    shortest: int = setting(4)
    longest: int = setting(15)
    decision_delay: int = setting(10)
    decision: int = setting(20)
    batch: int = setting(32)
    amplitude: float = number(0.5)

    def __check_init__(self) -> None:
        if min(self.pulse, self.decision, self.batch) < 1 or min(self.fixation, self.decision_delay) < 0:
            raise ValueError(
                f"the trial is too short: pulse, decision and batch need at least 1, fixation and "
                f"decision_delay at least 0; got {self.pulse}, {self.decision}, {self.batch}, "
                f"{self.fixation}, {self.decision_delay}."
            )
        if not 0 <= self.shortest <= self.longest:
            raise ValueError(
                f"the delay needs 0 <= shortest <= longest; got {self.shortest}, {self.longest}."
            )

    @property
    def steps(self) -> int:  # type: ignore[override]
        """Steps of the longest trial, and one more."""
        return self.fixation + 2 * self.pulse + self.longest + self.decision_delay + self.decision + 1

    def trial(self, key: PRNGKeyArray) -> Trials:
        """One trial: inputs [step, 1], targets and mask [step, 2]."""
        key_delay, key_pair = jax.random.split(key)
        first, second = _pair(key_pair)
        delay = jax.random.randint(key_delay, (), self.shortest, self.longest + 1)

        step = jnp.arange(self.steps)[:, None]
        onset = self.fixation + self.pulse + delay
        end = onset + self.pulse
        pulses = (_between(step, self.fixation, self.pulse), _between(step, onset, self.pulse))
        inputs = jnp.where(pulses[0], first, 0.0) + jnp.where(pulses[1], second, 0.0)
        decision = _between(step, end + self.decision_delay, self.decision)
        larger = jnp.stack([first > second, second > first])[None, :]
        asked = jnp.broadcast_to(decision | (step < end), (self.steps, 2))
        return Trials(inputs, jnp.where(decision & larger, self.amplitude, 0.0), asked.astype(inputs.dtype))

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """`count` trials (`batch` if None)."""
        return draw(self, key, count)

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """Half the mean squared error where something is asked."""
        return masked_square(outputs, trials)


def _pair(key: PRNGKeyArray) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Two amplitudes, uniform on (0.5, 1.5) given that they are 0.2 or more apart.

    Drawn directly instead of by rejection: one minus the gap has the density of a triangle on (0, 0.8), and
    the smaller amplitude is uniform on what is left.
    """
    triangle, place, order = jax.random.uniform(key, (3,))
    room = 0.8 * jnp.sqrt(triangle)
    small = 0.5 + room * place
    large = small + 1 - room
    return jnp.where(order < 0.5, small, large), jnp.where(order < 0.5, large, small)


def _between(step: Array, start: Array | int, length: int) -> Array:
    return (step >= start) & (step < start + length)
