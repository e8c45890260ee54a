"""A slow, nearly linear flip-flop as a teacher: the sign of a pulse is held, its size is forgotten."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network import Params
from stepwell.settings import number, setting
from stepwell.study.across.tanh_units import TanhUnits
from stepwell.task.base import AbstractTask
from stepwell.trials import Trials

SIZES = (0.5, 1.5)
"""Of the pulses, in units of the state that is held."""


class SlowFlipFlop(AbstractTask):
    r"""What a teacher of two tanh units answers to a pulse that is smaller or larger than the state it holds.

    $h_{t+1}=\tanh(W^\star h_t+a\,x_t)$ and $y_t=(h^1_{t+1}+\tfrac14h^2_{t+1})/a$ with
    $W^\star=\operatorname{diag}(w,-\tfrac12)$ and $w=\operatorname{artanh}(a)/a$, so that unit 1 leaves the
    origin and rests at $\pm a$. Its pole is $w\approx1+a^2/3$ there and $w(1-a^2)\approx1-\tfrac23a^2$
    here: the smaller a, the slower and the more linear. Negative pulses teach nothing new, as all is odd.

    Attributes:
        held: a.
        steps: length of a trial.
        batch: one trial per size of the pulse.
    """

    held: float = number(0.3)
    steps: int = setting(60)
    batch: int = setting(len(SIZES), init=False)

    def teacher(self) -> tuple[TanhUnits, Params]:
        """The network of the teacher and its parameters."""
        W = jnp.diag(jnp.stack([jnp.arctanh(self.held) / self.held, -0.5]))
        return TanhUnits(2, amplitude=self.held), {
            "W": W,
            "b": jnp.ones((2, 1)),
            "c": jnp.array([[1.0, 0.25]]),
        }

    def slow_modes(self) -> np.ndarray:
        """Pole and residue of the teacher's slow unit at the origin and at the held state, [point, 2]."""
        slope = 1 - self.held**2
        pole = np.arctanh(self.held) / self.held
        return np.array([[pole, 1.0], [pole * slope, slope]])

    def trial(self, key: PRNGKeyArray) -> Trials:
        """The trial with the smaller pulse; the task has no randomness."""
        trials = self.trials(key)
        return Trials(trials.inputs[0], trials.targets[0], trials.mask[0])

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """Both trials; a pulse comes in the first step."""
        inputs = jnp.zeros((self.batch, self.steps, 1)).at[:, 0, 0].set(jnp.array(SIZES))
        network, params = self.teacher()
        targets = network.rollout(params, Trials(inputs, inputs, inputs))
        return Trials(inputs, targets, jnp.ones_like(targets))

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        r"""$\tfrac12\sum(y-y^\star)^2/\sum x^2$, which for linear networks is that of an impulse response."""
        return 0.5 * jnp.sum((outputs - trials.targets) ** 2) / jnp.sum(trials.inputs**2)
