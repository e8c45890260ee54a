"""The responses of a system that is given by its poles, zeros and gain: what page 1 computes, by the
library."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stepwell import analysis
from stepwell.lab.engine import AbstractEngine

FREQUENCIES, LAGS = 160, 48


class Response(AbstractEngine):
    r"""Magnitude and impulse response of $K\prod(z-\zeta_j)/\prod(z-p_k)$; mirrors of the given points are
    added."""

    poles: tuple[tuple[float, float], ...]
    zeros: tuple[tuple[float, float], ...]
    gain: float

    def scene(self) -> dict[str, Any]:
        """`decibel` at 160 frequencies from 0 to pi, and `impulse` at lags 0 to 47."""
        W, b, c = companion(_polynomial(self.poles), self.gain * _polynomial(self.zeros))
        response = analysis.frequency_response(W, b, c, np.linspace(0, np.pi, FREQUENCIES))[:, 0, 0]
        with np.errstate(divide="ignore"):
            decibel = 20 * np.log10(np.abs(response))
        return {"decibel": decibel, "impulse": analysis.impulse_response(W, b, c, LAGS)[:, 0, 0]}

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """Nothing."""
        return ()


def companion(denominator: np.ndarray, numerator: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A system (W, b, c) with the transfer function numerator/denominator, in companion form.

    Raises:
        ValueError: for as many zeros as poles, or more.
    """
    n = len(denominator) - 1
    if len(numerator) > n:
        raise ValueError(f"{len(numerator) - 1} zeros are too many for {n} poles; at most {n - 1} fit.")
    W = np.diag(np.ones(n - 1), -1)
    W[0] = -denominator[1:]
    return W, np.eye(n)[:, :1], np.pad(numerator, (n - len(numerator), 0))[None, :]


def _polynomial(points: Iterable[tuple[float, float]]) -> np.ndarray:
    """Coefficients, highest power first, of the polynomial with these roots and their mirrors."""
    roots = [z for re, im in points for z in ([complex(re, im), complex(re, -im)] if im else [re])]
    return np.atleast_1d(np.real(np.poly(roots)))
