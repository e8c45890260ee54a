"""The gradient of an edited graph: one run forward, one filter per unit backward, one product at the end.

`local_gradient` is what automatic differentiation gives for `unroll` with `edited_step`, and reaches it
faster: with the synapses cut, error goes back within each unit, and the weights are reached by one product
over all steps and trials.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.lax import optimization_barrier, stop_gradient
from jaxtyping import Array, Float

from stepwell.network.base import AbstractNetwork, Params, Step, initial_state
from stepwell.rule.base import ErrorPath, Response, synapses_and_units
from stepwell.task.base import AbstractTask, Trials


def edited_step(network: AbstractNetwork, respond: Response) -> Step:
    """The step with an edited response and the synapse path cut: the same value, other paths back."""
    drive = synapses_and_units(network)[0]
    return lambda params, h, x: respond(params, h, drive(params, stop_gradient(h), x))


def local_gradient(
    network: AbstractNetwork,
    task: AbstractTask,
    params: Params,
    trials: Trials,
    respond: Response,
    enter: ErrorPath,
) -> tuple[Float[Array, ""], Params]:
    """The loss, and its gradient where error enters by `enter` and every unit passes it on by `respond`."""
    course = taken_course(network, params, trials)
    loss, direction, errors = state_errors(network, task, params, trials, course, enter)
    return loss, add(direction, synaptic(network, params, course, filtered(respond, params, course, errors)))


class Course(NamedTuple):
    """What a batch went through, time first: inputs, initial state, drives, states after every step."""

    inputs: Float[Array, "step trial input"]
    start: Float[Array, "trial state"]
    drives: Float[Array, "step trial state"]
    after: Float[Array, "step trial state"]

    @property
    def before(self) -> Float[Array, "step trial state"]:
        """The state before every step."""
        return jnp.concatenate([self.start[None], self.after[:-1]])


def taken_course(network: AbstractNetwork, params: Params, trials: Trials) -> Course:
    """Run the network on a batch and keep what it went through."""
    drive, respond = synapses_and_units(network)
    inputs = jnp.swapaxes(trials.inputs, 0, 1)
    h0 = initial_state(network, trials, params)
    start = jnp.broadcast_to(h0, (inputs.shape[1], *h0.shape))
    # Turned outside the loop, a matrix meets rows of trials in the fast order; turning it back is free.
    turned = optimization_barrier(jax.tree.map(jnp.transpose, params))

    def advance(h: Array, x: Array) -> tuple[Array, tuple[Array, Array]]:
        a = jax.vmap(drive, (None, 0, 0))(jax.tree.map(jnp.transpose, turned), h, x)
        after = jax.vmap(respond)(h, a)
        return after, (a, after)

    return Course(inputs, start, *jax.lax.scan(advance, start, inputs)[1])


def state_errors(
    network: AbstractNetwork,
    task: AbstractTask,
    params: Params,
    trials: Trials,
    course: Course,
    enter: ErrorPath,
) -> tuple[Float[Array, ""], Params, Float[Array, "step trial state"]]:
    """The loss, its gradient in the parameters of the readout, and the error that enters every state."""
    shape, after = course.after.shape, _rows(course.after)
    outputs, pull = jax.vjp(lambda p: jax.vmap(network.readout, (None, 0))(p, after), params)

    def loss(outputs: Array) -> Array:
        return task.loss(jnp.swapaxes(outputs.reshape(*shape[:2], -1), 0, 1), trials)

    value, errors = jax.value_and_grad(loss)(outputs)
    return value, pull(errors)[0], jax.vmap(enter, (None, 0, 0))(params, after, errors).reshape(shape)


def filtered(
    respond: Response, params: Params, course: Course, errors: Float[Array, "step trial state"]
) -> Float[Array, "step trial state"]:
    r"""The error of every drive where units pass error on by an edited response alone.

    $\lambda(t)=l(t)+d(t+1)\lambda(t+1)$ and $D(t)=s(t)\lambda(t)$, with d and s the slopes of the response
    in h and a.
    """

    def back(adjoint: Array, now: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        h, a, error = now
        pull = jax.vjp(lambda h, a: jax.vmap(respond, (None, 0, 0))(params, h, a), h, a)[1]
        return pull(adjoint + error)

    start = jnp.zeros_like(course.start)
    return jax.lax.scan(back, start, (course.before, course.drives, errors), reverse=True)[1]


def synaptic(
    network: AbstractNetwork, params: Params, course: Course, errors: Float[Array, "step trial state"]
) -> Params:
    """The gradient in the parameters of `drive` from the errors of all drives, by one product."""
    drive = synapses_and_units(network)[0]

    def product(before: Array, inputs: Array, errors: Array) -> Params:
        pull = jax.vjp(lambda p: jax.vmap(drive, (None, 0, 0), out_axes=1)(p, before, inputs), params)[1]
        # Errors with rows last meet states with rows first in the fast order; the barrier keeps it so.
        return pull(optimization_barrier(errors.T))[0]

    # Step t reads what step t - 1 wrote, and the rates of all that was written are known from the readout.
    first = product(course.start, course.inputs[0], errors[0])
    rows = (_rows(values) for values in (course.after, later(course.inputs, 1), later(errors, 1)))
    return add(first, product(*rows))


def later(values: Float[Array, "step ..."], steps: int) -> Float[Array, "step ..."]:
    """What stands some steps later; 0 beyond the last."""
    return jnp.concatenate([values[steps:], jnp.zeros_like(values[:steps])])


def add(left: Params, right: Params) -> Params:
    """The sum of two directions, parameter by parameter."""
    return jax.tree.map(jnp.add, left, right)


def _rows(values: Float[Array, "step trial channel"]) -> Float[Array, "row channel"]:
    return values.reshape(-1, values.shape[-1])
