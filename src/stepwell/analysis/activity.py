"""What the units do during a batch of trials: states, their principal components."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from stepwell.analysis.system import Numbers
from stepwell.network import AbstractNetwork, Params, unroll
from stepwell.task import Trials


def states(network: AbstractNetwork, params: Params, trials: Trials) -> Float[Array, "trial step state"]:
    """The states of a batch, after each step.

    Args:
        network, params: what runs. trials: inputs and initial state.

    Example:
        >>> import jax
        >>> from stepwell import NETWORKS, TASKS
        >>> network, trials = NETWORKS["rate"](hidden=5), TASKS["step_target"]().trials(jax.random.key(0))
        >>> states(network, network.init(jax.random.key(1)), trials).shape
        (1, 202, 5)
    """
    params = {name: jnp.asarray(value, trials.inputs.dtype) for name, value in params.items()}
    return _states(network, params, trials)


class PrincipalComponents(NamedTuple):
    """Principal components of activity.

    Attributes:
        mean: over all trials and steps, [unit].
        directions: orthonormal, [unit, component].
        variances: of the activity along each direction, descending, [component].
    """

    mean: np.ndarray
    directions: np.ndarray
    variances: np.ndarray

    def project(self, activity: Numbers) -> np.ndarray:
        """Activity [..., unit] in the coordinates of the components, [..., component]."""
        return (np.asarray(activity, float) - self.mean) @ self.directions


def principal_components(activity: Numbers, count: int | None = None) -> PrincipalComponents:
    """The directions of largest variance of activity.

    The participation ratio of activity is `participation_ratio(np.sqrt(components.variances))`, of all
    components.

    Args:
        activity: [..., unit]; all leading axes are samples.
        count: how many components; None for all.

    Example:
        >>> found = principal_components([[1.0, 1.0], [-1.0, -1.0], [2.0, 2.0], [-2.0, -2.0]])
        >>> print(found.variances.round(6), abs(found.directions[:, 0]).round(4))
        [5. 0.] [0.7071 0.7071]

    Source: schuessler2020, section 5.
    """
    samples = np.asarray(activity, float)
    samples = samples.reshape(-1, samples.shape[-1])
    mean = samples.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(samples, rowvar=False, ddof=0, dtype=float))
    variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1]
    return PrincipalComponents(mean, directions[:, :count], variances[:count])


@eqx.filter_jit
def _states(network: AbstractNetwork, params: Params, trials: Trials) -> Float[Array, "trial step state"]:
    return unroll(network, params, trials, readout=lambda _, h: h)
