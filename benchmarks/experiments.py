"""The workloads as experiments, trained as a user trains them."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from benchmarks import workloads
from stepwell import NETWORKS, TASKS, Experiment, Optimiser, Recording
from stepwell.network import AbstractNetwork, Params
from stepwell.network.low_rank import LowRank
from stepwell.task import Trials
from stepwell.task.delayed_activation import DelayedActivation


class GivenStart(AbstractNetwork):
    """A network that starts from given parameters.

    Attributes:
        network: what it is otherwise.
        starts: parameters by name, [seed, ...]; the key of seed s starts from row s.
    """

    network: AbstractNetwork
    starts: dict[str, Any]

    @property
    def hidden(self) -> int:  # type: ignore[override]
        """Number of units."""
        return self.network.hidden

    @property
    def input(self) -> int:  # type: ignore[override]
        """Number of input channels."""
        return self.network.input

    @property
    def output(self) -> int:  # type: ignore[override]
        """Number of output channels."""
        return self.network.output

    def init(self, key: PRNGKeyArray) -> Params:
        """The row of the key's seed."""
        seed = jax.random.key_data(key)[-1]
        return {
            name: jax.lax.dynamic_index_in_dim(rows, seed, 0, False) for name, rows in self.starts.items()
        }

    def step(self, params: Params, h: Array, x: Array) -> Array:
        """The network's step."""
        return self.network.step(params, h, x)

    def readout(self, params: Params, h: Array) -> Array:
        """The network's readout."""
        return self.network.readout(params, h)

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The network's rollout."""
        return self.network.rollout(params, trials)


def given_start(network: AbstractNetwork, starts: Sequence[workloads.Start]) -> GivenStart:
    """A network with one start per seed."""
    return GivenStart(network, {name: np.stack([start[name] for start in starts]) for name in starts[0]})


def linear(n: int, steps: int, seeds: int, updates: int, every: int = 50) -> Experiment:
    """A."""
    network = NETWORKS["linear"](hidden=n)
    return Experiment(
        task=TASKS["impulse"](poles=workloads.POLES, residues=workloads.RESIDUES, steps=steps),
        network=given_start(network, [workloads.linear_start(seed, n) for seed in range(seeds)]),
        optimiser=Optimiser("sgd", workloads.LEARNING_RATES["A"]),
        updates=updates,
        recording=Recording(every),
    )


def low_rank(rank: int, seeds: int, updates: int, every: int = 50, dtype: str = "float64") -> Experiment:
    """B."""
    network = LowRank(hidden=100, rank=rank)
    return Experiment(
        task=DelayedActivation(delay=20),
        network=given_start(network, [workloads.low_rank_start(seed, rank) for seed in range(seeds)]),
        optimiser=Optimiser("sgd", workloads.LEARNING_RATES["B"]),
        updates=updates,
        recording=Recording(every),
        dtype=dtype,
    )


def rate(units: int, updates: int, every: int = 20, dtype: str = "float32") -> Experiment:
    """C."""
    network = NETWORKS["rate"](hidden=units, input=2, output=2)
    return Experiment(
        task=TASKS["arrays"](*workloads.pulses()),
        network=given_start(network, [workloads.rate_start(0, units)]),
        optimiser=Optimiser("adam", 0.05 / units),
        updates=updates,
        recording=Recording(every),
        dtype=dtype,
    )
