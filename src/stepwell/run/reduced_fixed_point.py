r"""Gradient descent on the fixed point of a linear network, by its resolvent: no trial is run, nothing is
unrolled."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import xarray as xr

from stepwell.network import Rate
from stepwell.run.record import dataset
from stepwell.settings import number, setting

NEAR_SINGULAR = 1e-3
LOST = 1e-8
ROUNDING = 1e-15
RANKS = 3
"""Singular values that are recorded, and truncations that are tried."""


class FixedPointDescent(eqx.Module):
    r"""Plain gradient descent on $L=(y^*-y)^2/2$ in W alone, $y=\hat c^\top(I-W)^{-1}\hat b$.

    Start and directions are those of the `rate` network with the same seed. The record has, at every update,
    `loss`, `gradient_norm`, `output`, `growth` (p, the product of the norms of state and adjoint), `norm` and
    `nuclear_norm` of the weight change, and its singular values `s1`, `s2`, `s3`. Its one snapshot, the end,
    has what the loss becomes with another W: `truncated_loss` [rank] (the change cut to rank 0, 1, 2),
    `shuffled_loss` [permutation] (the entries of $W_0$ permuted), `change_alone` (without $W_0$) and
    `first_direction` (of the change only its part along the first gradient).

    Attributes:
        hidden: N. g: strength of the initial weights, below 1. target: $y^*$.
        learning_rate: of an update; in a flow of no effect.
        updates: how many.
        flow: follow gradient flow instead, by midpoint steps that add equal amounts to the nuclear norm and
            end at the target.
        step: of a flow, in the nuclear norm.
        zero_output: remove from $\hat b$ what makes the first output differ from 0, its value for many units.
        shuffles: permutations tried at the end.

    Source: schuessler2020, section 3 and the authors' code (there an Euler network of 202 steps).
    """

    hidden: int = setting()
    g: float = number(0.0)
    target: float = number(0.5)
    learning_rate: float = number(0.015)
    updates: int = setting(200)
    flow: bool = setting(False)
    step: float = number(0.002)
    zero_output: bool = setting(True)
    shuffles: int = setting(8)

    def __check_init__(self) -> None:
        if self.hidden < 2 or self.updates < 1:
            raise ValueError(
                f"hidden={self.hidden} and updates={self.updates} do not make a run; give 2 or more units "
                "and 1 or more updates."
            )
        if not 0 <= self.g < 1:
            raise ValueError(
                f"g={self.g} is outside [0, 1): from g = 1 on the linear network has no stable fixed point."
            )

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """Descend from every seed's start; nothing is kept in the store."""
        began = time.monotonic()
        rows = [self._row(seed) for seed in seeds]
        curves = {name: np.stack([curve[name] for curve, _ in rows]) for name in rows[0][0]}
        learning_time = curves.pop("learning_time")
        # Plain updates are at the same learning times in every row; a flow has its own in each.
        learning_time = learning_time if self.flow else learning_time[0]
        ends = {name: np.stack([end[name] for _, end in rows])[:, None] for name in rows[0][1]}
        lost = [str(seed) for seed, residual in zip(seeds, ends["residual"][:, 0]) if not residual < LOST]
        notes = [f"seed {', '.join(lost)}: the resolvent has lost its accuracy."] if lost else []
        times = {
            "update": np.arange(self.updates + 1),
            "learning_time": learning_time,
            "snapshot_update": np.array([self.updates]),
            "snapshot_learning_time": learning_time[..., -1:],
        }
        return dataset(self, seeds, curves, ends, times, time.monotonic() - began, notes)

    def start(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The weights before learning [hidden, hidden] and the unit vectors of input and readout [hidden]."""
        with jax.enable_x64(True):
            params = Rate(self.hidden, g=self.g).init(jax.random.key(seed))
        W = np.asarray(params["W"])
        b, c = (_unit(np.asarray(params[name]).ravel()) for name in ("b", "c"))
        if self.zero_output:
            adjoint = _unit(np.linalg.solve((np.eye(self.hidden) - W).T, c))
            b = _unit(b - (adjoint @ b) * adjoint)
        return W, b, c

    def _row(self, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The curves of one seed and what it came to."""
        W, b, c = self.start(seed)
        if self.flow:
            path = flow(W, b, c, self.target, self.step, self.updates)
        else:
            path = descent(W, b, c, self.target, self.learning_rate, self.updates)
        values, left, right = spectrum(path.left, path.right)
        curves = {
            "loss": (self.target - path.output) ** 2 / 2,
            "gradient_norm": np.abs(self.target - path.output) * path.growth,
            "output": path.output,
            "growth": path.growth,
            "learning_time": path.learning_time,
            "norm": np.sqrt((values**2).sum(-1)),
            "nuclear_norm": values.sum(-1),
            **{f"s{k + 1}": values[:, k] for k in range(RANKS)},
        }
        ends = self._ends(W, b, c, left, right, np.random.default_rng(seed))
        return curves, {**ends, "residual": np.array(path.residual)}

    def _ends(
        self, W: np.ndarray, b: np.ndarray, c: np.ndarray, left: np.ndarray, right: np.ndarray, random: Any
    ) -> dict[str, np.ndarray]:
        """The losses with the change cut, its start shuffled, or left alone."""
        change = left @ right.T

        def loss(weights: np.ndarray) -> float:
            return float(self.target - c @ np.linalg.solve(np.eye(len(b)) - weights, b)) ** 2 / 2

        # Without initial weights there is nothing to permute.
        orders = self.shuffles if self.g else min(1, self.shuffles)
        shuffled = [loss(random.permuted(W.ravel()).reshape(W.shape) + change) for _ in range(orders)]
        M = np.eye(len(b)) - W
        adjoint, state = _unit(np.linalg.solve(M.T, c)), _unit(np.linalg.solve(M, b))
        first = (adjoint @ left) @ (state @ right) * np.outer(adjoint, state)
        cut = [loss(W + left[:, :r] @ right[:, :r].T) for r in range(RANKS)]
        return {
            "truncated_loss": np.array(cut),
            "shuffled_loss": np.resize(shuffled, self.shuffles) if shuffled else np.zeros(0),
            "change_alone": np.array(loss(change)),
            "first_direction": np.array(loss(W + first)),
        }


class Path(NamedTuple):
    r"""A descent: curves [update], and the change of W as factors, one outer product per update.

    Attributes:
        output: y; NaN from where it overflows. growth: $|\alpha||\chi|$. learning_time: of every update.
        left, right: [hidden, updates]; their first u columns give the change after u updates.
        residual: largest entry of $R(I-W)-I$ at the end.
    """

    output: np.ndarray
    growth: np.ndarray
    learning_time: np.ndarray
    left: np.ndarray
    right: np.ndarray
    residual: float


def descent(
    W: np.ndarray, b: np.ndarray, c: np.ndarray, target: float, learning_rate: float, updates: int
) -> Path:
    r"""Plain updates $W\leftarrow W+\eta(y^*-y)\,\alpha\chi^\top$ with $\alpha=R^\top c$, $\chi=Rb$.

    Args:
        W: weights at the start, [hidden, hidden]. b, c: input and readout, [hidden].
        target: $y^*$. learning_rate: $\eta$. updates: how many.
    """
    R, rows = _Resolvent(W, b, c, updates), []
    for update in range(updates):
        rows.append((R.output, R.growth, learning_rate * update))
        R.change(learning_rate * (target - R.output), R.adjoint, R.state)
    return _path(R, [*rows, (R.output, R.growth, learning_rate * updates)])


def flow(W: np.ndarray, b: np.ndarray, c: np.ndarray, target: float, step: float, updates: int) -> Path:
    """Gradient flow by the midpoint rule, in equal steps of the nuclear norm.

    The last step is shortened so that the output meets the target; what follows repeats the end.

    Args:
        W, b, c, target, updates: as in `descent`. step: in the nuclear norm.
    """
    R, rows, clock = _Resolvent(W, b, c, updates), [], 0.0
    for _ in range(updates):
        rows.append((R.output, R.growth, clock))
        error = target - R.output
        # As dy = p dnu, this is the step that meets the target, once the full one would go beyond it.
        size = np.sign(error) * min(step, abs(error) / R.growth)
        adjoint, state = R.ahead(size / (2 * R.growth))
        growth = float(np.linalg.norm(adjoint) * np.linalg.norm(state))
        R.change(size / growth, adjoint, state)
        left = (target - R.output) / error if error else 1.0
        clock += -np.log(left) / growth**2 if left > 0 else np.inf
    return _path(R, [*rows, (R.output, R.growth, clock)])


def spectrum(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""The singular values of every partial sum of outer products, without forming one.

    The factors span few directions to rounding, in which all sums are small matrices.

    Args:
        left, right: factors, [hidden, term].

    Returns:
        Values [term + 1, k], descending, of the sums of the first 0, 1, ... terms; and of the whole sum the
        left vectors times their values and the right vectors, [hidden, k].
    """
    (U, rows), (V, columns) = _compressed(left), _compressed(right)
    terms = rows.T[:, :, None] * columns.T[:, None, :]
    sums = np.concatenate([np.zeros_like(terms[:1]), np.cumsum(terms, axis=0)])
    values = np.linalg.svd(sums, compute_uv=False)
    first, scale, second = np.linalg.svd(sums[-1], full_matrices=False)
    lacking = max(0, RANKS - values.shape[1])
    return np.pad(values, ((0, 0), (0, lacking))), U @ (first * scale), V @ second.T


class _Resolvent:
    """R, the inverse of I - W, while W changes by outer products: applied to vectors, formed once."""

    def __init__(self, W: np.ndarray, b: np.ndarray, c: np.ndarray, room: int):
        self.W, self.b, self.c, self.known, self.used = W, b, c, 0, 0
        self.left, self.right, self.P, self.Q = (np.zeros((len(b), room), order="F") for _ in range(4))
        self._invert()

    @property
    def output(self) -> float:
        return float(self.c @ self.state)

    @property
    def growth(self) -> float:
        return float(np.linalg.norm(self.adjoint) * np.linalg.norm(self.state))

    def change(self, size: float, left: np.ndarray, right: np.ndarray) -> None:
        """Add size times left right^T to W, by the formula of Sherman and Morrison."""
        forward, back, share = self._response(size, left, right)
        k, self.used = self.used, self.used + 1
        self.left[:, k], self.right[:, k] = size * left, right
        if abs(size) < NEAR_SINGULAR * abs(share):
            self._invert()
            return
        self.P[:, k], self.Q[:, k] = share * forward, back
        self.adjoint = self.adjoint + share * (self.adjoint @ left) * back
        self.state = self.state + share * (right @ self.state) * forward

    def ahead(self, size: float) -> tuple[np.ndarray, np.ndarray]:
        """Adjoint and state after a step of size along the gradient, which is not taken."""
        forward, back, share = self._response(size, self.adjoint, self.state)
        adjoint = self.adjoint + share * (self.adjoint @ self.adjoint) * back
        return adjoint, self.state + share * (self.state @ self.state) * forward

    def residual(self) -> float:
        """The largest entry of R (I - W) - I."""
        P, Q = self.P[:, self.known : self.used], self.Q[:, self.known : self.used]
        error = (self.R + P @ Q.T) @ self._M() - np.eye(len(self.b))
        return float(np.abs(error).max())

    def _response(
        self, size: float, left: np.ndarray, right: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, float]:
        P, Q = self.P[:, self.known : self.used], self.Q[:, self.known : self.used]
        forward, back = self.R @ left + P @ (left @ Q), right @ self.R + Q @ (right @ P)
        return forward, back, float(size / (1 - size * (right @ forward)))

    def _invert(self) -> None:
        self.R, self.known = np.linalg.inv(self._M()), self.used
        self.adjoint, self.state = self.c @ self.R, self.R @ self.b

    def _M(self) -> np.ndarray:
        change = self.left[:, : self.used] @ self.right[:, : self.used].T
        return np.eye(len(self.b)) - self.W - change


def _path(R: _Resolvent, rows: Sequence[tuple[float, float, float]]) -> Path:
    output, growth, learning_time = np.array(rows).T
    return Path(output, growth, learning_time, R.left, R.right, R.residual())


def _compressed(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An orthonormal basis [hidden, k] of the directions that count, and the factor in it, [k, term]."""
    Q, rows = np.linalg.qr(factor)
    U, scale, V = np.linalg.svd(rows, full_matrices=False)
    kept = scale > ROUNDING * scale[0]
    return Q @ U[:, kept], scale[kept, None] * V[kept]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
