r"""What a linear system computes: poles, zeros, residues and responses of $H(z)=c\,(zI-W)^{-1}b$.

$H$ leads from the input to $c\,h_t$, so $g_s=cW^sb$ counts from lag 0 and $H=\sum_sg_sz^{-(s+1)}$. Leading
axes, of seeds and snapshots say, are batched where the shapes below allow them. Everything is in float64.
"""

import numpy as np
from scipy.linalg import eigvals, get_lapack_funcs, null_space, rsf2csf, schur
from scipy.sparse.csgraph import connected_components

from stepwell.analysis.system import Numbers, finite, linear_system, one_system, square

FARTHEST = 1e10  # a zero beyond this multiple of the size of W counts as infinite


def poles(W: Numbers) -> np.ndarray:
    """The poles: the eigenvalues of W, in no particular order (`pole_branches` follows them through time).

    Args:
        W: recurrent weights, [..., hidden, hidden]; row = receiving unit.

    Returns:
        [..., hidden], complex.

    Example:
        >>> poles([[0.5, -0.4], [0.4, 0.5]])
        array([0.5+0.4j, 0.5-0.4j])

    Source: essay2026, section 3.
    """
    # `eigvals` is twice as fast, but need not keep the order of the eigenvectors that `residues` takes.
    return np.linalg.eig(square(W))[0].astype(complex)


def zeros(W: Numbers, b: Numbers, c: Numbers) -> np.ndarray:
    r"""The finite zeros of one system: where $H(z)$ vanishes, or for several channels $\det H(z)$.

    They are the finite eigenvalues of the pencil $\begin{pmatrix}W-zI&b\\c&0\end{pmatrix}$. Orthogonal
    projections split off the infinite ones, which rounding would turn into large finite ones. With one input
    and output and relative degree $\rho$ (the smallest with $cW^{\rho-1}b\ne0$) n units have $n-\rho$ zeros.

    Args:
        W: [hidden, hidden]. b: [hidden, input]. c: [output, hidden]; as many inputs as outputs.

    Returns:
        [zero], complex, in no particular order.

    Raises:
        ValueError: for unequal numbers of inputs and outputs, and if $H(z)$ is singular at every z.

    Example:
        A fast and a slow mode, of weights 1 and -0.5, cancel each other at one point:

        >>> zeros(W=[[0.9, 0.0], [0.0, 0.2]], b=[[1.0], [1.0]], c=[[1.0, -0.5]])
        array([-0.5+0.j])

    Source: essay2026, section 3.
    """
    W, b, c = one_system(W, b, c)
    channels = b.shape[1]
    if len(c) != channels:
        raise ValueError(f"zeros need as many inputs as outputs, not {channels} and {len(c)}: choose some.")
    unread, undriven = null_space(c), null_space(b.T)
    if {unread.shape[1], undriven.shape[1]} != {len(W) - channels}:
        raise ValueError(_SINGULAR)
    A, E = undriven.T @ W @ unread, undriven.T @ unread
    while len(E):
        left, values, _ = np.linalg.svd(E)
        rank = int(np.sum(values > 1 / FARTHEST))
        if rank == len(E):
            break
        constraints = left[:, rank:].T @ A  # rows without z, each of which takes one infinite eigenvalue away
        if np.linalg.svd(constraints, compute_uv=False)[-1] <= 1e-13 * np.linalg.norm(W):
            raise ValueError(_SINGULAR)
        allowed = null_space(constraints)
        A, E = left[:, :rank].T @ A @ allowed, left[:, :rank].T @ E @ allowed
    return np.asarray(eigvals(A, E) if len(E) else [], complex)


def residues(W: Numbers, b: Numbers, c: Numbers) -> np.ndarray:
    r"""The residues $R_k=(c\,v_k)(u_k\,b)$ of $H(z)=\sum_kR_k/(z-p_k)$, in the order of `poles(W)`.

    They are the weights of the modes, $g_s=\sum_kR_kp_k^s$. Where poles nearly coincide single residues grow
    without bound and only their sums have a meaning: `laurent` is meant for that.

    Args:
        W: [..., hidden, hidden]. b: [..., hidden, input]. c: [..., output, hidden].

    Returns:
        [..., hidden, output, input], complex.

    Raises:
        ValueError: if W has no basis of eigenvectors.

    Example:
        >>> residues(W=[[0.5, 0.0], [0.0, -0.4]], b=[[1.0], [2.0]], c=[[3.0, 0.5]])[:, 0, 0]
        array([3.+0.j, 1.+0.j])

    Source: essay2026, section 4.
    """
    W, b, c = linear_system(W, b, c)
    vectors = np.linalg.eig(W)[1]
    try:
        driven = np.linalg.solve(vectors, b)
    except np.linalg.LinAlgError:
        raise ValueError("W has too few eigenvectors, at a repeated pole; use laurent(W, b, c).") from None
    return ((c @ vectors).mT[..., :, None] * driven[..., None, :]).astype(complex)


