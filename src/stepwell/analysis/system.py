"""The arrays of a linear system as a user or a record gives them, checked and in float64."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# NumPy's protocol for nested sequences, when checked at run time, refuses tuples.
Numbers = ArrayLike | Sequence[Any]
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def linear_system(W: Numbers, b: Numbers, c: Numbers) -> Arrays:
    """`W` [..., hidden, hidden], `b` [..., hidden, input], `c` [..., output, hidden] with equal leading axes.

    Raises:
        TypeError: for what holds no real numbers.
        ValueError: for sizes that do not fit, NaN or infinity.
    """
    arrays = square(W), _matrix("b", b), _matrix("c", c)
    W, b, c = arrays
    try:
        leading = np.broadcast_shapes(*(array.shape[:-2] for array in arrays))
    except ValueError:
        leading = None
    if leading is None or not b.shape[-2] == W.shape[-1] == c.shape[-1]:
        raise ValueError(
            f"the sizes do not fit: W {W.shape}, b {b.shape}, c {c.shape}; "
            "needed are W [..., hidden, hidden], b [..., hidden, input], c [..., output, hidden]."
        )
    W, b, c = (np.broadcast_to(array, (*leading, *array.shape[-2:])) for array in arrays)
    return W, b, c


def one_system(W: Numbers, b: Numbers, c: Numbers) -> Arrays:
    """The same without leading axes, for results that differ in length from system to system."""
    W, b, c = linear_system(W, b, c)
    if W.ndim > 2:
        raise ValueError(f"one system is needed here, W has shape {W.shape}; loop over its leading axes.")
    return W, b, c


def square(W: Numbers) -> np.ndarray:
    """`W` [..., hidden, hidden]."""
    W = _matrix("W", W)
    if W.shape[-1] != W.shape[-2] or W.shape[-1] == 0:
        raise ValueError(f"W has shape {W.shape}; it needs two equal last axes, [..., hidden, hidden].")
    return W


def finite(name: str, value: Numbers) -> np.ndarray:
    """An array of finite real numbers."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers; it has dtype {array.dtype}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity; of a diverged run, analyse what came before.")
    return array.astype(float)


def _matrix(name: str, value: Numbers) -> np.ndarray:
    array = finite(name, value)
    if array.ndim < 2:
        raise ValueError(
            f"{name} has shape {array.shape}, and a matrix is needed; "
            "write one input as b[:, None] and one output as c[None, :]."
        )
    return array
