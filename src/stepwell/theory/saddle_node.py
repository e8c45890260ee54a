r"""What must happen to $\dot x=ax^2+r$, $x(0)=0$, when it is trained through $r$ to switch after a delay T.

Time has any unit; $r$ is in 1/time², a learning rate in 1/time⁵, $a$ a pure number. The exact loss and its slope are
those of the model itself; everything else here follows without iterating it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, fsolve

from stepwell.network import saddle_node_exact as exact
from stepwell.network.saddle_node_exact import finite_gradient, finite_loss, gradient, loss, optimum

__all__ = [
    "Cycle",
    "abruptness",
    "critical_learning_rate",
    "cycle",
    "descend",
    "escape_updates",
    "finite_gradient",
    "finite_loss",
    "flat_gradient",
    "gradient",
    "kink_gradient",
    "local_learning_rate",
    "loss",
    "optimum",
    "plateau_length",
    "plateau_updates",
    "point_of_no_return",
    "smooth_optimum",
]


def point_of_no_return(T: float, curvature: float = 1.0) -> float:
    """The parameter $r^*/4$ below which the state does not escape within the trial of $2T$, and the slope is 0.

    Example:
        >>> point_of_no_return(100.0)
        6.1685e-05

    Source: ghost2025, Eq. (12).
    """
    return optimum(T, curvature) / 4


def critical_learning_rate(T: float, curvature: float = 1.0) -> float:
    r"""The rate $\alpha^*=3\pi^4/(32a^2T^5)$ at which one step from the optimum reaches the point of no return.

    Below it no start above $r^*/4$ is ever lost. Just above it most starts stay on a stable cycle: see `cycle`.

    Args:
        T: delay. curvature: $a$.

    Returns:
        A learning rate on $L$ (not on $L/T$, which allows a rate T times larger), in 1/time⁵.

    Example:
        >>> critical_learning_rate(100.0)
        9.132102e-10

    Source: ghost2025, Eq. (15); general curvature derived here.
    """
    return 3 / (2 * T) * optimum(T, curvature) ** 2


def descend(
    r0: ArrayLike, learning_rate: float, T: float, updates: int, curvature: float = 1.0
) -> np.ndarray:
    """Gradient descent on `loss`, [update, ...], $r_0$ first: `updates + 1` values.

    Example:
        A step a little too large from just above the optimum falls beyond the point of no return and stays there:

        >>> best = optimum(100.0)
        >>> descend(1.001 * best, 1.1 * critical_learning_rate(100.0), 100.0, 2) / best
        array([1.001, 0.177, 0.177])
    """
    if updates < 0:
        raise ValueError(f"updates={updates} is negative; give 0 or more.")
    return exact.descent(r0, learning_rate, updates, lambda r: gradient(r, T, curvature))


def plateau_length(r0: float, learning_rate: float, T: float, curvature: float = 1.0) -> float:
    r"""Length of the plateau from $r_0>r^*$ to the optimum under gradient flow, in updates.

    $\tfrac25(\rho_0^{5/2}-1)/(\tfrac34\beta)$ with $\rho=r/r^*$ and $\beta=\alpha/\alpha^*$. Descent in steps takes one to
    three updates more: `plateau_updates`.

    Example:
        >>> plateau_length(10 * optimum(100.0), critical_learning_rate(100.0), 100.0)
        168.1
    """
    rho0, beta = _above(r0, T, curvature), learning_rate / critical_learning_rate(T, curvature)
    return 2 / 5 * (rho0**2.5 - 1) / (3 / 4 * beta)


def plateau_updates(r0: float, learning_rate: float, T: float, curvature: float = 1.0) -> int:
    r"""The first update at which descent from $r_0>r^*$ has passed the optimum: the flow to second order in the step.

    $\lceil n_{\rm flow}+\tfrac34\ln\rho_0\rceil$; exact in most cases, else one too large.

    Example:
        >>> plateau_updates(10 * optimum(100.0), 1e-10, 100.0)
        1538
    """
    rho0 = _above(r0, T, curvature)
    return int(np.ceil(plateau_length(r0, learning_rate, T, curvature) + 3 / 4 * np.log(rho0)))


def abruptness(r0: float, T: float, curvature: float = 1.0) -> float:
    r"""Time of the fall of the loss from 0.9 to 0.1 of its initial value over the time to 0.9, under gradient flow.

    Independent of the learning rate; small for a distant start.

    Example:
        >>> [round(abruptness(times * optimum(100.0), 100.0), 4) for times in (10, 30, 100)]
        [0.5948, 0.1862, 0.0421]
    """
    rho0 = _above(r0, T, curvature)
    initial = 1 - rho0**-0.5
    late, early = ((1 - share * initial) ** -5 for share in (0.1, 0.9))
    return (early - late) / (rho0**2.5 - early)


class Cycle(NamedTuple):
    """The stable 3-cycle of descent at the kink.

    Attributes:
        points: $u$ in the order of their visit, [3]; $r=\\beta^{2/5}u\\,r^*$ with $\\beta=\\alpha/\\alpha^*$.
        multiplier: derivative of three updates; the cycle is stable since its modulus is below 1.
        window: smallest and largest $\\beta$ at which the cycle exists; beyond, every start is lost.
    """

    points: np.ndarray
    multiplier: float
    window: tuple[float, float]


def cycle() -> Cycle:
    r"""The cycle on which descent lands for rates around the critical one: one update up from below the optimum, two down.

    With $\rho=\beta^{2/5}u$ the rate drops out of the map $u\mapsto u\pm\tfrac34u^{-3/2}$ but for the place of the kink.

    Example:
        >>> cycle().window[1]
        1.02904
    """

    def gaps(u: np.ndarray) -> np.ndarray:
        return np.roll(u, -1) - u - np.array([1, -1, -1]) * 3 / 4 * u**-1.5

    u = fsolve(gaps, [1.0, 1.7, 1.4], xtol=1e-15)
    multiplier = np.prod(1 + np.array([-1, 1, 1]) * 9 / 8 * u**-2.5)
    return Cycle(u, float(multiplier), (float(u[2] ** -2.5), float(u[0] ** -2.5)))


def flat_gradient(T: float, confidence: float, threshold: float = 10.0) -> float:
    r"""The slope $L'(0)=-\gamma o(1-o)T^2(3-4o)$, $o=\sigma(-\gamma\theta)$, inside the flat zone; exact for any curvature.

    Example:
        >>> flat_gradient(100.0, 0.1)
        -378.32743
    """
    exact.check(T=T, confidence=confidence, threshold=threshold)
    output, rest = exact.logistic(np.array([-confidence * threshold, confidence * threshold]))
    return float(-confidence * output * rest * T**2 * (3 - 4 * output))


def escape_updates(learning_rate: float, T: float, confidence: float, threshold: float = 10.0) -> float:
    """Updates that descent needs from $r=0$ to the point of no return, at the slope in 0.

    Example:
        >>> escape_updates(critical_learning_rate(100.0), 100.0, 0.1)
        178.5
    """
    return point_of_no_return(T) / (learning_rate * -flat_gradient(T, confidence, threshold))


def smooth_optimum(T: float, threshold: float = 10.0, curvature: float = 1.0) -> float:
    """The minimum of the loss at a finite threshold: the parameter with which the state passes it at the end of the delay.

    Example:
        >>> smooth_optimum(100.0) / optimum(100.0)
        0.998003
    """
    exact.check(threshold=threshold)
    best = optimum(T, curvature)

    def late(r: float) -> float:
        return float(exact.crossing_time(r, threshold, curvature)) - T

    # The state is below the threshold when r = 0 would be at theta/T on a straight line; from r* on it is early.
    return float(brentq(late, 1e-9 * best, best, xtol=1e-16 * best, rtol=1e-15))


def kink_gradient(
    r: ArrayLike, T: float, confidence: float, threshold: float = 10.0, curvature: float = 1.0
) -> np.ndarray:
    r"""The slope around the kink, $|t_x'(r)|\tanh\big(\tfrac12\gamma(a\theta^2+r)(T-t_x(r))\big)$, for a narrow switch.

    $t_x$ is the time at which the state passes the threshold. It needs $\gamma a\theta^2T\gg1$ and $0<t_x<2T$, and is
    least accurate inside the kink; do not use it for a confidence of 0.1 or less.

    Example:
        >>> kink_gradient(1.01 * optimum(100.0), 100.0, 1.0) / finite_gradient(1.01 * optimum(100.0), 100.0, 1.0)
        1.0000
    """
    speed = np.multiply(curvature, threshold**2) + r
    wait = T - exact.crossing_time(r, threshold, curvature)
    return _crossing_slope(r, threshold, curvature) * np.tanh(confidence / 2 * speed * wait)


def local_learning_rate(
    T: float, confidence: float, threshold: float = 10.0, curvature: float = 1.0
) -> float:
    r"""The rate $2/L''$ above which descent oscillates around the smooth optimum: $32\alpha^*/(3\gamma a\theta^2T)$.

    Example:
        >>> local_learning_rate(100.0, 1.0) / critical_learning_rate(100.0)
        0.001067
    """
    exact.check(confidence=confidence, threshold=threshold)
    return critical_learning_rate(T, curvature) * 32 / (3 * confidence * curvature * threshold**2 * T)


def _above(r0: float, T: float, curvature: float) -> float:
    rho0 = r0 / optimum(T, curvature)
    if not rho0 > 1:
        raise ValueError(
            f"r0={r0} is not above the optimum {optimum(T, curvature):.6g}; the plateau starts above it."
        )
    return rho0


def _crossing_slope(r: ArrayLike, threshold: float, curvature: float) -> np.ndarray:
    """The size of dt_x/dr."""
    r = np.asarray(r, float)
    time = exact.crossing_time(r, threshold, curvature)
    return (time + threshold / (r + curvature * threshold**2)) / (2 * r)
