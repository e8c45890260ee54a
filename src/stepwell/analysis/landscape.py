"""The loss landscape around a set of parameters: gradient, Hessian, its spectrum and its index.

The landscape is the one that training goes down: the task's loss on one batch, as a function of the trainable
parameters. These are packed in the order of their names, row by row: `W`, `b`, `c`. Everything is in float64.
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from stepwell.analysis.system import Numbers, finite
from stepwell.experiment import Experiment
from stepwell.network import Params


def hessian_spectrum(experiment: Experiment, params: Mapping[str, Numbers]) -> np.ndarray:
    """The eigenvalues of the Hessian of the loss, ascending.

    Args:
        experiment: gives task, network and what is trainable. The batch is that of `jax.random.key(0)`.
        params: the parameters by name, as `network.init` shapes them.

    Returns:
        [parameter], in units of loss per squared weight: rates of the gradient flow.

    Raises:
        ValueError: for parameters that are not those of the network, or hold NaN.

    Example:
        At the origin each unit is a way out, at the rate of the target's first response, 0.9 + 0.7 - 0.65:

        >>> from stepwell import NETWORKS, TASKS, Experiment
        >>> target = TASKS["impulse"](poles=(0.5, -0.45, -0.75), residues=(0.9, 0.7, -0.65))
        >>> experiment = Experiment(task=target, network=NETWORKS["linear"](hidden=3))
        >>> origin = {"W": np.zeros((3, 3)), "b": np.zeros((3, 1)), "c": np.zeros((1, 3))}
        >>> spectrum = hessian_spectrum(experiment, origin)
        >>> print(spectrum[:3], index(spectrum, threshold=0.01))
        [-0.95 -0.95 -0.95] 3

    Source: essay2026, section 5.
    """
    return np.linalg.eigvalsh(hessian(experiment, params))


def hessian(experiment: Experiment, params: Mapping[str, Numbers]) -> np.ndarray:
    """The Hessian of the loss, [parameter, parameter]. Args and errors are those of `hessian_spectrum`.

    Example:
        Input weight and readout of a silent unit: nothing pulls at either, but together they go downhill.

        >>> from stepwell import NETWORKS, TASKS, Experiment
        >>> target = TASKS["impulse"](poles=(0.5,), residues=(0.9,))
        >>> experiment = Experiment(task=target, network=NETWORKS["linear"](hidden=1))
        >>> print(hessian(experiment, {"W": [[0.0]], "b": [[0.0]], "c": [[0.0]]})[1:, 1:])
        [[ 0.  -0.9]
         [-0.9  0. ]]

    Source: essay2026, section 5.
    """
    with jax.enable_x64(True):
        return np.asarray(_hessian(*landscape_of(experiment, params)))


def gradient(experiment: Experiment, params: Mapping[str, Numbers]) -> tuple[float, dict[str, np.ndarray]]:
    """The loss and its exact gradient, named and shaped as the trainable parameters.

    Args and errors are those of `hessian_spectrum`. The experiment's rule plays no part.

    Example:
        >>> from stepwell import NETWORKS, TASKS, Experiment
        >>> target = TASKS["impulse"](poles=(0.0,), residues=(3.0,))
        >>> experiment = Experiment(task=target, network=NETWORKS["linear"](hidden=1))
        >>> loss, slope = gradient(experiment, {"W": [[0.0]], "b": [[1.0]], "c": [[2.0]]})
        >>> print(loss, slope["b"], slope["c"])
        0.5 [[-2.]] [[-1.]]

    Source: essay2026, section 8.1.
    """
    with jax.enable_x64(True):
        loss, slope = _gradient(*landscape_of(experiment, params))
        return float(loss), {name: np.asarray(value) for name, value in slope.items()}


def index(eigenvalues: Numbers, threshold: float | int) -> int:
    """The number of ways out of a saddle: eigenvalues below `-threshold`.

    Args:
        eigenvalues: of a Hessian, [parameter].
        threshold: what counts as downhill; a share of the expected escape rate, never an absolute number.

    Example:
        >>> index([-0.14, -0.14, -1e-5, 0.0, 3.9], threshold=0.01 * 0.14)
        2

    Source: essay2026, section 5.
    """
    if not threshold >= 0:
        raise ValueError(f"threshold={threshold} is no depth; it must be 0 or above.")
    return int(np.sum(finite("eigenvalues", eigenvalues) < -threshold))


def landscape_of(experiment: Experiment, params: Mapping[str, Numbers]) -> tuple[Any, Params, Params]:
    """Task and network with numbers as arrays, so that new ones compile nothing; free, fixed parameters."""
    needed = {name: a.shape for name, a in jax.eval_shape(experiment.network.init, jax.random.key(0)).items()}
    given = {name: jnp.asarray(finite(name, value)) for name, value in params.items()}
    found = {name: array.shape for name, array in given.items()}
    if found != needed:
        raise ValueError(f"the parameters have shapes {found}, the network needs {needed}.")
    settings = jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, (float, complex, np.ndarray)) else leaf,
        (experiment.task, experiment.network),
    )
    free = given.keys() if experiment.trainable is None else set(experiment.trainable)
    return (
        settings,
        {name: array for name, array in given.items() if name in free},
        {name: array for name, array in given.items() if name not in free},
    )


def _loss(settings: Any, free: Params, fixed: Params) -> Float[Array, ""]:
    task, network = settings
    trials = task.trials(jax.random.key(0))
    return task.loss(network.rollout({**fixed, **free}, trials), trials)


@eqx.filter_jit
def _gradient(settings: Any, free: Params, fixed: Params) -> tuple[Float[Array, ""], Params]:
    return jax.value_and_grad(_loss, argnums=1)(settings, free, fixed)


@eqx.filter_jit
def _hessian(settings: Any, free: Params, fixed: Params) -> Float[Array, "parameter parameter"]:
    packed, unpack = ravel_pytree(free)
    return jax.jacfwd(jax.grad(lambda vector: _loss(settings, unpack(vector), fixed)))(packed)
