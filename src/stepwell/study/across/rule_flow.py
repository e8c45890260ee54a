"""The flow of a rule's expected updates, over as long a time as it takes to leave a plateau."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy.integrate import solve_ivp

from stepwell.experiment import Experiment
from stepwell.rule.base import AbstractRule
from stepwell.rule.population import System, keeps_feedback, population_update
from stepwell.run.block import Block
from stepwell.run.record import dataset
from stepwell.run.store import checked_seeds, recall
from stepwell.settings import number, setting
from stepwell.study.base import value_of

Sizes = tuple[tuple[int, ...], ...]
AT_ONCE = 5
"""Seeds per block: what an interrupted run keeps."""


class RuleFlow(eqx.Module):
    r"""$\dot\theta=-\Delta\theta$ under the exact expected update of a rule, implicit where it is slow.

    Every entry at the start is `sigma0` times a normal of `numpy.random.default_rng(seed)`; feedback follows,
    $N(0,1/\mathrm{hidden})$.

    Attributes:
        experiment: its task has a linear teacher, its network is linear; optimiser and updates play no part.
        duration: learning time at most.
        floor: loss at which it ends.
        samples: of the record, evenly spaced in the logarithm of time up to the end of each seed.
    """

    experiment: Experiment
    duration: float = number()
    floor: float = number(1e-9)
    samples: int = setting(300)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The record of every seed, over learning times of its own."""
        return recall(self, checked_seeds(seeds), store, AT_ONCE, lambda block: _integrate(self, block))

    def start(self, seed: int) -> tuple[System, np.ndarray | None]:
        """W, b, c and the feedback of a seed."""
        network, draw = self.experiment.network, np.random.default_rng(seed)
        n, sigma0 = value_of(network, "hidden"), value_of(network, "sigma0")
        sizes = (n, n), (n, network.input), (network.output, n)
        W, b, c = (sigma0 * draw.standard_normal(size) for size in sizes)
        F = draw.standard_normal((n, network.output)) / np.sqrt(n)
        return (W, b, c), F if keeps_feedback(self.experiment.rule) else None


def _integrate(settings: RuleFlow, block: Block) -> xr.Dataset:
    began = time.monotonic()
    courses = [_course(settings, *settings.start(seed)) for seed in block.seeds]
    times, loss, norm, W, b, c = (np.stack(parts) for parts in zip(*courses))
    axes = {"update": np.arange(settings.samples), "learning_time": times}
    axes |= {f"snapshot_{name}": values for name, values in axes.items()}
    curves, snapshots = {"loss": loss, "gradient_norm": norm}, {"W": W, "b": b, "c": c}
    return dataset(settings, block.seeds, curves, snapshots, axes, time.monotonic() - began)


def _course(settings: RuleFlow, start: System, F: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Times, loss, speed, W, b and c of one start, [sample, ...]."""
    rule, sigma0 = settings.experiment.rule, value_of(settings, "network__sigma0")
    sizes = tuple(part.shape for part in start)
    fixed = value_of(settings, "task").system(), F

    def fallen(_: float, y: np.ndarray) -> float:
        return float(_motion(rule, sizes, y, *fixed)[0]) - settings.floor

    fallen.terminal = True  # type: ignore[attr-defined]
    # On a plateau the only quantity that matters has the size of the start: the tolerance lies below it.
    solution = solve_ivp(
        lambda _, y: np.asarray(_motion(rule, sizes, y, *fixed)[1]),
        (0, settings.duration),
        np.concatenate([part.ravel() for part in start]),
        "LSODA",
        dense_output=True,
        events=fallen,
        first_step=1e-3,
        rtol=1e-8,
        atol=1e-5 * sigma0,
        jac=lambda _, y: np.asarray(_stiffness(rule, sizes, y, *fixed)),
    )
    times = np.append(0.0, np.geomspace(0.01, solution.t[-1], settings.samples - 1))
    ys = solution.sol(times).T
    loss, velocity = (np.array(each) for each in zip(*(_motion(rule, sizes, y, *fixed) for y in ys)))
    weights = [np.stack(each) for each in zip(*(_unpacked(y, sizes) for y in ys))]
    return times, loss, np.linalg.norm(velocity, axis=1), *weights


@partial(jax.jit, static_argnums=(0, 1))
def _motion(rule: AbstractRule, sizes: Sizes, y: Any, teacher: System, F: Any) -> tuple[Any, Any]:
    """Loss and velocity at packed weights."""
    loss, change = population_update(rule, _unpacked(y, sizes), teacher, F)
    return loss, -jnp.concatenate([part.ravel() for part in change])


@partial(jax.jit, static_argnums=(0, 1))
def _stiffness(rule: AbstractRule, sizes: Sizes, y: Any, teacher: System, F: Any) -> Any:
    """The Jacobian of the velocity."""
    return jax.jacfwd(lambda y: _motion(rule, sizes, y, teacher, F)[1])(y)


def _unpacked(y: Any, sizes: Sizes) -> System:
    ends = np.cumsum([np.prod(size) for size in sizes])
    W, b, c = (y[end - np.prod(size) : end].reshape(size) for end, size in zip(ends, sizes))
    return W, b, c
