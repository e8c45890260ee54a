"""Runs on the linear network besides the long descents: bounds, limits and counter-examples."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell import theory
from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import Rate
from stepwell.run.record import dataset
from stepwell.run.reduced_fixed_point import FixedPointDescent
from stepwell.run.reduced_fixed_point import descent as descend
from stepwell.settings import number, setting
from stepwell.study.base import Run
from stepwell.study.low_rank_change.protocols import RATES
from stepwell.task import AbstractTask, Arrays, StepTarget, Trials, draw

COSINE_RATES = {0.0: 0.2, 0.4: 0.15, 0.8: 0.05}
DT = 0.1


class RandomTargets(AbstractTask):
    """Gaussian inputs and targets on some of three channels, under a loss that is not a square.

    Attributes:
        inputs, outputs: how many channels count, 1 to 3.
    """

    inputs: float = number(3.0)
    outputs: float = number(3.0)
    steps: int = setting(12)
    batch: int = setting(4)

    def trial(self, key: PRNGKeyArray) -> Trials:
        """One trial: inputs, targets and mask, each [step, 3]."""
        key_input, key_target = jax.random.split(key)
        shape, channel = (self.steps, 3), jnp.arange(3)[None, :]
        inputs = jax.random.normal(key_input, shape) * (channel < self.inputs)
        mask = jnp.broadcast_to(1.0 * (channel < self.outputs), shape)
        return Trials(inputs, jax.random.normal(key_target, shape), mask)

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """`count` trials (`batch` if None)."""
        return draw(self, key, count)

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """The sum of log cosh of the errors."""
        return jnp.sum(trials.mask * jnp.log(jnp.cosh(outputs - trials.targets)))


def span(scale: str) -> list[Run]:
    """Linear networks without initial connectivity, all arrays trained by plain steps."""
    network = Rate(24, 3, 3, g=0.0, phi="identity")
    steps = Optimiser("sgd", 0.02, multipliers=(("c", 1 / 24),))
    tasks = [RandomTargets(inputs=float(m), outputs=float(o)) for m in (1, 2, 3) for o in (1, 2, 3)]
    return [
        (Experiment(task, network, optimiser=steps, updates=200, recording=Recording(200)), (0,))
        for task in tasks
    ]


def unrolled(scale: str) -> list[Run]:
    """The linear network as a trial of 202 steps, learned through time."""
    hidden, updates, targets = (64, 20, (0.5,)) if scale == "smoke" else (256, 200, (0.5, 2.0))
    hidden = 1024 if scale == "full" else hidden
    return [(through_time(hidden, g, target, updates), (0,)) for g in (0.0, 0.6) for target in targets]


def through_time(hidden: int, g: float, target: float, updates: int) -> Experiment:
    """The recurrent weights of a linear network trained on a constant output."""
    return Experiment(
        task=StepTarget(target=target),
        network=Rate(hidden, g=g, phi="identity"),
        optimiser=Optimiser("sgd", RATES[target] * (1 - g**2) ** 2),
        updates=updates,
        recording=Recording(updates),
        trainable=("W",),
    )


def cosine(*strengths: float) -> Any:
    """A linear network whose output must oscillate, with readout and input weights along each other."""

    def runs(scale: str) -> list[Run]:
        hidden = {"smoke": 16, "quick": 64, "full": 256}[scale]
        seeds = range(5 if scale == "full" else 3)
        return [(oscillator(hidden, g), seeds if g else (0,)) for g in strengths]

    return runs


def oscillator(hidden: int, g: float) -> Experiment:
    """One pulse sets the state to b; a hundred outputs after it are asked for."""
    pulse, targets, mask = (np.zeros((1, 101, 1)) for _ in range(3))
    pulse[0, 0], mask[0, 1:] = 1 / DT, 1
    targets[0, 1:, 0] = np.cos(2 * np.pi * np.arange(100) * DT / 5)
    return Experiment(
        task=Arrays(pulse, targets, mask),
        network=Rate(hidden, g=g, leak=1 - DT, phi="identity", tied=True),
        optimiser=Optimiser("sgd", COSINE_RATES[g]),
        updates=1000,
        recording=Recording(1000),
        trainable=("W",),
    )


def diverging(scale: str) -> list[Run]:
    """Large targets at large steps, with the eigenvalues of W at every update."""
    cells = [(g, target, rate) for g in (0.6, 0.8) for target, rate in ((2.0, 0.002), (4.0, 0.001))]
    return [
        (
            Experiment(
                task=StepTarget(target=target, steps=201),
                network=Rate(256, g=g, phi="identity"),
                optimiser=Optimiser("sgd", rate),
                updates=200,
                recording=Recording(1, ("poles",)),
                trainable=("W",),
            ),
            range(5),
        )
        for g, target, rate in cells
    ]


class NearTheEnd(eqx.Module):
    """Plain updates from beside the exact final state without initial connectivity; `error` [seed, update].

    Attributes:
        target: the output wanted. share: learning rate over the largest stable one. updates: how many.
    """

    target: float = number()
    share: float = number()
    updates: int = setting(50)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record: one run, whatever the seeds."""
        flow = theory.linear_flow
        end = flow.exact_g0(flow.final_g0(self.target))
        p = float(end.growth)
        W = end.A - np.array([[0, 1e-4 / p], [0, 0]])
        rate = self.share * 2 / p**2
        output = descend(W, np.eye(2)[1], np.eye(2)[0], self.target, rate, self.updates).output
        error = np.abs(output - self.target)[None] / abs(self.target)
        return untimed(self, [0], {"loss": error**2, "gradient_norm": error * p}).assign(
            error=(("seed", "update"), error)
        )


