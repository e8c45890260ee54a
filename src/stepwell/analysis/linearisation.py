r"""What a network does near an operating point: the linear system of its step, $h'=Wh+bx$, $y=ch$.

Deviations from the point follow that system; its poles, zeros and residues are those of `analysis.transfer`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from stepwell.analysis.system import Numbers, finite
from stepwell.analysis.transfer import poles, residues, zeros
from stepwell.network import AbstractNetwork, Params

System = tuple[np.ndarray, np.ndarray, np.ndarray]


class OperatingPoint(NamedTuple):
    """The linear system at one operating point.

    Attributes:
        W, b, c: Jacobians of the step and of the readout, [hidden, hidden], [hidden, input], [output,
            hidden].
        poles: of W, [hidden].
        residues: in their order, [hidden, output, input]; NaN where W has no basis of eigenvectors.
        zeros: by (output, input), each [zero]; there is none where the transfer function vanishes.
    """

    W: np.ndarray
    b: np.ndarray
    c: np.ndarray
    poles: np.ndarray
    residues: np.ndarray
    zeros: dict[tuple[int, int], np.ndarray]


class TimeScales(NamedTuple):
    """How fast modes decay and turn.

    Attributes:
        time_constant: until a mode is down to 1/e, in ms (in steps if the step is not known); negative for a
            mode that grows.
        frequency: of its oscillation, in Hz (per step if the step is not known).
    """

    time_constant: np.ndarray
    frequency: np.ndarray


def linearise(
    network: AbstractNetwork, params: Mapping[str, Numbers], state: Numbers, input: Numbers
) -> System:
    r"""The Jacobians $W=\partial h'/\partial h$, $b=\partial h'/\partial x$, $c=\partial y/\partial h$.

    Args:
        network: any network with a step that JAX can differentiate.
        params: its parameters.
        state: the operating point, [hidden].
        input: there, [input], or one number for all channels.

    Returns:
        `W` [hidden, hidden] and `b` [hidden, input] of the step map, `c` [output, hidden] of the readout; c
        is taken at the given state.

    Raises:
        ValueError: for sizes that do not fit, NaN or infinity.

    Example:
        >>> from stepwell import NETWORKS
        >>> params = {"W": np.eye(2), "b": np.ones((2, 1)), "c": np.ones((1, 2))}
        >>> W, b, c = linearise(NETWORKS["rate"](hidden=2), params, state=[0.0, 0.0], input=0.0)
        >>> print(W)
        [[1. 0.]
         [0. 1.]]
    """
    W, b, c = linearised(network, params, finite("the state", state)[None], finite("the input", input)[None])
    return W[0], b[0], c[0]


def linearised(
    network: AbstractNetwork, params: Mapping[str, Numbers], states: Numbers, inputs: Numbers
) -> System:
    """The linear systems along a trajectory, or at several points; see `linearise`.

    Args:
        network, params: as in `linearise`.
        states: [point, hidden]. inputs: [point, input], or [point] for all channels alike.

    Returns:
        `W` [point, hidden, hidden], `b` [point, hidden, input], `c` [point, output, hidden].

    Example:
        >>> from stepwell import NETWORKS
        >>> network = NETWORKS["rate"](hidden=3)
        >>> params = network.init(jax.random.key(0))
        >>> W, b, c = linearised(network, params, np.zeros((5, 3)), np.zeros(5))
        >>> poles(W).shape
        (5, 3)
    """
    h, x = finite("the states", states), finite("the inputs", inputs)
    size = getattr(network, "state", network.hidden)
    x = np.broadcast_to(x[:, None], (len(x), network.input)) if x.ndim == 1 else x
    if h.ndim != 2 or h.shape[1] != size or x.shape != (len(h), network.input):
        raise ValueError(
            f"the states have shape {h.shape} and the inputs {x.shape}; this network needs [point, {size}] "
            f"and [point, {network.input}]."
        )
    arrays = {name: jnp.asarray(finite(name, value)) for name, value in params.items()}
    W, b, c = _jacobians(network, arrays, jnp.asarray(h), jnp.asarray(x))
    return np.asarray(W), np.asarray(b), np.asarray(c)


def operating_point(
    network: AbstractNetwork, params: Mapping[str, Numbers], state: Numbers, input: Numbers
) -> OperatingPoint:
    """Poles, zeros and residues of the network linearised at one point; arguments as in `linearise`.

    Example:
        >>> from stepwell import NETWORKS
        >>> params = {"W": np.diag([0.5, -0.4]), "b": np.ones((2, 1)), "c": np.ones((1, 2))}
        >>> found = operating_point(NETWORKS["linear"](hidden=2), params, [0.0, 0.0], 0.0)
        >>> print(found.poles.real, found.zeros[0, 0].real.round(3))
        [ 0.5 -0.4] [0.05]
    """
    W, b, c = linearise(network, params, state, input)
    try:
        weights = residues(W, b, c)
    except ValueError:  # too few eigenvectors
        weights = np.full((len(W), len(c), b.shape[1]), np.nan, complex)
    found = {}
    for i in range(len(c)):
        for j in range(b.shape[1]):
            try:
                found[i, j] = zeros(W, b[:, j : j + 1], c[i : i + 1])
            except ValueError:  # the transfer function vanishes everywhere
                continue
    return OperatingPoint(W, b, c, poles(W), weights, found)


def time_scales(values: Numbers, step: float | int | None = None) -> TimeScales:
    r"""Time constants $-\Delta/\ln|\lambda|$ and frequencies $|\arg\lambda|/2\pi\Delta$ of poles.

    Args:
        values: poles, [...], complex.
        step: duration $\Delta$ of a step in ms; None for times in steps and frequencies per step.

    Returns:
        Time constants and frequencies, each [...].

    Example:
        >>> found = time_scales(np.array([np.exp(-1 / 20), 1j * np.exp(-1 / 5)]), step=2.0)
        >>> print(found.time_constant.round(6), found.frequency)
        [40. 10.] [  0. 125.]
    """
    if step is not None and not step > 0:
        raise ValueError(f"step={step} is no duration; it must be above 0, in ms.")
    poles = np.asarray(values, complex)
    with np.errstate(divide="ignore"):
        constant = -1 / np.log(np.abs(poles)) + 0.0
    turns = np.abs(np.angle(poles)) / (2 * np.pi)
    return TimeScales(constant * (step or 1.0), turns * (1000.0 / step if step else 1.0))


@eqx.filter_jit
def _jacobians(network: AbstractNetwork, params: Params, states: Any, inputs: Any) -> tuple[Any, Any, Any]:
    def one(h: Any, x: Any) -> tuple[Any, Any, Any]:
        W, b = jax.jacobian(network.step, argnums=(1, 2))(params, h, x)
        return W, b, jax.jacobian(network.readout, argnums=1)(params, h)

    return jax.vmap(one)(states, inputs)
