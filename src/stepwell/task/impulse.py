"""Learn the impulse response of a target system that is given by its poles and residues."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials

INPUTS = ("impulse", "white", "coloured", "band_limited")


class Impulse(AbstractTask):
    r"""A target system $g^*_s=\sum_k r_k p_k^s$, $s\ge0$, and the expected loss under a stationary input.

    The network is shown a unit impulse on one input channel per trial, so its outputs are its impulse
    response $g$. With $e=g-g^*$ the loss is $\tfrac12 e^\top R\,e$, summed over inputs and outputs, where $R$
    is the Toeplitz matrix of the input's autocorrelation: the identity for an impulse and, times `variance`,
    for white noise; $\rho^{|\tau|}$ for `coloured` input (`correlation` $\rho$);
    $\sin(\omega_c\tau)/(\omega_c\tau)$ for `band_limited` input (`cutoff` $\omega_c$ in radians per step).

    Attributes:
        poles: stable and closed under conjugation, [pole]; complex numbers allowed (`[re, im]` in JSON).
        residues: one number per pole, or one [output, input] matrix per pole.
        steps: horizon; None takes the smallest T with $|p|_{\max}^{2T}<10^{-16}$.
        input: "impulse", "white", "coloured" or "band_limited".
        variance, correlation, cutoff: of the input, as above; each used by its own kind of input only.

    Raises:
        ValueError: for an unstable or non-conjugate target, sizes that do not fit, or a setting out of range.

    Source: essay2026, sections 2, 7 and 8.3.
    """

    poles: tuple[complex | float, ...]
    residues: tuple[Any, ...]
    steps: int = setting(automatic=True)
    input: str = setting("impulse")
    variance: float = 1.0
    correlation: float = 0.0
    cutoff: float = math.pi
    batch: int = eqx.field(static=True, init=False)

    def __init__(
        self,
        poles: Iterable[Any],
        residues: Iterable[Any],
        steps: int | None = None,
        input: str = "impulse",
        variance: float = 1.0,
        correlation: float = 0.0,
        cutoff: float = math.pi,
    ):
        self.poles = tuple(_number(p) for p in poles)
        self.residues = tuple(_numbers(r) for r in residues)
        check_target(self.poles, self.residues)
        if input not in INPUTS:
            raise ValueError(f"impulse input '{input}' is unknown; choose one of {', '.join(INPUTS)}.")
        if steps is not None and steps < 1:
            raise ValueError(
                f"steps={steps} is no horizon; it must be at least 1, or None for the automatic one."
            )
        if not (variance > 0 and abs(correlation) < 1 and 0 < cutoff <= math.pi):
            raise ValueError(
                f"the input needs variance > 0, |correlation| < 1 and 0 < cutoff <= pi; "
                f"got {variance}, {correlation}, {cutoff}."
            )
        self.steps = horizon(self.poles) if steps is None else int(steps)
        self.input = input
        self.variance, self.correlation, self.cutoff = float(variance), float(correlation), float(cutoff)
        self.batch = 1 if not isinstance(self.residues[0], tuple) else len(self.residues[0][0])

    def trial(self, key: PRNGKeyArray) -> Trials:
        """The trial with the impulse on the first input channel; the task has no randomness."""
        trials = self.trials(key)
        return Trials(trials.inputs[0], trials.targets[0], trials.mask[0])

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """One trial per input channel, an impulse on each: inputs [input, step, input], targets alike."""
        if count not in (None, self.batch):
            raise ValueError(
                f"this impulse task has {self.batch} trials, one per input channel; {count} were asked for."
            )
        targets = jnp.moveaxis(self.response(), 2, 0)
        inputs = jnp.zeros((self.batch, self.steps, self.batch), targets.dtype)
        inputs = inputs.at[:, 0, :].set(jnp.eye(self.batch, dtype=targets.dtype))
        return Trials(inputs, targets, jnp.ones_like(targets))

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        r"""$\tfrac12\sum e^\top R\,e$ over input and output channels."""
        error = outputs - trials.targets
        if self.input in ("impulse", "white"):
            weight = self.variance if self.input == "white" else 1.0
            return 0.5 * weight * jnp.sum(error**2)
        return 0.5 * jnp.einsum("iso,st,ito->", error, self.autocorrelation(), error)

    def response(self) -> Float[Array, "step output input"]:
        """The target's impulse response."""
        poles = jnp.stack([jnp.asarray(p, _complex()) for p in self.poles])
        residues = jnp.stack([jnp.asarray(r, _complex()) for r in self.residues])
        residues = residues.reshape(len(self.poles), -1, self.batch)
        ratios = jnp.broadcast_to(poles, (self.steps, len(self.poles))).at[0].set(1.0)
        # Not a complex power, which would go through the logarithm and fail at p = 0.
        powers = jnp.cumprod(ratios, axis=0)
        return jnp.einsum("sk,koi->soi", powers, residues).real

    def autocorrelation(self) -> Float[Array, "step step"]:
        """The Toeplitz matrix $R$ of the input's autocorrelation."""
        lag = jnp.abs(jnp.arange(self.steps)[:, None] - jnp.arange(self.steps)[None, :])
        if self.input == "coloured":
            return jnp.asarray(self.correlation) ** lag
        if self.input == "band_limited":
            return jnp.sinc(self.cutoff * lag / jnp.pi)
        return jnp.eye(self.steps) * (self.variance if self.input == "white" else 1.0)


def check_target(poles: Sequence[Any], residues: Sequence[Any]) -> None:
    """Refuse a target that is empty, unstable, not real, or whose sizes do not fit.

    Raises:
        ValueError: with the reason and what is needed.
    """
    p, r = np.asarray(poles, complex), np.asarray([np.asarray(item, complex) for item in residues])
    if p.ndim != 1 or len(p) == 0 or len(p) != len(r) or r.ndim not in (1, 3):
        raise ValueError(
            f"a target needs as many residues as poles, each a number or an [output, input] matrix; "
            f"got {np.size(p)} poles and residues of shape {r.shape}."
        )
    if not (np.isfinite(p).all() and np.isfinite(r).all()):
        raise ValueError("the target holds NaN or infinity; poles and residues must be finite numbers.")
    if np.abs(p).max() >= 1:
        raise ValueError(
            f"the target is unstable: |pole| = {np.abs(p).max():.6g}; every pole needs modulus below 1."
        )
    for pole, residue in zip(p, r):
        partner = np.abs(p - pole.conjugate()) < 1e-12
        if not any(
            np.allclose(r[i], residue.conjugate(), rtol=1e-10, atol=1e-12) for i in np.flatnonzero(partner)
        ):
            raise ValueError(
                f"the target is not real: pole {pole:.6g} with residue {residue} has no conjugate partner; "
                "give complex poles and residues in conjugate pairs."
            )


def horizon(poles: Iterable[complex | float]) -> int:
    r"""The smallest T with $|p|_{\max}^{2T}<10^{-16}$: nothing of the target is left after it in float64."""
    radius = max(abs(complex(p)) for p in poles)
    return 1 if radius < 1e-8 else math.floor(-8 / math.log10(radius)) + 1


def _complex() -> Any:
    return jnp.result_type(jnp.asarray(0.0).dtype, jnp.complex64)


def _number(value: Any) -> complex | float:
    number = complex(*value) if isinstance(value, (list, tuple)) else complex(value)
    return number.real if number.imag == 0 else number


def _numbers(value: Any) -> Any:
    """A residue: a number, a pair [re, im], or a matrix of either."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)) and isinstance(value[0], (list, tuple)):
        return tuple(tuple(_number(item) for item in row) for row in value)
    return _number(value)