def laurent(W: Numbers, b: Numbers, c: Numbers, gap: float | int = 1e-6) -> list[tuple[complex, np.ndarray]]:
    r"""Poles with their Laurent coefficients, $H(z)=\sum_p\sum_{j\ge1}r_j/(z-p)^j$, where poles repeat too.

    Eigenvalues linked by steps shorter than `gap` count as one pole at their mean $p$. An ordered Schur form
    and a Sylvester equation give the projector $\Pi$ on their subspace, and $r_j=c\,(W-p)^{j-1}\Pi\,b$.

    Args:
        W: [hidden, hidden]. b: [hidden, input]. c: [output, hidden].
        gap: rounding spreads a pole of order m over about $\varepsilon^{1/m}$: $10^{-8}$ for a double one,
            which the default gathers, $10^{-5}$ for a triple one, which needs `gap=1e-4`.

    Returns:
        A pair (pole, coefficients) for each distinct pole, coefficients [order, output, input], complex.
        Trailing coefficients that are only rounding are left out; the first always stays.

    Example:
        A Jordan block, which has no residues:

        >>> [(pole, coefficients)] = laurent(W=[[0.5, 1.0], [0.0, 0.5]], b=[[1.0], [2.0]], c=[[3.0, 4.0]])
        >>> print(pole, coefficients[:, 0, 0])
        (0.5+0j) [11.+0.j  6.+0.j]

    Source: essay2026, sections 3 and 8.4; repeated poles are ours.
    """
    W, b, c = one_system(W, b, c)
    T, Z = rsf2csf(*schur(W)[:2])  # by way of the real form, which keeps real poles real
    places = np.diag(T)
    count, cluster = connected_components(np.abs(places[:, None] - places) < gap)
    return [_laurent_part(T, Z, b, c, cluster == i) for i in range(count)]


def impulse_response(W: Numbers, b: Numbers, c: Numbers, steps: int) -> np.ndarray:
    r"""The impulse response $g_s=c\,W^s\,b$ at the lags $s=0,1,\dots$

    Args:
        W: [..., hidden, hidden]. b: [..., hidden, input]. c: [..., output, hidden].
        steps: number of lags.

    Returns:
        [..., steps, output, input].

    Example:
        >>> impulse_response(W=[[0.5]], b=[[1.0]], c=[[2.0]], steps=4)[:, 0, 0]
        array([2.  , 1.  , 0.5 , 0.25])

    Source: essay2026, sections 2 and 3; lag 0 is read after the first update, as in the source's training.
    """
    W, b, c = linear_system(W, b, c)
    if steps < 1:
        raise ValueError(f"steps={steps} asks for no lag at all; it must be at least 1.")
    states = [b]
    for _ in range(steps - 1):
        states.append(W @ states[-1])
    return c[..., None, :, :] @ np.stack(states, axis=-3)


def frequency_response(W: Numbers, b: Numbers, c: Numbers, frequencies: Numbers) -> np.ndarray:
    r"""The frequency response $H(e^{i\omega})=c\,(e^{i\omega}I-W)^{-1}b$.

    Args:
        W: [..., hidden, hidden]. b: [..., hidden, input]. c: [..., output, hidden].
        frequencies: $\omega$ in radians per step, [frequencies].

    Returns:
        [..., frequencies, output, input], complex.

    Raises:
        ValueError: if a pole lies on the unit circle at one of the frequencies.

    Example:
        A leaky integrator passes what is slow and damps what is fast:

        >>> abs(frequency_response(W=[[0.5]], b=[[1.0]], c=[[1.0]], frequencies=[0.0, np.pi]))[:, 0, 0]
        array([2.        , 0.66666667])

    Source: essay2026, section 3.
    """
    W, b, c = linear_system(W, b, c)
    z = np.exp(1j * finite("frequencies", np.atleast_1d(frequencies)))
    shifted = z[:, None, None] * np.eye(W.shape[-1]) - W[..., None, :, :]
    try:
        return c[..., None, :, :] @ np.linalg.solve(shifted, b[..., None, :, :])
    except np.linalg.LinAlgError:
        raise ValueError(
            "at one of these frequencies a pole lies on the unit circle; leave it out."
        ) from None


