r"""Gradient flow of a wide linear network that starts from random weights, closed on a few Gauss nodes.

In the limit of infinite width the initial weights $W_0$ (entries $N(0,g^2/N)$) enter through the spectral
density of $\Gamma=R_0R_0^\top$, $R_0=(I-W_0)^{-1}$, alone. What the flow writes into $M=I-W$ stays in the
Krylov space of $\Gamma$ and is two functions of its eigenvalue $\lambda$, with $\langle\cdot\rangle$ the mean
over the density and primes derivatives with respect to the clock $\sigma$, $d\sigma=(y^*-y)\,d\tau$:

$$\zeta''=\lambda p\,[(1+X_2)+p\zeta],\quad\psi''=\lambda p^2\psi,\quad
p=\langle\zeta'^2+\lambda\psi'^2\rangle,\quad y=\langle\zeta'\rangle,\quad X_2=(S_1+S_2p)/(1-S_1),$$

$S_1=\langle\lambda\zeta\rangle$, $S_2=\langle\lambda(\zeta^2+\lambda\psi^2)\rangle$, from $\psi'=1$ and
zeros. K Gauss nodes of the density make this a system of 4K equations.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp
from scipy.linalg import eigh_tridiagonal

Numbers = ArrayLike | Sequence[Any]
Values = np.ndarray | np.floating

# After this many e-foldings of the error nothing of it is left in float64.
FOLDS = 40.0
QUADRATURE = 40
# Below this g the root that gives the density cancels, and two nodes are exact to 1e-10.
NARROW = 8e-4

# From e-foldings [moment] to the variables of the closure [4 K + 3, moment].
Path = Callable[[np.ndarray], np.ndarray]


class Nodes(NamedTuple):
    r"""Gauss nodes of the density of $\Gamma$: eigenvalues and weights, [node]."""

    values: np.ndarray
    weights: np.ndarray


class State(NamedTuple):
    """Where a flow is, at one or several moments.

    Attributes:
        learning_time: when.
        output: y.
        nuclear_norm, norm: sum of the singular values of the weight change, and root of the sum of their
            squares.
        clock: the integral of the error over learning time, which contains no target.
        growth: p, the squared norm of the state and of its adjoint; the error decays at the rate p squared.
        singular_values: of the weight change, descending, [..., k].
    """

    learning_time: np.ndarray
    output: np.ndarray
    nuclear_norm: np.ndarray
    norm: np.ndarray
    clock: np.ndarray
    growth: np.ndarray
    singular_values: np.ndarray


def check(g: float, target: float) -> None:
    """Refuse what the linear theory does not cover.

    Raises:
        ValueError: for g outside [0, 1), or a target that is 0 or not finite.
    """
    if not 0 <= g < 1:
        raise ValueError(
            f"g={g} is outside [0, 1): from g = 1 on the linear network has no stable fixed point."
        )
    if not (np.isfinite(target) and target != 0):
        raise ValueError(f"target={target} leaves nothing to learn; give a finite output other than 0.")


def support(g: float) -> tuple[float, float]:
    r"""The smallest and the largest squared singular value of $I-W_0$.

    Example:
        >>> print(np.round(support(0.6), 7))
        [0.0709132 3.6966868]

    Source: ours, from the self-consistent equation of `density`.
    """
    G = g * g
    high = (8 + 20 * G - G**2 + g * (8 + G) ** 1.5) / 8
    return (1 - G) ** 3 / high, high  # the product of the two, since their difference would cancel near g = 1


def density(g: float, squares: np.ndarray) -> np.ndarray:
    r"""The density of the squared singular values $\xi$ of $I-W_0$, 0 outside its support.

    $\rho=|\Im(v/(1-v^2))|/(\pi\sqrt\xi)$ with v a complex root of $v^3-\sqrt\xi v^2-(1-g^2)v+\sqrt\xi=0$.

    Args:
        g: strength of the initial weights, in (0, 1).
        squares: $\xi$, [node].

    Example:
        >>> xi = np.linspace(*support(0.5), 20001)
        >>> print(round(float(np.trapezoid(density(0.5, xi), xi)), 4))
        1.0

    Source: ours.
    """
    omega = np.sqrt(squares)
    companion = np.zeros((len(omega), 3, 3))
    companion[:, 0] = np.stack([omega, np.full_like(omega, 1 - g * g), -omega], axis=-1)
    companion[:, 1, 0] = companion[:, 2, 1] = 1
    roots = np.linalg.eigvals(companion)
    v = roots[np.arange(len(omega)), np.argmax(roots.imag, axis=1)]
    return np.abs((v / (1 - v**2)).imag) / (np.pi * omega)


def gauss_nodes(g: float, count: int = 8, fine: int = 300) -> Nodes:
    r"""Gauss nodes for means over the eigenvalues $\lambda=1/\xi$ of $\Gamma$.

    The density on a fine grid, reduced by Lanczos with full reorthogonalisation; for a very narrow density
    two nodes from its moments.

    Args:
        g: strength of the initial weights, in [0, 1).
        count: number of nodes K. fine: size of the grid.

    Example:
        >>> nodes = gauss_nodes(0.6)
        >>> print(round(float(nodes.weights @ nodes.values), 10))  # the first moment, 1/(1 - g^2)
        1.5625
    """
    if g < NARROW:
        diagonal, beside = _two_nodes(g)
        values, vectors = eigh_tridiagonal(diagonal[:count], beside[: count - 1])
        return Nodes(values, vectors[0] ** 2)
    ends = np.log(support(g))
    # Chebyshev points in the logarithm: near g = 1 the density is a power law over many decades.
    theta, half = np.pi * np.arange(1, fine + 1) / (fine + 1), (ends[1] - ends[0]) / 2
    xi = np.exp(ends.mean() + half * np.cos(theta))
    masses = density(g, xi) * xi * half * np.sin(theta) * np.pi / (fine + 1)
    values, vectors = eigh_tridiagonal(*_lanczos(1 / xi, np.sqrt(masses), count))
    return Nodes(values, masses.sum() * vectors[0] ** 2)


def path(nodes: Nodes, target: float) -> Path:
    r"""The flow towards a target above 0, as a function of the e-foldings $u=-\ln(1-y/y^*)$ of the error.

    With u as independent variable everything is regular up to the end: $d\tau/du=1/p^2$,
    $d\sigma/du=(y^*-y)/p^2$ and $d\nu/du=(y^*-y)/p$, where the error $y^*-y=y^*e^{-u}$ has no cancellation.

    Returns:
        From u [point] to [4 K + 3, point]: zeta, zeta', psi, psi', nuclear norm, clock, learning time.
    """
    K = len(nodes.values)

    def slope(u: float, state: np.ndarray) -> np.ndarray:
        zeta, dzeta, psi, dpsi = state[: 4 * K].reshape(4, K)
        p = _growth(nodes, dzeta, dpsi)
        X2 = _mixed(nodes, zeta, psi, p)
        step = target * np.exp(-u) / p
        forces = dzeta / p, nodes.values * (1 + X2 + p * zeta), dpsi / p, nodes.values * p * psi
        return np.concatenate([step * np.concatenate(forces), [step, step / p, 1 / p**2]])

    start = np.zeros(4 * K + 3)
    start[3 * K : 4 * K] = 1
    found = solve_ivp(slope, (0.0, FOLDS), start, method="DOP853", rtol=1e-12, atol=1e-14, dense_output=True)
    return found.sol


def course(nodes: Nodes, target: float, path: Path, folds: np.ndarray, count: int) -> State:
    r"""The state of a flow after given e-foldings of its error.

    The singular values are the roots of the eigenvalues of the kernel $\langle\zeta'(s)\zeta'(s')+
    \lambda\psi'(s)\psi'(s')\rangle$ on $[0,\sigma]$, by Gauss-Legendre quadrature over the output,
    $d\sigma=dy/p^2$.

    Args:
        nodes, target, path: of the flow. folds: [moment]. count: number of singular values.
    """
    _, dzeta, _, dpsi, (nuclear_norm, clock, learning_time) = _parts(nodes, path(folds))
    x, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    output = -target * np.expm1(-folds)
    past = output[:, None] * (1 + x) / 2
    _, rows, _, more, _ = _parts(nodes, path(-np.log1p(-past / target).ravel()))
    scale = np.sqrt(weights * output[:, None] / 2).ravel() / _growth(nodes, rows, more)
    heights = np.sqrt(nodes.weights)[:, None], np.sqrt(nodes.weights * nodes.values)[:, None]
    factors = np.concatenate([heights[0] * rows, heights[1] * more]) * scale
    roots = np.linalg.svd(np.moveaxis(factors.reshape(-1, *past.shape), 0, 1), compute_uv=False)
    values = np.zeros((len(folds), count))
    values[:, : roots.shape[1]] = roots[:, :count] ** 2
    norm = np.sqrt((roots**4).sum(-1))
    p = np.asarray(_growth(nodes, dzeta, dpsi))
    return State(learning_time, output, nuclear_norm, norm, clock, p, values)


def _parts(nodes: Nodes, states: np.ndarray) -> tuple[np.ndarray, ...]:
    """zeta, zeta', psi, psi', each [node, moment], and the three integrals [3, moment]."""
    K = len(nodes.values)
    return *states[: 4 * K].reshape(4, K, -1), states[4 * K :]


def _growth(nodes: Nodes, dzeta: np.ndarray, dpsi: np.ndarray) -> Values:
    """$p=\\langle\\zeta'^2+\\lambda\\psi'^2\\rangle$, from [node, ...]."""
    return nodes.weights @ dzeta**2 + (nodes.weights * nodes.values) @ dpsi**2


def _mixed(nodes: Nodes, zeta: np.ndarray, psi: np.ndarray, p: Values) -> Values:
    """$X_2$: what the change of $M^\\top M$ adds to the drive."""
    weighted = nodes.weights * nodes.values
    S1, S2 = weighted @ zeta, weighted @ zeta**2 + (weighted * nodes.values) @ psi**2
    return (S1 + S2 * p) / (1 - S1)


def _lanczos(values: np.ndarray, start: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal and off-diagonal of the tridiagonal matrix of diag(values) in its Krylov space."""
    basis = [start / np.linalg.norm(start)]
    diagonal, beside = [], []
    for _ in range(count):
        vector = values * basis[-1]
        diagonal.append(vector @ basis[-1])
        known = np.stack(basis)
        for _ in range(2):  # once is not enough: the second pass removes what rounding left of the first
            vector = vector - known.T @ (known @ vector)
        beside.append(np.linalg.norm(vector))
        basis.append(vector / beside[-1])
    return np.array(diagonal), np.array(beside[:-1])


def _two_nodes(g: float) -> tuple[np.ndarray, np.ndarray]:
    """The tridiagonal matrix of two nodes, from the first three moments, written without cancellation."""
    G = g * g
    beta = 1 / (1 - G)
    skew = beta**3 * G * (9 - 8 * G + 2 * G * G) / (2 - G)
    return np.array([beta, beta + skew]), np.array([beta**2 * g * np.sqrt(2 - G)])
