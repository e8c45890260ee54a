"""Poles as continuous branches through time, and where two real ones meet and become a pair."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment, root_scalar

from stepwell.analysis.system import Numbers, finite


class Collision(NamedTuple):
    r"""Two real poles meet and leave as a complex pair.

    Attributes:
        time: when they meet, in the unit of the given times.
        place: where they meet; both are half their sum there.
        slope: time derivative of their discriminant $D=(p_i-p_j)^2$ there, below 0. The imaginary parts
            then grow as $\pm\tfrac12\sqrt{-D'\,(\tau-\tau_c)}$.
        branches: their columns in `pole_branches(poles)`, first the one with the positive imaginary part.
    """

    time: float
    place: float
    slope: float
    branches: tuple[int, int]


def pole_branches(poles: Numbers) -> np.ndarray:
    """Unordered poles, sorted into continuous branches.

    The poles of each moment are assigned to where the branches are heading, straight on from their last two
    places, at the smallest total distance. Two real branches that meet go on as the members of a pair.

    Args:
        poles: unordered at each time, [time, hidden].

    Returns:
        [time, hidden], complex; the first row as given, each column one branch.

    Raises:
        ValueError: for poles of more or less than one run, or NaN.

    Example:
        The solver lists two poles in another order from the third moment on. Followed, each stays itself:

        >>> pole_branches([[0.1, 0.5], [0.2, 0.5], [0.5, 0.3], [0.5, 0.4]]).real
        array([[0.1, 0.5],
               [0.2, 0.5],
               [0.3, 0.5],
               [0.4, 0.5]])

    Source: essay2026, section 8.4.
    """
    followed = _checked(poles)
    for t in range(1, len(followed)):
        heading = followed[t - 1] if t == 1 else 2 * followed[t - 1] - followed[t - 2]
        order = linear_sum_assignment(np.abs(heading[:, None] - followed[t]))[1]
        followed[t] = followed[t, order]
    return followed


def collisions(poles: Numbers, times: Numbers) -> list[Collision]:
    r"""The collisions of real poles that become complex, located between the recorded moments.

    Near one, poles move like the square root of time. Their sum and their discriminant $D=(p_i-p_j)^2$ are
    smooth: cubics through four moments tell place and time. For two units $D=(\operatorname{tr}W)^2-4\det W$.

    Args:
        poles: eigenvalues of a real matrix, unordered at each time, [time, hidden].
        times: increasing, e.g. the `snapshot_learning_time` of a record, [time].

    Returns:
        The collisions in order of time. Silent poles jostle near 0 and collide there, too: see `place`.

    Raises:
        ValueError: for sizes that do not fit, NaN, or times that do not increase.

    Example:
        The roots of $z^2-0.6z+0.09+\tau$ meet at time 0:

        >>> times = np.array([-0.07, -0.04, -0.01, 0.02, 0.05])
        >>> [collision] = collisions(0.3 + np.emath.sqrt(-times)[:, None] * [1, -1], times)
        >>> print(f"at {collision.place:.3f}, time {abs(collision.time):.3f}, slope {collision.slope:.3f}")
        at 0.300, time 0.000, slope -4.000

    Source: essay2026, sections 8.4 and 8.5.
    """
    followed, times = pole_branches(poles), finite("times", times)
    if times.shape != (len(followed),) or np.any(np.diff(times) <= 0):
        raise ValueError(f"times need {len(followed)} increasing numbers, one for each row of the poles.")
    real = np.isreal(followed)
    leaving = real[:-1] & ~real[1:]
    found = []
    for t, i in np.argwhere(leaving & (np.imag(followed[1:]) > 0)).tolist():
        partner = int(np.argmin(np.abs(followed[t + 1] - np.conj(followed[t + 1, i]))))
        if leaving[t, partner]:
            found.append(_collision(followed, (i, partner), times, t))
    return found


def _collision(followed: np.ndarray, columns: tuple[int, int], times: np.ndarray, t: int) -> Collision:
    """The collision of two branches between the moments t and t + 1."""
    near, pair = slice(max(t - 1, 0), t + 3), followed[:, columns]
    discriminant = _polynomial(times[near], (pair[near, 0] - pair[near, 1]) ** 2)
    before, after = times[t], times[t + 1]
    # Poles that are equal at the moment t itself leave no sign to change.
    met = discriminant(before) > 0 > discriminant(after)
    time = root_scalar(discriminant, bracket=(before, after), xtol=1e-15).root if met else before
    place = _polynomial(times[near], pair[near].mean(axis=1))(time)
    return Collision(float(time), float(place), float(discriminant.deriv()(time)), columns)


def _polynomial(times: np.ndarray, values: np.ndarray) -> np.polynomial.Polynomial:
    return np.polynomial.Polynomial.fit(times, np.real(values), len(times) - 1)


def _checked(poles: Numbers) -> np.ndarray:
    followed = np.array(poles, complex)
    if followed.ndim != 2:
        raise ValueError(f"poles have shape {followed.shape}; those of one run are needed, [time, hidden].")
    lost = ~np.isfinite(followed).all(axis=1)
    if lost.any():
        first = int(lost.argmax())
        raise ValueError(f"the poles hold NaN or infinity from row {first} on; follow poles[:{first}].")
    return followed
