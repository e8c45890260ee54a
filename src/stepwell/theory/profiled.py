r"""The loss of the best model with given poles: residues profiled out, with derivatives.

For a model with poles $q$ and a target with poles $p^*$ and residues $r^*$ let $D(z)=\prod_j(z-q_j)$ and
$D^R(z)=\prod_j(1-q_jz)$. Division by the all-pass function $D^R/D$ keeps the norm and makes what the model
can reach anticausal; of the target it leaves the residues $\varrho_i=r^*_iD(p^*_i)/D^R(p^*_i)$. Hence

$$L^*(q)=\tfrac12\sum_{il}\frac{\varrho_i\varrho_l}{1-p^*_ip^*_l},$$

the same number as $\tfrac12(\|g^*\|^2-d^\top G^{-1}d)$, but without an inverse: repeated poles lose no
digits, and a small loss is no difference of large numbers. Products are bilinear, without conjugates, for
complex pairs too.
"""

import numpy as np

from stepwell.network.linear import Numbers
from stepwell.theory.target import siso_target


def profiled_loss(poles: Numbers, target_poles: Numbers, target_residues: Numbers) -> np.ndarray | float:
    r"""$L^*(q)$, the smallest loss of a model whose poles are given; infinite horizon, factor 1/2.

    Args:
        poles: of the model, stable and closed under conjugation, repeated ones allowed, [..., k].
        target_poles, target_residues: the target, [pole].

    Returns:
        The loss, [...].

    Raises:
        ValueError: for an unstable model pole or what is no target.

    Example:
        >>> round(float(profiled_loss([0.4, 0.4], [0.5, -0.45, -0.75], [0.9, 0.7, -0.65])), 9)
        0.098629892

    Source: essay2026, section 7 (the Gram identity).
    """
    q, p, r = _arrays(poles, target_poles, target_residues)
    return _half_norm(r * np.prod(_all_pass(p, q), axis=-1), p)


def profiled_residues(poles: Numbers, target_poles: Numbers, target_residues: Numbers) -> np.ndarray:
    r"""The residues $G^{-1}d$ of the best model with given poles.

    $G_{jl}=1/(1-q_jq_l)$ is a Cauchy matrix with an explicit inverse; $d_l=\sum_ir^*_i/(1-p^*_iq_l)$.

    Args:
        poles: of the model, stable, distinct, closed under conjugation, [..., k].
        target_poles, target_residues: the target, [pole].

    Returns:
        One residue per pole, complex, [..., k].

    Raises:
        ValueError: for a repeated or an unstable model pole, or what is no target.

    Example:
        >>> profiled_residues([0.492765767], [0.5, -0.45, -0.75], [0.9, 0.7, -0.65]).real.round(6)
        array([0.978727])

    Source: essay2026, section 7.
    """
    q, p, r = _arrays(poles, target_poles, target_residues)
    gaps = np.where(np.eye(q.shape[-1]), 1.0, q[..., :, None] - q[..., None, :])
    if (gaps == 0).any():
        raise ValueError("the model repeats a pole, so it has no residues; move the poles apart by 1e-6.")
    seen = np.sum(r * _others(p, q) / (1 - q[..., :, None] * p), axis=-1)
    return seen * np.prod((1 - q[..., :, None] * q[..., None, :]) / gaps, axis=-1)


def profiled_gradient(poles: Numbers, target_poles: Numbers, target_residues: Numbers) -> np.ndarray:
    r"""The derivative of $L^*$ by each model pole as if it moved alone; complex for a complex pole, [..., k].

    Args:
        poles: of the model, stable and closed under conjugation, [..., k].
        target_poles, target_residues: the target, [pole].

    Example:
        >>> profiled_gradient([0.3, -0.2], [0.5, -0.45, -0.75], [0.9, 0.7, -0.65]).real.round(9)
        array([0.02016498, 0.05501709])

    Source: essay2026, section 7; derived here.
    """
    q, p, r = _arrays(poles, target_poles, target_residues)
    rest = r * np.prod(_all_pass(p, q), axis=-1)
    change = -r * _others(p, q) * (1 - p**2) / (1 - q[..., :, None] * p) ** 2
    return np.sum(change * (rest @ _gram(p))[..., None, :], axis=-1)


