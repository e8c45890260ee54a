r"""Reading modes from a network that is not aligned with its teacher, and how well aligned it is."""

from typing import NamedTuple

import numpy as np

from stepwell.analysis.system import Numbers


class Modes(NamedTuple):
    """Readout a, input b, recurrent weight w and feedback of every mode, each [..., mode]."""

    a: np.ndarray
    b: np.ndarray
    w: np.ndarray
    feedback: np.ndarray


def mode_readout(W: Numbers, b: Numbers, c: Numbers, feedback: Numbers, U: Numbers, V: Numbers) -> Modes:
    r"""The modes of a network in the basis of its teacher.

    With P [hidden, mode] the orthonormal polar factor of $bV$: $a=\mathrm{diag}(U^\top cP)$,
    $b=\mathrm{diag}(P^\top bV)$, $w=\mathrm{diag}(P^\top WP)$, $\hat a=\mathrm{diag}(P^\top FU)$. P makes b
    positive.

    Args:
        W: [..., hidden, hidden]. b: [..., hidden, input]. c: [..., output, hidden].
        feedback: F, [..., hidden, output].
        U, V: the teacher's output and input directions, [output, mode] and [input, mode], orthonormal.

    Example:
        >>> one = np.eye(2)[:, :1]
        >>> print(mode_readout(0.5 * np.eye(2), -3 * one, 2 * one.T, one, [[1.0]], [[1.0]]).b)
        [3.]

    Source: williams2026, Fig. 5.
    """
    return Modes(*(np.diagonal(M, axis1=-2, axis2=-1) for M in _rotated(W, b, c, feedback, U, V)))


def mode_alignment(
    W: Numbers, b: Numbers, c: Numbers, feedback: Numbers, U: Numbers, V: Numbers
) -> dict[str, np.ndarray | np.generic]:
    """How much of each matrix is in the modes: squared diagonal in the teacher's basis over squared norm.

    Args are those of `mode_readout`.

    Returns:
        "output", "input", "recurrent", "feedback": [...], between 0 and 1.

    Example:
        >>> one = np.eye(2)[:, :1]
        >>> print(mode_alignment(np.ones((2, 2)), one, one.T, one, [[1.0]], [[1.0]])["recurrent"])
        0.25

    Source: williams2026, Fig. 5 B.
    """
    rotated = _rotated(W, b, c, feedback, U, V)
    originals = (c, b, W, feedback)
    inside = [np.sum(np.diagonal(M, axis1=-2, axis2=-1) ** 2, axis=-1) for M in rotated]
    return {
        name: part / np.sum(np.asarray(M, float) ** 2, axis=(-2, -1))
        for name, part, M in zip(("output", "input", "recurrent", "feedback"), inside, originals)
    }


def _rotated(
    W: Numbers, b: Numbers, c: Numbers, feedback: Numbers, U: Numbers, V: Numbers
) -> tuple[np.ndarray, ...]:
    """$U^\\top cP$, $P^\\top bV$, $P^\\top WP$ and $P^\\top FU$, each [..., mode, mode]."""
    W, b, c, F, U, V = (np.asarray(matrix, float) for matrix in (W, b, c, feedback, U, V))
    left, _, right = np.linalg.svd(b @ V, full_matrices=False)
    P = left @ right
    PT = np.swapaxes(P, -1, -2)
    return U.T @ c @ P, PT @ b @ V, PT @ W @ P, PT @ F @ U
