r"""A rule turns the error of a batch into a direction of weight change: the gradient with some of its paths replaced.

Error travels back through the readout into a state, and from there through the unit itself ($h_t$ beside its synapses) and
through the synapses ($h_t$ inside `drive`) to earlier states. A local rule replaces two things: the transposed readout, and
the Jacobian of the state, $J_t=\partial h_{t+1}/\partial h_t$, by something that needs no other unit.

| instead of | stands | which is |
|---|---|---|
| $J_t$ | `own_leak` | what a unit keeps of its state beside its synapses, e.g. $\ell I$ |
| $J_t$ | `own_diagonal` | $\mathrm{diag}(J_t)$ |
| $J_t$ | `decayed` | $\mathrm{diag}(d)$ for a given decay; with $d=0$ nothing passes |
| $c^\top$ | `fixed_feedback` | a given matrix F |

In terms of automatic differentiation these are edits of the unrolled graph that leave every value as it is. `local_gradient`
is the gradient of the edited graph. It gets there faster: with the synapses cut, the way back is one filter per unit, and
the weights are reached by one product over all steps and trials at the end.
"""

import abc
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, AbstractUnitNetwork, Params, Step, initial_state
from stepwell.task.base import AbstractTask, Trials

State = dict[str, Float[Array, "..."]]
Response = Callable[[Params, Array, Array], Array]
ErrorPath = Callable[[Params, Array, Array], Array]
FEEDBACKS = ("random", "symmetric")


class AbstractRule(eqx.Module):
    """Gradient descent through the unrolled graph, with some of its paths cut or replaced."""

    @abc.abstractmethod
    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """What the rule keeps between updates, a dict of arrays; `feedback` [hidden, output] is one entry, if it has any.

        Raises:
            TypeError: for a network that this rule cannot train, with the reason.
        """

    @abc.abstractmethod
    def gradient(
        self, network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, state: State
    ) -> tuple[Float[Array, ""], Params, State]:
        """The loss of the batch, the direction to subtract (named as the parameters), and the new state."""


# --- the replacements ---------------------------------------------------------------------------------------------------


def own_leak(network: AbstractUnitNetwork) -> Response:
    """A unit keeps of its state what its own response keeps; the synapses pass nothing."""
    return lambda params, h, a: network.respond(h, a)


def own_diagonal(network: AbstractUnitNetwork) -> Response:
    """A unit keeps its own response and its own recurrent weight."""

    def respond(params: Params, h: Array, a: Array) -> Array:
        rate = network.rates(h)
        return network.respond(
            h, a + stop_gradient(network.self_weights(params)) * (rate - stop_gradient(rate))
        )

    return respond


def decayed(network: AbstractNetwork, decay: Float[Array, "..."] | float | tuple[float, ...]) -> Response:
    """A unit keeps a given share of its state, one number for all units or one per unit.

    Raises:
        ValueError: if there are neither one nor `hidden` numbers.
    """
    shape = jnp.shape(jnp.asarray(decay))
    if shape not in ((), (network.hidden,)):
        raise ValueError(
            f"decay has {shape[0]} values; give one number, or one per hidden unit ({network.hidden})."
        )
    respond = synapses_and_units(network)[1]

    def response(params: Params, h: Array, a: Array) -> Array:
        return respond(stop_gradient(h), a) + jnp.asarray(decay, h.dtype) * (h - stop_gradient(h))

    return response


def true_readout(network: AbstractNetwork) -> ErrorPath:
    """The error takes the true way back through the readout."""
    return lambda params, h, error: jax.vjp(lambda h: network.readout(params, h), h)[1](error)[0]


def fixed_feedback(network: AbstractUnitNetwork, feedback: Callable[[Params], Array], gate: bool) -> ErrorPath:
    r"""The error enters through F: $r'(h)\circ F\varepsilon$ with the `gate`, as on its true way, else $F\varepsilon$.

    $\varepsilon$ is the derivative of the loss in the output itself; a non-linearity of the readout is not differentiated.

    Args:
        network: tells its rates $r(h)$.
        feedback: F [hidden, output], which may follow the parameters.
        gate: as above.
    """

    def enter(params: Params, h: Array, error: Array) -> Array:
        F = feedback(params)
        if jnp.shape(F) != (network.hidden, network.output):
            raise ValueError(
                f"feedback has shape {jnp.shape(F)}; this network needs [hidden, output] = "
                f"({network.hidden}, {network.output})."
            )
        arriving = error @ jnp.asarray(F, error.dtype).T
        return jax.vjp(network.rates, h)[1](arriving)[0] if gate else arriving

    return enter


def error_path(network: AbstractNetwork, feedback: str, gate: bool, state: State) -> ErrorPath:
    """The way of the error for `feedback` "random" (the entry of the state) or "symmetric" (the current readout).

    Raises:
        TypeError: if the network does not tell its rates, or, without the gate, has no readout `c` to take from.
    """
    if feedback == "symmetric" and gate:
        return true_readout(network)
    units = require_units(network, f"{feedback} feedback" + ("" if gate else " with gate=False"))
    if feedback == "symmetric":
        return fixed_feedback(units, lambda params: params["c"].T, gate)
    return fixed_feedback(units, lambda params: state["feedback"], gate)


