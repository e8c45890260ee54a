"""What tasks with a linear teacher share: white or one-hot inputs, the teacher's answers, the loss."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.task.base import Trials, draw

Teacher = tuple[Float[Array, "hidden hidden"], Float[Array, "hidden input"], Float[Array, "output hidden"]]
INPUTS = ("white", "one_hot")
WEIGHTS = ("final", "mean", "sum")


def taught_trial(task: Any, key: PRNGKeyArray) -> Trials:
    """One trial of a task with a teacher (`system`): white inputs, or the first one-hot trial."""
    if task.inputs == "one_hot":
        return jax.tree.map(lambda values: values[0], taught_trials(task, key))
    return _taught(task.system(), jax.random.normal(key, (task.steps, task.input)), task.weights)


def taught_trials(task: Any, key: PRNGKeyArray, count: int | None = None) -> Trials:
    """A batch of such trials; with one-hot inputs always all of them, one per step and channel."""
    if task.inputs == "white":
        return draw(task, key, count)
    if count not in (None, task.batch):
        raise ValueError(
            f"there are {task.batch} one-hot trials; {count} were asked for, leave the number out."
        )
    inputs = jnp.eye(task.batch).reshape(-1, task.steps, task.input)
    return jax.vmap(lambda x: _taught(task.system(), x, task.weights))(inputs)


def taught_loss(task: Any, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
    r"""$\sum_t\omega_t\tfrac12|\varepsilon_t|^2$, averaged over white trials or summed over one-hot ones."""
    total = 0.5 * jnp.sum(trials.mask * (outputs - trials.targets) ** 2)
    return total / len(outputs) if task.inputs == "white" else total


def fitting_batch(batch: int | None, inputs: str, one_hot: int) -> int:
    """The number of trials per update: 32 if none is given, and that of all one-hot trials for these.

    Raises:
        ValueError: for another number of one-hot trials.
    """
    if inputs != "one_hot":
        return 32 if batch is None else batch
    if batch not in (None, one_hot):
        raise ValueError(f"batch={batch} does not fit: there are {one_hot} one-hot trials; leave it out.")
    return one_hot


def check_words(inputs: str, weights: str) -> None:
    """Refuse unknown inputs or weights.

    Raises:
        ValueError: with those there are.
    """
    for name, word, words in (("inputs", inputs, INPUTS), ("weights", weights, WEIGHTS)):
        if word not in words:
            raise ValueError(f"{name} '{word}' is unknown; choose one of {', '.join(words)}.")


def check_teacher(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    """Refuse a teacher whose sizes do not fit or that is unstable.

    Raises:
        ValueError: with the reason.
    """
    if not (W.ndim == b.ndim == c.ndim == 2 and len({*W.shape, len(b), c.shape[1]}) == 1):
        raise ValueError(
            "a teacher is W [hidden, hidden], b [hidden, input], c [output, hidden]; "
            f"got {W.shape}, {b.shape}, {c.shape}."
        )
    radius = np.abs(np.linalg.eigvals(W)).max()
    if not radius < 1:
        raise ValueError(f"the teacher is unstable: spectral radius {radius:.6g}; it must be below 1.")


def _taught(teacher: Teacher, inputs: Float[Array, "step input"], weights: str) -> Trials:
    """A trial whose targets are the teacher's answers, and whose mask holds the weights of the steps."""
    W, b, c = teacher
    steps = len(inputs)

    def advance(h: Array, x: Array) -> tuple[Array, Array]:
        h = W @ h + b @ x
        return h, c @ h

    targets = jax.lax.scan(advance, jnp.zeros(len(W), W.dtype), inputs.astype(W.dtype))[1]
    last = jnp.zeros(steps).at[-1].set(1.0)
    omega = {"final": last, "mean": jnp.full(steps, 1 / steps), "sum": jnp.ones(steps)}[weights]
    return Trials(inputs, targets, jnp.broadcast_to(omega[:, None], targets.shape))
