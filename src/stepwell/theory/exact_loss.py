r"""Loss, gradient and Hessian of a linear network over an infinite horizon, in closed form.

For a target $(W^*,b^*,c^*)$ the error $e=g-g^*$ is the impulse response of $A=\operatorname{diag}(W,W^*)$,
$B=(b;\,b^*)$, $C=(c,\,-c^*)$. With the Stein equations $P=APA^\top+BB^\top$ and $Q=A^\top QA+C^\top C$

$$L=\tfrac12\operatorname{tr}CPC^\top,\quad \partial_WL=(QAP)_{11},\quad \partial_bL=(QB)_1,\quad
\partial_cL=(CP)_1,$$

where the index 1 is the network's own block. Any number of inputs and outputs.
"""

from typing import NamedTuple

import numpy as np

from stepwell.network.linear import Numbers, System, realisation, spectral_radius, stein
from stepwell.task.impulse import check_target


def impulse_loss(
    W: Numbers, b: Numbers, c: Numbers, poles: Numbers, residues: Numbers, correlation: float = 0.0
) -> float:
    r"""The loss $\tfrac12\sum_{s\ge0}\|cW^sb-g^*_s\|^2$ over an infinite horizon.

    With coloured input it is $\tfrac12e^\top Re$, where $R=\rho^{|\tau|}$ and $e=g-g^*$.

    Args:
        W, b, c: the network, [hidden, hidden], [hidden, input], [output, hidden].
        poles, residues: the target, [pole] and [pole] or [pole, output, input].
        correlation: $\rho$ of the input, 0 for an impulse.

    Raises:
        ValueError: for an unstable W, whose loss is infinite, for sizes that do not fit, or what is no
            target.

    Example:
        >>> round(impulse_loss([[0.99]], [[1.0]], [[1.0]], [0.5, -0.45, -0.75], [0.9, 0.7, -0.65]), 4)
        23.9643

    Source: essay2026, section 2.
    """
    error = _error_system(W, b, c, poles, residues)
    return error.loss() if correlation == 0 else _coloured(error, correlation).loss()


def impulse_loss_gradient(
    W: Numbers, b: Numbers, c: Numbers, poles: Numbers, residues: Numbers, correlation: float = 0.0
) -> System:
    """The gradient of `impulse_loss`, (dW, db, dc), shaped like (W, b, c).

    Arguments and errors are those of `impulse_loss`.

    Example:
        >>> dW, db, dc = impulse_loss_gradient([[0.0]], [[1.0]], [[1.0]], [0.5], [1.0])
        >>> float(dW[0, 0]), float(db[0, 0]), float(dc[0, 0])
        (-0.5, 0.0, 0.0)

    Source: essay2026, section 8.1.
    """
    error = _error_system(W, b, c, poles, residues)
    if correlation == 0:
        return error.gradient()
    filters, q = error.B.shape[1], np.sqrt(1 - correlation**2)
    dA, dB, dC = _coloured(error, correlation).full_gradient()
    own = slice(filters, filters + error.hidden)
    return dA[own, own], q * dB[own] + q * correlation * dA[own, :filters], dC[:, own]


def impulse_loss_hessian(W: Numbers, b: Numbers, c: Numbers, poles: Numbers, residues: Numbers) -> np.ndarray:
    """The Hessian of `impulse_loss` for an impulse, [parameter, parameter]: W row by row, then b, then c.

    Arguments and errors are those of `impulse_loss`.

    Example:
        >>> impulse_loss_hessian([[0.0]], [[0.0]], [[0.0]], [0.5, -0.2], [1.0, 0.5])[1:, 1:]
        array([[ 0. , -1.5],
               [-1.5,  0. ]])

    Source: essay2026, section 5.
    """
    return _error_system(W, b, c, poles, residues).hessian()


