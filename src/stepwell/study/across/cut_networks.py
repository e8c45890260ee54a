"""Networks of full rank whose weight change is cut to low rank, at work on the delayed activation."""

import jax
import jax.numpy as jnp
import numpy as np

from stepwell import analysis
from stepwell.run import settings_of
from stepwell.study.base import value_of

RANKS = range(9)


def end_and_start(run, seed):
    """The parameters after and before learning, in double precision."""
    names = ("W", "b", "c", "c0")
    end, start = ({name: jnp.asarray(run[name].values[seed, at], float) for name in names} for at in (-1, 0))
    return end, start


def parts(run):
    """Network, task, and the one trial of the task."""
    network, task = (value_of(settings_of(run), name) for name in ("network", "task"))
    return network, task, task.trials(jax.random.key(0))


def cut_losses(run):
    """The loss with the change cut to rank 0, 1, ..., [seed, rank]."""
    network, task, trials = parts(run)
    pairs = [end_and_start(run, seed) for seed in range(run.sizes["seed"])]
    return np.array(
        [analysis.truncated_loss(end, start, RANKS, network, task, trials) for end, start in pairs]
    )


def cut_trial(run, seed, rank):
    """Speed, per time constant, and output along a trial with the change cut to a rank, each [step]."""
    end, start = end_and_start(run, seed)
    network, _, trials = parts(run)
    if rank is not None:
        end["W"] = jnp.asarray(analysis.truncated(end["W"], start["W"], [rank])[0])
    states = np.asarray(analysis.states(network, end, trials))[0]
    outputs = np.asarray(network.rollout(end, trials))[0, :, 0]
    return np.linalg.norm(np.diff(states, axis=0), axis=1) / (1 - network.leak), outputs


def loss_of(run, params):
    """The loss of a network on the task of a record."""
    network, task, trials = parts(run)
    return float(task.loss(network.rollout(params, trials), trials))
