"""The best model of degree k: exact where algebra reaches, by a search from many starts elsewhere."""

import itertools
from functools import lru_cache

import equinox as eqx
import numpy as np

from stepwell.network.linear import Numbers
from stepwell.theory.model import Model
from stepwell.theory.one_pole import one_pole_minima
from stepwell.theory.profiled import denominator, denominator_loss, profiled_residues
from stepwell.theory.target import Fixed, siso_target

STARTS = 128


class BestModels(eqx.Module):
    """The minima of the loss over all stable real models of one degree.

    Attributes:
        local_minima: all distinct ones that were found, the global one first.
        certified: whether the list is complete, because all stationary points were computed as roots.
        hits: how many starts of the search ended at each minimum; empty where none was needed.
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


def best_poles(poles: Numbers, residues: Numbers, k: int) -> BestModels:
    r"""The best approximations of a target by models with k poles, in the norm of the impulse response.

    Certified for k = 0, for k = 1 (the roots of a polynomial), for two poles of three (the roots of three
    quadrics), and for the target itself. Elsewhere Newton's method descends from 128 fixed starts in the
    space of reflection coefficients.

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


def degree(k: int, p: Fixed) -> int:
    """k as the degree of a model, if a target with poles p has models of that degree."""
    if not 0 <= k <= len(p) or k != int(k):
        raise ValueError(f"k={k} is out of range: models of this target have 0 to {len(p)} poles.")
    return int(k)


def certifiable(n: int, k: int) -> bool:
    """Whether the minima of degree k are roots of polynomials, for a target with n poles."""
    return k in (0, 1, n) or (n, k) == (3, 2)


def polished(a: np.ndarray, p: np.ndarray, r: np.ndarray) -> Model | None:
    """The local minimum at the end of Newton's method; None if it ends anywhere else.

    Args:
        a: coefficients $a_1..a_k$ of a denominator near the minimum, [k].
        p, r: poles and residues of the target, [pole].
    """
    for _ in range(30):
        _, gradient, hessian = denominator_loss(a, p, r)
        step = np.linalg.solve(hessian, -gradient)
        a = a + step
        if not np.abs(a).max() < 2.0 ** len(a):
            return None  # no stable polynomial has such coefficients
        if np.abs(step).max() < 1e-14:
            break
    poles = np.roots([1.0, *a])
    loss, gradient, hessian = denominator_loss(a, p, r)
    settled = np.abs(gradient).max() < 1e-9 * np.abs(hessian).max()
    if not (settled and np.abs(poles).max() < 1 and np.linalg.eigvalsh(hessian)[0] > 0):
        return None
    return Model(float(loss), poles, profiled_residues(poles, p, r))


@lru_cache(maxsize=256)
def _best(p: Fixed, r: Fixed, k: int) -> BestModels:
    target = np.array(p), np.array(r)
    if k == len(p):
        return BestModels((Model(0.0, p, r),), True)
    if k == 0:
        return BestModels((Model(float(denominator_loss(np.zeros(0), *target)[0]), [], []),), True)
    if k == 1:
        return BestModels(one_pole_minima(p, r), True)
    if certifiable(len(p), k):
        models, _ = _distinct(_stationary(*target), *target)
        if models:
            return BestModels(models, True)
    # Artanh of reflection coefficients up to 0.995: minima near the unit circle have narrow basins.
    starts = np.random.default_rng(0).uniform(-3, 3, (STARTS, k))
    models, hits = _distinct(_descended(starts, *target), *target)
    if not models:
        raise ValueError(
            f"no minimum of degree {k} was found: up to rounding the target has a lower degree; leave out "
            "poles of negligible residue."
        )
    return BestModels(models, False, hits)


def _distinct(ends: np.ndarray, p: np.ndarray, r: np.ndarray) -> tuple[tuple[Model, ...], tuple[int, ...]]:
    """The minima near some denominators, by rising loss, and how many denominators are near each."""
    found: list[Model] = []
    hits: list[int] = []
    for model in filter(None, (polished(a, p, r) for a in ends)):
        known = [
            i for i, other in enumerate(found) if np.allclose(np.poly(model.poles), np.poly(other.poles))
        ]
        if known:
            hits[known[0]] += 1
        else:
            found.append(model)
            hits.append(1)
    order = np.argsort([model.loss for model in found])
    return tuple(found[i] for i in order), tuple(hits[i] for i in order)


