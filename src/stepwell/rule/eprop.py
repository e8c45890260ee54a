"""e-prop: each unit has a trace with its own recurrent weight, and error arrives by fixed feedback."""

from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params
from stepwell.rule.base import (
    AbstractRule,
    ErrorPath,
    Response,
    State,
    check_feedback,
    error_path,
    initial_feedback,
    own_diagonal,
    require_units,
)
from stepwell.rule.course import local_gradient
from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials


class EProp(AbstractRule):
    r"""The state Jacobian is replaced by its diagonal, the readout by `feedback` F [hidden, output].

    As `RFLO` with the decay $d_{t,i}=(J_t)_{ii}$: what a unit keeps of its state, and what it sends itself
    through its own recurrent weight. The readout learns by its exact gradient. The direction is not a
    gradient, and it depends on the basis of the hidden units: turning it changes which weights are a unit's
    own.

    Attributes:
        feedback: "random" (fixed, drawn by `init`), or "symmetric" for the current readout, transposed.
        gate: whether the error passes the slope of the rates as it enters a state, as in `RFLO`.

    Raises:
        ValueError: for an unknown feedback.

    Source: williams2026, caption of Fig. 6; that its feedback is random is our reading.
    """

    feedback: str = setting("random")
    gate: bool = setting(True)

    def __check_init__(self) -> None:
        check_feedback(self.feedback)

    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """The fixed random `feedback`, if it is random.

        Raises:
            TypeError: for a network whose synapses are not separate from its units.
        """
        state = initial_feedback(network, self.feedback, key)
        self._edits(network, state)
        return state

    def gradient(
        self, network: AbstractNetwork, task: AbstractTask, params: Params, trials: Trials, state: State
    ) -> tuple[Float[Array, ""], Params, State]:
        """The loss and the direction of change, a gradient for the readout alone."""
        loss, direction = local_gradient(network, task, params, trials, *self._edits(network, state))
        return loss, direction, state

    def _edits(self, network: AbstractNetwork, state: State) -> tuple[Response, ErrorPath]:
        units = require_units(network, "eprop")
        return own_diagonal(units), error_path(network, self.feedback, self.gate, state)
