"""A target with one input and one output as theory uses it: checked, minimal, hashable."""

import numpy as np

from stepwell.network.linear import Numbers
from stepwell.task.impulse import check_target

Fixed = tuple[complex, ...]


def siso_target(poles: Numbers, residues: Numbers) -> tuple[Fixed, Fixed]:
    """Poles and residues of a target, as tuples that a cache can hold; poles with residue zero are left out.

    Args:
        poles: distinct, stable and closed under conjugation, [pole].
        residues: one number per pole; a [1, 1] matrix counts as a number.

    Raises:
        ValueError: for what is no stable real target, has several inputs or outputs, or repeats a pole.
    """
    p, r = np.atleast_1d(np.asarray(poles, complex)), np.atleast_1d(np.asarray(residues, complex))
    check_target(list(p), list(r))
    if r.size != len(p):
        raise ValueError(f"this prediction is for one input and one output; residues have shape {r.shape}.")
    if (np.abs(p[:, None] - p) + 2 * np.eye(len(p))).min() < 1e-12:
        raise ValueError("the target repeats a pole; add up the residues, or move the poles apart by 1e-6.")
    kept = r.ravel() != 0
    if not kept.any():
        raise ValueError("the target is zero: every residue vanishes, and there is nothing to learn.")
    return tuple(p[kept].tolist()), tuple(r.ravel()[kept].tolist())