def initial_feedback(network: AbstractNetwork, feedback: str, key: PRNGKeyArray) -> State:
    """A fixed random `feedback` [hidden, output], entries N(0, 1/hidden), or nothing if it is symmetric."""
    if feedback == "symmetric":
        return {}
    return {"feedback": jax.random.normal(key, (network.hidden, network.output)) / jnp.sqrt(network.hidden)}


def check_feedback(feedback: str) -> None:
    """Refuse an unknown kind of feedback.

    Raises:
        ValueError: with the kinds there are.
    """
    if feedback not in FEEDBACKS:
        raise ValueError(f"feedback '{feedback}' is unknown; choose one of {', '.join(FEEDBACKS)}.")


def require_units(network: AbstractNetwork, what: str) -> AbstractUnitNetwork:
    """The network itself, if its synapses are separate from its units.

    Raises:
        TypeError: otherwise, naming what asked for it.
    """
    if not isinstance(network, AbstractUnitNetwork):
        raise TypeError(
            f"{what} needs a network whose synapses are separate from its units (drive, respond, rates), and "
            f"{type(network).__name__} offers step alone; use bptt, rtrl, tbptt, or rflo with a given decay and gate=False."
        )
    return network


# --- the gradient of the edited graph -----------------------------------------------------------------------------------


def local_gradient(
    network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, respond: Response, enter: ErrorPath
) -> tuple[Float[Array, ""], Params]:
    """The loss, and its gradient when error enters by `enter` and every unit passes it on by `respond` alone."""
    course = taken_course(network, params, trials)
    loss, direction, errors = state_errors(network, task, params, trials, course, enter)
    return loss, add(direction, synaptic(network, params, course, filtered(respond, params, course, errors)))


class Course(NamedTuple):
    """What a batch went through, time first: inputs, the initial state, drives, and the state after every step."""

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
    # Turned outside the loop, a matrix meets a batch of rows in the order that is fast; turning it back costs nothing.
    turned = jax.lax.optimization_barrier(jax.tree.map(jnp.transpose, params))

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
    loss, errors = jax.value_and_grad(
        lambda y: task.loss(jnp.swapaxes(y.reshape(*shape[:2], -1), 0, 1), trials)
    )(outputs)
    return loss, pull(errors)[0], jax.vmap(enter, (None, 0, 0))(params, after, errors).reshape(shape)


def filtered(
    respond: Response, params: Params, course: Course, errors: Float[Array, "step trial state"]
) -> Float[Array, "step trial state"]:
    r"""The error of every drive when units pass error on by an edited response alone.

    $\lambda(t)=l(t)+d(t+1)\lambda(t+1)$ and $D(t)=s(t)\lambda(t)$, with $d$ and $s$ the slopes of the response in h and a.
    """

    def back(adjoint: Array, now: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        h, a, error = now
        return jax.vjp(lambda h, a: jax.vmap(respond, (None, 0, 0))(params, h, a), h, a)[1](adjoint + error)

    start = jnp.zeros_like(course.start)
    return jax.lax.scan(back, start, (course.before, course.drives, errors), reverse=True)[1]


def synaptic(
    network: AbstractNetwork, params: Params, course: Course, drive_errors: Float[Array, "step trial state"]
) -> Params:
    """The gradient in the parameters of `drive` from the errors of all drives, one product over steps and trials."""
    drive = synapses_and_units(network)[0]

    def product(before: Array, inputs: Array, errors: Array) -> Params:
        pull = jax.vjp(lambda p: jax.vmap(drive, (None, 0, 0), out_axes=1)(p, before, inputs), params)[1]
        # Errors with the rows last meet states with the rows first in the order that is fast; the barrier keeps it so.
        return pull(jax.lax.optimization_barrier(errors.T))[0]

    # Step t reads what step t - 1 wrote, and the rates of all that was written are there already, from the readout.
    first = product(course.start, course.inputs[0], drive_errors[0])
    return add(first, product(_rows(course.after), _rows(later(course.inputs, 1)), _rows(later(drive_errors, 1))))


def later(values: Float[Array, "step ..."], steps: int) -> Float[Array, "step ..."]:
    """What stands some steps later, 0 beyond the last."""
    return jnp.concatenate([values[steps:], jnp.zeros_like(values[:steps])])


def add(left: Params, right: Params) -> Params:
    """The sum of two directions, parameter by parameter."""
    return jax.tree.map(jnp.add, left, right)


def synapses_and_units(network: AbstractNetwork) -> tuple[Step, Callable[[Array, Array], Array]]:
    """`drive` and `respond`; a network that offers `step` alone is all synapses, and its units keep what they are given."""
    if isinstance(network, AbstractUnitNetwork):
        return network.drive, network.respond
    return network.step, lambda h, a: a


def _rows(values: Float[Array, "step trial channel"]) -> Float[Array, "row channel"]:
    return values.reshape(-1, values.shape[-1])
