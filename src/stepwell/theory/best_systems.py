r"""The best models of each degree for any number of inputs and outputs, by a search over realisations.

For one pole p the loss of the best model is $\tfrac12(\|g^*\|^2-h(p)^2)$ with $h(p)=\sigma_{\max}(\sum_s
g^*_sk_s)$ and the unit vector $k_s=\sqrt{1-p^2}\,p^s$. In the coordinate artanh p two neighbours at the
distance $\delta$ span every unit vector between them up to a rest of at most $\tanh^2(\delta/2)$. So the
values of h on a grid bound h everywhere, and the best one-pole model is certified.
"""

from functools import lru_cache
from typing import Any

import equinox as eqx
import numpy as np

from stepwell.network.linear import System, balanced, spectral_radius, stein
from stepwell.theory.exact_loss import ErrorSystem

STARTS = 24
NEGLIGIBLE = 1e-8
"""Hankel singular values below this share of the largest count as zero."""

SPACING, FARTHEST = 1e-3, 9.0
"""Of the grid over artanh p. Beyond its end a pole is within 1e-7 of the unit circle."""

Fixed = tuple[tuple[tuple[int, ...], bytes], ...]
_ZERO = "the target is zero: there is nothing to learn."


class SystemModel(eqx.Module):
    """A model of a target, and how far it is from it.

    Attributes:
        loss: for an impulse on each input, over an infinite horizon, with the factor 1/2.
        realisation: norm-balanced `W` [k, k], `b` [k, input], `c` [output, k].
    """

    loss: float
    realisation: System

    @property
    def poles(self) -> np.ndarray:
        """The eigenvalues of W by falling real part, complex, [k]."""
        return np.sort_complex(np.linalg.eigvals(self.realisation[0]).astype(complex))[::-1]


class BestSystems(eqx.Module):
    """The minima of the loss over all stable models of one degree.

    Attributes:
        local_minima: all distinct ones that were found, the best first.
        certified: whether it is proved that no model has a smaller loss than the best, but for rounding and
            what the note grants.
        note: how it is known, or that it is not, in a sentence.
        hits: how many searches ended at each minimum; empty where none was needed.
    """

    local_minima: tuple[SystemModel, ...]
    certified: bool
    note: str
    hits: tuple[int, ...] = ()

    @property
    def loss(self) -> float:
        """The loss of the best one."""
        return self.local_minima[0].loss

    @property
    def realisation(self) -> System:
        """The best one as (W, b, c)."""
        return self.local_minima[0].realisation

    @property
    def poles(self) -> np.ndarray:
        """The poles of the best one, complex, [k]."""
        return self.local_minima[0].poles


def best_models(markov_or_realisation: Any, degree: int) -> BestSystems:
    r"""The best approximations of a target by models of one degree, for any number of inputs and outputs.

    The loss is $\tfrac12\sum_s\|cW^sb-g^*_s\|^2$. Certified for degree 0, for degree 1, and for the degree
    of the target itself. Elsewhere damped Newton descents from a balanced truncation of the target and from
    24 fixed random systems find minima; the list may lack some.

    Args:
        markov_or_realisation: the target, an array $g^*_s$ [steps, output, input] that is 0 after its last
            step ([steps] for one input and output), or a tuple (W, b, c) of a stable system.
        degree: of the models, from 0 to that of the target.

    Returns:
        Loss and realisation of the best one, all minima, whether it is certified, and a sentence on it.

    Raises:
        ValueError: for what is no target, or a degree out of range.

    Example:
        >>> W = np.diag([0.6, -0.5])
        >>> b, c = np.array([[0.9, -0.2], [0.3, 0.7]]), np.array([[1.0, -0.3], [0.4, 0.8]])
        >>> best = best_models((W, b, c), 1)
        >>> round(best.loss, 6), best.poles.real.round(6), best.certified
        (0.27893, array([0.596597]), True)

    Source: essay2026, section 9, which leaves this case open; the certificate is ours.
    """
    target = _target(markov_or_realisation)
    return _best(tuple((array.shape, array.tobytes()) for array in target), _degree(degree, target))


