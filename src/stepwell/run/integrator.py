"""Gradient flow: the trajectory of training as the learning rate goes to zero, integrated adaptively."""

import time
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.flatten_util import ravel_pytree

from stepwell.experiment import Experiment
from stepwell.names import lookup
from stepwell.run.block import MOST, Block, as_arrays
from stepwell.run.readings import read
from stepwell.run.record import dataset
from stepwell.run.store import checked_seeds, recall
from stepwell.run.trainer import check, start
from stepwell.settings import number, setting

SOLVERS = {
    "tsit5": "Tsit5",
    "dopri5": "Dopri5",
    "dopri8": "Dopri8",
    "kvaerno3": "Kvaerno3",
    "kvaerno5": "Kvaerno5",
    "rk4": None,
}
MOST_STEPS = 2**21


class Flow(eqx.Module):
    r"""Gradient flow $\dot\theta=-\nabla L$ of an experiment, as a settings object.

    Attributes:
        experiment: task, network, rule, trainable; its optimiser and updates play no part.
        duration: learning time to integrate.
        every: spacing of the record in learning time.
        rtol, atol: tolerances of the adaptive solvers. The absolute one must follow the initial scale, since
            on a plateau the only quantity that matters has that size: None takes
            $\min(10^{-8}, 10^{-3}\sigma_0)$.
        solver: "tsit5" (default), "dopri5", "dopri8", "kvaerno3", "kvaerno5" (implicit: for stiff ends only),
            or "rk4" with four fixed steps per recorded interval, all seeds together. Adaptive solvers leave
            noise of the size of `rtol` in stiff directions; where the quiet of a plateau is itself measured
            at small sigma0, use "rk4".
    """

    experiment: Experiment
    duration: float = number()
    every: float = number(0.2)
    rtol: float = number(1e-6)
    atol: float | None = number(None)
    solver: str = setting("tsit5")

    def __check_init__(self) -> None:
        lookup(SOLVERS, self.solver, "solver")
        if not (0 < self.every <= self.duration < float("inf")):
            raise ValueError(
                f"a flow needs 0 < every <= duration; got every={self.every}, duration={self.duration}."
            )

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Integrate from every seed's start; the record has its samples in place of updates."""
        seeds = checked_seeds(seeds)
        check(self.experiment)
        return recall(self, seeds, store, min(MOST, len(seeds)), lambda block: _integrate(self, block))


def flow(
    experiment: Experiment,
    seeds: Sequence[int],
    duration: float,
    every: float = 0.2,
    rtol: float = 1e-6,
    atol: float | None = None,
    solver: str = "tsit5",
    store: Any = None,
) -> xr.Dataset:
    """Gradient flow of an experiment from every seed's start, recorded every `every` of learning time.

    The arguments are those of `Flow`. A solve that fails is data: the record is NaN from there on, and says
    so.
    """
    return Flow(experiment, duration, every, rtol, atol, solver).run(seeds, store)


def _integrate(settings: Flow, block: Block) -> xr.Dataset:
    began, experiment = time.monotonic(), settings.experiment
    count = int(round(settings.duration / settings.every)) + 1
    times = settings.every * np.arange(count)
    # One program serves all durations up to a power of two: the last time is repeated.
    ts = jnp.asarray(np.pad(times, (0, (1 << max(8, (count - 1).bit_length())) - count), mode="edge"))
    atol = settings.atol
    if atol is None:
        atol = min(1e-8, 1e-3 * (getattr(experiment.network, "sigma0", None) or 1.0))
    carry, traced = start(experiment, block.seeds), as_arrays(experiment, experiment.dtype)
    rows = (carry.params, carry.rule, carry.key)
    if settings.solver == "rk4":
        shown = _fixed_steps(traced, *rows, ts, jnp.asarray(count))
    else:
        tolerances = jnp.asarray(settings.rtol), jnp.asarray(atol)  # arrays: a new tolerance compiles nothing
        alone: list[Any] = [jax.tree.map(lambda a, i=i: a[i], rows) for i in range(len(block.seeds))]
        solved = [
            _adaptive_steps(traced, params, state, key, ts, *tolerances, settings.solver)
            for params, state, key in alone
        ]
        shown = jax.tree.map(lambda *parts: np.stack(parts), *solved)
    loss, norm, params, direction = jax.tree.map(lambda a: np.asarray(a[:, :count]), shown)
    shots = {"params": params, "direction": direction, "rule": {}}
    snapshots = {**params, **read(experiment.recording.what, shots, len(block.seeds))}
    axes = {"update": np.arange(count), "learning_time": times}
    axes |= {f"snapshot_{name}": values for name, values in axes.items()}
    curves = {"loss": loss, "gradient_norm": norm}
    return dataset(settings, block.seeds, curves, snapshots, axes, time.monotonic() - began)


