"""The reverse pass of a rank-one network written out: loss and gradient in plain NumPy."""

import numpy as np


def loss_and_gradient(m, n, b, delay, confidence=10.0, threshold=1.0, update=0.5, h0=-0.3):
    """L and its gradient by m, n and b, each [hidden]; `update` is the share of the state that is renewed."""
    steps = 2 * delay
    target = (np.arange(steps) >= delay).astype(float)
    kappa = np.empty(steps + 1)
    rates = np.empty((steps, len(m)))
    kappa[0] = h0 * n.sum()
    for t in range(steps):
        rates[t] = np.tanh(m * kappa[t] + b)
        kappa[t + 1] = (1 - update) * kappa[t] + update * n @ rates[t]
    y = 1 / (1 + np.exp(-confidence * (kappa[1:] - threshold)))
    slope = 1 - rates**2
    d = np.append(0.0, 2 / delay * (y - target) * y * (1 - y) * confidence)
    costate = np.zeros(steps + 2)
    for t in range(steps, -1, -1):
        jacobian = (1 - update) + update * (n * m * slope[t]).sum() if t < steps else 0.0
        costate[t] = d[t] + costate[t + 1] * jacobian
    weight = update * costate[1 : steps + 1, None]
    dn = (weight * rates).sum(axis=0) + h0 * costate[0]
    db = n * (weight * slope).sum(axis=0)
    dm = n * (weight * kappa[:-1, None] * slope).sum(axis=0)
    return ((y - target) ** 2).sum() / delay, {"m": dm, "n": dn, "b": db}
