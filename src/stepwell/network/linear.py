r"""Linear recurrent networks, and the linear systems that they are: realisation, Stein equations, balanced form."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractUnitNetwork, Params, unroll
from stepwell.settings import setting
from stepwell.task.base import Trials

System = tuple[np.ndarray, np.ndarray, np.ndarray]


class Linear(AbstractUnitNetwork):
    r"""$h_{t+1}=\ell h_t+(1-\ell)(W h_t+b\,x_t)$, $y_t=c\,h_{t+1}$, with $\ell$ the `leak`.

    Parameters: `W` [hidden, hidden], row = receiving unit; `b` [hidden, input]; `c` [output, hidden]. At the start every
    entry is `sigma0` times an independent standard normal.

    Attributes:
        hidden, input, output: numbers of units and channels.
        sigma0: initial scale.
        leak: share of the state that is kept from step to step, in [0, 1).

    Source: essay2026, section 2 (its column $c$ is our row).
    """

    hidden: int = setting()
    input: int = setting(1)
    output: int = setting(1)
    sigma0: float = 0.01
    leak: float = 0.0

    def __check_init__(self) -> None:
        if min(self.hidden, self.input, self.output) < 1:
            raise ValueError(
                f"a linear network needs at least one unit and channel; got hidden={self.hidden}, "
                f"input={self.input}, output={self.output}."
            )
        if isinstance(self.leak, (int, float)) and not 0 <= self.leak < 1:
            raise ValueError(f"leak={self.leak} is out of range; it is the share of the state kept, in [0, 1).")
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

    def drive(self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]) -> Float[Array, " hidden"]:
        """$W h + b\\,x$."""
        return params["W"] @ h + params["b"] @ x

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
        """The outputs of a batch, by the scan over steps."""
        return unroll(self, params, trials)


def realisation(poles: Sequence[Any], residues: Sequence[Any]) -> System:
    r"""A real system $(W, b, c)$ with given poles and residues, block diagonal.

    A real pole takes one state, a complex pair the block $\begin{pmatrix}\Re p&-\Im p\\\Im p&\Re p\end{pmatrix}$ with
    $b=(1,0)$, $c=(2\Re r,-2\Im r)$. A residue that is an [output, input] matrix of rank q takes q times as many states.

    Args:
        poles: distinct, closed under conjugation, [pole].
        residues: one number or [output, input] matrix per pole.

    Returns:
        `W` [n, n], `b` [n, input], `c` [output, n], float64.
    """
    blocks = []
    for pole, residue in zip(np.asarray(poles, complex), residues):
        if pole.imag < 0:
            continue
        matrix = np.atleast_2d(np.asarray(residue, complex))
        left, values, right = np.linalg.svd(matrix)
        for i in range(max(1, int(np.sum(values > 1e-13 * max(values[0], 1e-300))))):
            u, v = values[i] * left[:, i], right[i]
            blocks.append(_block(pole, u, v))
    n = sum(len(block[0]) for block in blocks)
    W, at = np.zeros((n, n)), 0
    for block in blocks:
        size = len(block[0])
        W[at : at + size, at : at + size] = block[0]
        at += size
    return W, np.concatenate([block[1] for block in blocks]), np.concatenate([block[2] for block in blocks], axis=1)


def _block(pole: complex, u: np.ndarray, v: np.ndarray) -> System:
    """One real pole, or one pair, with residue $u v^\\top$."""
    if abs(pole.imag) == 0:
        gauge = np.exp(-1j * np.angle(v[np.argmax(np.abs(v))]))
        return np.array([[pole.real]]), (gauge * v).real[None, :], (u / gauge).real[:, None]
    if len(u) == len(v) == 1:
        u, v = u * v, np.ones(1)
    W = np.array([[pole.real, -pole.imag], [pole.imag, pole.real]])
    return W, np.stack([v.real, v.imag]), np.stack([2 * u.real, -2 * u.imag], axis=1)


def stein(A: np.ndarray, C: np.ndarray, Y: np.ndarray) -> np.ndarray:
    r"""The solution X of the Stein equation $X=A X C^\top+Y$, by Smith doubling.

    The number of doublings follows from the spectral radii, so that what is left is below $10^{-17}$ relative.

    Args:
        A: [n, n]. C: [m, m]. Y: [n, m].

    Raises:
        ValueError: if the product of the spectral radii is not below 1; a solver would return a finite wrong number.
    """
    radius = spectral_radius(A) * spectral_radius(C)
    if not radius < 1:
        raise ValueError(f"the Stein equation has no bounded solution: product of spectral radii {radius:.6g} >= 1.")
    doublings = 1 if radius < 1e-16 else int(np.ceil(np.log2(max(2.0, -39.0 / np.log(radius))))) + 1
    # A defective or far from normal matrix decays later than its radius says: small systems take the spare steps.
    for _ in range(max(doublings + 2, 6)):
        Y = Y + A @ Y @ C.T
        A, C = A @ A, C @ C
    return Y


def spectral_radius(W: np.ndarray) -> float:
    """The largest modulus of an eigenvalue of W."""
    return float(np.abs(np.linalg.eigvals(W)).max(initial=0.0))


def conserved(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    r"""$Q=WW^\top-W^\top W+bb^\top-c^\top c$, [..., hidden, hidden], constant under the gradient flow of any loss of $g$.

    Source: essay2026; derived here for every loss that depends on the impulse response alone.
    """
    T = np.swapaxes
    return W @ T(W, -1, -2) - T(W, -1, -2) @ W + b @ T(b, -1, -2) - T(c, -1, -2) @ c


def balanced(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> System:
    r"""The norm-balanced form of a system: the change of basis that makes $Q=0$ (see `conserved`).

    It minimises $\|W\|^2+|b|^2+|c|^2$ over all changes of basis and is unique up to an orthogonal one. Damped Newton on
    symmetric X with $S=e^X$; converges to $|Q|\sim10^{-15}$ in a few iterations.

    Args:
        W: [n, n]. b: [n, input]. c: [output, n]; a minimal system.

    Returns:
        The transformed `W`, `b`, `c`.
    """
    n = len(W)
    if n == 0:
        return W, b, c
    scale = np.sqrt(np.linalg.norm(c) / np.linalg.norm(b))
    b, c = b * scale, c / scale
    basis = [_symmetric(n, i, j) for i in range(n) for j in range(i, n)]
    for _ in range(200):
        Q = conserved(W, b, c)
        if np.abs(Q).max() < 1e-15 * (1 + _size(W, b, c)):
            break
        change = np.stack([_conserved_change(W, b, c, E).ravel() for E in basis], axis=1)
        x = np.linalg.lstsq(change, -Q.ravel(), rcond=None)[0]
        X = sum(value * E for value, E in zip(x, basis))
        X = X / max(1.0, float(np.linalg.norm(X)))
        before = _size(W, b, c)
        for _ in range(40):
            trial = _transform(W, b, c, X)
            if _size(*trial) <= before * (1 + 1e-15):
                break
            X = X / 2
        W, b, c = trial
    return W, b, c


def _symmetric(n: int, i: int, j: int) -> np.ndarray:
    E = np.zeros((n, n))
    E[i, j] = E[j, i] = 1.0
    return E


def _size(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float(np.sum(W**2) + np.sum(b**2) + np.sum(c**2))


def _conserved_change(W: np.ndarray, b: np.ndarray, c: np.ndarray, E: np.ndarray) -> np.ndarray:
    """First-order change of Q under W -> W + EW - WE, b -> b + Eb, c -> c - cE."""
    dW, db, dc = E @ W - W @ E, E @ b, -c @ E
    half = dW @ W.T - W.T @ dW + db @ b.T - c.T @ dc
    return half + half.T


def _transform(W: np.ndarray, b: np.ndarray, c: np.ndarray, X: np.ndarray) -> System:
    values, vectors = np.linalg.eigh(X)
    S = (vectors * np.exp(values)) @ vectors.T
    inverse = (vectors * np.exp(-values)) @ vectors.T
    return S @ W @ inverse, S @ b, c @ inverse
