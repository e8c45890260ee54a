"""Real-time recurrent learning: the exact gradient, carried forward with the state."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params, initial_state
from stepwell.rule.base import AbstractRule, State, add, state_errors, taken_course, true_readout
from stepwell.task.base import AbstractTask, Trials

MOST_UNITS = 64


class RTRL(AbstractRule):
    r"""The sensitivity $M_t=\partial h_t/\partial\theta$ of the state to every parameter, carried forward in time.

    $M_{t+1}=J_tM_t+\partial_\theta\,\mathrm{step}$ and $G=\sum_t l(t)M_{t+1}$, with $l(t)$ the error that the readout sends
    into $h_{t+1}$. Nothing is cut: it equals BPTT while weights are constant within a trial. It is a reference and a
    demonstration; time $O(n^4)$ per step and memory $O(n^3)$ per trial. Works on every network.

    Source: williams2026, section 2.
    """

    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """No state.

        Raises:
            ValueError: for more than 64 units.
        """
        _check_size(network)
        return {}

    def gradient(
        self, network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, state: State
    ) -> tuple[Float[Array, ""], Params, State]:
        """The loss and its gradient by the forward recursion."""
        _check_size(network)
        course = taken_course(network, params, trials)
        loss, direction, errors = state_errors(network, task, params, trials, course, true_readout(network))
        start = (
            initial_state(network, trials, params),
            _no_influence(network, params),
            jax.tree.map(jnp.zeros_like, params),
        )

        def advance(carry: tuple[Array, Params, Params], now: tuple[Array, Array]) -> tuple[tuple, None]:
            h, influence, gradient = carry
            x, error = now
            by_params, by_h = jax.jacobian(network.step, (0, 1))(params, h, x)
            influence = jax.tree.map(
                lambda M, direct: jnp.tensordot(by_h, M, 1) + direct, influence, by_params
            )
            gradient = jax.tree.map(lambda G, M: G + jnp.tensordot(error, M, 1), gradient, influence)
            return (network.step(params, h, x), influence, gradient), None

        def one(inputs: Array, errors: Array) -> Params:
            return jax.lax.scan(advance, start, (inputs, errors))[0][2]

        gradients = jax.vmap(one, in_axes=1)(course.inputs, errors)
        return loss, add(direction, jax.tree.map(lambda G: G.sum(0), gradients)), state


def _no_influence(network: AbstractNetwork, params: Params) -> Params:
    return jax.tree.map(lambda p: jnp.zeros((network.hidden, *p.shape), p.dtype), params)


def _check_size(network: AbstractNetwork) -> None:
    if network.hidden > MOST_UNITS:
        raise ValueError(
            f"rtrl costs hidden^4 per step and is refused above {MOST_UNITS} units, got {network.hidden}; "
            "use bptt, which gives the same gradient."
        )
