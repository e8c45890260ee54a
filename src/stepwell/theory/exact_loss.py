r"""Loss, gradient and Hessian of a linear network over an infinite horizon, in closed form.

For a target $(W^*,b^*,c^*)$ the error $e=g-g^*$ is the impulse response of $A=\operatorname{diag}(W,W^*)$,
$B=(b;\,b^*)$, $C=(c,\,-c^*)$. With the Stein equations $P=APA^\top+BB^\top$ and $Q=A^\top QA+C^\top C$

$$L=\tfrac12\operatorname{tr}CPC^\top,\quad \partial_WL=(QAP)_{11},\quad \partial_bL=(QB)_1,\quad
\partial_cL=(CP)_1,$$

where the index 1 is the network's own block. Any number of inputs and outputs.
"""

import equinox as eqx
import numpy as np
from numpy.typing import ArrayLike

from stepwell.network.linear import System, realisation, spectral_radius, stein
from stepwell.task.impulse import check_target


def impulse_loss(
    W: ArrayLike, b: ArrayLike, c: ArrayLike, poles: ArrayLike, residues: ArrayLike, correlation: float = 0.0
) -> float:
    r"""$\tfrac12\sum_{s\ge0}\|cW^sb-g^*_s\|^2$; with a `correlation` $\rho$ of the input, $\tfrac12e^\top Re$, $R=\rho^{|\tau|}$.

    Args:
        W, b, c: the network, [hidden, hidden], [hidden, input], [output, hidden].
        poles, residues: the target, [pole] and [pole] or [pole, output, input].
        correlation: of coloured input, 0 for an impulse.

    Raises:
        ValueError: for an unstable W, whose loss is infinite, for sizes that do not fit, or what is no
            target.

    Example:
        >>> round(impulse_loss([[0.99]], [[1.0]], [[1.0]], [0.5, -0.45, -0.75], [0.9, 0.7, -0.65]), 4)
        23.9643

    Source: essay2026, section 2; the closed form is standard.
    """
    error = ErrorSystem.between(W, b, c, poles, residues)
    return error.loss() if correlation == 0 else _coloured(error, correlation).loss()


def impulse_loss_gradient(
    W: ArrayLike, b: ArrayLike, c: ArrayLike, poles: ArrayLike, residues: ArrayLike, correlation: float = 0.0
) -> System:
    """The gradient of `impulse_loss`, (dW, db, dc), shaped like (W, b, c); its arguments and errors are the same.

    Example:
        >>> dW, db, dc = impulse_loss_gradient([[0.0]], [[1.0]], [[1.0]], [0.5], [1.0])
        >>> float(dW[0, 0]), float(db[0, 0]), float(dc[0, 0])
        (-0.5, 0.0, 0.0)

    Source: essay2026, section 8.1.
    """
    error = ErrorSystem.between(W, b, c, poles, residues)
    if correlation == 0:
        return error.gradient()
    q, m, n = np.sqrt(1 - correlation**2), error.B.shape[1], error.hidden
    dA, dB, dC = _coloured(error, correlation).full_gradient()
    student = slice(m, m + n)
    return dA[student, student], q * dB[student] + q * correlation * dA[student, :m], dC[:, student]


def impulse_loss_hessian(
    W: ArrayLike, b: ArrayLike, c: ArrayLike, poles: ArrayLike, residues: ArrayLike
) -> np.ndarray:
    """The Hessian of `impulse_loss` for an impulse, [parameter, parameter]: W row by row, then b, then c.

    Its arguments and errors are those of `impulse_loss`.

    Example:
        >>> impulse_loss_hessian([[0.0]], [[0.0]], [[0.0]], [0.5, -0.2], [1.0, 0.5])[1:, 1:]
        array([[ 0. , -1.5],
               [-1.5,  0. ]])

    Source: essay2026, section 5; exact second derivatives by the linearised Stein equations.
    """
    return ErrorSystem.between(W, b, c, poles, residues).hessian()