@lru_cache(maxsize=256)
def _best(fixed: Fixed, k: int) -> BestSystems:
    W, b, c = (np.frombuffer(content).reshape(shape) for shape, content in fixed)
    target, outputs, inputs = (W, b, c), len(c), b.shape[1]
    if k == 0:
        nothing = np.zeros((0, 0)), np.zeros((0, inputs)), np.zeros((outputs, 0))
        model = SystemModel(ErrorSystem.between(nothing, target).loss(), nothing)
        return BestSystems((model,), True, "Without poles there is one model, which is zero.")
    if k == len(_hankel_values(target)):
        return BestSystems((SystemModel(0.0, balanced(*_truncated(target, k))),), True, "It is the target.")
    if k == 1:
        starts, bound = _one_pole_models(target)
        models, _ = _distinct(starts, target)
        room = models[0].loss - bound
        return BestSystems(models, True, f"No one-pole model has a loss smaller by more than {room:.1e}.")
    random = np.random.default_rng(0)
    starts = [_truncated(target, k), *(_random_system(target, k, random) for _ in range(STARTS))]
    models, hits = _distinct(starts, target)
    if not models:
        raise ValueError(f"no minimum of degree {k} was found: up to rounding the target has a lower degree.")
    note = f"Not certified: the best of {len(models)} minima where {sum(hits)} of {len(starts)} searches end."
    return BestSystems(models, False, note, hits)


def _target(given: Any) -> System:
    """The target as a stable realisation in float64."""
    if isinstance(given, tuple) and len(given) == 3:
        W, b, c = (np.array(array, float) for array in given)
        n = len(W)
        if W.shape != (n, n) or b.ndim != 2 or c.ndim != 2 or len(b) != n or c.shape[1] != n:
            raise ValueError(
                f"the sizes do not fit: W {W.shape}, b {b.shape}, c {c.shape}; needed are W [n, n], "
                "b [n, input] and c [output, n]."
            )
    else:
        W, b, c = _of_markov(np.array(given, float))
    if not all(np.isfinite(array).all() for array in (W, b, c)):
        raise ValueError("the target holds NaN or infinity; its numbers must be finite.")
    if spectral_radius(W) >= 1:
        raise ValueError(
            f"the target is unstable: its spectral radius {spectral_radius(W):.6g} is not below 1."
        )
    if not (b.any() and c.any()):
        raise ValueError(_ZERO)
    return W, b, c


def _of_markov(g: np.ndarray) -> System:
    """A realisation of finitely many Markov parameters, from the singular vectors of their Hankel matrix."""
    g = g[:, None, None] if g.ndim == 1 else g
    if g.ndim != 3 or g.size == 0 or not np.isfinite(g).all():
        raise ValueError(
            f"the target has shape {g.shape}; give finite Markov parameters [steps, output, input], or a "
            "tuple (W, b, c)."
        )
    if not g.any():
        raise ValueError(_ZERO)
    (steps, outputs, inputs), padded = g.shape, np.concatenate([g, np.zeros_like(g)])
    shifts = np.arange(steps)[:, None] + np.arange(steps)
    hankel, later = (
        padded[shifts + lag].transpose(0, 2, 1, 3).reshape(steps * outputs, steps * inputs) for lag in (0, 1)
    )
    left, values, right = np.linalg.svd(hankel, full_matrices=False)
    n = max(1, int(np.sum(values > NEGLIGIBLE * values[0])))
    root = np.sqrt(values[:n])
    observed, reached = left[:, :n] * root, root[:, None] * right[:n]
    W = (left[:, :n] / root).T @ later @ (right[:n].T / root)
    return W, reached[:, :inputs].copy(), observed[:outputs].copy()


def _degree(degree: int, target: System) -> int:
    most = len(_hankel_values(target))
    if isinstance(degree, bool) or not 0 <= degree <= most or degree != int(degree):
        raise ValueError(f"degree={degree} is out of range: models of this target have degrees 0 to {most}.")
    return int(degree)


def _gramian_roots(system: System) -> tuple[np.ndarray, np.ndarray]:
    """Roots L of the Gramians, $P=LL^\\top$, of what is reached and of what is seen."""
    W, b, c = system
    pairs = [np.linalg.eigh(stein(A, A, Y)) for A, Y in ((W, b @ b.T), (W.T, c.T @ c))]
    reached, seen = (vectors * np.sqrt(np.maximum(values, 0)) for values, vectors in pairs)
    return reached, seen


def _hankel_values(system: System) -> np.ndarray:
    reached, seen = _gramian_roots(system)
    values = np.linalg.svd(seen.T @ reached, compute_uv=False)
    return values[values > NEGLIGIBLE * values[0]]


