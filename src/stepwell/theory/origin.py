"""The first moments of learning: near the origin the first two values of the target decide."""

import numpy as np

from stepwell.network.linear import Numbers, System
from stepwell.theory.target import siso_target


def leading_gradient(b: Numbers, c: Numbers, poles: Numbers, residues: Numbers) -> System:
    r"""The gradient of the loss to leading order in small weights.

    $\partial_WL=-g^*_1c^\top b^\top$, $\partial_bL=-g^*_0c^\top$, $\partial_cL=-g^*_0b^\top$: of rank one in
    W, and an order smaller there than in b and c.

    Args:
        b: input weights, [hidden, 1].
        c: readout, [1, hidden].
        poles, residues: the target, [pole].

    Returns:
        (dW, db, dc).

    Raises:
        ValueError: for sizes that do not fit or what is no target.

    Example:
        >>> leading_gradient([[0.01]], [[0.02]], [0.5], [1.0])
        (array([[-0.0001]]), array([[-0.02]]), array([[-0.01]]))

    Source: essay2026, section 8.4, whose coefficient should be the sum at lag one.
    """
    b, c = _weights(b, c)
    g0, g1 = _first_values(poles, residues)
    return -g1 * c.T @ b.T, -g0 * c.T, -g0 * b.T


def flip_time(b: Numbers, c: Numbers, poles: Numbers, residues: Numbers) -> float:
    r"""The learning time at which $cb$ changes sign, $\ln\frac{|b-sc^\top|}{|b+sc^\top|}\big/(2|g^*_0|)$.

    Near the origin, with $s=\operatorname{sign}g^*_0$, $b+sc^\top$ grows and $b-sc^\top$ decays at the rate
    $|g^*_0|$. The time is negative for a start that has the right sign.

    Args:
        b: input weights at the start, [hidden, 1].
        c: readout at the start, [1, hidden].
        poles, residues: the target, [pole].

    Raises:
        ValueError: for sizes that do not fit, what is no target, or one with $g^*_0=0$.

    Example:
        >>> round(flip_time([[0.01], [0.0]], [[-0.005, 0.001]], [0.5], [1.0]), 4)
        0.5406

    Source: essay2026, section 8.2; the time is ours.
    """
    b, c = _weights(b, c)
    g0, _ = _first_values(poles, residues)
    if g0 == 0:
        raise ValueError("g*_0 of the target is 0: nothing grows or decays at the origin to leading order.")
    decaying, growing = (np.linalg.norm(b - sign * np.sign(g0) * c.T) for sign in (1, -1))
    return float(np.log(decaying / growing) / (2 * abs(g0)))


def pole_per_residue(poles: Numbers, residues: Numbers, learning_rate: float = 0.0) -> float:
    r"""$p/r$ of the first mode as it leaves the origin: $g^*_1/(2g^*_0+\eta g_0^{*2})$.

    Args:
        poles, residues: the target, [pole].
        learning_rate: $\eta$ of plain gradient descent; 0 for the gradient flow.

    Example:
        >>> round(pole_per_residue([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], learning_rate=0.1), 5)
        0.31277

    Source: essay2026, section 8.2; the ratio is ours.
    """
    g0, g1 = _first_values(poles, residues)
    return g1 / (2 * g0 + learning_rate * g0**2)


def _first_values(poles: Numbers, residues: Numbers) -> tuple[float, float]:
    p, r = map(np.array, siso_target(poles, residues))
    return float(np.real(r.sum())), float(np.real(r @ p))


def _weights(b: Numbers, c: Numbers) -> tuple[np.ndarray, np.ndarray]:
    b, c = np.asarray(b, float), np.asarray(c, float)
    if b.ndim != 2 or b.shape[1] != 1 or c.shape != b.T.shape:
        raise ValueError(f"b {b.shape} and c {c.shape} do not fit; needed are [hidden, 1] and [1, hidden].")
    return b, c
