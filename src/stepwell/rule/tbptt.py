"""Truncated backpropagation through time: error travels back a given number of steps."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params
from stepwell.network.linear import Linear
from stepwell.rule.base import (
    AbstractRule,
    Course,
    State,
    add,
    decayed,
    later,
    local_gradient,
    state_errors,
    synapses_and_units,
    synaptic,
    taken_course,
    true_readout,
)
from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials

Errors = Float[Array, "step trial hidden"]


class TBPTT(AbstractRule):
    r"""The gradient of every output through the last `lag` uses of the parameters, summed over outputs.

    The window slides with the output; disjoint blocks are another rule. `lag=1` keeps the immediate influence alone, and a
    lag of at least the number of steps is BPTT. The direction is not a gradient in between. Cost: below BPTT for
    `lag=1`, some lag/3 times BPTT otherwise, and free of the lag for linear networks.

    Attributes:
        lag: number of uses, 1 or more.

    Source: williams2026, section 2 (lag 1).
    """

    lag: int = setting(1)

    def __check_init__(self) -> None:
        if self.lag < 1:
            raise ValueError(f"lag={self.lag} keeps no use of the parameters; it must be 1 or more.")

    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """No state."""
        return {}

    def gradient(
        self, network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, state: State
    ) -> tuple[Float[Array, ""], Params, State]:
        """The loss and the truncated gradient, by one backward pass for all windows together."""
        enter = true_readout(network)
        if self.lag == 1:
            return *local_gradient(network, task, params, trials, decayed(network, 0.0), enter), state
        course = taken_course(network, params, trials)
        loss, direction, errors = state_errors(network, task, params, trials, course, enter)
        windows = _linear_windows if isinstance(network, Linear) else _windows
        reached = windows(network, params, course, errors, min(self.lag, len(errors)))
        respond = jax.vmap(jax.vmap(synapses_and_units(network)[1]))
        (drive_errors,) = jax.vjp(lambda a: respond(course.before, a), course.drives)[1](reached)
        return loss, add(direction, synaptic(network, params, course, drive_errors)), state


def _windows(network: AbstractNetwork, params: Params, course: Course, errors: Errors, lag: int) -> Errors:
    r"""$\sum_{j<\mathrm{lag}}J_{k+1}^\top\cdots J_{k+j}^\top\,l(k+j)$: what the windows that hold step k bring to it.

    All windows take their j-th step back at once, as one product over steps and trials.
    """
    step = jax.vmap(jax.vmap(network.step, (None, 0, 0)), (None, 0, 0))
    _, pull = jax.vjp(lambda h: step(params, h, course.inputs), course.before)

    def farther(_: int, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        reached, error = sums
        error = later(pull(error)[0], 1)
        return reached + error, error

    return jax.lax.fori_loop(1, lag, farther, (errors, errors))[0]


def _linear_windows(network: Linear, params: Params, course: Course, errors: Errors, lag: int) -> Errors:
    r"""The same for a constant J: $g_k=J^\top g_{k+1}+l_k-(J^\top)^{\mathrm{lag}}\,l_{k+\mathrm{lag}}$.

    It subtracts what leaves the window, so it loses digits where J expands strongly over a trial.
    """
    zeros = jnp.zeros(network.hidden, errors.dtype), jnp.zeros(network.input, errors.dtype)
    J = jax.jacobian(network.step, 1)(params, *zeros)

    def back(reached: Array, error: Array) -> tuple[Array, Array]:
        reached = reached @ J + error
        return reached, reached

    arriving = errors - later(errors, lag) @ jnp.linalg.matrix_power(J, lag)
    return jax.lax.scan(back, jnp.zeros_like(errors[0]), arriving, reverse=True)[1]
