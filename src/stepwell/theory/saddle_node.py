r"""What must happen to $\dot x=ax^2+r$, $x(0)=0$, when it is trained through $r$ to switch after a delay T.

Time has any unit; $r$ is in 1/time², a learning rate in 1/time⁵, and $a$ a pure number. The exact loss and
its slope are those of the model itself; everything else here follows without iterating it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, root

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
    """The parameter $r^*/4$, below which the state does not escape in a trial and the slope is 0.

    Args:
        T: delay; the trial lasts $2T$.
        curvature: $a$.

    Example:
        >>> print(f"{point_of_no_return(100):.4e}")
        6.1685e-05

    Source: ghost2025, Eq. (12).
    """
    return optimum(T, curvature) / 4


def critical_learning_rate(T: float, curvature: float = 1.0) -> float:
    r"""The rate $\alpha^*=3\pi^4/(32a^2T^5)$ at which a step from the optimum reaches the point of no return.

    Below it no start above $r^*/4$ is ever lost. Just above it most starts stay on a stable cycle: `cycle`.

    Args:
        T: delay.
        curvature: $a$.

    Returns:
        A learning rate on $L$ (on $L/T$ it is T times larger), in 1/time⁵.

    Example:
        >>> print(f"{critical_learning_rate(100):.6e}")
        9.132102e-10

    Source: ghost2025, Eq. (15); general curvature derived here.
    """
    return 3 / 2 * optimum(T, curvature) ** 2 / T


def descend(
    r0: ArrayLike, learning_rate: float, T: float, updates: int, curvature: float = 1.0
) -> np.ndarray:
    """Gradient descent on `loss`, $r_0$ first: `updates + 1` values, [update, ...].

    Args:
        r0: one start or an array of them.
        learning_rate: in 1/time⁵.
        T, updates, curvature: delay, number of steps, $a$.

    Example:
        A step from just above the optimum that is a little too large ends beyond the point of no return:

        >>> best = optimum(100)
        >>> print(descend(1.001 * best, 1.1 * critical_learning_rate(100), 100, 2) / best)
        [1.001 0.177 0.177]
    """
    if updates < 0:
        raise ValueError(f"updates={updates} is negative; give 0 or more.")
    return exact.descent(r0, learning_rate, updates, lambda r: gradient(r, T, curvature))


def plateau_length(r0: float, learning_rate: float, T: float, curvature: float = 1.0) -> float:
    r"""Length of the plateau from $r_0>r^*$ to the optimum under gradient flow, in updates.

    $\tfrac25(\rho_0^{5/2}-1)/(\tfrac34\beta)$ with $\rho=r/r^*$ and $\beta=\alpha/\alpha^*$. Descent in steps
    takes one to three updates more: `plateau_updates`.

    Example:
        >>> round(plateau_length(10 * optimum(100), critical_learning_rate(100), 100), 1)
        168.1
    """
    rho0, beta = _above(r0, T, curvature), learning_rate / critical_learning_rate(T, curvature)
    return float(2 / 5 * (rho0**2.5 - 1) / (3 / 4 * beta))


def plateau_updates(r0: float, learning_rate: float, T: float, curvature: float = 1.0) -> int:
    r"""The first update at which descent from $r_0>r^*$ has passed the optimum, to second order in the step.

    $\lceil n+\tfrac34\ln\rho_0\rceil$ with $n$ the `plateau_length`; exact in most cases, else one too large.

    Example:
        >>> plateau_updates(10 * optimum(100), 1e-10, 100)
        1538
    """
    lag = 3 / 4 * np.log(_above(r0, T, curvature))
    return int(np.ceil(plateau_length(r0, learning_rate, T, curvature) + lag))


def abruptness(r0: float, T: float, curvature: float = 1.0) -> float:
    r"""Time of the fall of the loss from 0.9 to 0.1 of its first value, over the time to 0.9.

    Under gradient flow, and so independent of the learning rate; small for a distant start.

    Example:
        >>> [round(abruptness(times * optimum(100), 100), 4) for times in (10, 30, 100)]
        [0.5948, 0.1862, 0.0421]
    """
    rho0 = _above(r0, T, curvature)
    first = 1 - rho0**-0.5
    at_90, at_10 = ((1 - share * first) ** -5 for share in (0.9, 0.1))
    return float((at_90 - at_10) / (rho0**2.5 - at_90))


class Cycle(NamedTuple):
    """The stable 3-cycle of descent at the kink.

    Attributes:
        points: $u$ in the order of their visit, [3]; $r=\\beta^{2/5}u\\,r^*$ with $\\beta=\\alpha/\\alpha^*$.
        multiplier: derivative of three updates; its modulus is below 1.
        window: smallest and largest $\\beta$ at which the cycle exists; beyond, every start is lost.
    """

    points: np.ndarray
    multiplier: float
    window: tuple[float, float]


def cycle() -> Cycle:
    r"""The cycle on which descent lands around the critical rate: one update up, two down.

    With $\rho=\beta^{2/5}u$ the rate drops out of the map $u\mapsto u\pm\tfrac34u^{-3/2}$, but for the place
    of the kink.

    Example:
        >>> print(round(cycle().window[1], 5))
        1.02904
    """

    def gaps(u: np.ndarray) -> np.ndarray:
        return np.roll(u, -1) - u - np.array([1, -1, -1]) * 3 / 4 * u**-1.5

    u = root(gaps, [1.0, 1.7, 1.4], tol=1e-15).x
    multiplier = np.prod(1 + np.array([-1, 1, 1]) * 9 / 8 * u**-2.5)
    return Cycle(u, float(multiplier), (float(u[2] ** -2.5), float(u[0] ** -2.5)))


def flat_gradient(T: float, confidence: float, threshold: float = 10.0) -> float:
    r"""The slope of `finite_loss` at $r=0$: $-\gamma o(1-o)T^2(3-4o)$ with $o=\sigma(-\gamma\theta)$.

    It does not depend on the curvature. Descent climbs out of the flat zone for $o<3/4$.

    Example:
        >>> round(flat_gradient(100, 0.1), 5)
        -378.32743
    """
    exact.check(T=T, confidence=confidence, threshold=threshold)
    off, on = exact.logistic(np.array([-1.0, 1.0]) * confidence * threshold)
    return float(-confidence * off * on * T**2 * (3 - 4 * off))


def escape_updates(learning_rate: float, T: float, confidence: float, threshold: float = 10.0) -> float:
    """Updates that descent takes from $r=0$ to the point of no return at the slope in 0.

    Example:
        >>> round(escape_updates(critical_learning_rate(100), 100, 0.1), 1)
        178.5
    """
    return point_of_no_return(T) / (learning_rate * -flat_gradient(T, confidence, threshold))


def smooth_optimum(T: float, threshold: float = 10.0, curvature: float = 1.0) -> float:
    """The parameter with which the state passes a finite threshold at the end of the delay: least loss.

    Example:
        >>> round(smooth_optimum(100) / optimum(100), 10)
        0.9980029976
    """
    exact.check(threshold=threshold)
    best = optimum(T, curvature)

    def lateness(share: float) -> float:
        return float(exact.crossing_time(share * best, threshold, curvature)) / T - 1

    # At the optimum the state escapes at T and has passed the threshold before; without drive it never does.
    return best * float(brentq(lateness, 1e-12, 1.0, xtol=1e-15))  # type: ignore[arg-type]


def kink_gradient(
    r: ArrayLike,
    T: float,
    confidence: float,
    threshold: float = 10.0,
    curvature: float = 1.0,
) -> Any:
    r"""The slope of `finite_loss` for a narrow switch, $|t_x'|\tanh\big(\tfrac12\gamma\dot x(T-t_x)\big)$.

    $t_x(r)$ is the time of passing the threshold, $\dot x=a\theta^2+r$ the speed there. It needs
    $\gamma\dot xT\gg1$ and $0<t_x<2T$, and is least accurate inside the kink; a confidence of 0.1 is too
    low for it.

    Example:
        >>> r = 1.01 * optimum(100)
        >>> print(round(kink_gradient(r, 100, 1) / finite_gradient(r, 100, 1), 6))
        1.0
    """
    exact.check(T=T, confidence=confidence)
    time = exact.crossing_time(r, threshold, curvature)
    speed = curvature * threshold**2 + np.asarray(r, float)
    change = (time + threshold / speed) / (2 * np.asarray(r, float))
    return change * np.tanh(confidence / 2 * speed * (T - time))


def local_learning_rate(
    T: float, confidence: float, threshold: float = 10.0, curvature: float = 1.0
) -> float:
    r"""The rate above which descent oscillates around the smooth optimum: $32\alpha^*/(3\gamma a\theta^2T)$.

    It is $2/L''$ of `kink_gradient` at the optimum, for a distant threshold.

    Example:
        >>> round(local_learning_rate(100, 1) / critical_learning_rate(100), 6)
        0.001067
    """
    exact.check(confidence=confidence, threshold=threshold)
    return critical_learning_rate(T, curvature) * 32 / (3 * confidence * curvature * threshold**2 * T)


def _above(r0: float, T: float, curvature: float) -> float:
    """The start in units of the optimum."""
    rho0 = r0 / optimum(T, curvature)
    if not rho0 > 1:
        raise ValueError(
            f"r0={r0} is not above the optimum, {optimum(T, curvature):.6g}; plateaus start there."
        )
    return rho0