class ErrorSystem(eqx.Module):
    """Network and target side by side, read with opposite signs; the network has the first `hidden` states."""

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray
    hidden: int

    @classmethod
    def between(
        cls, W: ArrayLike, b: ArrayLike, c: ArrayLike, poles: ArrayLike, residues: ArrayLike
    ) -> "ErrorSystem":
        """The error system of a network and a target, both checked."""
        check_target(list(np.atleast_1d(poles)), list(np.atleast_1d(residues)))
        target = realisation(poles, residues)
        return cls.of(_network(W, b, c, target), target)

    @classmethod
    def of(cls, network: System, target: System) -> "ErrorSystem":
        """The same, of two systems that are known to be stable and to fit."""
        (W, b, c), (V, d, e) = network, target
        n, N = len(W), len(W) + len(V)
        A = np.zeros((N, N))
        A[:n, :n], A[n:, n:] = W, V
        return cls(A, np.concatenate([b, d]), np.concatenate([c, -e], axis=1), n)

    def loss(self) -> float:
        return 0.5 * float(np.sum(self.C @ self.reached() * self.C))

    def reached(self) -> np.ndarray:
        """$P=\\sum_sA^sB(A^sB)^\\top$."""
        return stein(self.A, self.A, self.B @ self.B.T)

    def seen(self) -> np.ndarray:
        """$Q=\\sum_s(CA^s)^\\top CA^s$."""
        return stein(self.A.T, self.A.T, self.C.T @ self.C)

    def full_gradient(self) -> System:
        """As if all entries of A, B and C were free."""
        P, Q = self.reached(), self.seen()
        return Q @ self.A @ P, Q @ self.B, self.C @ P

    def gradient(self) -> System:
        """By the network's own W, b, c."""
        n = self.hidden
        dA, dB, dC = self.full_gradient()
        return dA[:n, :n], dB[:n], dC[:, :n]

    def silent_coupling(self, silent_pole: float = 0.0) -> np.ndarray:
        r"""The matrix M of the expansion $\operatorname{tr}(\rho\,\kappa\,M)$ in the weights of a silent unit.

        Its sums, such as $\sum_{s\ge1}e_sW^{s-1}b$, in closed form; they hold also where W is singular. Rows:
        weights into the unit (from the inputs, from the other units); columns: weights out of it (to the
        outputs, to the other units).
        """
        n, A = self.hidden, self.A
        into = np.concatenate([self.B.T, self.reached()[:n] @ A.T])
        out = np.concatenate([self.C.T, A.T @ self.seen()[:, :n]], axis=1)
        return into @ np.linalg.solve(np.eye(len(A)) - silent_pole * A.T, out)

    def hessian(self) -> np.ndarray:
        """Row i is the change of the gradient along parameter i."""
        n, A, B, C = self.hidden, self.A, self.B, self.C
        P, Q = self.reached(), self.seen()
        dA, dB, dC = self._directions()
        T = lambda X: np.swapaxes(X, -1, -2)  # noqa: E731
        change = dA @ (P @ A.T) + dB @ B.T
        dP = stein(A, A, change + T(change))
        change = T(dA) @ (Q @ A) + T(dC) @ C
        dQ = stein(A.T, A.T, change + T(change))
        rows = (
            (dQ @ (A @ P) + Q @ dA @ P + Q @ A @ dP)[:, :n, :n],
            (dQ @ B + Q @ dB)[:, :n],
            (dC @ P + C @ dP)[..., :n],
        )
        return np.concatenate([row.reshape(len(row), -1) for row in rows], axis=1)

    def _directions(self) -> System:
        """A unit change of each parameter of the network, as changes of A, B and C."""
        n, N, m, o = self.hidden, len(self.A), self.B.shape[1], len(self.C)
        unit = np.eye(n * n + n * m + o * n)
        dA, dB, dC = np.zeros((len(unit), N, N)), np.zeros((len(unit), N, m)), np.zeros((len(unit), o, N))
        dA[:, :n, :n] = unit[:, : n * n].reshape(-1, n, n)
        dB[:, :n] = unit[:, n * n : n * n + n * m].reshape(-1, n, m)
        dC[..., :n] = unit[:, n * n + n * m :].reshape(-1, o, n)
        return dA, dB, dC


def _network(W: ArrayLike, b: ArrayLike, c: ArrayLike, target: System) -> System:
    """A network as float64 arrays, if it is stable and fits the target."""
    W, b, c = (np.asarray(array, float) for array in (W, b, c))
    n, inputs, outputs = len(W), target[1].shape[1], target[2].shape[0]
    if W.shape != (n, n) or b.shape != (n, inputs) or c.shape != (outputs, n):
        raise ValueError(
            f"the sizes do not fit: W {W.shape}, b {b.shape}, c {c.shape}; a network for this target has W [n, n], "
            f"b [n, {inputs}] and c [{outputs}, n]."
        )
    if not all(np.isfinite(array).all() for array in (W, b, c)):
        raise ValueError("the network holds NaN or infinity; W, b and c must be finite numbers.")
    radius = spectral_radius(W)
    if radius >= 1:
        raise ValueError(
            f"W is unstable (spectral radius {radius:.6g} >= 1), so its loss over an infinite horizon is not finite."
        )
    return W, b, c


def _coloured(error: ErrorSystem, rho: float) -> ErrorSystem:
    r"""The error system behind the filter $x_t=\rho x_{t-1}+\sqrt{1-\rho^2}\,w_t$ on every input; its states come first."""
    if not abs(rho) < 1:
        raise ValueError(f"correlation={rho} is no correlation of neighbours; it must lie between -1 and 1.")
    A, B, C = error.A, error.B, error.C
    m, N, q = B.shape[1], len(A), np.sqrt(1 - rho**2)
    cascade = np.zeros((m + N, m + N))
    cascade[:m, :m], cascade[m:, :m], cascade[m:, m:] = rho * np.eye(m), q * rho * B, A
    return ErrorSystem(
        cascade,
        np.concatenate([np.eye(m), q * B]),
        np.concatenate([np.zeros((len(C), m)), C], axis=1),
        error.hidden,
    )
