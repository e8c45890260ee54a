r"""Exact trajectory, sensitivity, loss and gradient of $\dot x=ax^2+r$, $x(0)=0$.

Every function takes numbers or NumPy arrays of $r$ (1/time²) and computes in float64. With $z=ax$ the model
is $\dot z=z^2+ar$, so curvature enters by scaling alone.

Source: ghost2025, Eqs. (6)-(14); sensitivity, quadrature and general curvature derived here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def optimum(T: float, curvature: float = 1.0) -> float:
    """The parameter $r^*=\\pi^2/(4aT^2)$ with which the state escapes at the end of the delay, in 1/time²."""
    check(T=T, curvature=curvature)
    return np.pi**2 / (4 * curvature * T**2)


def loss(r: ArrayLike, T: float, curvature: float = 1.0) -> Any:
    r"""The loss in the limit of a sharp output: $|T-\pi/(2\sqrt{ar})|$ above $r^*/4$, and $T$ below.

    Args:
        r: parameter, in 1/time².
        T: delay; the trial lasts $2T$.
        curvature: $a$.

    Returns:
        The integral $L$ (not $L/T$), in units of time, of the shape of `r`.
    """
    reached = np.maximum(r, optimum(T, curvature) / 4)
    return np.abs(T - np.pi / (2 * np.sqrt(curvature * reached)))[()]


def gradient(r: ArrayLike, T: float, curvature: float = 1.0) -> Any:
    r"""The slope of `loss`: $\pm\pi/(4\sqrt a\,r^{3/2})$ above and below the optimum, 0 below $r^*/4$.

    At the kink itself the left branch counts.

    Args:
        r, T, curvature: as for `loss`.
    """
    best = optimum(T, curvature)
    size = np.pi / (4 * np.sqrt(curvature)) * np.maximum(r, best / 4) ** -1.5
    return np.where(np.greater(r, best), size, np.where(np.less(r, best / 4), 0.0, -size))[()]


def trajectory(r: ArrayLike, t: ArrayLike, curvature: float = 1.0) -> Any:
    r"""The state $x(t)$; $+\infty$ from the escape time $\pi/(2\sqrt{ar})$ on.

    Args:
        r: parameter. t: time. They broadcast.
        curvature: $a$.
    """
    return (_state(*_scaled(r, t, curvature)) / curvature)[()]


def sensitivity(r: ArrayLike, t: ArrayLike, curvature: float = 1.0) -> Any:
    r"""The derivative $\partial x/\partial r$ of the state at time t, in units of time.

    $\big(z+t(ar+z^2)\big)/(2ar)$ with $z=ax$, and its series where $|ar|t^2<10^{-4}$;
    infinite after the escape.

    Args:
        r, t, curvature: as for `trajectory`.
    """
    scaled, t = _scaled(r, t, curvature)
    return _sensitivity(scaled, t, _state(scaled, t))[()]


def crossing_time(r: ArrayLike, threshold: float, curvature: float = 1.0) -> Any:
    r"""The time $\arctan(\theta\sqrt{a/r})/\sqrt{ar}$ of passing the threshold; infinite for $r\le0$."""
    root = np.sqrt(np.maximum(np.multiply(curvature, r), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(root > 0, np.arctan(curvature * threshold / root) / root, np.inf)[()]


def finite_loss(
    r: ArrayLike,
    T: float,
    confidence: float,
    threshold: float = 10.0,
    curvature: float = 1.0,
) -> Any:
    r"""The loss $\int_0^{2T}(y-y^*)^2dt$ of an output $y=\sigma(\gamma(x-\theta))$, by quadrature.

    Args:
        r: parameter, in 1/time².
        T: delay.
        confidence, threshold: $\gamma$ and $\theta$.
        curvature: $a$.

    Returns:
        $L$ in units of time, of the shape of `r`.
    """

    def error(scaled: np.ndarray, t: np.ndarray, z: np.ndarray, drive: np.ndarray) -> np.ndarray:
        return logistic(np.where(t < T, drive, -drive)) ** 2

    return _integral(error, r, T, confidence, threshold, curvature)


def finite_gradient(
    r: ArrayLike,
    T: float,
    confidence: float,
    threshold: float = 10.0,
    curvature: float = 1.0,
) -> Any:
    r"""The slope $L'(r)=\int_0^{2T}2(y-y^*)\,y(1-y)\,\gamma\,\partial x/\partial r\,dt$ of `finite_loss`.

    Args:
        r, T, confidence, threshold, curvature: as for `finite_loss`.
    """

    def slope(scaled: np.ndarray, t: np.ndarray, z: np.ndarray, drive: np.ndarray) -> np.ndarray:
        sign = np.where(t < T, 1, -1)
        change = 2 * confidence * sign * logistic(sign * drive) ** 2 * logistic(-sign * drive)
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(z), 0.0, change * _sensitivity(scaled, t, z))

    return _integral(slope, r, T, confidence, threshold, curvature)


def descent(
    r0: ArrayLike, learning_rate: ArrayLike, updates: int, slope: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    r"""Gradient descent $r\leftarrow r-\alpha L'(r)$ from every start, [update, ...], the starts first.

    Args:
        r0: starts.
        learning_rate: $\alpha$, in 1/time⁵; broadcast against the starts.
        updates: number of steps.
        slope: $L'$, a function of an array of $r$.
    """
    start, rate = np.broadcast_arrays(np.asarray(r0, float), np.asarray(learning_rate, float))
    path = np.empty((updates + 1, *start.shape))
    path[0] = start
    for u in range(updates):
        path[u + 1] = path[u] - rate * slope(path[u])
    return path


def logistic(z: np.ndarray) -> np.ndarray:
    r"""$\sigma(z)=1/(1+e^{-z})$ to full relative accuracy; $1-\sigma(z)$ is `logistic(-z)`."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1 + small)


