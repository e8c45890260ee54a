"""Gradient descent on the impulse response of a linear network, in plain loops."""

import numpy as np


def loss_and_gradient(W, b, c, target):
    """Half the squared error of c W^s b over s, and its gradient by the adjoint recursion."""
    states = [b[:, 0]]
    for _ in range(len(target) - 1):
        states.append(W @ states[-1])
    errors = np.array([c[0] @ h for h in states]) - target
    dW, dc, adjoint = np.zeros_like(W), np.zeros_like(c), np.zeros(len(W))
    for s in reversed(range(len(target))):
        dc[0] += errors[s] * states[s]
        adjoint = errors[s] * c[0] + W.T @ adjoint
        if s:
            dW += np.outer(adjoint, states[s - 1])
    return 0.5 * np.sum(errors**2), (dW, adjoint[:, None], dc)


def descend(W, b, c, target, learning_rate, updates):
    """The losses and the gradient norms of `updates` + 1 networks, and the last parameters."""
    losses, norms = [], []
    for update in range(updates + 1):
        loss, gradient = loss_and_gradient(W, b, c, target)
        losses.append(loss)
        norms.append(np.sqrt(sum(np.sum(g**2) for g in gradient)))
        if update < updates:
            W, b, c = (p - learning_rate * g for p, g in zip((W, b, c), gradient))
    return np.array(losses), np.array(norms), (W, b, c)
