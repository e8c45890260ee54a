"""The best model of degree k: exact where algebra reaches, by a search from many starts elsewhere."""

import itertools
from functools import lru_cache

import equinox as eqx
import numpy as np
from numpy.typing import ArrayLike

from stepwell.theory.model import Model
from stepwell.theory.one_pole import one_pole_minima
from stepwell.theory.profiled import denominator, denominator_loss, profiled_residues
from stepwell.theory.target import Numbers, siso_target

STARTS = 128


class BestModels(eqx.Module):
    """The minima of the loss over all stable real models of one degree.

    Attributes:
        local_minima: all distinct ones that were found, the global one first.
        certified: whether the list is complete, since all stationary points were computed as roots.
        hits: how many starts of the search ended at each minimum; empty if none was needed.
    """

    local_minima: tuple[Model, ...]
    certified: bool
    hits: tuple[int, ...] = ()

    @property
    def loss(self) -> float:
        """The loss of the global minimum."""
        return self.local_minima[0].loss

    @property
    def poles(self) -> np.ndarray:
        """The poles of the global minimum, [k]."""
        return self.local_minima[0].poles

    @property
    def residues(self) -> np.ndarray:
        """The residues of the global minimum, [k]."""
        return self.local_minima[0].residues


def best_poles(poles: ArrayLike, residues: ArrayLike, k: int) -> BestModels:
    r"""The best approximation of a target by a model with k poles, in the norm of the impulse response.

    Certified for k = 0, for k = 1 (roots of one polynomial), for two poles of three (roots of three
    quadrics), and for the target itself. Elsewhere Newton descends from 128 fixed starts in the space of
    reflection coefficients.

    Args:
        poles, residues: the target, [pole].
        k: degree of the model, from 0 to that of the target.

    Returns:
        Loss, poles and residues of the global minimum, and all local minima.

    Raises:
        ValueError: for k out of range or what is no target.

    Example:
        >>> best = best_poles([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], 2)
        >>> best.poles.round(6), round(best.loss, 9), best.certified
        (array([ 0.383326, -0.850029]), 0.008654988, True)

    Source: essay2026, section 7.
    """
    p, r = siso_target(poles, residues)
    return _best(p, r, degree(k, p))


