r"""Approximations of the linear flow, for comparison: first order, third order, linearised, finite trials."""

from typing import NamedTuple

import numpy as np

from stepwell.theory.linear_flow_closure import Numbers, Values, check


class FirstOrder(NamedTuple):
    """What the first order in learning time says of the end of learning, for comparison."""

    learning_time: float
    norm: float
    gradient: float
    shuffled_loss: float


def first_order(g: float, target: float) -> FirstOrder:
    r"""First order in learning time: time $\beta^{-2}$, norm $|y^*|/\beta$, gradient $|y^*|\beta$.

    With $\beta=1/(1-g^2)$. The loss after shuffling $W_0$, divided by that before learning, is
    $g^4(2-g^2)^2$.

    Example:
        >>> print(round(first_order(0.6, 2.0).shuffled_loss, 3))
        0.349

    Source: schuessler2020, eqs. 11-13.
    """
    check(g, target)
    beta = 1 / (1 - g * g)
    return FirstOrder(beta**-2, abs(target) / beta, abs(target) * beta, (1 - beta**-2) ** 2)


class Cubic(NamedTuple):
    """The third-order expansion: output [...] and the first two singular values [..., 2]."""

    output: np.ndarray
    singular_values: np.ndarray


def cubic(g: float, target: float, learning_time: Numbers) -> Cubic:
    r"""The flow to third order in $\beta^2\tau$, not frozen where it passes the target.

    Example:
        >>> print(cubic(0.0, 0.5, 0.9).output.round(3))  # the flow itself is at 0.326
        0.43

    Source: schuessler2020, eqs. 14-15.
    """
    check(g, target)
    beta, size = 1 / (1 - g * g), abs(target)
    te = beta**2 * np.asarray(learning_time, float)
    output = target * (te - te**2 / 2 + (1 + 8 * beta * size**2) * te**3 / 6)
    first = size / beta * (te - te**2 / 2 + (1 + 3.5 * beta * size**2) * te**3 / 6)
    return Cubic(output, np.stack([first, size**3 * te**3 / 12], axis=-1))


def lazy_output(g: float, target: float, learning_time: Numbers) -> Values:
    r"""The output of the network linearised around $W_0$: $y^*(1-e^{-\beta^2\tau})$.

    Its loss falls to a fraction f of the start at $-\ln(f)/(2\beta^2)$.

    Example:
        >>> print(lazy_output(0.0, 2.0, [0.0, 1.0]).round(4))
        [0.     1.2642]

    Source: ours.
    """
    check(g, target)
    return -target * np.expm1(-np.asarray(learning_time, float) / (1 - g * g) ** 2)


def settling(W: Numbers, b: Numbers, c: Numbers, steps: int, leak: float = 0.5) -> np.ndarray:
    r"""The output after some steps of constant input, minus the output at the fixed point.

    $-cJ^T(I-W)^{-1}b$ with $J=\ell I+(1-\ell)W$, which shrinks like $(1-(1-\ell)(1-\Lambda))^T$, $\Lambda$
    the eigenvalue of W with the largest real part.

    Args:
        W: [hidden, hidden]. b: [hidden, input]. c: [output, hidden].
        steps: T, from the state 0 on.
        leak: share of the state that is kept from step to step.

    Returns:
        [output, input].

    Example:
        >>> A = np.array([[0.088129386, 0.410477749], [0.025707896, 0.088129386]])  # learned at g = 0
        >>> gaps = [settling(A, [[0.0], [1.0]], [[1.0, 0.0]], steps)[0, 0] for steps in (20, 40)]
        >>> print(*(f"{gap:.1e}" for gap in gaps))
        -7.6e-05 -2.4e-09

    Source: ours; schuessler2020, eq. 5, takes the limit.
    """
    W, b, c = (np.asarray(matrix, float) for matrix in (W, b, c))
    J = leak * np.eye(len(W)) + (1 - leak) * W
    return -c @ np.linalg.matrix_power(J, steps) @ np.linalg.solve(np.eye(len(W)) - W, b)
