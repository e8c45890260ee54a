"""Other ways to reduce a target to k poles, to tell "the plateau is the best k-pole model" apart from."""

import itertools

import numpy as np

from stepwell.network.linear import Numbers, realisation, stein
from stepwell.theory.best_approximation import degree
from stepwell.theory.model import Model
from stepwell.theory.profiled import modal_loss, profiled_residues
from stepwell.theory.target import siso_target

Modes = tuple[np.ndarray, np.ndarray]


def rival_models(poles: Numbers, residues: Numbers, k: int) -> dict[str, Model]:
    """The k-pole models of four other methods, each with its loss for an impulse over an infinite horizon.

    `modal` keeps the best k of the target's own poles with their own residues, `refitted modal` with new
    residues $G^{-1}d$; `balanced` truncates the balanced realisation; `Hankel` is the optimum in the Hankel
    norm (Adamyan, Arov, Krein). The modal ones are missing where no k of the poles are closed under
    conjugation.

    Args:
        poles, residues: the target, [pole].
        k: number of poles, from 1 to one less than the target has.

    Raises:
        ValueError: for k out of range or what is no target.

    Example:
        >>> rivals = rival_models([-0.72, -0.05, 0.62], [0.85, -1, 0.73], 2)
        >>> {name: round(model.loss / 0.04742339840, 3) for name, model in rivals.items()}
        {'modal': 9.127, 'refitted modal': 2.156, 'balanced': 1.011, 'Hankel': 1.06}

    Source: essay2026, section 7 ("best").
    """
    target = siso_target(poles, residues)
    if not 1 <= degree(k, target[0]) < len(target[0]):
        raise ValueError(
            f"k={k} is out of range: rivals of this target have 1 to {len(target[0]) - 1} poles."
        )
    p, r = np.array(target[0]), np.array(target[1])
    subsets = [list(kept) for kept in itertools.combinations(range(len(p)), k)]
    subsets = [kept for kept in subsets if np.abs(np.poly(p[kept]).imag).max() < 1e-12]
    candidates: dict[str, list[Modes]] = {
        "modal": [(p[kept], r[kept]) for kept in subsets],
        "refitted modal": [(p[kept], profiled_residues(p[kept], p, r)) for kept in subsets],
        "balanced": [_balanced_truncation(p, r, k)],
        "Hankel": [_hankel_optimum(p, r, k)],
    }
    return {name: _best(modes, p, r) for name, modes in candidates.items() if modes}


def _best(candidates: list[Modes], p: np.ndarray, r: np.ndarray) -> Model:
    return min((Model(modal_loss(q, s, p, r), q, s) for q, s in candidates), key=lambda model: model.loss)


def _balanced_truncation(p: np.ndarray, r: np.ndarray, k: int) -> Modes:
    """Projection on the leading eigenvectors of the cross-Gramian, which are the balanced coordinates."""
    W, b, c = realisation(p, r)
    values, vectors = np.linalg.eig(stein(W, W.T, b @ c))
    vectors = np.real(vectors[:, np.argsort(-np.abs(values))])
    into, out = np.linalg.inv(vectors)[:k], vectors[:, :k]
    q, modes = np.linalg.eig(into @ W @ out)
    return q, (c @ out @ modes)[0] * np.linalg.solve(modes, into @ b)[:, 0]


def _hankel_optimum(p: np.ndarray, r: np.ndarray, k: int) -> Modes:
    r"""The strictly stable part of $H^*-\lambda z^{-1}V(1/z)/V(z)$ for eigenpair k + 1 of the Hankel matrix.

    $V(z)=\sum_iv_iz^i$ with the eigenvector $v_i=\sum_lr_l\xi_lp_l^i$, $\xi$ that of the cross-Gramian in
    modal coordinates. So $z^{-1}V(1/z)=N/D$ with $D$ the denominator of the target, and $V=N^R/D^R$, R for
    reversed coefficients. The poles of the target cancel, and k roots of $N^R$ lie inside the unit circle.
    """
    values, vectors = np.linalg.eig(r / (1 - p[:, None] * p))
    at = np.argsort(-np.abs(values))[k]
    weights = r * vectors[:, at]
    N = np.sum([weight * np.poly(np.delete(p, i)) for i, weight in enumerate(weights)], axis=0)
    N, D = np.real(N / N[np.argmax(np.abs(N))]), np.real(np.poly(p))
    q = np.roots(N[::-1])
    q = q[np.abs(q) < 1]
    numerator = -np.real(values[at]) * np.polyval(N, q) * np.polyval(D[::-1], q)
    return q, numerator / (np.polyval(D, q) * np.polyval(np.polyder(N[::-1]), q))
