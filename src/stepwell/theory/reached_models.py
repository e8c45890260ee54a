"""The k-pole model that learning reaches, which need not be the best one: from one saddle the flow goes to the next."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import BDF

from stepwell.network.linear import System, balanced, realisation
from stepwell.theory.best_approximation import best_poles, certifiable, degree, polished
from stepwell.theory.exact_loss import ErrorSystem
from stepwell.theory.model import Model
from stepwell.theory.one_pole import reached_one_pole
from stepwell.theory.target import Numbers, siso_target

PUSH = 1e-3
"""Size of the step along the escape direction with which the flow leaves a saddle."""


def reached_poles(poles: ArrayLike, residues: ArrayLike, k: int) -> Model:
    r"""The k-pole model at which gradient flow from a small start rests on plateau k.

    The side rule decides for k = 1. For k of 2 or more a k-unit network leaves saddle k - 1 along the escape
    direction and follows the flow of the exact loss; Newton's method polishes the model in whose basin it
    comes to rest. Where the list of minima is certified and has one entry, no flow is needed.

    Args:
        poles, residues: the target, [pole].
        k: number of poles, from 0 to the degree of the target, whose model is the target itself.

    Raises:
        ValueError: for k out of range, what is no target, or one from whose saddles the way is not
            determined.

    Example:
        >>> reached_poles([0.7, -0.88], [1, 0.7], 1).poles.round(6)
        array([0.506598])

    Source: essay2026, section 7.
    """
    p, r = siso_target(poles, residues)
    return _reached(p, r, degree(k, p))


def reach_is_certified(poles: ArrayLike, residues: ArrayLike, k: int) -> bool:
    """Whether `reached_poles` rests on a rule or on a complete list of minima, rather than on the flow that it followed.

    Args:
        poles, residues: the target, [pole].
        k: number of poles.

    Example:
        >>> reach_is_certified([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], 2)
        True

    Source: essay2026, section 7.
    """
    p, r = siso_target(poles, residues)
    return k == 1 or _only_model(p, r, degree(k, p)) is not None


@lru_cache(maxsize=256)
def _reached(p: Numbers, r: Numbers, k: int) -> Model:
    if k == 1:
        return reached_one_pole(p, r)
    only = _only_model(p, r, k)
    if k in (0, len(p)):
        return only
    previous = _reached(p, r, k - 1)  # refuses a target from whose first saddles the way is not determined
    return only or _rest(_departure(previous, realisation(p, r)), np.array(p), np.array(r))


def _only_model(p: Numbers, r: Numbers, k: int) -> Model | None:
    """The k-pole model if there is certified to be no other minimum."""
    if not certifiable(len(p), k):
        return None
    best = best_poles(p, r, k)
    return best.local_minima[0] if best.certified and len(best.local_minima) == 1 else None


def _departure(model: Model, target: System) -> System:
    """The saddle of a model with one more unit, a small step down its escape direction."""
    W, b, c = balanced(*model.system())
    into, rates, out = np.linalg.svd(ErrorSystem.of((W, b, c), target).silent_coupling())
    if rates[0] < 1e-10:
        raise ValueError(
            f"the {len(W)}-pole model agrees with the target to so high an order that its saddle has no quadratic escape; "
            "what is reached from it is not known."
        )
    into, out = -PUSH * into[:, 0], PUSH * out[0]
    return (
        np.block([[W, out[1:, None]], [into[None, 1:], np.zeros((1, 1))]]),
        np.concatenate([b, [into[:1]]]),
        np.concatenate([c, [out[:1]]], axis=1),
    )


def _rest(start: System, p: np.ndarray, r: np.ndarray) -> Model:
    """The minimum in whose neighbourhood the flow settles."""
    target, n = realisation(p, r), len(start[0])

    def error(state: np.ndarray) -> ErrorSystem:
        return ErrorSystem.of(_unpacked(state, n), target)

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        try:
            return -_packed(error(state).gradient())
        except (
            ValueError
        ):  # a trial step has left the stable networks: the solver halves a step that is not finite
            return np.full(len(state), np.nan)

    def stiffness(_: float, state: np.ndarray) -> np.ndarray:
        try:
            return -error(state).hessian()
        except ValueError:
            return np.zeros((len(state), len(state)))

    solver = BDF(velocity, 0.0, _packed(start), 1e7, rtol=1e-6, atol=1e-9, jac=stiffness)
    while solver.status == "running" and solver.nfev < 50_000:
        solver.step()
        if solver.nfev % 4 == 0:
            a = np.poly(_unpacked(solver.y, n)[0])[1:]
            model = polished(a, p, r)
            if (
                model
                and np.abs(np.poly(model.poles)[1:] - a).max() < 1e-2
                and error(solver.y).loss() < 1.02 * model.loss
            ):
                return model
    raise ValueError("the flow from the saddle does not come to rest; what is reached from it is not known.")


def _packed(system: System) -> np.ndarray:
    return np.concatenate([array.ravel() for array in system])


def _unpacked(state: np.ndarray, n: int) -> System:
    return state[: n * n].reshape(n, n), state[n * n : -n, None], state[None, -n:]
