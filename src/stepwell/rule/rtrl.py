"""Real-time recurrent learning: the exact gradient, carried forward with the state."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params, initial_state
from stepwell.rule.base import AbstractRule, State, true_readout
from stepwell.rule.course import add, state_errors, taken_course
from stepwell.task.base import AbstractTask, Trials

MOST_UNITS = 64


class RTRL(AbstractRule):
    r"""The influence $M_t=\partial h_t/\partial\theta$ of every parameter on the state, carried forward.

    $M_{t+1}=J_tM_t+\partial_\theta\,\mathrm{step}$ and $G=\sum_tl(t)M_{t+1}$, with $l(t)$ the error that
    enters $h_{t+1}$. Nothing is cut: while weights are constant within a trial it equals BPTT. It is a
    reference and a demonstration, at $O(n^4)$ time per step and $O(n^3)$ memory per trial. Works on every
    network.

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
        h0 = initial_state(network, trials, params)
        nothing = jax.tree.map(jnp.zeros_like, params)
        start = h0, jax.tree.map(lambda p: jnp.zeros((len(h0), *p.shape), p.dtype), params), nothing

        def advance(carry: tuple, now: tuple[Array, Array]) -> tuple[tuple, None]:
            (h, influence, gradient), (x, error) = carry, now
            direct, J = jax.jacobian(network.step, (0, 1))(params, h, x)
            influence = jax.tree.map(lambda M, new: jnp.tensordot(J, M, 1) + new, influence, direct)
            gradient = jax.tree.map(lambda G, M: G + jnp.tensordot(error, M, 1), gradient, influence)
            return (network.step(params, h, x), influence, gradient), None

        def one(inputs: Array, errors: Array) -> Params:
            return jax.lax.scan(advance, start, (inputs, errors))[0][2]

        gradients = jax.vmap(one, in_axes=1)(course.inputs, errors)
        return loss, add(direction, jax.tree.map(lambda G: G.sum(0), gradients)), state


def _check_size(network: AbstractNetwork) -> None:
    if network.hidden > MOST_UNITS:
        raise ValueError(
            f"rtrl costs hidden^4 per step and is refused above {MOST_UNITS} units, got {network.hidden}; "
            "use bptt, which gives the same gradient."
        )
