r"""A rule turns error into a direction of weight change: the gradient, with some of its paths replaced.

Error travels back through the readout into a state, and on to earlier states through the unit itself ($h_t$
beside its synapses) and through the synapses ($h_t$ inside `drive`). A local rule replaces the transposed
readout and the Jacobian of the state, $J_t=\partial h_{t+1}/\partial h_t$, by what needs no other unit:

| instead of | stands | which is |
|---|---|---|
| $J_t$ | `own_leak` | what a unit keeps of its state beside its synapses, e.g. $\ell I$ |
| $J_t$ | `own_diagonal` | $\mathrm{diag}(J_t)$ |
| $J_t$ | `decayed` | $\mathrm{diag}(d)$ for a given decay; with d = 0 nothing passes |
| $c^\top$ | `fixed_feedback` | a given matrix F |

These are edits of the unrolled graph that leave every value as it is; `course.local_gradient` is the
gradient of the edited graph.
"""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, AbstractUnitNetwork, Params, Step
from stepwell.settings import Settings
from stepwell.task.base import AbstractTask, Trials

State = dict[str, Float[Array, "..."]]
# (parameters, h, a) -> the next state, and (parameters, h, error of the output) -> the error of the state.
Response = Callable[[Params, Array, Array], Array]
ErrorPath = Callable[[Params, Array, Array], Array]
FEEDBACKS = ("random", "symmetric")


class AbstractRule(eqx.Module, metaclass=Settings):
    """Gradient descent through the unrolled graph, with some of its paths cut or replaced."""

    @abc.abstractmethod
    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """What the rule keeps between updates, by name: `feedback` [hidden, output] is one, if it has any.

        Raises:
            TypeError: for a network that this rule cannot train, with the reason.
        """

    @abc.abstractmethod
    def gradient(
        self, network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, state: State
    ) -> tuple[Float[Array, ""], Params, State]:
        """The loss of the batch, the direction to subtract (named as the parameters), and the new state."""


def own_leak(network: AbstractUnitNetwork) -> Response:
    """A unit keeps of its state what its response keeps; the synapses pass nothing."""
    return lambda params, h, a: network.respond(h, a)


def own_diagonal(network: AbstractUnitNetwork) -> Response:
    """A unit keeps what its response keeps, and what it sends itself through its own recurrent weight."""

    def respond(params: Params, h: Array, a: Array) -> Array:
        rate = network.rates(h)
        return network.respond(
            h, a + stop_gradient(network.self_weights(params)) * (rate - stop_gradient(rate))
        )

    return respond


def decayed(network: AbstractNetwork, decay: float | tuple[float, ...] | Float[Array, "..."]) -> Response:
    """A unit keeps a given share of its state: one number for all units, or one per unit.

    Raises:
        ValueError: if there are neither one nor `hidden` numbers.
    """
    share = jnp.asarray(decay)
    if share.shape not in ((), (network.hidden,)):
        raise ValueError(
            f"decay has {share.size} values; give one number, or one per hidden unit ({network.hidden})."
        )
    respond = synapses_and_units(network)[1]

    def response(params: Params, h: Array, a: Array) -> Array:
        return respond(stop_gradient(h), a) + share.astype(h.dtype) * (h - stop_gradient(h))

    return response


def true_readout(network: AbstractNetwork) -> ErrorPath:
    """The error takes the true way back through the readout."""
    return lambda params, h, error: jax.vjp(lambda h: network.readout(params, h), h)[1](error)[0]


def fixed_feedback(
    network: AbstractUnitNetwork, feedback: Callable[[Params], Array], gate: bool
) -> ErrorPath:
    r"""The error enters the state as $F\varepsilon$, or with the `gate` as $r'(h)\circ F\varepsilon$.

    The gate is what it meets on its true way. $\varepsilon$ is the derivative of the loss in the output
    itself; a non-linear readout is not differentiated.

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
    """The way of the error for `feedback` "random" (the entry of the state) or "symmetric" (the readout).

    Raises:
        TypeError: if a network without known rates is asked for anything but its true readout.
        ValueError: if the state lacks its feedback.
    """
    if feedback == "symmetric" and gate:
        return true_readout(network)
    units = require_units(network, f"{feedback} feedback" + ("" if gate else " with gate=False"))
    if feedback == "symmetric":
        return fixed_feedback(units, lambda params: params["c"].T, gate)
    if "feedback" not in state:
        raise ValueError(
            "the state lacks the entry 'feedback' [hidden, output]; start from rule.init(network, key)."
        )
    return fixed_feedback(units, lambda params: state["feedback"], gate)


def initial_feedback(network: AbstractNetwork, feedback: str, key: PRNGKeyArray) -> State:
    """A fixed random `feedback` [hidden, output] with entries N(0, 1/hidden); nothing if it is symmetric."""
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
            f"{type(network).__name__} offers step alone; use bptt, rtrl or tbptt."
        )
    return network


def synapses_and_units(network: AbstractNetwork) -> tuple[Step, Callable[[Array, Array], Array]]:
    """`drive` and `respond`; a network that offers `step` alone is all synapses, units keep their drive."""
    if isinstance(network, AbstractUnitNetwork):
        return network.drive, network.respond
    return network.step, lambda h, a: a
