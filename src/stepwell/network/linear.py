"""Linear recurrent networks, and the linear systems that they are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from numpy.typing import ArrayLike

from stepwell.network.base import AbstractUnitNetwork, Params, each_trial, initial_state
from stepwell.settings import number, setting
from stepwell.trials import Trials

System = tuple[np.ndarray, np.ndarray, np.ndarray]
Numbers = ArrayLike | float | tuple[Any, ...]  # run-time type checkers take ArrayLike to the letter


class Linear(AbstractUnitNetwork):
    r"""$h_{t+1}=\ell h_t+(1-\ell)(W h_t+b\,x_t)$, $y_t=c\,h_{t+1}$, with $\ell$ the `leak`.

    Parameters: `W` [hidden, hidden], row = receiving unit; `b` [hidden, input]; `c` [output, hidden]. At the
    start every entry is `sigma0` times an independent standard normal.

    Attributes:
        hidden, input, output: numbers of units and channels.
        sigma0: initial scale.
        leak: share of the state that is kept from step to step, in [0, 1).

    Source: essay2026, section 2 (its column $c$ is our row).
    """

    hidden: int = setting()
    input: int = setting(1)
    output: int = setting(1)
    sigma0: float = number(0.01)
    leak: float = number(0.0)

    def __check_init__(self) -> None:
        if min(self.hidden, self.input, self.output) < 1:
            raise ValueError(
                f"a linear network needs at least one unit and channel; got hidden={self.hidden}, "
                f"input={self.input}, output={self.output}."
            )
        if isinstance(self.leak, (int, float)) and not 0 <= self.leak < 1:
            raise ValueError(
                f"leak={self.leak} is out of range; it is the share of the state kept, in [0, 1)."
            )
        if isinstance(self.sigma0, (int, float)) and not (np.isfinite(self.sigma0) and self.sigma0 >= 0):
            raise ValueError(f"sigma0={self.sigma0} is no scale; it must be a finite number, 0 or above.")

    def init(self, key: PRNGKeyArray) -> Params:
        """All entries `sigma0` times standard normals."""
        key_W, key_b, key_c = jax.random.split(key, 3)
        return {
            "W": self.sigma0 * jax.random.normal(key_W, (self.hidden, self.hidden)),
            "b": self.sigma0 * jax.random.normal(key_b, (self.hidden, self.input)),
            "c": self.sigma0 * jax.random.normal(key_c, (self.output, self.hidden)),
        }

    def drive(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """$W h + b\\,x$."""
        return h @ params["W"].T + x @ params["b"].T

    def respond(self, h: Float[Array, " hidden"], a: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        """$\\ell h+(1-\\ell)a$."""
        return self.leak * h + (1 - self.leak) * a

    def rates(self, h: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        """The state itself."""
        return h

    def self_weights(self, params: Params) -> Float[Array, " hidden"]:
        """The diagonal of W."""
        return jnp.diagonal(params["W"])

    def readout(self, params: Params, h: Float[Array, " hidden"]) -> Float[Array, " output"]:
        """$c\\,h$."""
        return params["c"] @ h

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The outputs of `unroll`, with the leak folded into the weights and one readout of all states."""
        W = self.leak * jnp.eye(self.hidden, dtype=params["W"].dtype) + (1 - self.leak) * params["W"]
        b, h0 = (1 - self.leak) * params["b"], initial_state(self, trials, params)

        def one(inputs: Float[Array, "step input"]) -> Float[Array, "step output"]:
            def advance(h: Array, x: Array) -> tuple[Array, Array]:
                h = W @ h + b @ x
                return h, h

            return jax.lax.scan(advance, h0, inputs)[1] @ params["c"].T

        return each_trial(one, trials.inputs)


