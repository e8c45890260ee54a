r"""The tangent kernel $K=JJ^\top$ of a network, and how far learning moves it.

J has a row per output, trial and step on which the task asks for something, and a column per trainable
parameter. Where K does not change the network learns as its linearisation does: the lazy limit.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from stepwell.analysis.landscape import landscape_of
from stepwell.analysis.system import Numbers
from stepwell.experiment import Experiment
from stepwell.network import Params


class KernelDrift(NamedTuple):
    r"""How far learning moved a network and its tangent kernel.

    Attributes:
        drift: $\|K_1-K_0\|/\|K_0\|$, Frobenius norms.
        cosine: between $K_0$ and $K_1$; 1 where the kernel only grew.
        moved: $|\theta_1-\theta_0|/|\theta_0|$ of the trainable parameters.
        distance: $|\theta_1-\theta_0|$.
    """

    drift: float
    cosine: float
    moved: float
    distance: float


def tangent_kernel_drift(
    experiment: Experiment,
    before: Mapping[str, Numbers],
    after: Mapping[str, Numbers],
    trials: int | None = None,
) -> KernelDrift:
    """How far the tangent kernel and the parameters are after learning from what they were before.

    Args:
        experiment: gives task, network and what is trainable. The trials are those of `jax.random.key(0)`.
        before, after: the parameters by name, as `network.init` shapes them.
        trials: how many; None for the task's batch. A row of J takes as many numbers as there are parameters.

    Raises:
        ValueError: for parameters that are not those of the network, or hold NaN.

    Example:
        One weight that is read through a weight of 1, then of 2: the kernel of both is 1 + 1, then 4 + 1.

        >>> from stepwell import NETWORKS, TASKS, Experiment
        >>> task = TASKS["impulse"](poles=(0.0,), residues=(3.0,))
        >>> experiment = Experiment(task, NETWORKS["linear"](hidden=1), trainable=("b", "c"))
        >>> one, two = ({"W": [[0.0]], "b": [[1.0]], "c": [[c]]} for c in (1.0, 2.0))
        >>> tangent_kernel_drift(experiment, one, two).drift
        1.5

    Source: ours, for the lazy limit of schuessler2020.
    """
    K0, K1 = (tangent_kernel(experiment, params, trials) for params in (before, after))
    names = before if experiment.trainable is None else experiment.trainable
    x0, x1 = (np.concatenate([np.ravel(params[name]) for name in names]) for params in (before, after))
    size, distance = np.linalg.norm(K0), float(np.linalg.norm(x1 - x0))
    return KernelDrift(
        drift=float(np.linalg.norm(K1 - K0) / size),
        cosine=float(np.sum(K0 * K1) / (size * np.linalg.norm(K1))),
        moved=distance / float(np.linalg.norm(x0)),
        distance=distance,
    )


def tangent_kernel(
    experiment: Experiment, params: Mapping[str, Numbers], trials: int | None = None
) -> np.ndarray:
    r"""The tangent kernel $JJ^\top$, [row, row]; rows in the order of trials, steps, outputs.

    Where the mask is 0 the rows are 0. Args and errors are those of `tangent_kernel_drift`.

    Example:
        >>> from stepwell import NETWORKS, TASKS, Experiment
        >>> task = TASKS["impulse"](poles=(0.5,), residues=(1.0,), steps=2)
        >>> experiment = Experiment(task, NETWORKS["linear"](hidden=1))
        >>> tangent_kernel(experiment, {"W": [[0.0]], "b": [[1.0]], "c": [[2.0]]})
        array([[5., 0.],
               [0., 4.]])

    Source: ours.
    """
    with jax.enable_x64(True):
        return np.asarray(_kernel(*landscape_of(experiment, params), trials))


@eqx.filter_jit
def _kernel(settings: Any, free: Params, fixed: Params, count: int | None) -> Float[Array, "row row"]:
    task, network = settings
    trials = task.trials(jax.random.key(0), count)
    packed, unpack = ravel_pytree(free)

    def outputs(vector: Array) -> Array:
        return (trials.mask * network.rollout({**fixed, **unpack(vector)}, trials)).ravel()

    shown, pull_back = jax.vjp(outputs, packed)
    rows = jax.lax.map(lambda row: pull_back(row)[0], jnp.eye(len(shown), dtype=shown.dtype), batch_size=64)
    return rows @ rows.T
