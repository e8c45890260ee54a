"""Runs on expectations: descent on the exact expected updates of a rule, and the flow of aligned modes."""

import time
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from stepwell.experiment import Experiment, keys
from stepwell.network.linear import Linear
from stepwell.rule import BPTT
from stepwell.rule.aligned_modes import ModeWay, mode_loss, mode_update, mode_way
from stepwell.rule.base import AbstractRule
from stepwell.rule.population import population_update
from stepwell.run.block import Block, as_arrays
from stepwell.run.record import dataset
from stepwell.run.store import checked_seeds, recall
from stepwell.settings import number, replace, setting

MOST_STEPS = 2**20
EDGE, FAR = 0.9999, 50.0
"""A mode has left when its recurrent weight passes the first, or another weight the second."""


class PopulationDescent(eqx.Module):
    r"""Plain descent of a linear network on the exact expected update of its rule, under white inputs.

    Attributes:
        experiment: its task has a linear teacher; network, rule, learning rate, updates and spacing of
            snapshots are used as in training, batches play no part.
        start: standard deviations of the entries of W, b and c; None takes the network's `sigma0` for all.
        feedback: standard deviation of the entries of F; None for $1/\sqrt{\mathrm{hidden}}$.
        own_teacher: whether every seed draws a teacher of its own, in place of the task's.
        exact_every: every so many updates one by BPTT takes the place of the rule's; 0 for never.
        basis: number of a random rotation of the hidden units and their feedback; 0 for none. The teacher's
            own axes enter no update.

    Raises:
        ValueError: if the network has a leak, the task no teacher, or the updates no whole number of
            snapshots.
    """

    experiment: Experiment
    start: tuple[float, float, float] | None = setting(None)
    feedback: float | None = setting(None)
    own_teacher: bool = setting(False)
    exact_every: int = setting(0)
    basis: int = setting(0)

    def __check_init__(self) -> None:
        task, network, every = self.experiment.task, self.experiment.network, self.experiment.recording.every
        if not isinstance(network, Linear) or network.leak != 0:
            raise ValueError("expected updates are known for linear networks without leak; got another.")
        if not hasattr(task, "system"):
            raise ValueError(
                f"{type(task).__name__} has no linear teacher; take white_noise or data_aligned."
            )
        if self.experiment.updates % every:
            raise ValueError(
                f"{self.experiment.updates} updates are no whole number of snapshots of {every}."
            )

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Descend from every seed's start; where a network turns unstable it stays, and the loss is inf."""
        seeds = checked_seeds(seeds)
        return recall(self, seeds, store, len(seeds), lambda block: _descend(self, block))


def population_starts(settings: PopulationDescent, seeds: Sequence[int]) -> tuple[Any, Any, Any]:
    """Students and teachers, (W, b, c), and feedback (or None) before the first update, [seed, ...]."""
    task: Any = settings.experiment.task
    students, feedback = zip(*(_start(settings, seed) for seed in seeds))
    teachers = [replace(task, seed=seed).system() for seed in seeds] if settings.own_teacher else None
    fixed = _stacked([task.system()] * len(seeds) if teachers is None else teachers)
    return _stacked(students), fixed, None if feedback[0] is None else np.stack(feedback)


def _start(settings: PopulationDescent, seed: int) -> tuple[Any, Any]:
    """One student and its feedback, drawn as in training, one seed at a time: more seeds compile nothing."""
    network, key = settings.experiment.network, keys(seed)
    unit = replace(network, sigma0=1.0).init(key.init)
    scales = settings.start or (getattr(network, "sigma0", 1.0),) * 3
    W, b, c = (scale * np.asarray(unit[name]) for scale, name in zip(scales, ("W", "b", "c")))
    F = settings.experiment.rule.init(network, key.rule).get("feedback")
    if F is not None:
        F = np.asarray(F) * (1.0 if settings.feedback is None else settings.feedback * np.sqrt(len(W)))
    if settings.basis:
        Q, _ = np.linalg.qr(np.random.default_rng(settings.basis).standard_normal(W.shape))
        W, b, c, F = Q @ W @ Q.T, Q @ b, c @ Q.T, None if F is None else Q @ F
    return (W, b, c), F


