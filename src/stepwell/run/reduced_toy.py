r"""Descent of the one-parameter model $\dot x=ax^2+r$ on its exact gradient, from many starts at many rates
at once."""

import time
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from stepwell.network import saddle_node_exact as exact
from stepwell.run.record import dataset
from stepwell.settings import number, setting


class ToyDescent(eqx.Module):
    r"""Gradient descent in $r$, as a settings object; all scales are those of the analytic limit.

    The record holds `r` [seed, snapshot, rate, start] in units of the optimum $r^*$, and as `loss` the mean
    of $L/T$ over rates and starts. Seed s gives rate number i the starts `rho0 + spread * RandomState(s +
    i).standard_normal(starts)`.

    Attributes:
        betas: learning rates in units of the critical one, $3r^{*2}/(2T)$.
        rho0, spread: mean and standard deviation of the starts, in units of $r^*$.
        starts: how many of them per rate.
        common: whether all rates have the starts of rate number 0.
        updates, every: number of updates, and updates between two snapshots.
        T: delay. curvature: $a$.
        confidence: $\gamma$ of the output, for the gradient by quadrature; None for the analytic limit.
        threshold: $\theta$, used with a finite confidence.

    Source: ghost2025, Fig. 2 and Eqs. (6)-(15).
    """

    betas: tuple[float, ...]
    rho0: float = number(10.0)
    spread: float = number(0.0)
    starts: int = setting(1)
    common: bool = setting(True)
    updates: int = setting(10000)
    every: int = setting(1)
    T: float = number(100.0)
    curvature: float = number(1.0)
    confidence: float | None = number(None)
    threshold: float = number(10.0)

    def __check_init__(self) -> None:
        if min(self.updates, self.every, self.starts, len(self.betas)) < 1:
            raise ValueError(
                f"updates={self.updates}, every={self.every}, starts={self.starts} and {len(self.betas)} "
                "rates do not make a run; each must be at least 1."
            )

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Descend from every start of every seed; nothing is kept in the store."""
        began, best = time.monotonic(), exact.optimum(self.T, self.curvature)
        rates = np.array(self.betas)[:, None] * 1.5 / self.T * best**2
        path = self._path(np.stack([self._starts(seed) for seed in seeds]) * best, rates)
        loss, slope = self._curves(path)
        at = np.arange(0, self.updates + 1, self.every)
        times = {"update": at, "snapshot_update": at}
        times |= {name: rates[0, 0] * at for name in ("learning_time", "snapshot_learning_time")}
        curves = {"loss": loss / self.T, "gradient_norm": np.abs(slope)}
        curves = {name: values.mean(axis=(2, 3)) for name, values in curves.items()}
        return dataset(self, seeds, curves, {"r": path / best}, times, time.monotonic() - began)

    def _starts(self, seed: int) -> np.ndarray:
        """Starts in units of the optimum, [rate, start]."""
        own = [seed + (0 if self.common else i) for i in range(len(self.betas))]
        draws = [np.random.RandomState(each).standard_normal(self.starts) for each in own]
        return self.rho0 + self.spread * np.array(draws)

    def _path(self, starts: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """The parameters [seed, snapshot, rate, start]."""
        if self.confidence is None:
            count = self.updates // self.every
            path = _descent(
                jnp.asarray(starts), jnp.asarray(rates[None]), self.T, self.curvature, count, self.every
            )
        else:
            path = exact.descent(starts, rates, self.updates, lambda r: self._curves(r)[1])[:: self.every]
        return np.moveaxis(np.asarray(path), 0, 1)

    def _curves(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss and slope of the model."""
        if self.confidence is None:
            return tuple(f(r, self.T, self.curvature) for f in (exact.loss, exact.gradient))
        sharpness = (self.confidence, self.threshold, self.curvature)
        return tuple(f(r, self.T, *sharpness) for f in (exact.finite_loss, exact.finite_gradient))


@eqx.filter_jit
def _descent(
    starts: Float[Array, "..."],
    rates: Float[Array, "..."],
    T: float,
    curvature: float,
    count: int,
    every: int,
) -> Float[Array, "..."]:
    """Descent on the loss of the analytic limit, compiled: `count` + 1 snapshots, [snapshot, ...]."""
    best = jnp.pi**2 / (4 * curvature * T**2)

    def step(_: Any, r: Array) -> Array:
        safe = jnp.maximum(r, best / 4)
        change = rates * jnp.pi / (4 * jnp.sqrt(curvature) * safe * jnp.sqrt(safe))
        return jnp.where(r > best, r - change, jnp.where(r < best / 4, r, r + change))

    def snapshot(r: Array, _: Any) -> tuple[Array, Array]:
        r = jax.lax.fori_loop(0, every, step, r)
        return r, r

    return jnp.concatenate([starts[None], jax.lax.scan(snapshot, starts, None, count)[1]])
