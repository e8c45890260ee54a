"""Random feedback local online learning: units have decaying traces, and error arrives by fixed feedback."""

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractNetwork, Params
from stepwell.rule.base import (
    AbstractRule,
    ErrorPath,
    Response,
    State,
    check_feedback,
    decayed,
    error_path,
    initial_feedback,
    own_leak,
    require_units,
)
from stepwell.rule.course import local_gradient
from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials


class RFLO(AbstractRule):
    r"""The state Jacobian is replaced by a decay, the readout by `feedback` F [hidden, output].

    For unit i and presynaptic signal z, with the slope $s_{t,i}=\partial h_{t+1,i}/\partial a_{t,i}$:
    $p_{ij}\leftarrow d_i\,p_{ij}+s_{t,i}z_{t,j}$ and $\Delta W_{ij}=\sum_t(F\varepsilon_t)_i\,p_{ij}$. The
    readout learns by its exact gradient. The direction is not a gradient.

    Attributes:
        decay: d in [0, 1), one number or one per unit; None takes what a unit keeps of its own state, its
            leak.
        feedback: "random" (fixed, drawn by `init`), or "symmetric" for the current readout, transposed.
        gate: whether the error passes the slope of the rates as it enters a state. It matters where
            synapses and readout see $\phi(h)$. Symmetric feedback without the gate is the parameter `c`,
            transposed.

    Raises:
        ValueError: for a decay outside [0, 1) or an unknown feedback.
        TypeError: for a decay that is no number.

    Source: williams2026, section 2 (random feedback, given decay); the default decay is Murray's.
    """

    decay: float | tuple[float, ...] | None = eqx.field(default=None, converter=lambda decay: _numbers(decay))
    feedback: str = setting("random")
    gate: bool = setting(True)

    def __check_init__(self) -> None:
        check_feedback(self.feedback)
        for share in self.decay if isinstance(self.decay, tuple) else (self.decay,):
            if isinstance(share, str):
                raise TypeError(f"decay='{share}' is no number; give one, or one per unit, in [0, 1).")
            if isinstance(share, float) and not 0 <= share < 1:
                raise ValueError(
                    f"decay={share} is out of range; it is the share of a trace kept, in [0, 1)."
                )

    def init(self, network: AbstractNetwork, key: PRNGKeyArray) -> State:
        """The fixed random `feedback`, if it is random.

        Raises:
            TypeError: for a network that does not tell what the rule needs: its own leak, or its rates.
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
        enter = error_path(network, self.feedback, self.gate, state)
        if self.decay is None:
            return own_leak(require_units(network, "rflo with decay=None")), enter
        return decayed(network, self.decay), enter


def _numbers(decay: Any) -> Any:
    """One float or a tuple of floats; what a trainer has made an array stays one."""
    if isinstance(decay, (list, tuple, np.ndarray)) and np.ndim(decay) == 1:
        return tuple(float(share) for share in decay)
    return float(decay) if isinstance(decay, (int, float)) else decay