def _stacked(systems: Sequence[Any]) -> Any:
    return tuple(np.stack([np.asarray(part) for part in parts]) for parts in zip(*systems))


def _descend(settings: PopulationDescent, block: Block) -> xr.Dataset:
    began, experiment = time.monotonic(), settings.experiment
    student, teacher, feedback = jax.tree.map(jnp.asarray, population_starts(settings, block.seeds))
    every, updates = experiment.recording.every, np.arange(experiment.updates + 1)
    rule, rate = as_arrays((experiment.rule, experiment.optimiser.learning_rate), "float64")
    exact = settings.exact_every
    shown = _descents(rule, rate, student, teacher, feedback, every, experiment.updates, exact)
    loss, norm, (W, b, c) = jax.tree.map(np.asarray, shown)
    snapshots = {"W": W, "b": b, "c": c}
    if feedback is not None:
        fixed = np.asarray(feedback)[:, None]
        snapshots["feedback"] = np.broadcast_to(fixed, (len(W), W.shape[1], *fixed.shape[2:]))
    axes = {"update": updates, "learning_time": updates * experiment.optimiser.learning_rate}
    axes |= {f"snapshot_{name}": values[::every] for name, values in axes.items()}
    curves = {"loss": loss, "gradient_norm": norm}
    return dataset(settings, block.seeds, curves, snapshots, axes, time.monotonic() - began)


