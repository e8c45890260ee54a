"""What the claims on the linear network read off records of descents."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from stepwell.run import settings_of
from stepwell.theory import linear_flow


def end(run: xr.Dataset, name: str) -> np.ndarray:
    """The last entry of a curve, [seed]."""
    return run[name].values[:, -1]


def initial_loss(run: xr.Dataset) -> float:
    """The loss of the output 0."""
    return settings_of(run).target ** 2 / 2


def losses(run: xr.Dataset, name: str) -> np.ndarray:
    """What a record says of other weights at the end, over the first loss, [seed, ...]."""
    return run[name].values[:, 0] / initial_loss(run)


def learning_updates(run: xr.Dataset) -> np.ndarray:
    """The first update with less than 5 % of the first loss, [seed]; NaN if there is none."""
    below = run.loss.values < 0.05 * initial_loss(run)
    return np.where(below.any(axis=1), below.argmax(axis=1), np.nan)


def learning_times(run: xr.Dataset) -> np.ndarray:
    """The same in learning time."""
    return settings_of(run).learning_rate * learning_updates(run)


def gradients(run: xr.Dataset) -> np.ndarray:
    """The mean norm of the gradient until then, [seed]."""
    ends = np.nan_to_num(learning_updates(run), nan=run.sizes["update"] - 1).astype(int)
    return np.array([row[: max(1, at)].mean() for row, at in zip(run.gradient_norm.values, ends)])


def unstable(run: xr.Dataset) -> bool:
    """Whether the learning rate is beyond what the final state bears, by the theory of many units."""
    settings = settings_of(run)
    flow = linear_flow.solve(settings.g, settings.target)
    return bool(settings.learning_rate > flow.largest_learning_rate)


def trial_outputs(run: xr.Dataset) -> np.ndarray:
    """The output of a trained network through its trial, [step]."""
    experiment = settings_of(run)
    trials = experiment.task.trials(jax.random.key(0))
    params = {name: jnp.asarray(run[name].values[0, -1]) for name in ("W", "b", "c")}
    return np.asarray(experiment.network.rollout(params, trials))[0, :, 0]