def check(**values: float) -> None:
    """Refuse a setting that is not a finite number above 0.

    Raises:
        ValueError: with the name of the setting.
    """
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name}={value} is out of range; it must be a finite number above 0.")


def _scaled(r: ArrayLike, t: ArrayLike, curvature: float) -> tuple[np.ndarray, np.ndarray]:
    """The parameter of the model with curvature 1, and the time, of one shape."""
    scaled, time = np.broadcast_arrays(np.multiply(curvature, r), np.asarray(t, float))
    return scaled, time


def _state(r: np.ndarray, t: np.ndarray) -> np.ndarray:
    root = np.sqrt(np.abs(r))
    phase = root * t
    with np.errstate(over="ignore"):
        state = root * np.where(r > 0, np.tan(phase), -np.tanh(phase))
    return np.where((r > 0) & (phase >= np.pi / 2), np.inf, state)


def _sensitivity(r: np.ndarray, t: np.ndarray, z: np.ndarray) -> np.ndarray:
    small = r * t**2
    series = t * (1 + small * (2 / 3 + small * (2 / 5 + small * 68 / 315)))
    early = np.abs(small) < 1e-4
    with np.errstate(over="ignore"):
        return np.where(early, series, (z + t * (r + z**2)) / np.where(early, 1.0, 2 * r))


def _integral(
    integrand: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    r: ArrayLike,
    T: float,
    confidence: float,
    threshold: float,
    curvature: float,
) -> Any:
    """The integral over a trial of a function of (ar, t, z, drive of the output), between breakpoints."""
    check(T=T, confidence=confidence, threshold=threshold, curvature=curvature)
    scaled, level = np.multiply(curvature, r)[..., None], curvature * threshold
    points = _breakpoints(scaled, T, confidence / curvature, level)
    half = np.diff(points)[..., None] / 2
    t = (points[..., :-1, None] + half * (1 + NODES)).reshape(*scaled.shape[:-1], -1)
    z = _state(scaled, t)
    weights = (half * WEIGHTS).reshape(t.shape)
    return np.sum(weights * integrand(scaled, t, z, confidence / curvature * (z - level)), axis=-1)[()]


def _breakpoints(r: np.ndarray, T: float, sharpness: float, level: float) -> np.ndarray:
    """Times at which z passes levels around the threshold and on its way out, and evenly spaced ones, sorted.

    Times outside the trial are moved to its ends, where they bound intervals of length 0.
    """
    levels = np.concatenate([level + np.arange(-40, 41) / sharpness, np.geomspace(1e-3, 1e6, 60), [np.inf]])
    root = np.sqrt(np.abs(r))
    with np.errstate(divide="ignore", invalid="ignore"):
        passing = np.where(r > 0, np.arctan(levels / root) / root, 0.0)
        settling = np.where(r < 0, np.geomspace(1e-2, 20, 20) / root, 0.0)
    even = np.broadcast_to(np.append(np.linspace(0, 2 * T, 41), T), (*r.shape[:-1], 42))
    return np.sort(np.clip(np.concatenate([passing, settling, even], axis=-1), 0, 2 * T), axis=-1)
