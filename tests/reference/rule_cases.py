"""What tests of rules share: small networks, trials that ask for everything, one program for many cases."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from stepwell.network import Linear, Rate
from stepwell.task import Arrays, Trials

N, M, O, T, B = 5, 3, 2, 12, 2
UNEQUAL = (0.1, 0.5, 0.0, 0.9, 0.3)
# The loss of this task is half the masked squared error, summed; its arrays are never used.
TASK = Arrays(np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), normalise=False)
OMEGA = {"final": np.eye(T)[-1], "mean": np.full(T, 1 / T), "sum": np.ones(T)}
NETWORKS = {
    "linear": Linear(N, M, O),
    "tanh": Rate(N, M, O, form="rate"),
    "current": Rate(N, M, O, form="current"),
}


def draws(seed=0, n=N, m=M, o=O, steps=T, batch=B):
    """Parameters, feedback, and trials that ask for everything, at a state that is not zero."""
    rng = np.random.default_rng(seed)
    params = {
        "W": rng.normal(size=(n, n)) * 0.8 / np.sqrt(n),
        "b": rng.normal(size=(n, m)),
        "c": rng.normal(size=(o, n)),
    }
    inputs, targets = rng.normal(size=(batch, steps, m)), rng.normal(size=(batch, steps, o))
    feedback = rng.normal(size=(n, o)) / np.sqrt(n)
    return jax.tree.map(jnp.asarray, params), jnp.asarray(feedback), inputs, targets


def weighted(inputs, targets, omega, h0=0.3):
    """Trials whose mask holds the weights of the steps."""
    mask = np.broadcast_to(omega[None, :, None], targets.shape)
    return Trials(jnp.asarray(inputs), jnp.asarray(targets), jnp.asarray(mask), jnp.asarray(h0))


@eqx.filter_jit
def all_of(cases, trials):
    """The update of every case (rule, network, parameters, feedback), in one compiled program."""
    return [
        rule.gradient(network, TASK, params, trials, {"feedback": feedback})[1]
        for rule, network, params, feedback in cases
    ]


def distance(one, two):
    """The largest difference, relative to the largest entry of all parameters."""
    scale = max(np.abs(two[name]).max() for name in two)
    return max(np.abs(np.asarray(one[name]) - two[name]).max() for name in two) / scale