def modal_loss(q: np.ndarray, s: np.ndarray, p: np.ndarray, r: np.ndarray) -> float:
    """The loss of a model with poles q and residues s against a target with poles p and residues r."""
    return float(_half_norm(np.concatenate([r, -s]), np.concatenate([p, q])))


def denominator_loss(
    a: np.ndarray, p: np.ndarray, r: np.ndarray
) -> tuple[np.ndarray | float, np.ndarray, np.ndarray]:
    r"""$L^*$ with gradient and Hessian by the coefficients of $D(z)=z^k+a_1z^{k-1}+\dots+a_k$.

    Smooth at repeated poles and where real poles turn complex, which it is not in the poles themselves.

    Args:
        a: coefficients of stable denominators, [..., k].
        p, r: poles and residues of the target, complex, [pole].

    Returns:
        Loss [...], gradient [..., k], Hessian [..., k, k].
    """
    k, gram = a.shape[-1], _gram(p)
    powers = p[:, None] ** np.arange(k, -1, -1)
    mirrored = powers[:, ::-1]
    reverse = mirrored[:, 0] + a @ mirrored[:, 1:].T
    ratio = (powers[:, 0] + a @ powers[:, 1:].T) / reverse
    v, w = powers[:, 1:] / reverse[..., None], mirrored[:, 1:] / reverse[..., None]
    J = r[:, None] * (v - ratio[..., None] * w)
    pull = (r * ratio) @ gram
    bend = np.einsum("...i,...im,...il->...ml", pull * r, ratio[..., None] * w - v, w)
    hessian = np.swapaxes(J, -1, -2) @ gram @ J + bend + np.swapaxes(bend, -1, -2)
    return _half_norm(r * ratio, p), np.real(np.einsum("...i,...im->...m", pull, J)), np.real(hessian)


def denominator(reflections: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Coefficients of the polynomial with given reflection coefficients, by step-up, and their derivatives.

    Every real polynomial with all roots inside the unit circle has exactly one set of reflection coefficients
    in $(-1,1)$, so a search over them meets no boundary between real and complex poles.

    Args:
        reflections: [..., k].

    Returns:
        Coefficients $a_1..a_k$ [..., k] and $\partial a_i/\partial\gamma_j$ [..., k, k].
    """
    k = reflections.shape[-1]
    rows = np.zeros(
        (*reflections.shape[:-1], k + 1, k + 1)
    )  # row 0: the polynomial; row j: its slope in gamma_j
    rows[..., 0, 0] = 1.0
    for m in range(1, k + 1):
        mirrored = rows[..., :m, m::-1].copy()
        rows[..., m, : m + 1] = mirrored[..., 0, :]
        rows[..., :m, : m + 1] += reflections[..., m - 1, None, None] * mirrored
    return rows[..., 0, 1:], np.swapaxes(rows[..., 1:, 1:], -1, -2)


def _arrays(poles: Numbers, target_poles: Numbers, target_residues: Numbers) -> tuple[np.ndarray, ...]:
    q = np.atleast_1d(np.asarray(poles, np.complex128))
    if not (np.abs(q) < 1).all():
        raise ValueError(
            f"the model is unstable: |pole| = {np.abs(q).max():.6g}; poles need modulus below 1."
        )
    p, r = siso_target(target_poles, target_residues)
    return q, np.array(p), np.array(r)


def _all_pass(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """$(p_i-q_j)/(1-p_iq_j)$, [..., target pole, model pole]."""
    return (p[:, None] - q[..., None, :]) / (1 - p[:, None] * q[..., None, :])


def _others(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The product of these factors over all model poles but one, [..., model pole left out, target pole]."""
    return np.prod(np.where(np.eye(q.shape[-1])[:, None], 1.0, _all_pass(p, q)[..., None, :, :]), axis=-1)


def _gram(p: np.ndarray) -> np.ndarray:
    return 1 / (1 - p[:, None] * p)


def _half_norm(residues: np.ndarray, p: np.ndarray) -> np.ndarray | float:
    return 0.5 * np.real(np.sum(residues @ _gram(p) * residues, axis=-1))
