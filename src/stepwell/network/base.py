"""What learns: a network is a step, a readout and a way to start; in a unit network synapses stand apart."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import Settings
from stepwell.trials import Trials

Params = dict[str, Float[Array, "..."]]
Step = Callable[[Params, Array, Array], Array]
Readout = Callable[[Params, Array], Array]


class AbstractNetwork(eqx.Module, metaclass=Settings):
    """A recurrent network, written for one trial and batched at the call.

    $h_{t+1} = \\mathrm{step}(h_t, x_t)$ and $y_t = \\mathrm{readout}(h_{t+1})$: the output follows the step.
    """

    hidden: eqx.AbstractVar[int]
    input: eqx.AbstractVar[int]
    output: eqx.AbstractVar[int]

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters at the start of training, a dict of arrays."""

    @abc.abstractmethod
    def step(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """The state after one step."""

    @abc.abstractmethod
    def readout(self, params: Params, h: Float[Array, " hidden"]) -> Float[Array, " output"]:
        """The output read from a state."""

    @abc.abstractmethod
    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The outputs of a batch of trials. Most networks return `unroll(self, params, trials)`."""


class AbstractUnitNetwork(AbstractNetwork):
    """A network whose synapses are separate from its units: a local rule can cut the one and keep the other.

    $a_t = \\mathrm{drive}(h_t, x_t)$ is all-to-all and linear in the parameters;
    $h_{t+1} = \\mathrm{respond}(h_t, a_t)$ acts unit by unit. Synapses and readout see the state through
    $r = \\mathrm{rates}(h)$.
    """

    @abc.abstractmethod
    def drive(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """Synaptic input of every unit, e.g. $W r(h) + b x$.

        Written as $r W^\\top + x b^\\top$, it runs faster: a batch of trials is a matrix of rows.
        """

    @abc.abstractmethod
    def respond(self, h: Float[Array, " hidden"], a: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        """The next state of every unit from its own state and its own drive."""

    @abc.abstractmethod
    def rates(self, h: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        """What other units and the readout see of a state, unit by unit: $h$ or $\\phi(h)$."""

    @abc.abstractmethod
    def self_weights(self, params: Params) -> Float[Array, " hidden"]:
        """The diagonal of the recurrent weights: the strength with which a unit drives itself."""

    def step(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """One step: synapses, then units."""
        return self.respond(h, self.drive(params, h, x))


def unroll(
    network: AbstractNetwork,
    params: Params,
    trials: Trials,
    step: Step | None = None,
    readout: Readout | None = None,
) -> Float[Array, "trial step output"]:
    """The outputs of a batch of trials by a scan over steps.

    Args:
        network: gives `hidden`, and `step` and `readout` where none is given.
        params: the parameters, shared by all trials.
        trials: inputs [trial, step, input] and the initial state.
        step, readout: edited versions (same values forward, other paths back), for the rules that cut or
            replace paths.
    """
    step, readout = step or network.step, readout or network.readout
    h0 = initial_state(network, trials, params)

    def one(inputs: Float[Array, "step input"]) -> Float[Array, "step output"]:
        def advance(h: Array, x: Array) -> tuple[Array, Array]:
            h = step(params, h, x)
            return h, readout(params, h)

        return jax.lax.scan(advance, h0, inputs)[1]

    return each_trial(one, trials.inputs)


def each_trial(
    one: Callable[[Array], Array], inputs: Float[Array, "trial step input"]
) -> Float[Array, "trial step *channel"]:
    """`one` on every trial of a batch. A single one is not stacked: batched products of one are slow."""
    return one(inputs[0])[None] if len(inputs) == 1 else jax.vmap(one)(inputs)


def initial_state(network: AbstractNetwork, trials: Trials, params: Params) -> Float[Array, " state"]:
    """The state before the first step, [hidden], in the dtype of the parameters."""
    dtype = jax.tree.leaves(params)[0].dtype
    # Some units keep more than they show (the cells of an LSTM); their network tells the length of its state.
    length = getattr(network, "state", network.hidden)
    return jnp.broadcast_to(jnp.asarray(0.0 if trials.h0 is None else trials.h0, dtype), (length,))


def apart(key: PRNGKeyArray) -> PRNGKeyArray:
    """A key whose draws share nothing with those of another one or of its parts.

    What folds in a small number i is the same key as entry i of `jax.random.split`.
    """
    return jax.random.fold_in(key, 2**32 - 1)
