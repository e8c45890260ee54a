"""A model of a target: poles, residues, and its loss."""

import equinox as eqx
import numpy as np
from numpy.typing import ArrayLike

from stepwell.network.linear import System, realisation


class Model(eqx.Module):
    """A stationary model of degree k with one input and one output.

    Attributes:
        loss: against the target; infinite horizon, factor 1/2.
        poles: [k], by falling real part, of a pair the upper one first; float64 if all are real, else
            complex128.
        residues: [k], of the same kind.
    """

    loss: float
    poles: np.ndarray
    residues: np.ndarray

    def __init__(self, loss: float, poles: ArrayLike, residues: ArrayLike):
        p, r = np.asarray(poles, complex), np.asarray(residues, complex)
        order = np.lexsort((-p.imag, -p.real))
        p, r = p[order], r[order]
        self.loss = float(loss)
        self.poles, self.residues = (p, r) if p.imag.any() else (p.real, r.real)
        self.poles.flags.writeable = self.residues.flags.writeable = False  # caches hand out the same object
        again

    def system(self) -> System:
        """A real system (W, b, c) with these poles and residues; of no units for k = 0."""
        if len(self.poles) == 0:
            return np.zeros((0, 0)), np.zeros((0, 1)), np.zeros((1, 0))
        return realisation(self.poles, self.residues)
