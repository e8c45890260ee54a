"""A model of a target: poles, residues, and its loss."""

import equinox as eqx
import numpy as np

from stepwell.network.linear import Numbers, System, realisation


class Model(eqx.Module):
    """A model with one input and one output, and how far it is from its target.

    Attributes:
        loss: for an impulse, unless said otherwise; infinite horizon, factor 1/2.
        poles: [k], by falling real part, of a pair the upper one first; float64 if all are real, else
            complex128.
        residues: [k], of the same kind.
    """

    loss: float
    poles: np.ndarray
    residues: np.ndarray

    def __init__(self, loss: float, poles: Numbers, residues: Numbers):
        p, r = np.asarray(poles, np.complex128), np.asarray(residues, np.complex128)
        order = np.lexsort((-p.imag, -p.real))
        self.loss = float(loss)
        self.poles, self.residues = (x[order] if p.imag.any() else x[order].real.copy() for x in (p, r))
        for array in (self.poles, self.residues):
            array.setflags(write=False)  # caches hand out the same object again

    def system(self) -> System:
        """A real system (W, b, c) with these poles and residues; one without units for k = 0."""
        if len(self.poles) == 0:
            return np.zeros((0, 0)), np.zeros((0, 1)), np.zeros((1, 0))
        return realisation(self.poles, self.residues)