@eqx.filter_jit
def _descents(
    rule: AbstractRule,
    rate: Array,
    student: Any,
    teacher: Any,
    feedback: Any,
    every: int,
    updates: int,
    exact: int,
) -> Any:
    """Loss and norm [seed, update], and the student [seed, snapshot, ...], all starts together."""

    def direction(student: Any, teacher: Any, feedback: Any, update: Array) -> Any:
        def local(student: Any) -> Any:
            return population_update(rule, student, teacher, feedback)

        def true(student: Any) -> Any:
            return population_update(BPTT(), student, teacher)

        return jax.lax.cond(update % exact == exact - 1, true, local, student) if exact else local(student)

    def alone(start: Any, teacher: Any, feedback: Any) -> Any:
        def step(carry: Any, update: Array) -> Any:
            student, kept = carry
            # Every update writes to the slot of the next snapshot, which that snapshot overwrites.
            slot = (update + every - 1) // every
            kept = jax.tree.map(lambda slots, x: slots.at[slot].set(x), kept, student)
            loss, change = direction(student, teacher, feedback, update)
            moves = jnp.where(jnp.isfinite(loss), rate, 0.0)
            after = jax.tree.map(lambda x, dx: jnp.where(moves > 0, x - moves * dx, x), student, change)
            return (after, kept), (loss, _norm(change))

        kept = jax.tree.map(lambda x: jnp.zeros((updates // every + 1, *x.shape)), start)
        (_, kept), (loss, norm) = jax.lax.scan(step, (start, kept), jnp.arange(updates + 1))
        return loss, norm, kept

    return jax.vmap(alone)(student, teacher, feedback)


def _norm(change: Any) -> Array:
    return jnp.sqrt(sum(jnp.sum(part**2) for part in change))


class ModeFlow(eqx.Module):
    r"""The flow of aligned modes, each alone, integrated adaptively (see `rule.aligned_modes`).

    Attributes:
        rule: its decay is $\hat w$.
        a_star, b_star, w_star: the teacher's, [mode].
        feedback: $\hat a$ of every mode; None for rules without.
        start: (a, b, w) at time 0, each one number or one per mode.
        spread: None; or a number s, and a seed's start is drawn: $a,b\sim N(0,s^2)$, $w\sim U(-0.6,0.6)$,
            $\hat a\sim N(0,1/4)$.
        duration: learning time to integrate.
        samples: of the record, time 0 included.
        first: the first time after 0, from which samples are spaced evenly in logarithm; None spaces them
            evenly from 0.
        rtol: relative tolerance; the absolute one is a hundredth of it.
    """

    rule: AbstractRule
    a_star: tuple[float, ...]
    b_star: tuple[float, ...]
    w_star: tuple[float, ...]
    feedback: tuple[float, ...] | None = None
    start: tuple[Any, Any, Any] = (0.0, 0.0, 0.0)
    spread: float | None = number(None)
    duration: float = number(100.0)
    samples: int = setting(1001)
    first: float | None = number(None)
    rtol: float = number(1e-10)

    def __check_init__(self) -> None:
        if not len(self.a_star) == len(self.b_star) == len(self.w_star) > 0:
            raise ValueError("a_star, b_star and w_star need as many modes, one at least.")
        if not (self.samples > 1 and 0 < self.duration < float("inf")):
            raise ValueError(f"a flow needs time: duration={self.duration}, samples={self.samples}.")

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Integrate from every seed's start; the record is NaN from where a mode has left."""
        seeds = checked_seeds(seeds)
        return recall(self, seeds, store, len(seeds), lambda block: _integrate(self, block))


def mode_start(settings: ModeFlow, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The start [weight, mode] of a, b and w, and the feedback [mode], 0 where there is none."""
    modes = len(settings.a_star)
    if settings.spread is None:
        feedback = np.zeros(modes) if settings.feedback is None else np.asarray(settings.feedback, float)
        return np.stack([np.broadcast_to(weight, modes) for weight in settings.start]), feedback
    draw = np.random.default_rng(seed)
    a, b = settings.spread * draw.standard_normal((2, modes))
    return np.stack([a, b, draw.uniform(-0.6, 0.6, modes)]), 0.5 * draw.standard_normal(modes)


def _integrate(settings: ModeFlow, block: Block) -> xr.Dataset:
    began = time.monotonic()
    if settings.first is None:
        times = np.linspace(0, settings.duration, settings.samples)
    else:
        times = np.append(0.0, np.geomspace(settings.first, settings.duration, settings.samples - 1))
    starts, feedback = (np.stack(rows) for rows in zip(*(mode_start(settings, s) for s in block.seeds)))
    teacher = np.asarray([settings.a_star, settings.b_star, settings.w_star], float)
    way = mode_way(settings.rule, feedback.shape, feedback)
    shown = _mode_flows(way, *map(jnp.asarray, (teacher, starts, times, settings.rtol)))
    places, speed = jax.tree.map(np.asarray, shown)
    kept = np.broadcast_to(feedback[:, None], places[:, :, 0].shape)
    losses = np.asarray(mode_loss(*np.moveaxis(places, 2, 0), *teacher[:, None, None]))
    snapshots = dict(zip("abw", np.moveaxis(places, 2, 0)), mode_feedback=kept, mode_loss=losses)
    axes = {"update": np.arange(len(times)), "learning_time": times}
    axes |= {f"snapshot_{name}": values for name, values in axes.items()}
    curves = {"loss": losses.sum(axis=-1), "gradient_norm": speed}
    return dataset(settings, block.seeds, curves, snapshots, axes, time.monotonic() - began)


@eqx.filter_jit
def _mode_flows(ways: ModeWay, teacher: Array, starts: Array, ts: Array, rtol: Array) -> Any:
    """Places [seed, time, weight, mode] and speeds [seed, time]."""
    import diffrax

    def alone(way: ModeWay, start: Array) -> Any:
        def flow(t: Any, y: Array, args: Any = None) -> Array:
            return -jnp.stack(mode_update(way, tuple(y), tuple(teacher)))

        def left(t: Any, y: Array, args: Any, **_: Any) -> Array:
            return jnp.any(jnp.abs(y) > jnp.array([FAR, FAR, EDGE])[:, None])

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(flow),
            diffrax.Dopri8(),
            t0=ts[0],
            t1=ts[-1],
            dt0=None,
            y0=start,
            saveat=diffrax.SaveAt(ts=ts),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol / 100),
            event=diffrax.Event(left),
            max_steps=MOST_STEPS,
            throw=False,
        )
        ys = jnp.asarray(solution.ys)
        ys = jnp.where(jnp.isfinite(ys), ys, jnp.nan)
        return ys, jnp.linalg.norm(jax.vmap(lambda y: flow(0.0, y))(ys), axis=(1, 2))

    return jax.vmap(alone, (ModeWay(0, 0, 0, 0, None), 0))(ways, starts)
