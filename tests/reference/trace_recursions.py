"""Every learning rule as the plain recursion that defines it, one sequence at a time, in NumPy.

Rate form: h' = (1 - alpha) h + alpha phi(W h + b x), y = c h'. Current form:
h' = (1 - alpha) h + alpha (W phi(h) + b x), y = c phi(h'). The loss is the sum over steps of
omega / 2 |y - y*|^2.
Weights W [n, n], b [n, m], c [o, n]; every rule returns the loss, dW, db and dc.
"""

import numpy as np

PHI = {
    "identity": (lambda u: u, lambda u: np.ones_like(u)),
    "tanh": (np.tanh, lambda u: 1 - np.tanh(u) ** 2),
}


def course(W, b, c, x, y_star, omega, alpha, phi, form, h0=0.0):
    """Loss, dc, and per step: what synapses read, Jacobian, slope of the drive, slope of the rates, error."""
    f, slope = PHI[phi]
    n, steps = len(W), []
    h, loss, dc = np.full(n, float(h0)), 0.0, np.zeros_like(c)
    for t in range(len(x)):
        seen = h if form == "rate" else f(h)
        a = W @ seen + b @ x[t]
        direct = alpha * (slope(a) if form == "rate" else np.ones(n))
        inner = np.ones(n) if form == "rate" else slope(h)
        J = (1 - alpha) * np.eye(n) + direct[:, None] * W * inner[None, :]
        h = (1 - alpha) * h + alpha * (f(a) if form == "rate" else a)
        shown, gate = (h, np.ones(n)) if form == "rate" else (f(h), slope(h))
        error = c @ shown - y_star[t]
        loss += omega[t] * 0.5 * error @ error
        dc += omega[t] * np.outer(error, shown)
        steps.append((np.concatenate([seen, x[t]]), J, direct, gate, omega[t] * error))
    return loss, dc, steps


def entering(c, gate, error, feedback, gated):
    """The error of a state, by the readout or by feedback, with or without the slope of the rates."""
    arriving = c.T @ error if feedback is None else feedback @ error
    return arriving * gate if gated else arriving


def rtrl(W, b, c, x, y_star, omega, alpha, phi, form, h0=0.0):
    """The full sensitivity M[k, i, j] of unit k to weight j of unit i."""
    loss, dc, steps = course(W, b, c, x, y_star, omega, alpha, phi, form, h0)
    n, wide = len(W), len(W) + b.shape[1]
    M, G = np.zeros((n, n, wide)), np.zeros((n, wide))
    for z, J, direct, gate, error in steps:
        M = np.einsum("kl,lij->kij", J, M)
        for i in range(n):
            M[i, i] += direct[i] * z
        G += np.einsum("k,kij->ij", entering(c, gate, error, None, True), M)
    return loss, G[:, :n], G[:, n:], dc


def truncated(W, b, c, x, y_star, omega, alpha, phi, form, h0=0.0, lag=1):
    """For every loss time, back through the last uses of the weights; all of them is BPTT."""
    loss, dc, steps = course(W, b, c, x, y_star, omega, alpha, phi, form, h0)
    n = len(W)
    G = np.zeros((n, n + b.shape[1]))
    for t in range(len(steps)):
        adjoint = entering(c, steps[t][3], steps[t][4], None, True)
        for k in range(t, max(-1, t - lag), -1):
            z, J, direct, _, _ = steps[k]
            G += np.outer(direct * adjoint, z)
            adjoint = J.T @ adjoint
    return loss, G[:, :n], G[:, n:], dc


def local(
    W, b, c, x, y_star, omega, alpha, phi, form, h0=0.0, decay=None, feedback=None, gated=True, own=False
):
    """A trace per weight: RFLO (a decay, or the leak), or e-prop (`own`: the diagonal of the Jacobian)."""
    loss, dc, steps = course(W, b, c, x, y_star, omega, alpha, phi, form, h0)
    n = len(W)
    given = np.broadcast_to(1 - alpha if decay is None else decay, (n,))
    P = np.zeros((n, n + b.shape[1]))
    G = np.zeros_like(P)
    for z, J, direct, gate, error in steps:
        kept = np.diag(J) if own else given
        P = kept[:, None] * P + np.outer(direct, z)
        G += entering(c, gate, error, feedback, gated)[:, None] * P
    return loss, G[:, :n], G[:, n:], dc