def realisation(poles: Numbers, residues: Numbers) -> System:
    r"""A real system $(W, b, c)$ with given poles and residues, block diagonal.

    A real pole takes one state, a complex pair the block
    $\begin{pmatrix}\Re p&-\Im p\\\Im p&\Re p\end{pmatrix}$ with $b=(1,0)$, $c=(2\Re r,-2\Im r)$. A residue
    that is an [output, input] matrix of rank q takes q times as many states.

    Args:
        poles: distinct, closed under conjugation, [pole].
        residues: one number or [output, input] matrix per pole.

    Returns:
        `W` [n, n], `b` [n, input], `c` [output, n], float64.
    """
    blocks = []
    for pole, residue in zip(np.asarray(poles, np.complex128), np.asarray(residues, np.complex128)):
        if pole.imag < 0:
            continue
        left, values, right = np.linalg.svd(np.atleast_2d(residue))
        rank = max(1, int(np.sum(values > 1e-13 * values[0])))
        blocks += [_block(pole, values[i] * left[:, i], right[i]) for i in range(rank)]
    n = sum(len(block) for block, _, _ in blocks)
    W, at = np.zeros((n, n)), 0
    for block, _, _ in blocks:
        W[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return W, np.concatenate([b for _, b, _ in blocks]), np.concatenate([c for _, _, c in blocks], axis=1)


def _block(pole: complex, u: np.ndarray, v: np.ndarray) -> System:
    """One real pole, or one pair, with residue $u v^\\top$."""
    if pole.imag == 0:
        phase = np.exp(-1j * np.angle(v[np.argmax(np.abs(v))]))  # the factors of a real matrix, made real
        return np.array([[pole.real]]), np.real(phase * v)[None, :], np.real(u / phase)[:, None]
    if len(u) == len(v) == 1:
        u, v = u * v, np.ones(1)
    W = np.array([[pole.real, -pole.imag], [pole.imag, pole.real]])
    return W, np.stack([np.real(v), np.imag(v)]), 2 * np.stack([np.real(u), -np.imag(u)], axis=1)


def stein(A: np.ndarray, C: np.ndarray, Y: np.ndarray) -> np.ndarray:
    r"""The solution X of the Stein equation $X=A X C^\top+Y$, by Smith doubling.

    After k doublings the first $2^k$ terms of $\sum_jA^jY(C^\top)^j$ are summed. It stops when
    $\|A^{2^k}\|\|C^{2^k}\|<10^{-17}$, which bounds the rest also for matrices far from normal.

    Args:
        A: [n, n]. C: [m, m]. Y: [..., n, m].

    Raises:
        ValueError: if the product of the spectral radii is not below 1; a solver would return a wrong number.
    """
    for _ in range(64):
        Y = Y + A @ Y @ C.T
        A, C = A @ A, C @ C
        left = np.vdot(A, A).real * np.vdot(C, C).real
        if left < 1e-34:
            return Y
        if not left < 1e100:
            break
    raise ValueError("the Stein equation has no bounded solution: the spectral radii multiply to 1 or more.")


def spectral_radius(W: np.ndarray) -> float:
    """The largest modulus of an eigenvalue of W."""
    return float(np.abs(np.linalg.eigvals(W)).max(initial=0.0))


def conserved(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    r"""$Q=WW^\top-W^\top W+bb^\top-c^\top c$, conserved by gradient flow for a loss of the impulse response.

    Args:
        W: [..., n, n]. b: [..., n, input]. c: [..., output, n].

    Returns:
        Q, symmetric, [..., n, n].

    Source: essay2026; derived here.
    """
    T = np.swapaxes
    return W @ T(W, -1, -2) - T(W, -1, -2) @ W + b @ T(b, -1, -2) - T(c, -1, -2) @ c


def balanced(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> System:
    r"""The norm-balanced form of a system: the change of basis that makes $Q=0$ (see `conserved`).

    It minimises $\|W\|^2+|b|^2+|c|^2$ over all changes of basis and is unique up to an orthogonal one. Damped
    Newton on symmetric X with $S=e^X$; converges to $|Q|\sim10^{-15}$ in a few iterations.

    Args:
        W: [n, n]. b: [n, input]. c: [output, n]; a minimal system.

    Returns:
        The transformed `W`, `b`, `c`.

    Raises:
        ValueError: if b or c is zero; no change of basis balances that.
    """
    if not b.any() or not c.any():
        if len(W) == 0:
            return W, b, c
        raise ValueError("a system with b = 0 or c = 0 cannot be balanced; give one that has both.")
    scale = np.sqrt(np.linalg.norm(c) / np.linalg.norm(b))
    b, c = b * scale, c / scale
    basis = _symmetric_basis(len(W))
    for _ in range(200):
        Q = conserved(W, b, c)
        if np.abs(Q).max() < 1e-15 * (1 + _size(W, b, c)):
            break
        change = _conserved_change(W, b, c, basis).reshape(len(basis), -1)
        X = np.tensordot(np.linalg.lstsq(change.T, -Q.ravel(), rcond=None)[0], basis, axes=1)
        X = X / max(1.0, float(np.linalg.norm(X)))
        W, b, c = _shrunk(W, b, c, X)
    return W, b, c


def _shrunk(W: np.ndarray, b: np.ndarray, c: np.ndarray, X: np.ndarray) -> System:
    """The system after the first of the steps X, X/2, X/4, ... that does not enlarge it."""
    before = _size(W, b, c)
    for _ in range(40):
        values, vectors = np.linalg.eigh(X)
        S, inverse = ((vectors * np.exp(sign * values)) @ vectors.T for sign in (1, -1))
        trial = S @ W @ inverse, S @ b, c @ inverse
        if _size(*trial) <= before * (1 + 1e-13):  # rounding
            return trial
        X = X / 2
    return W, b, c


def _symmetric_basis(n: int) -> np.ndarray:
    """[n(n+1)/2, n, n]."""
    i, j = np.triu_indices(n)
    basis = np.zeros((len(i), n, n))
    at = np.arange(len(i))
    basis[at, i, j] = basis[at, j, i] = 1.0
    return basis


def _size(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float(np.sum(W**2) + np.sum(b**2) + np.sum(c**2))


def _conserved_change(W: np.ndarray, b: np.ndarray, c: np.ndarray, E: np.ndarray) -> np.ndarray:
    """First-order change of Q under W -> W + EW - WE, b -> b + Eb, c -> c - cE, for every E of a stack."""
    dW, db, dc = E @ W - W @ E, E @ b, -c @ E
    half = dW @ W.T - W.T @ dW + db @ b.T - c.T @ dc
    return half + np.swapaxes(half, -1, -2)