def step_sizes(scale: str) -> list[Run]:
    """Steps below and above the bound, for four targets."""
    return [(NearTheEnd(target, share), (0,)) for target in (0.5, 1.0, 2.0, 4.0) for share in (0.9, 1.1)]


class FirstOutputs(eqx.Module):
    """The output before learning, one draw of weights and directions per seed.

    Attributes:
        hidden: N. g: strength of the weights.
    """

    hidden: int = setting()
    g: float = number()

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record, with `output` [seed]."""
        outputs = np.array([self._output(np.random.default_rng(seed)) for seed in seeds])
        nothing = np.zeros((len(outputs), 1))
        return untimed(self, seeds, {"loss": nothing, "gradient_norm": nothing}).assign(
            output=("seed", outputs)
        )

    def _output(self, random: np.random.Generator) -> float:
        N = self.hidden
        M = np.eye(N) - self.g / np.sqrt(N) * random.standard_normal((N, N))
        b, c = random.standard_normal((2, N))
        return float(c @ np.linalg.solve(M, b) / (np.linalg.norm(b) * np.linalg.norm(c)))


def first_outputs(scale: str) -> list[Run]:
    """A thousand draws with and without initial connectivity."""
    sizes = (256, 1024) if scale == "full" else (256,)
    return [(FirstOutputs(N, g), range(1000)) for N in sizes for g in (0.0, 0.6)]


def code_grid(scale: str) -> list[Run]:
    """Every cell of the authors' code, and each at a tenth of its learning rate."""
    runs: list[Run] = []
    for target, rate in RATES.items():
        for g in np.arange(10) / 10:
            cell = {"g": float(g), "target": target, "shuffles": 0}
            eta = rate * (1 - g**2) ** 2
            runs.append((FixedPointDescent(1024, learning_rate=eta, **cell), range(5)))
            runs.append((FixedPointDescent(1024, learning_rate=eta / 10, updates=2000, **cell), range(5)))
    return runs


def untimed(settings: Any, seeds: Sequence[int], curves: dict[str, np.ndarray]) -> xr.Dataset:
    """A record of numbers without snapshots, whose updates are just counted."""
    entries = np.arange(curves["loss"].shape[1], dtype=float)
    names = ("update", "learning_time", "snapshot_update", "snapshot_learning_time")
    return dataset(settings, seeds, curves, {}, dict.fromkeys(names, entries), 0.0)
