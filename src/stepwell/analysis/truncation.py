r"""How much of a weight change is needed: the loss with the change cut to low rank, or the start shuffled."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.analysis.system import Numbers
from stepwell.network import AbstractNetwork, Params
from stepwell.task import AbstractTask, Trials

Values = np.ndarray | np.generic  # an array over the batch axes, or a single number


def truncated_loss(
    params: Mapping[str, Numbers],
    initial: Mapping[str, Numbers],
    ranks: Sequence[int],
    network: AbstractNetwork,
    task: AbstractTask,
    trials: Trials,
    names: Sequence[str] | None = None,
    blocks: int = 1,
) -> np.ndarray:
    r"""The loss with $W_0$ plus the best rank-r approximation of $\Delta W$, for all r in one compiled call.

    Everything else, input and readout weights among it, is as trained. Several matrices are cut together, at
    the same rank. With zeros as `initial` the trained weights themselves are cut.

    Args:
        params, initial: parameters after and before training, by name.
        ranks: between 0 (no change) and the rank of the largest change.
        network, task: what was trained, on what.
        trials: one fixed batch for all ranks; its dtype is that of the computation.
        names: the matrices that are cut; None for `W`, or for the stacked matrices of an LSTM from the first
            recurrent one on.
        blocks: cut each matrix in this many blocks of rows, one by one: 4 for the gates of an LSTM.

    Returns:
        [ranks].

    Raises:
        ValueError: for a rank below 0 or above that of the matrices, names that the network does not have, or
            rows that the blocks do not divide.

    Example:
        >>> from stepwell import NETWORKS, TASKS
        >>> task, network = TASKS["step_target"](steps=8), NETWORKS["rate"](hidden=3)
        >>> start, end = (network.init(jax.random.key(seed)) for seed in (0, 1))
        >>> trials = task.trials(jax.random.key(2))
        >>> losses = truncated_loss(end, start, [0, 1, 3], network, task, trials)
        >>> bool(np.isclose(losses[2], task.loss(network.rollout(end, trials), trials)))
        True

    Source: schuessler2020, section 2 and Fig. 1 j-l; section 4 for the LSTM.
    """
    names = recurrent_names(params, names)
    stacks = {name: truncated(params[name], initial[name], ranks, blocks) for name in names}
    return _losses(network, task, params, stacks, trials)


def shuffled_loss(
    params: Mapping[str, Numbers],
    initial: Mapping[str, Numbers],
    network: AbstractNetwork,
    task: AbstractTask,
    trials: Trials,
    key: PRNGKeyArray,
    shuffles: int = 3,
    names: Sequence[str] | None = None,
) -> np.ndarray:
    r"""The loss with all entries of $W_0$ permuted, the diagonal included, and the trained $\Delta W$ kept.

    Args:
        params, initial, network, task, trials, names: as in `truncated_loss`.
        key: of the permutations.
        shuffles: how many.

    Returns:
        [shuffles]. Divided by the loss before training: near 0 if any start would do, near 1 if the change
        works with this one alone.

    Example:
        >>> from stepwell import NETWORKS, TASKS
        >>> task, network = TASKS["step_target"](steps=8), NETWORKS["rate"](hidden=3, g=0.0)
        >>> start, end = (network.init(jax.random.key(seed)) for seed in (0, 1))
        >>> trials = task.trials(jax.random.key(2))
        >>> losses = shuffled_loss(end, start, network, task, trials, jax.random.key(3))
        >>> bool(np.allclose(losses, task.loss(network.rollout(end, trials), trials)))
        True

    Source: schuessler2020, section 2 and Fig. 2c.
    """
    names = recurrent_names(params, names)
    keys = dict(zip(names, jax.random.split(key, len(names))))
    stacks = {
        name: np.asarray(params[name], float)
        - np.asarray(initial[name], float)
        + _permutations(np.asarray(initial[name], float), keys[name], shuffles)
        for name in names
    }
    return _losses(network, task, params, stacks, trials)


def functional_rank(losses: Numbers, threshold: float = 0.05) -> tuple[Values, Values]:
    """The ranks at which the truncated loss passes below `threshold` times its value at rank 0.

    It need not fall at every step, so there are two: the first rank below, and the rank after the last one
    that is not below.

    Args:
        losses: truncated losses at the ranks 0, 1, 2, ..., [..., ranks].
        threshold: share of the loss at rank 0.

    Returns:
        `first` and `last`, each [...]; NaN where the loss does not get there, or not for good.

    Example:
        >>> first, last = functional_rank([1.0, 0.01, 0.3, 0.02])
        >>> print(first, last)
        1.0 3.0

    Source: schuessler2020, section 2 and Fig. 2d (there the first; relative to rank 0 as in the authors'
    code).
    """
    L = np.asarray(losses, float)
    below = L < threshold * L[..., :1]
    first = np.where(below.any(-1), below.argmax(-1), np.nan)
    last = np.where(below[..., -1], L.shape[-1] - (~below[..., ::-1]).argmax(-1), np.nan)
    return first[()], last[()]


def truncated(W: Numbers, W0: Numbers, ranks: Sequence[int], blocks: int = 1) -> np.ndarray:
    r"""$W_0$ plus the best approximations of $W-W_0$ of the given ranks.

    Args:
        W, W0: after and before, [rows, columns].
        ranks: each between 0 and the smaller side of a block.
        blocks: number of blocks of rows that are approximated one by one.

    Returns:
        [ranks, rows, columns].

    Raises:
        ValueError: for a rank out of range, or rows that the blocks do not divide.

    Example:
        >>> print(truncated(np.diag([2.0, 1.0]), np.zeros((2, 2)), [1])[0])
        [[2. 0.]
         [0. 0.]]
    """
    W, W0 = np.asarray(W, float), np.asarray(W0, float)
    if len(W) % blocks:
        raise ValueError(f"blocks={blocks} do not divide {len(W)} rows; an LSTM has 4, one per gate.")
    left, values, right = np.linalg.svd((W - W0).reshape(blocks, -1, W.shape[1]), full_matrices=False)
    if not all(0 <= rank <= values.shape[1] and rank == int(rank) for rank in ranks):
        raise ValueError(
            f"ranks {list(ranks)} do not fit: this matrix has whole ranks from 0 to {values.shape[1]}."
        )
    left = left * values[:, None, :]
    return np.stack([W0 + (left[:, :, :r] @ right[:, :r]).reshape(W.shape) for r in map(int, ranks)])


def recurrent_names(params: Mapping[str, Numbers], names: Sequence[str] | None = None) -> list[str]:
    """The given names, or those of the matrices that carry the state.

    Args:
        params: parameters by name.
        names: None for `W`, or for the stacked matrices of an LSTM but the one of the first layer's input.

    Raises:
        ValueError: for names that are not there, or if there are no such matrices.

    Example:
        >>> recurrent_names({"W": np.eye(2), "b": np.ones((2, 1))})
        ['W']
    """
    stacked = [name for name in sorted(params) if name.startswith("weight_") and name != "weight_ih_l0"]
    found = list(names) if names is not None else ["W"] if "W" in params else stacked
    if not found or not set(found) <= set(params):
        raise ValueError(
            f"no {', '.join(found) or 'recurrent matrix'} among {sorted(params)}; say which with names=...."
        )
    return found


def _permutations(W0: np.ndarray, key: PRNGKeyArray, count: int) -> np.ndarray:
    orders = jax.vmap(lambda k: jax.random.permutation(k, W0.size))(jax.random.split(key, count))
    return W0.ravel()[np.asarray(orders)].reshape(count, *W0.shape)


def _losses(
    network: AbstractNetwork,
    task: AbstractTask,
    params: Mapping[str, Numbers],
    stacks: Mapping[str, Numbers],
    trials: Trials,
) -> np.ndarray:
    """The losses with the stacked matrices put in one after the other, in the dtype of the trials."""

    dtype = trials.inputs.dtype
    params, stacks = (
        {name: jnp.asarray(a, dtype) for name, a in group.items()} for group in (params, stacks)
    )
    # Numbers go in as arrays, so that networks which differ in them alone share one program.
    network, task = jax.tree.map(
        lambda leaf: jnp.asarray(leaf, dtype) if isinstance(leaf, float) else leaf, (network, task)
    )
    return np.asarray(_mapped(network, task, params, stacks, trials), float)


@eqx.filter_jit
def _mapped(
    network: AbstractNetwork, task: AbstractTask, params: Params, stacks: Params, trials: Trials
) -> Float[Array, " stack"]:
    # One after the other: the states of one batch stay in the cache, those of all stacked ones do not.
    return jax.lax.map(lambda new: task.loss(network.rollout({**params, **new}, trials), trials), stacks)