def _gradient(experiment: Experiment, params: Any, state: Any, key: Any) -> tuple[Any, Any, Any]:
    """The packed start, loss and direction as a function of packed parameters, and the way to unpack them."""
    y0, unravel = ravel_pytree(params)
    trials = experiment.task.trials(key)

    def gradient(y: Any) -> tuple[Any, Any]:
        loss, direction, _ = experiment.rule.gradient(
            experiment.network, experiment.task, unravel(y), trials, state
        )
        if experiment.trainable is not None:
            direction = {k: d if k in experiment.trainable else 0 * d for k, d in direction.items()}
        return loss, ravel_pytree(direction)[0]

    return y0, gradient, unravel


@eqx.filter_jit
def _adaptive_steps(
    experiment: Experiment, params: Any, state: Any, key: Any, ts: Any, rtol: Any, atol: Any, solver: str
) -> Any:
    """The flow from one start: loss, norm, parameters and direction at the times `ts`."""
    import diffrax

    y0, gradient, unravel = _gradient(experiment, params, state, key)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, args: -gradient(y)[1]),
        getattr(diffrax, SOLVERS[solver])(),
        t0=ts[0],
        t1=ts[-1],
        dt0=None,
        y0=y0,
        saveat=diffrax.SaveAt(ts=ts),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
        max_steps=MOST_STEPS,
        throw=False,
    )
    ys = jnp.asarray(solution.ys)
    ys = jnp.where(jnp.isfinite(ys), ys, jnp.nan)
    loss, direction = jax.vmap(gradient)(ys)
    return loss, jnp.linalg.norm(direction, axis=1), jax.vmap(unravel)(ys), jax.vmap(unravel)(direction)


@eqx.filter_jit
def _fixed_steps(experiment: Experiment, params: Any, state: Any, key: Any, ts: Any, count: Any) -> Any:
    """The flows from several starts, four Runge-Kutta steps per record, stacked: [seed, time, ...]."""
    dt = (ts[1] - ts[0]) / 4
    reach, weight = jnp.array([0.5, 0.5, 1.0, 0.0]), jnp.array([1.0, 2.0, 2.0, 1.0]) / 6

    def alone(params: Any, state: Any, key: Any) -> Any:
        y0, gradient, unravel = _gradient(experiment, params, state, key)

        # The stages are a loop, so that the program holds the gradient once and compiles fast.
        def stage(carry: Any, coefficients: Any) -> Any:
            start, at, total = carry
            loss, direction = gradient(at)
            at = start - coefficients[0] * dt * direction
            return (start, at, total + coefficients[1] * direction), (loss, direction)

        def step(y: Any, _: Any) -> Any:
            (_, _, total), shown = jax.lax.scan(stage, (y, y, 0 * y), (reach, weight))
            return y - dt * total, jax.tree.map(lambda a: a[0], shown)

        def record(i: Any, carry: Any) -> Any:
            y, kept = carry
            after, shown = jax.lax.scan(step, y, None, 4)
            first = (y, *jax.tree.map(lambda a: a[0], shown))
            return after, jax.tree.map(lambda a, value: a.at[i].set(value), kept, first)

        blank = jnp.zeros((len(ts), len(y0)), y0.dtype)
        _, (ys, loss, direction) = jax.lax.fori_loop(0, count, record, (y0, (blank, blank[:, 0], blank)))
        norm = jnp.linalg.norm(direction, axis=1)
        return loss, norm, jax.vmap(unravel)(ys), jax.vmap(unravel)(direction)

    return jax.vmap(alone)(params, state, key)
