"""A target with one input and one output as theory uses it: checked, minimal, hashable."""

from functools import lru_cache

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
    if r.ndim > 1 and r.shape[1:] != (1, 1):
        raise ValueError(f"this prediction is for one input and one output; residues have shape {r.shape}.")
    return _minimal(tuple(p.tolist()), tuple(r.ravel().tolist()))


@lru_cache(maxsize=256)  # one prediction asks for the same target many times
def _minimal(p: Fixed, r: Fixed) -> tuple[Fixed, Fixed]:
    check_target(p, r)
    if (np.abs(np.subtract.outer(p, p)) + 2 * np.eye(len(p))).min() < 1e-12:
        raise ValueError("the target repeats a pole; add up the residues, or move the poles apart by 1e-6.")
    kept = [i for i, residue in enumerate(r) if residue != 0]
    if not kept:
        raise ValueError("the target is zero: every residue vanishes, and there is nothing to learn.")
    return tuple(p[i] for i in kept), tuple(r[i] for i in kept)