def _truncated(system: System, k: int) -> System:
    """The first k states of the balanced realisation."""
    W, b, c = system
    reached, seen = _gramian_roots(system)
    left, values, right = np.linalg.svd(seen.T @ reached)
    root = np.sqrt(values[:k])
    into, out = (seen @ left[:, :k] / root).T, reached @ right[:k].T / root
    return into @ W @ out, into @ b, c @ out


def _random_system(target: System, k: int, random: np.random.Generator) -> System:
    """A random stable W and b, and the best c for them."""
    V, d, e = target
    W, b = random.standard_normal((k, k)), random.standard_normal((k, d.shape[1]))
    W = W * random.uniform(0.1, 0.95) / spectral_radius(W)
    c = e @ stein(V, W, d @ b.T) @ np.linalg.inv(stein(W, W, b @ b.T))
    return W, b, c


def _one_pole_models(target: System) -> tuple[list[System], float]:
    """The local minima over p on a grid, the best first, and a lower bound on the loss of all p."""
    V, d, e = target
    t = np.arange(-FARTHEST, FARTHEST + SPACING, SPACING)
    seen = e @ np.linalg.solve(np.eye(len(V)) - np.tanh(t)[:, None, None] * V, d[None])
    u, size, v = np.linalg.svd(seen, full_matrices=False)
    h = size[:, 0] / np.cosh(t)
    peaks = 1 + np.flatnonzero((h[1:-1] > h[:-2]) & (h[1:-1] >= h[2:]))
    models = [
        (
            np.tanh(t[i]).reshape(1, 1),
            np.sqrt(h[i] / np.cosh(t[i])) * v[i, :1],
            np.sqrt(h[i] / np.cosh(t[i])) * u[i, :, :1],
        )
        for i in peaks[np.argsort(-h[peaks])]
    ]
    square = float(np.sum(e @ stein(V, V, d @ d.T) * e))
    between = 2 / np.cosh(SPACING / 2) / (1 + 1 / np.cosh(SPACING))
    most = between * h.max() + np.tanh(SPACING / 2) ** 2 * np.sqrt(square)
    return models, 0.5 * (square - most**2)


def _distinct(starts: list[System], target: System) -> tuple[tuple[SystemModel, ...], tuple[int, ...]]:
    """The minima at the ends of descents, by rising loss, and how many descents end at each."""
    found: list[SystemModel] = []
    hits: list[int] = []
    for model in filter(None, (_descended(start, target) for start in starts)):
        same = [i for i, other in enumerate(found) if np.allclose(model.poles, other.poles, atol=1e-6)]
        if same:
            hits[same[0]] += 1
        else:
            found.append(model)
            hits.append(1)
    order = np.argsort([model.loss for model in found])
    return tuple(found[i] for i in order), tuple(hits[i] for i in order)


def _descended(network: System, target: System) -> SystemModel | None:
    """The minimum at the end of a damped Newton descent; None if it ends anywhere else."""
    error, damping = ErrorSystem.between(network, target), 1e-3
    loss = error.loss()
    for _ in range(200):
        slope, (values, vectors) = _packed(error.gradient()), np.linalg.eigh(error.hessian())
        # The modulus of the eigenvalues turns Newton's method away from maxima and saddles.
        size = np.abs(values) + damping * np.abs(values).max()
        change = -vectors @ (vectors.T @ slope / size)
        change /= max(1.0, float(np.linalg.norm(change)))
        trial = _moved(network, change)
        after = ErrorSystem.between(trial, target)
        try:
            new = after.loss()
        except ValueError:  # an unstable trial
            new = np.inf
        if new <= loss * (1 + 1e-15):
            network, error, loss, damping = trial, after, new, max(damping / 10, 1e-9)
            if np.linalg.norm(change) < 1e-11:
                break
        elif damping > 1e6:
            break
        else:
            damping *= 10
    network = balanced(*network)
    error = ErrorSystem.between(network, target)
    values = np.linalg.eigvalsh(error.hessian())
    settled = np.abs(_packed(error.gradient())).max() < 1e-8 * values[-1]
    # Along changes of basis the Hessian is zero, up to rounding.
    return SystemModel(error.loss(), network) if settled and values[0] > -1e-6 * values[-1] else None


def _packed(system: System) -> np.ndarray:
    return np.concatenate([array.ravel() for array in system])


def _moved(system: System, change: np.ndarray) -> System:
    parts = np.split(change, np.cumsum([array.size for array in system])[:-1])
    W, b, c = (array + part.reshape(array.shape) for array, part in zip(system, parts))
    return W, b, c