class ErrorSystem(NamedTuple):
    """Network and target side by side, read with opposite signs.

    Attributes:
        A, B, C: as above.
        hidden: the number of states that belong to the network; they come first.
    """

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray
    hidden: int

    @classmethod
    def between(cls, network: System, target: System) -> "ErrorSystem":
        """The error of a network, both systems stable and of fitting sizes."""
        (W, b, c), (V, d, e) = network, target
        A = np.zeros((len(W) + len(V),) * 2)
        A[: len(W), : len(W)], A[len(W) :, len(W) :] = W, V
        return cls(A, np.concatenate([b, d]), np.concatenate([c, -e], axis=1), len(W))

    def reached(self) -> np.ndarray:
        r"""$P=\sum_sA^sB(A^sB)^\top$."""
        return stein(self.A, self.A, self.B @ self.B.T)

    def seen(self) -> np.ndarray:
        r"""$Q=\sum_s(CA^s)^\top CA^s$."""
        return stein(self.A.T, self.A.T, self.C.T @ self.C)

    def loss(self) -> float:
        """Half the squared norm of the error."""
        return 0.5 * float(np.sum(self.C @ self.reached() * self.C))

    def full_gradient(self) -> System:
        """As if all entries of A, B and C were free."""
        P, Q = self.reached(), self.seen()
        return Q @ self.A @ P, Q @ self.B, self.C @ P

    def gradient(self) -> System:
        """By the network's own W, b, c."""
        n = self.hidden
        dA, dB, dC = self.full_gradient()
        return dA[:n, :n], dB[:n], dC[:, :n]

    def hessian(self) -> np.ndarray:
        """The change of the gradient along each parameter, through the linearised Stein equations."""
        n, A, B, C = self.hidden, self.A, self.B, self.C
        P, Q = self.reached(), self.seen()
        dA, dB, dC = self._directions()
        dP = stein(A, A, _symmetrised(dA @ (P @ A.T) + dB @ B.T))
        dQ = stein(A.T, A.T, _symmetrised(A.T @ Q @ dA + C.T @ dC))
        rows = (
            (dQ @ (A @ P) + Q @ dA @ P + Q @ A @ dP)[:, :n, :n],
            (dQ @ B + Q @ dB)[:, :n],
            (dC @ P + C @ dP)[..., :n],
        )
        return np.concatenate([row.reshape(len(row), -1) for row in rows], axis=1)

    def silent_coupling(self, silent_pole: float = 0.0) -> np.ndarray:
        r"""The matrix M of the second-order term $\operatorname{tr}(\rho\,\kappa\,M)$ of a silent unit.

        Its sums, such as $\sum_{s\ge1}e_sW^{s-1}b$, in closed form; they hold also where W is singular. Rows:
        weights into the unit, from the inputs and from the other units. Columns: weights out of it, to
        outputs and units.
        """
        n, A = self.hidden, self.A
        into = np.concatenate([self.B.T, self.reached()[:n] @ A.T])
        out = np.concatenate([self.C.T, A.T @ self.seen()[:, :n]], axis=1)
        return into @ np.linalg.solve(np.eye(len(A)) - silent_pole * A.T, out)

    def _directions(self) -> System:
        """A unit change of each parameter of the network, as changes of A, B and C."""
        n, (N, inputs), outputs = self.hidden, self.B.shape, len(self.C)
        W, b, c = np.split(np.eye(n * (n + inputs + outputs)), [n * n, n * (n + inputs)], axis=1)
        dA, dB, dC = (np.zeros((len(W), *shape)) for shape in ((N, N), (N, inputs), (outputs, N)))
        dA[:, :n, :n] = W.reshape(-1, n, n)
        dB[:, :n] = b.reshape(-1, n, inputs)
        dC[..., :n] = c.reshape(-1, outputs, n)
        return dA, dB, dC


def _symmetrised(X: np.ndarray) -> np.ndarray:
    return X + np.swapaxes(X, -1, -2)


def _error_system(W: Numbers, b: Numbers, c: Numbers, poles: Numbers, residues: Numbers) -> ErrorSystem:
    """Network and target, checked."""
    check_target(list(np.atleast_1d(poles)), list(np.atleast_1d(residues)))
    target = realisation(poles, residues)
    W, b, c = (np.asarray(array, float) for array in (W, b, c))
    n, inputs, outputs = len(W), target[1].shape[1], target[2].shape[0]
    if W.shape != (n, n) or b.shape != (n, inputs) or c.shape != (outputs, n):
        raise ValueError(
            f"the sizes do not fit: W {W.shape}, b {b.shape}, c {c.shape}; a network for this target has "
            f"W [n, n], b [n, {inputs}] and c [{outputs}, n]."
        )
    if not all(np.isfinite(array).all() for array in (W, b, c)):
        raise ValueError("the network holds NaN or infinity; W, b and c must be finite numbers.")
    radius = spectral_radius(W)
    if radius >= 1:
        raise ValueError(
            f"W is unstable: its spectral radius {radius:.6g} is not below 1, and the loss over an infinite "
            "horizon is not finite."
        )
    return ErrorSystem.between((W, b, c), target)


def _coloured(error: ErrorSystem, rho: float) -> ErrorSystem:
    r"""The error behind the filter $x_t=\rho x_{t-1}+\sqrt{1-\rho^2}\,w_t$ on every input, filter first."""
    if not abs(rho) < 1:
        raise ValueError(f"correlation={rho} of neighbouring inputs must lie between -1 and 1.")
    A, B, C = error.A, error.B, error.C
    (N, m), q = B.shape, np.sqrt(1 - rho**2)
    cascade = np.block([[rho * np.eye(m), np.zeros((m, N))], [q * rho * B, A]])
    return ErrorSystem(cascade, np.concatenate([np.eye(m), q * B]), np.pad(C, [(0, 0), (m, 0)]), error.hidden)
