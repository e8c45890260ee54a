"""Truncated backpropagation through time: error travels back a given number of steps."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params
from stepwell.network.linear import Linear
from stepwell.rule.base import AbstractRule, State, decayed, synapses_and_units, true_readout
from stepwell.rule.course import Course, add, later, local_gradient, state_errors, synaptic, taken_course
from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials

Errors = Float[Array, "step trial state"]


class TBPTT(AbstractRule):
    r"""The gradient of every output through the last `lag` uses of the parameters, summed over outputs.

    The window slides with the output; disjoint blocks are another rule. With `lag=1` only the immediate
    influence is left, and a lag of at least the number of steps is BPTT; in between the direction is no
    gradient. It costs less than BPTT for `lag=1` and about lag/2 times as much beyond, but no more than
    BPTT in linear networks for any lag. Works on every network.

    Attributes:
        lag: number of uses, 1 or more.

    Raises:
        ValueError: for a lag below 1.

    Source: williams2026, section 2 (lag 1).
    """

    lag: int = setting(1)

    def __check_init__(self) -> None:
        if not isinstance(self.lag, int) or self.lag < 1:
            raise ValueError(
                f"lag={self.lag} is no number of uses of the parameters; it must be a whole one, 1 or more."
            )

    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """No state."""
        return {}

    def gradient(
        self, network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, state: State
    ) -> tuple[Float[Array, ""], Params, State]:
        """The loss and the truncated gradient, all windows together."""
        enter = true_readout(network)
        if self.lag == 1:
            return *local_gradient(network, task, params, trials, decayed(network, 0.0), enter), state
        course = taken_course(network, params, trials)
        loss, direction, errors = state_errors(network, task, params, trials, course, enter)
        lag = min(self.lag, len(errors))
        if isinstance(network, Linear):
            reached = _linear_windows(network, params, course, errors, lag)
        else:
            reached = _windows(network, params, course, errors, lag)
        respond = jax.vmap(jax.vmap(synapses_and_units(network)[1]))
        (drive_errors,) = jax.vjp(lambda a: respond(course.before, a), course.drives)[1](reached)
        return loss, add(direction, synaptic(network, params, course, drive_errors)), state


def _windows(network: AbstractNetwork, params: Params, course: Course, errors: Errors, lag: int) -> Errors:
    r"""$\sum_{j<\mathrm{lag}}J_{k+1}^\top\cdots J_{k+j}^\top l(k+j)$: what reaches step k within the windows.

    All windows take their j-th step back at once, as one product over steps and trials.
    """
    step = jax.vmap(jax.vmap(network.step, (None, 0, 0)), (None, 0, 0))
    _, pull = jax.vjp(lambda h: step(params, h, course.inputs), course.before)

    def farther(_: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        reached, error = sums
        error = later(pull(error)[0], 1)
        return reached + error, error

    return jax.lax.fori_loop(1, lag, farther, (errors, errors))[0]


def _linear_windows(network: Linear, params: Params, course: Course, errors: Errors, lag: int) -> Errors:
    r"""The same for a constant J: $g_k=J^\top g_{k+1}+l_k-(J^\top)^{\mathrm{lag}}\,l_{k+\mathrm{lag}}$.

    It subtracts what leaves the window, so it loses digits where J expands strongly over a trial.
    """
    x, h = jnp.zeros_like(course.inputs[0, 0]), jnp.zeros_like(course.start[0])
    J = jax.jacobian(network.step, 1)(params, h, x)

    def back(reached: Array, error: Array) -> tuple[Array, Array]:
        reached = reached @ J + error
        return reached, reached

    arriving = errors - later(errors, lag) @ jnp.linalg.matrix_power(J, lag)
    return jax.lax.scan(back, jnp.zeros_like(course.start), arriving, reverse=True)[1]