def degree(k: int, p: Numbers) -> int:
    """The degree of a model, if a target with poles p has models of that degree."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise TypeError(f"k={k!r} is no number of poles; give a whole number.")
    if not 0 <= k <= len(p):
        raise ValueError(f"k={k} is out of range: models of this target have 0 to {len(p)} poles.")
    return int(k)


def polished(a: np.ndarray, p: np.ndarray, r: np.ndarray) -> Model | None:
    """The local minimum at the end of Newton's method from a denominator, [k]; None if it ends anywhere else.

    Args:
        a: coefficients of a denominator near the minimum, [k].
        p, r: poles and residues of the target, [pole].
    """
    for _ in range(30):
        loss, gradient, hessian = denominator_loss(a, p, r)
        step = np.linalg.solve(hessian, -gradient)
        a = a + step
        if not np.abs(a).max() < 2.0 ** len(a):
            return None
        if np.abs(step).max() < 1e-14:
            break
    poles = np.roots([1.0, *a])
    loss, gradient, hessian = denominator_loss(a, p, r)
    settled = np.abs(gradient).max() < 1e-9 * np.abs(hessian).max()
    if not (settled and np.abs(poles).max() < 1 and np.linalg.eigvalsh(hessian)[0] > 0):
        return None
    return Model(float(loss), poles, profiled_residues(poles, p, r))


def certifiable(n: int, k: int) -> bool:
    """Whether the minima of degree k are roots of polynomials, for a target with n poles."""
    return k in (0, 1, n) or (n, k) == (3, 2)


@lru_cache(maxsize=256)
def _best(p: Numbers, r: Numbers, k: int) -> BestModels:
    target = np.array(p), np.array(r)
    if k == len(p):
        return BestModels((Model(0.0, p, r),), True)
    if k == 0:
        return BestModels((Model(float(denominator_loss(np.zeros(0), *target)[0]), [], []),), True)
    if k == 1:
        return BestModels(one_pole_minima(p, r), True)
    if certifiable(len(p), k):
        models = _distinct(_stationary(*target), *target)[0]
        if models:
            return BestModels(models, True)
    models, hits = _distinct(_descended(_starts(k), *target), *target)
    if not models:
        raise ValueError(
            f"no minimum of degree {k} was found: the target is within rounding of one of lower degree; leave out poles "
            "of negligible residue."
        )
    return BestModels(models, False, hits)


def _distinct(ends: np.ndarray, p: np.ndarray, r: np.ndarray) -> tuple[tuple[Model, ...], tuple[int, ...]]:
    """The minima near some denominators, by rising loss, and how many denominators are near each."""
    found: list[Model] = []
    hits: list[int] = []
    for model in filter(None, (polished(a, p, r) for a in ends)):
        same = [i for i, other in enumerate(found) if np.allclose(np.poly(model.poles), np.poly(other.poles))]
        if same:
            hits[same[0]] += 1
        else:
            found.append(model)
            hits.append(1)
    order = np.argsort([model.loss for model in found])
    return tuple(found[i] for i in order), tuple(hits[i] for i in order)


def _stationary(p: np.ndarray, r: np.ndarray) -> np.ndarray:
    r"""Denominators of all real stationary models with one pole less than the target, [point, k].

    Stationary models satisfy $N^*D-ND^*=m(D^R)^2$ with a number m (Walsh). At the poles of the target this
    reads $\nu_iD_i=E_i^2$ for $D_i=D(p_i)$, $\nu_i=N^*(p_i)$, $E_i=D^R(p_i)$, if D is scaled so that m = 1. E
    is linear in D, so these are n quadrics $E_i^2=\sum_jC_{ij}E_j$ in n unknowns. Their leading terms are
    coprime: the products of distinct E_i are a basis of the polynomials modulo the quadrics, and the $2^n$
    solutions are the eigenvectors of multiplication.
    """
    n = len(p)
    powers = p[:, None] ** np.arange(n)
    numerator = r * np.prod(p[:, None] - p + np.eye(n), axis=1)
    C = numerator[:, None] * powers[:, ::-1] @ np.linalg.inv(powers)
    subsets = [frozenset(s) for size in range(n + 1) for s in itertools.combinations(range(n), size)]
    at = {subset: i for i, subset in enumerate(subsets)}

    def times(i: int, subset: frozenset[int]) -> np.ndarray:
        if i not in subset:
            return np.eye(len(subsets), dtype=complex)[at[subset | {i}]]
        rest = subset - {i}
        return sum(C[i, j] * times(j, rest) for j in range(n))

    # A generic combination separates the solutions; its left eigenvectors are the basis evaluated at them.
    weights = np.sqrt(np.arange(2.0, n + 2))
    multiplication = sum(
        w * np.array([times(i, subset) for subset in subsets]) for i, w in enumerate(weights)
    )
    vectors = np.linalg.eig(multiplication)[1]
    E = (vectors[1 : n + 1] / vectors[0]).T
    if np.abs(E**2 - E @ C.T).max() > 1e-6 * np.abs(E**2).max():
        return np.zeros((0, n - 1))  # nearly equal poles of the target spoil the eigenvectors: no certificate
    x = np.linalg.solve(powers, E.T).T
    x = x[np.abs(x[:, 0]) > 1e-12]
    a = x[:, 1:] / x[:, :1]
    return a.real[np.abs(a.imag).max(axis=1) < 1e-6 * (1 + np.abs(a).max(axis=1))]


def _starts(k: int) -> np.ndarray:
    """Artanh of reflection coefficients up to 0.995: minima near the unit circle have narrow basins."""
    return np.random.default_rng(0).uniform(-3, 3, (STARTS, k))


def _descended(u: np.ndarray, p: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Denominators where damped Newton descent in u = artanh(reflection) ends, all starts side by side, [start, k]."""
    damping = np.full(len(u), 1e-3)
    now = _landscape(u, p, r)
    for _ in range(100):
        _, loss, gradient, hessian = now
        # The modulus of the eigenvalues turns Newton away from maxima and saddles.
        values, vectors = np.linalg.eigh(hessian)
        scale = np.abs(values) + damping[:, None] * np.abs(values).max(axis=1, keepdims=True) + 1e-300
        step = -np.einsum("sij,sj,skj,sk->si", vectors, 1 / scale, vectors, gradient)
        trial = np.clip(u + step / np.maximum(1, np.abs(step).max(axis=1, keepdims=True)), -9, 9)
        new = _landscape(trial, p, r)
        better = new[1] < loss * (1 - 1e-13)
        if not better.any():
            break
        damping = np.clip(np.where(better, damping / 4, damping * 8), 1e-12, 1e12)
        u = np.where(better[:, None], trial, u)
        now = tuple(np.where(better.reshape(-1, *[1] * (x.ndim - 1)), y, x) for x, y in zip(now, new))
    return now[0]


def _landscape(
    u: np.ndarray, p: np.ndarray, r: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Denominator, loss, gradient and Hessian by u; the Hessian without the term that vanishes at stationary points."""
    reflections = np.tanh(u)
    a, change = denominator(reflections)
    change = change * (1 - reflections[:, None, :] ** 2)
    loss, gradient, hessian = denominator_loss(a, p, r)
    return a, loss, np.einsum("sij,si->sj", change, gradient), np.swapaxes(change, 1, 2) @ hessian @ change
