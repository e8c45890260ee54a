r"""The saddles of the staircase: where they are, and how the loss curves around them.

Saddle k is the norm-balanced k-pole model that learning reaches, in the first k units, with silent units
beside it. With $\rho=(c_2;\,W_{12})$ the weights out of the silent units and $\kappa=(b_2,\ W_{21})$ those
into them, the loss around it is $L_k+\operatorname{tr}(\rho\,\kappa\,M)$ plus terms of the active units
alone.
"""

import numpy as np

from stepwell.network.linear import Numbers, System, balanced, realisation
from stepwell.theory.exact_loss import ErrorSystem
from stepwell.theory.reached_models import reached_poles
from stepwell.theory.target import siso_target


def saddle(poles: Numbers, residues: Numbers, hidden: int, k: int) -> System:
    """Saddle k as the weights of a network: an exact critical point of the loss over an infinite horizon.

    Args:
        poles, residues: the target, [pole].
        hidden: number of units, at least k.
        k: number of active units.

    Returns:
        `W` [hidden, hidden], `b` [hidden, 1], `c` [1, hidden].

    Raises:
        ValueError: for fewer units than k, or what `reached_poles` refuses.

    Example:
        >>> W, b, c = saddle([0.7, -0.88], [1, 0.7], hidden=2, k=1)
        >>> W.round(6)
        array([[0.506598, 0.      ],
               [0.      , 0.      ]])

    Source: essay2026, section 5.
    """
    active = _active(poles, residues, k)
    if hidden < k:
        raise ValueError(f"hidden={hidden} units cannot hold a model of {k} poles; it needs at least {k}.")
    W, b, c = np.zeros((hidden, hidden)), np.zeros((hidden, 1)), np.zeros((1, hidden))
    W[:k, :k], b[:k], c[:, :k] = active
    return W, b, c


def expansion_matrix(poles: Numbers, residues: Numbers, k: int, silent_pole: float = 0.0) -> np.ndarray:
    r"""The matrix M of saddle k, [1 + k, 1 + k]; of rank one, and its singular value is the escape rate.

    $M=\varepsilon\binom{1}{-(W_1-q)^{-1}b_1}\big(1\ \ -c_1(W_1-q)^{-1}\big)$ with
    $\varepsilon=\sum_sq^s(g_s-g^*_s)$ and q the eigenvalue of the silent unit. It is computed from its sums,
    so that $W_1-q$ may be singular.

    Args:
        poles, residues: the target, [pole].
        k: number of active units.
        silent_pole: eigenvalue q of the silent unit, of modulus below 1; 0 for a saddle that learning visits.

    Example:
        >>> expansion_matrix([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], 0)
        array([[-0.95]])

    Source: essay2026, section 5, extended to the weights between units.
    """
    if not abs(silent_pole) < 1:
        raise ValueError(f"silent_pole={silent_pole} is unstable; it needs modulus below 1.")
    p, r = siso_target(poles, residues)
    return ErrorSystem.between(_active(p, r, k), realisation(p, r)).silent_coupling(silent_pole)


def mode_coupling(poles: Numbers, residues: Numbers, k: int, silent_pole: float = 0.0) -> float:
    r"""$J=\sum_sq^s(g_s-g^*_s)$ at saddle k, the pull of the target on a silent mode with eigenvalue q.

    In the plane of that mode's own input and output weight the Hessian is
    $\begin{pmatrix}0&J\\J&0\end{pmatrix}$.

    Args:
        poles, residues: the target, [pole].
        k: number of active units.
        silent_pole: eigenvalue q of the silent unit.

    Example:
        >>> round(mode_coupling([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], 1, 0.3), 10)
        0.0035596189

    Source: essay2026, section 5.
    """
    return float(expansion_matrix(poles, residues, k, silent_pole)[0, 0])


def silent_weight_ratio(poles: Numbers, residues: Numbers, k: int) -> float:
    r"""$\|W_{21}\|/\|b_2\|$ of the silent weights that grow at saddle k, which is $|W_1^{-1}b_1|$.

    For k = 1 it is $\sqrt{|r_1|}/|p_1|$.

    Args:
        poles, residues: the target, [pole].
        k: number of active units.

    Example:
        >>> round(silent_weight_ratio([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], 1), 4)
        2.0077

    Source: essay2026, section 8.1, whose order of b, c and W holds at the origin only.
    """
    into = np.linalg.svd(expansion_matrix(poles, residues, k))[0][:, 0]
    return float(np.linalg.norm(into[1:]) / abs(into[0]))


def active_curvatures(poles: Numbers, residues: Numbers, k: int) -> np.ndarray:
    r"""The positive Hessian eigenvalues of the active units at saddle k, rising, [2k].

    The first is $\mu_k$, the rate at which the state settles; the last limits the step of gradient descent.
    The other $k^2$ eigenvalues of the active units are zero, along changes of basis.

    Args:
        poles, residues: the target, [pole].
        k: number of active units.

    Example:
        >>> active_curvatures([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], 1).round(4)
        array([1.5601, 3.9365])

    Source: essay2026, section 5.
    """
    if k == 0:
        return np.zeros(0)
    p, r = siso_target(poles, residues)
    values = np.linalg.eigvalsh(ErrorSystem.between(_active(p, r, k), realisation(p, r)).hessian())
    return values[len(values) - 2 * k :]


def hessian_counts(hidden: int, k: int) -> tuple[int, int, int]:
    """How many negative, zero and positive eigenvalues the Hessian of `hidden` units has at saddle k.

    Example:
        >>> hessian_counts(3, 1)
        (2, 9, 4)

    Source: essay2026, section 5.
    """
    silent = hidden - k
    return silent, k**2 + 2 * k * silent + silent**2, 2 * k + silent


def _active(poles: Numbers, residues: Numbers, k: int) -> System:
    return balanced(*reached_poles(poles, residues, k).system())