def hankel_singular_values(W: Numbers, b: Numbers, c: Numbers) -> np.ndarray:
    r"""How much each direction of the state carries to the output, $\sqrt{\operatorname{eig}(P_cP_o)}$.

    They do not depend on the basis; a silent mode has one near 0. Roots of both Gramians are built without
    forming the Gramians, so that small values are right to rounding of the largest one.

    Args:
        W: stable, [..., hidden, hidden]. b: [..., hidden, input]. c: [..., output, hidden].

    Returns:
        [..., hidden], descending.

    Raises:
        ValueError: if W is unstable; the Gramians are then infinite.

    Example:
        The second unit is driven but not read:

        >>> print(hankel_singular_values(W=[[0.6, 0.0], [0.0, -0.6]], b=[[0.8], [0.8]], c=[[0.8, 0.0]]))
        [1. 0.]

    Source: essay2026, sections 3 and 6, for what it says there by pairs of a pole and a zero.
    """
    W, b, c = linear_system(W, b, c)
    radius = np.abs(np.linalg.eigvals(W)).max()
    if radius >= 1:
        raise ValueError(f"W is unstable, |pole| = {radius:.6g}; Hankel values need moduli below 1.")
    return np.linalg.svd(_gramian_root(W.mT, c.mT) @ _gramian_root(W, b).mT, compute_uv=False)


def mode_norms(W: Numbers, b: Numbers, c: Numbers) -> np.ndarray:
    r"""The norm of each mode's own impulse response, $|R_k|/\sqrt{1-|p_k|^2}$, in the order of `poles(W)`.

    Args:
        W: [..., hidden, hidden]. b: [..., hidden, input]. c: [..., output, hidden].

    Returns:
        [..., hidden]; infinite for a mode that does not decay.

    Example:
        >>> mode_norms(W=[[0.6, 0.0], [0.0, 0.0]], b=[[1.0], [1.0]], c=[[0.8, 0.1]])
        array([1. , 0.1])

    Source: essay2026, section 8.3.
    """
    norms, moduli = np.linalg.norm(residues(W, b, c), axis=(-2, -1)), np.abs(poles(W))
    decay = np.sqrt(np.maximum(1 - moduli**2, 0))
    return np.divide(norms, decay, out=np.full_like(norms, np.inf), where=decay > 0)


def pair_gaps(W: Numbers, b: Numbers, c: Numbers) -> np.ndarray:
    """The distance of each pole of one system from its nearest zero, in the order of `poles(W)`.

    Args:
        W: [hidden, hidden]. b: [hidden, input]. c: [output, hidden].

    Returns:
        [hidden]; infinite if there is no finite zero.

    Example:
        The mode at -0.4 is nearly silent, as a zero has nearly reached it:

        >>> pair_gaps(W=[[0.5, 0.0], [0.0, -0.4]], b=[[1.0], [1.0]], c=[[1.0, 0.001]]).round(4)
        array([8.991e-01, 9.000e-04])

    Source: essay2026, sections 2 and 6.
    """
    return np.abs(poles(W)[:, None] - zeros(W, b, c)).min(axis=1, initial=np.inf)


_SINGULAR = "H(z) is singular at every z, so that each z is a zero: some channel is not driven or not read."


def _laurent_part(
    T: np.ndarray, Z: np.ndarray, b: np.ndarray, c: np.ndarray, members: np.ndarray
) -> tuple[complex, np.ndarray]:
    """The pole and the Laurent coefficients of one cluster of the eigenvalues on the diagonal of T."""
    trsen, trsyl = get_lapack_funcs(("trsen", "trsyl"), (T,))
    T, Z, *_ = trsen(members, T, Z, job="N")
    m = int(members.sum())
    driven = Z.conj().T @ b
    if m < len(T):
        Y, scale, _ = trsyl(T[:m, :m], T[m:, m:], -T[:m, m:], isgn=-1)
        driven = driven[:m] - Y @ driven[m:] / scale
    read = c @ Z[:, :m]
    pole = np.trace(T[:m, :m]) / m
    shifted = T[:m, :m] - pole * np.eye(m)
    coefficients = np.stack([read @ np.linalg.matrix_power(shifted, j) @ driven for j in range(m)])
    rounding = 1e-12 * np.linalg.norm(read) * np.linalg.norm(driven) * np.linalg.norm(T) ** np.arange(m)
    order = np.flatnonzero(np.linalg.norm(coefficients, axis=(1, 2)) > rounding).max(initial=0) + 1
    return complex(pole), coefficients[:order]


def _gramian_root(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    r"""A triangular R with $R^\top R=\sum_sA^sBB^\top(A^s)^\top$."""
    root = np.concatenate([B.mT, np.zeros_like(A)], axis=-2)
    for _ in range(64):
        root = np.concatenate([root, root @ A.mT], axis=-2)
        root, A = np.asarray(np.linalg.qr(root, mode="r")), A @ A
        if np.abs(A).max() < 1e-17:
            break
    return root