def _stationary(p: np.ndarray, r: np.ndarray) -> np.ndarray:
    r"""Denominators of all real stationary models with one pole less than the target, [point, k].

    Stationary models satisfy $N^*D-ND^*=m(D^R)^2$ with a number m (Walsh). At the target's poles this reads
    $\nu_iD_i=E_i^2$ with $D_i=D(p_i)$, $\nu_i=N^*(p_i)$, $E_i=D^R(p_i)$, and D scaled so that m = 1. D
    depends linearly on E, so these are n quadrics $E_i^2=\sum_jC_{ij}E_j$ in n unknowns. Their leading terms
    are coprime: modulo the quadrics every polynomial is a sum of products of distinct $E_i$, and the $2^n$
    solutions are read off the eigenvectors of multiplication by a generic linear form.
    """
    n = len(p)
    powers = p[:, None] ** np.arange(n)
    numerator = r * np.prod(p[:, None] - p + np.eye(n), axis=1)
    C = numerator[:, None] * powers[:, ::-1] @ np.linalg.inv(powers)
    products = [frozenset(s) for size in range(n + 1) for s in itertools.combinations(range(n), size)]
    unit = dict(zip(products, np.eye(len(products), dtype=complex)))

    def times(i: int, product: frozenset[int]) -> np.ndarray:
        if i not in product:
            return unit[product | {i}]
        return np.sum([C[i, j] * times(j, product - {i}) for j in range(n)], axis=0)

    form = np.sqrt(np.arange(2.0, n + 2))
    multiplication = [np.sum([form[i] * times(i, product) for i in range(n)], axis=0) for product in products]
    values = np.linalg.eig(np.array(multiplication))[1]
    E = (values[1 : n + 1] / values[0]).T
    if np.abs(E**2 - E @ C.T).max() > 1e-6 * np.abs(E**2).max():
        return np.zeros((0, n - 1))  # nearly equal poles of the target spoil the eigenvectors: no certificate
    D = np.linalg.solve(powers, E.T).T
    D = D[np.abs(D[:, 0]) > 1e-12 * np.abs(D).max()]
    a = D[:, 1:] / D[:, :1]
    return np.real(a[np.abs(np.imag(a)).max(axis=1) < 1e-6 * (1 + np.abs(a).max(axis=1))])


def _descended(u: np.ndarray, p: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Denominators at the ends of damped Newton descents in u = artanh(reflection), [start, k]."""
    damping = np.full(len(u), 1e-3)
    now = _landscape(u, p, r)
    for _ in range(100):
        _, loss, gradient, hessian = now
        if (np.abs(gradient).max(axis=1) < 1e-8 * loss).all():
            break
        # The modulus of the eigenvalues turns Newton's method away from maxima and saddles.
        values, vectors = np.linalg.eigh(hessian)
        scale = np.abs(values) + damping[:, None] * np.abs(values).max(axis=1, keepdims=True) + 1e-300
        step = -np.einsum("sij,sj,skj,sk->si", vectors, 1 / scale, vectors, gradient)
        trial = np.clip(u + step / np.maximum(1, np.abs(step).max(axis=1, keepdims=True)), -12, 12)
        new = _landscape(trial, p, r)
        better = new[1] < loss * (1 - 1e-13)
        damping = np.clip(np.where(better, damping / 4, damping * 8), 1e-12, 1e12)
        u = np.where(better[:, None], trial, u)
        now = tuple(np.where(better.reshape(-1, *[1] * (x.ndim - 1)), y, x) for x, y in zip(now, new))
    return now[0]


def _landscape(u: np.ndarray, p: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, ...]:
    """Denominator, loss, gradient and Hessian by u; the Hessian lacks the term that vanishes at minima."""
    reflections = np.tanh(u)
    a, change = denominator(reflections)
    change = change * (1 - reflections[:, None, :] ** 2)
    loss, gradient, hessian = denominator_loss(a, p, r)
    return (
        a,
        np.asarray(loss),
        np.einsum("sij,si->sj", change, gradient),
        np.swapaxes(change, 1, 2) @ hessian @ change,
    )
