r"""What learning added to the recurrent weights: the spectrum and the directions of $\Delta W=W-W_0$.

Matrices are [..., hidden, hidden], row = receiving unit; leading axes are batch axes. Everything is float64.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from stepwell.analysis.system import Numbers
from stepwell.network.linear import spectral_radius

# One number per matrix: an array over the batch axes, or a single NumPy number.
Values = np.ndarray | np.generic


def singular_values(W: Numbers, W0: Numbers) -> np.ndarray:
    r"""The singular values of $\Delta W=W-W_0$, descending.

    Args:
        W, W0: weights after and before, [..., rows, columns].

    Returns:
        [..., k]. Their sum is the nuclear norm, the root of their squares' sum the Frobenius norm.

    Example:
        >>> print(singular_values([[1.0, 3.0], [0.0, 1.0]], np.eye(2)))
        [3. 0.]

    Source: schuessler2020, section 2.
    """
    return np.linalg.svd(_matrix(W) - _matrix(W0), compute_uv=False)


def factor_singular_values(A: Numbers, B: Numbers) -> np.ndarray:
    r"""The singular values of $\Delta W=AB^\top$, descending, in $O(Nr^2)$: the product is not formed.

    Args:
        A, B: factors, [..., hidden, r], as a sum of r outer products gives them.

    Returns:
        [..., min(hidden, r)].

    Example:
        >>> print(factor_singular_values([[3.0], [4.0]], [[0.0], [2.0]]))
        [10.]
    """
    left, right = (np.linalg.qr(_matrix(factor), mode="r") for factor in (A, B))
    return np.linalg.svd(left @ np.swapaxes(right, -1, -2), compute_uv=False)


def participation_ratio(values: Numbers) -> Values:
    r"""How many singular values share the change: $(\sum s_k^2)^2/\sum s_k^4$.

    Args:
        values: singular values, [..., k].

    Returns:
        [...], between 1 and k; NaN where all are 0.

    Example:
        >>> print(participation_ratio([2.0, 2.0, 0.0]))
        2.0

    Source: schuessler2020, section 2; williams2026, Figs. 6-10.
    """
    squares = np.asarray(values, float) ** 2
    with np.errstate(invalid="ignore"):
        return squares.sum(-1) ** 2 / (squares**2).sum(-1)


def variance_explained(values: Numbers) -> np.ndarray:
    r"""The share of $\|\Delta W\|^2$ in the first r singular values, r = 0, 1, ..., k.

    Example:
        >>> print(variance_explained([3.0, 4.0]))
        [0.   0.36 1.  ]
    """
    squares = np.asarray(values, float) ** 2
    total = np.cumsum(squares, axis=-1)
    return np.concatenate([np.zeros_like(total[..., :1]), total], axis=-1) / total[..., -1:]


def gap_index(values: Numbers, least: int = 1, most: int = 10) -> Values:
    """After how many singular values the largest drop comes: the k with the largest s_k / s_{k+1}.

    Args:
        values: singular values, descending, [..., k]; more than `least`.
        least, most: between which k to look.

    Returns:
        k, [...].

    Example:
        >>> print(gap_index([5.0, 4.0, 0.5, 0.4]))
        2

    Source: schuessler2020, Fig. 1 g-i, where it is seen by eye.
    """
    s = np.asarray(values, float)[..., least - 1 : most + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = s[..., :-1] / s[..., 1:]
    return least + np.argmax(np.nan_to_num(ratios, posinf=np.inf), axis=-1)


def numerical_rank(values: Numbers, cut: float = 1e-10) -> Values:
    """How many singular values exceed `cut` times the largest.

    A cut of 1e-10 gives the exact rank, one of 1e-2 the effective rank.

    Example:
        >>> print(numerical_rank([1.0, 1e-3, 1e-14]), numerical_rank([1.0, 1e-3, 1e-14], cut=1e-2))
        2 1

    Source: williams2026, Figs. 6-10.
    """
    s = np.asarray(values, float)
    return (s > cut * s.max(-1, keepdims=True)).sum(-1)


def eigenvalue_outliers(W: Numbers, W0: Numbers, g: float = 0.0, margin: float = 1.1) -> np.ndarray:
    """The eigenvalues of W outside the disc of the initial weights.

    The disc has the radius `margin` times the larger of `g` and the spectral radius of W0; the margin keeps
    the ragged edge of a finite matrix inside. Without initial weights every eigenvalue is an outlier.

    Args:
        W, W0: weights after and before, [hidden, hidden].
        g: strength of W0, the radius of its disc in the limit of many units.

    Returns:
        complex, [outlier], by falling modulus.

    Example:
        >>> print(eigenvalue_outliers(np.diag([2.0, 0.5]), 0.5 * np.eye(2)))
        [2.+0.j]

    Source: schuessler2020, section 5.
    """
    values = np.linalg.eigvals(_matrix(W)).astype(complex)
    values = values[np.argsort(-np.abs(values))]
    return values[np.abs(values) > margin * max(g, spectral_radius(_matrix(W0)))]


def alignment(W: Numbers, W0: Numbers, b: Numbers, c: Numbers, directions: int = 2) -> dict[str, np.ndarray]:
    r"""Cosines between the leading singular vectors of $\Delta W$ and what inputs, readouts and W0 span.

    With $R_0=(I-W_0)^{-1}$ the references are the columns of $b$, $c^\top$, $R_0b$, $R_0^\top c^\top$, $W_0b$
    and $W_0^\top c^\top$. Several channels span a subspace, and the cosine is that of the angle to it.

    Args:
        W, W0: weights after and before, [..., hidden, hidden].
        b: input weights, [..., hidden, input]. c: readout, [..., output, hidden].
        directions: how many singular vectors.

    Returns:
        By reference ("input", "readout", "resolvent input", "resolvent readout", "W0 input", "W0 readout"):
        [..., side, direction], side 0 the left (receiving), 1 the right (sending) vectors. NaN where the
            singular
        value or the reference is 0.

    Example:
        >>> b, c = np.eye(3)[:, :1], np.eye(3)[1:2]
        >>> print(alignment(c.T @ b.T, np.zeros((3, 3)), b, c, directions=1)["readout"])
        [[1.]
         [0.]]

    Source: schuessler2020, eq. 11: early in learning u_1 lies along $R_0^\top c^\top$ and v_1 along $R_0b$.
    """
    W0, b, c = _matrix(W0), _matrix(b), np.swapaxes(_matrix(c), -1, -2)
    left, values, right = np.linalg.svd(_matrix(W) - W0)
    vectors = np.stack([left[..., :directions], np.swapaxes(right, -1, -2)[..., :directions]], axis=-3)
    vectors = np.where(values[..., None, None, :directions] > 0, vectors, np.nan)
    M, transposed = np.eye(W0.shape[-1]) - W0, np.swapaxes(W0, -1, -2)
    references = {
        "input": b,
        "readout": c,
        "resolvent input": np.linalg.solve(M, b),
        "resolvent readout": np.linalg.solve(np.swapaxes(M, -1, -2), c),
        "W0 input": W0 @ b,
        "W0 readout": transposed @ c,
    }
    return {name: _cosines(vectors, reference[..., None, :, :]) for name, reference in references.items()}


def direction_cosine(
    direction: Mapping[str, Numbers], gradient: Mapping[str, Numbers], names: Sequence[str] = ("W", "b")
) -> Values:
    r"""The cosine between a rule's direction and the gradient at the same parameters.

    Args:
        direction, gradient: by name, each [..., rows, columns].
        names: which parameters count. The readout is left out by default: its update is the same in every
            rule.

    Returns:
        [...]; NaN where one of them is 0.

    Example:
        >>> print(direction_cosine({"W": [[1.0, 1.0]]}, {"W": [[1.0, 0.0]]}, names=["W"]).round(6))
        0.707107

    Source: ours; the rules are those of williams2026.
    """
    G, H = (
        np.concatenate(
            [_matrix(which[name]).reshape(*np.shape(which[name])[:-2], -1) for name in names], axis=-1
        )
        for which in (direction, gradient)
    )
    with np.errstate(invalid="ignore"):
        return (G * H).sum(-1) / (np.linalg.norm(G, axis=-1) * np.linalg.norm(H, axis=-1))


def direction_angle(
    direction: Mapping[str, Numbers], gradient: Mapping[str, Numbers], names: Sequence[str] = ("W", "b")
) -> Values:
    """The angle between a rule's direction and the gradient, in radians; below pi/2 the loss falls.

    Args and returns are those of `direction_cosine`.

    Example:
        >>> print(direction_angle({"W": [[0.0, 2.0]]}, {"W": [[1.0, 0.0]]}, names=["W"]).round(6))
        1.570796
    """
    return np.arccos(np.clip(direction_cosine(direction, gradient, names), -1, 1))


def feedback_residual(change: Numbers, feedback: Numbers) -> Values:
    r"""The share of a weight change outside the columns of the feedback: $\|D-\Pi_FD\|/\|D\|$.

    Args:
        change: D, [..., hidden, columns]. feedback: F, [..., hidden, output].

    Returns:
        [...], between 0 (all of it lies in the span of F) and 1.

    Example:
        >>> print(feedback_residual(np.eye(2), [[1.0], [0.0]]).round(6))
        0.707107

    Source: williams2026, core claims: local rules write into the span of their feedback.
    """
    D, Q = _matrix(change), np.linalg.qr(_matrix(feedback))[0]
    outside = D - Q @ (np.swapaxes(Q, -1, -2) @ D)
    with np.errstate(invalid="ignore"):
        return np.linalg.norm(outside, axis=(-2, -1)) / np.linalg.norm(D, axis=(-2, -1))


def _cosines(vectors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Norms of unit vectors projected on the span of the reference's columns; NaN if that is empty."""
    basis, values, _ = np.linalg.svd(reference, full_matrices=False)
    basis = np.where(values[..., None, :] > 1e-12 * np.abs(values).max(-1)[..., None, None], basis, 0.0)
    cosines = np.linalg.norm(np.swapaxes(basis, -1, -2) @ vectors, axis=-2)
    return np.where(values[..., :1] > 0, cosines, np.nan)


def _matrix(values: Numbers) -> np.ndarray:
    """A float64 matrix.

    Raises:
        ValueError: for NaN or infinity.
    """
    matrix = np.asarray(values, float)
    if not np.isfinite(matrix).all():
        raise ValueError(
            "the weights hold NaN or infinity; leave out the snapshots after a run has diverged."
        )
    return matrix
