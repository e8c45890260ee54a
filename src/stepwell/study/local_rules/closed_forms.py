"""Protocols that evaluate an update in place: a settings object each, whose run trains nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from stepwell import theory
from stepwell.experiment import Keys, keys
from stepwell.network.base import AbstractNetwork, Params
from stepwell.rule.base import AbstractRule
from stepwell.run.record import dataset
from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials

FIRST = {"a_star": 0.4, "b_star": 0.25, "w_star": 0.7, "feedback": 0.2, "decay": 0.3}
"""The parameters of the source's Figs. 1 to 3."""


class OneUpdate(eqx.Module):
    """The direction of a rule at the start of training, on the trials of a seed.

    Attributes:
        task, network, rule: as in an experiment.
    """

    task: AbstractTask
    network: AbstractNetwork
    rule: AbstractRule

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Parameters, feedback if there is any, and direction of every seed."""
        rows = [self._at(keys(seed)) for seed in seeds]
        shots = {name: np.stack([row[name] for row in rows])[:, None] for name in rows[0]}
        return _record(self, seeds, shots)

    def _at(self, key: Keys) -> dict[str, np.ndarray]:
        params, state = self.network.init(key.init), self.rule.init(self.network, key.rule)
        trials = _trials(self.task, key.trials)
        direction = _direction(self.rule, self.network, self.task, params, trials, state)
        named = params | state | {f"direction_{name}": change for name, change in direction.items()}
        return jax.tree.map(np.asarray, named)


@eqx.filter_jit
def _trials(task: AbstractTask, key: Any) -> Trials:
    return task.trials(key)


@eqx.filter_jit
def _direction(rule: Any, network: Any, task: Any, params: Params, trials: Trials, state: Any) -> Params:
    return rule.gradient(network, task, params, trials, state)[1]


class Linearised(eqx.Module):
    r"""The flow of a mode and its Jacobian at places that are scanned or drawn.

    Attributes:
        rule: any; its decay is replaced by that of the place.
        where: "optimum", places $(s,\kappa/s,w^\star)$, or "line", places (0, 0, w).
        points: number of places.
        between: interval of s or w that is scanned at the parameters of `FIRST`; None draws places and
            parameters, by seed.
    """

    rule: AbstractRule
    where: str = setting("optimum")
    points: int = setting(400)
    between: tuple[float, float] | None = setting(None)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The places, the flow there, and $\\mu_-+\\mu_+$ and $\\mu_-\\mu_+$ from its Jacobian."""
        rows = [self._at(seed) for seed in seeds]
        shots = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        return _record(self, seeds, shots)

    def places(self, seed: int) -> dict[str, np.ndarray]:
        """a, b, w of every place, and the parameters there, each [point]."""
        if self.between is None:
            places = _drawn(np.random.default_rng(seed), self.points)
        else:
            scan = np.linspace(*self.between, self.points)
            places = {"s": scan, "w": scan} | {name: np.full(self.points, x) for name, x in FIRST.items()}
        if self.where == "line":
            return places | {"a": np.zeros(self.points), "b": np.zeros(self.points)}
        kappa = places["a_star"] * places["b_star"]
        return places | {"a": places["s"], "b": kappa / places["s"], "w": places["w_star"]}

    def _at(self, seed: int) -> dict[str, np.ndarray]:
        places = self.places(seed)
        where: Any = {name: jnp.asarray(places[name]) for name in ("a", "b", "w", *FIRST)}
        J = np.asarray(theory.mode_jacobian(self.rule, **where))
        da, db, dw = (np.asarray(x) for x in theory.mode_flow(self.rule, **where))
        minors = [J[:, i, i] * J[:, j, j] - J[:, i, j] * J[:, j, i] for i, j in ((0, 1), (0, 2), (1, 2))]
        measured = {"trace": -np.trace(J, axis1=1, axis2=2), "determinant": sum(minors)}
        return places | measured | {"da": da, "db": db, "dw": dw}


class Aligned(eqx.Module):
    """The update of networks that are aligned with their teacher, against the mode equations.

    Attributes:
        rule: any.
        axes: whether the hidden axes are the units themselves (P = I); else they are drawn.
    """

    rule: AbstractRule
    axes: bool = setting(False)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Per seed the share of the update off the modes, and its largest distance from the equations."""
        rows = np.array([self._of(seed) for seed in seeds])
        return _record(self, seeds, {"off_diagonal": rows[:, :1], "difference": rows[:, 1:]})

    def _of(self, seed: int, size: int = 4) -> tuple[float, float]:
        draw = np.random.default_rng(seed)
        U, V, P, Q = (np.linalg.qr(draw.standard_normal((size, size)))[0] for _ in range(4))
        P = np.eye(size) if self.axes else P
        a, b, a_star, b_star, f = draw.standard_normal((5, size))
        w, w_star = draw.uniform(-0.8, 0.8, (2, size))
        student = P * w @ P.T, P * b @ V.T, U * a @ P.T
        teacher = Q * w_star @ Q.T, Q * b_star @ V.T, U * a_star @ Q.T
        _, (dW, db, dc) = theory.population_update(self.rule, student, teacher, P * f @ U.T)
        turned = [np.asarray(M) for M in (U.T @ dc @ P, P.T @ db @ V, P.T @ dW @ P)]
        flow = theory.mode_flow(self.rule, a, b, w, a_star, b_star, w_star, f)
        norm = np.sqrt(sum(np.sum(M**2) for M in turned))
        off = np.sqrt(sum(np.sum((M - np.diag(np.diag(M))) ** 2) for M in turned)) / norm
        gap = max(np.abs(np.diag(M) + np.asarray(x)).max() for M, x in zip(turned, flow)) / norm
        return float(off), float(gap)


def _drawn(draw: np.random.Generator, points: int) -> dict[str, np.ndarray]:
    """Parameters and places: every rule sees the same ones."""
    target = draw.uniform(0.05, 2, points) * draw.choice([-1.0, 1.0], points)
    return {
        "a_star": target,
        "b_star": np.ones(points),
        "w_star": draw.uniform(-0.95, 0.95, points),
        "decay": draw.uniform(0, 0.95, points),
        "feedback": draw.standard_normal(points),
        "s": draw.standard_normal(points),
        "w": draw.uniform(-0.8, 0.8, points),
    }


def _record(settings: Any, seeds: Sequence[int], shots: Mapping[str, np.ndarray]) -> xr.Dataset:
    """A record without learning: one update, as many snapshots as places."""
    places, none = np.zeros(next(iter(shots.values())).shape[1]), np.zeros((len(seeds), 1))
    times = {"update": np.zeros(1), "learning_time": np.zeros(1)}
    times |= {"snapshot_update": places, "snapshot_learning_time": places}
    return dataset(settings, seeds, {"loss": none, "gradient_norm": none}, shots, times, 0.0)
