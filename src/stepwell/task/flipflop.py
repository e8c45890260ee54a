"""Remember the sign of the last pulse on each of several channels."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from stepwell.settings import number, setting
from stepwell.task.base import AbstractTask, Trials, draw
from stepwell.task.loss import masked_square

# steps, batch, pulse, delay, start: of a trial, where they are not given.
DEFAULTS = {"pulses": (100, 32, 2, 10, 2), "sparse": (60, 16, 5, 8, 15)}


class FlipFlop(AbstractTask):
    r"""`bits` channels receive pulses of either sign; the output of each holds the sign of its last pulse.

    *pulses*: one pulse at a time. The first comes at step `start`, each next one `shortest` to `longest`
    steps after the last, on a random channel and of random sign. From `delay` steps after a pulse until the
    next one all channels are asked for their value: the pulsed one for `amplitude` times its sign, the others
    for theirs (`other_channel="hold"`, 0 before their first pulse) or for 0 (`"zero"`, so that only the last
    pulse is remembered: a task of 2 `bits` + 1 states).

    *sparse*: every channel has its own pulses, one at step 0 and further ones with probability `onset` per
    step; a new pulse replaces the old one. The target follows `delay` steps later, and is asked for from step
    `start` on.

    Attributes:
        other_channel: "hold" or "zero"; of variant "pulses".
        bits: number of channels.
        variant: "pulses" or "sparse".
        steps, batch, pulse, delay, start: length of a trial, trials per update, length of a pulse, steps from
            its onset to its answer, first step (of a pulse, or of the answers); None for 100, 32, 2, 10, 2
            (pulses) or 60, 16, 5, 8, 15.
        shortest, longest: steps between two pulses; of variant "pulses".
        amplitude: size of the targets.
        onset: probability of a pulse per step and channel; of variant "sparse".

    Raises:
        ValueError: for a trial too short for its phases, or a setting out of range.

    Source: schuessler2020, section 2 and supplement ("hold"), the authors' code ("zero"); the sparse variant
    is ours.
    """

    other_channel: str = setting("hold")
    bits: int = setting(2)
    variant: str = setting("pulses")
    steps: int = setting(automatic=True)
    batch: int = setting(automatic=True)
    pulse: int = setting(automatic=True)
    delay: int = setting(automatic=True)
    start: int = setting(automatic=True)
    shortest: int = setting(20)
    longest: int = setting(59)
    amplitude: float = number(0.5)
    onset: float = number(0.05)

    def __init__(
        self,
        other_channel: str = "hold",
        bits: int = 2,
        variant: str = "pulses",
        steps: int | None = None,
        batch: int | None = None,
        pulse: int | None = None,
        delay: int | None = None,
        start: int | None = None,
        shortest: int = 20,
        longest: int = 59,
        amplitude: float = 0.5,
        onset: float = 0.05,
    ):
        for name, value, known in (
            ("other_channel", other_channel, ("hold", "zero")),
            ("variant", variant, DEFAULTS),
        ):
            if value not in known:
                raise ValueError(f"{name}='{value}' is unknown; choose one of {', '.join(known)}.")
        given = (steps, batch, pulse, delay, start)
        filled = (default if value is None else value for value, default in zip(given, DEFAULTS[variant]))
        self.steps, self.batch, self.pulse, self.delay, self.start = filled
        self.other_channel, self.bits, self.variant = other_channel, bits, variant
        self.shortest, self.longest, self.amplitude, self.onset = shortest, longest, amplitude, onset

    def __check_init__(self) -> None:
        if min(self.bits, self.batch, self.pulse) < 1 or min(self.delay, self.start) < 0:
            raise ValueError(
                f"a flip-flop needs bits, batch and pulse of at least 1, delay and start of at least 0; got "
                f"{self.bits}, {self.batch}, {self.pulse}, {self.delay}, {self.start}."
            )
        if not self.pulse <= self.delay < self.shortest <= self.longest and self.variant == "pulses":
            raise ValueError(
                f"the phases of a pulse need pulse <= delay < shortest <= longest; got {self.pulse}, "
                f"{self.delay}, {self.shortest}, {self.longest}."
            )
        needed = self.start + 1 + (self.delay if self.variant == "pulses" else 0)
        if self.steps < needed:
            raise ValueError(f"steps={self.steps} is too short: the first answer is due in step {needed}.")
        if isinstance(self.onset, (int, float)) and not 0 <= self.onset <= 1:
            raise ValueError(f"onset={self.onset} is no probability; it lies between 0 and 1.")

    def trial(self, key: PRNGKeyArray) -> Trials:
        """One trial: inputs, targets and mask, each [step, bits]."""
        return self._pulses(key) if self.variant == "pulses" else self._sparse(key)

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """`count` trials (`batch` if None)."""
        return draw(self, key, count)

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """Half the mean squared error where something is asked."""
        return masked_square(outputs, trials)

    def _pulses(self, key: PRNGKeyArray) -> Trials:
        key_interval, key_channel, key_sign = jax.random.split(key, 3)
        count = 1 + (self.steps - self.start) // self.shortest
        intervals = jax.random.randint(key_interval, (count,), self.shortest, self.longest + 1)
        onsets = self.start + jnp.cumsum(intervals) - intervals
        channels = jax.random.randint(key_channel, (count,), 0, self.bits)
        pulsed = (channels[:, None] == jnp.arange(self.bits)[None, :]) * _signs(key_sign, (count, 1))
        held = _last(pulsed) if self.other_channel == "hold" else pulsed

        step = jnp.arange(self.steps)
        latest = jnp.sum(step[:, None] >= onsets[None, :], axis=1) - 1  # -1 before the first pulse
        age = jnp.where(latest < 0, -1, step - onsets[latest])[:, None]
        asked = jnp.broadcast_to(age >= self.delay, (self.steps, self.bits))
        inputs = jnp.where((age >= 0) & (age < self.pulse), pulsed[latest], 0.0)
        return Trials(
            inputs, jnp.where(asked, self.amplitude * held[latest], 0.0), asked.astype(inputs.dtype)
        )

    def _sparse(self, key: PRNGKeyArray) -> Trials:
        key_onset, key_sign = jax.random.split(key)
        shape = (self.steps, self.bits)
        step = jnp.arange(self.steps)[:, None]
        pulsed = jnp.where(
            jax.random.bernoulli(key_onset, self.onset, shape) | (step == 0), _signs(key_sign, shape), 0.0
        )
        sign = _last(pulsed)
        inputs = jnp.where(step - _latest(pulsed) < self.pulse, sign, 0.0)
        targets = self.amplitude * jnp.where(step < self.delay, 0.0, jnp.roll(sign, self.delay, axis=0))
        return Trials(inputs, targets, jnp.broadcast_to(step >= self.start, shape).astype(inputs.dtype))


def _signs(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "..."]:
    return jax.random.rademacher(key, shape, dtype=jnp.asarray(0.0).dtype)


def _latest(pulsed: Float[Array, "time bits"]) -> Int[Array, "time bits"]:
    """The row of the last pulse so far on every channel; -1 before the first."""
    rows = jnp.arange(len(pulsed))[:, None]
    return jax.lax.cummax(jnp.where(pulsed != 0, rows, -1), axis=0)


def _last(pulsed: Float[Array, "time bits"]) -> Float[Array, "time bits"]:
    """The sign of the last pulse so far on every channel; 0 before the first."""
    latest = _latest(pulsed)
    return jnp.where(latest < 0, 0.0, jnp.take_along_axis(pulsed, jnp.maximum(latest, 0), axis=0))
