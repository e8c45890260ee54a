"""The model that learning reaches on each plateau, which need not be the best one."""

from functools import lru_cache

import numpy as np
from scipy.integrate import BDF

from stepwell.network.linear import Numbers, System, balanced, realisation
from stepwell.theory.best_approximation import best_poles, certifiable, degree, polished
from stepwell.theory.exact_loss import ErrorSystem
from stepwell.theory.model import Model
from stepwell.theory.one_pole import reached_one_pole
from stepwell.theory.target import Fixed, siso_target

PUSH = 1e-3
"""Size of the weights with which a silent unit leaves a saddle."""


def reached_poles(poles: Numbers, residues: Numbers, k: int) -> Model:
    r"""The k-pole model at which gradient flow from a small start rests on plateau k.

    For k = 1 the side rule decides. For larger k a network of k units leaves saddle k - 1 along the escape
    direction and follows the flow of the exact loss; Newton's method polishes the model in whose basin it
    comes to rest. No flow is needed where the list of minima is certified and has one entry.

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


def reach_is_certified(poles: Numbers, residues: Numbers, k: int) -> bool:
    """Whether `reached_poles` rests on a rule or a complete list of minima, not on a flow that it followed.

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
def _reached(p: Fixed, r: Fixed, k: int) -> Model:
    if k == 1:
        return reached_one_pole(p, r)
    only = _only_model(p, r, k)
    if only and k in (0, len(p)):
        return only
    previous = _reached(p, r, k - 1)  # refuses a target from whose first saddles the way is not determined
    return only or _rest(_departure(previous, realisation(p, r)), np.array(p), np.array(r))


def _only_model(p: Fixed, r: Fixed, k: int) -> Model | None:
    """The k-pole model, where it is certified that there is no other minimum."""
    if not certifiable(len(p), k):
        return None
    best = best_poles(p, r, k)
    return best.local_minima[0] if best.certified and len(best.local_minima) == 1 else None


def _departure(model: Model, target: System) -> System:
    """The saddle of a model with one more unit, a small step down its escape direction."""
    W, b, c = balanced(*model.system())
    into, rates, out = np.linalg.svd(ErrorSystem.between((W, b, c), target).silent_coupling())
    if rates[0] < 1e-10:
        raise ValueError(
            f"the saddle with {len(W)} poles has no quadratic escape; what is reached from it is unknown."
        )
    into, out = -PUSH * into[:, 0], PUSH * out[0]
    return (
        np.block([[W, out[1:, None]], [into[None, 1:], np.zeros((1, 1))]]),
        np.concatenate([b, into[None, :1]]),
        np.concatenate([c, out[None, :1]], axis=1),
    )


def _rest(start: System, p: np.ndarray, r: np.ndarray) -> Model:
    """The minimum in whose neighbourhood the flow settles."""
    target, n = realisation(p, r), len(start[0])

    def error(state: np.ndarray) -> ErrorSystem:
        return ErrorSystem.between(_unpacked(state, n), target)

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        try:
            return -_packed(error(state).gradient())
        except ValueError:  # an unstable trial: the solver shortens a step that is not finite
            return np.full(len(state), np.nan)

    def stiffness(_: float, state: np.ndarray) -> np.ndarray:
        try:
            return -error(state).hessian()
        except ValueError:
            return np.zeros((len(state), len(state)))

    solver = BDF(velocity, 0.0, _packed(start), 1e7, rtol=1e-6, atol=1e-9, jac=stiffness)
    top = error(solver.y).loss()
    for steps in range(1, 5000):
        if solver.status != "running":
            break
        solver.step()
        if steps % 10 == 0:
            a = np.poly(_unpacked(solver.y, n)[0])[1:]
            model = polished(a, p, r)
            if model and np.abs(np.poly(model.poles)[1:] - a).max() < 1e-2:
                if error(solver.y).loss() - model.loss < 0.02 * (top - model.loss):
                    return model
    raise ValueError("the flow from the saddle does not come to rest; what is reached from it is unknown.")


def _packed(system: System) -> np.ndarray:
    return np.concatenate([array.ravel() for array in system])


def _unpacked(state: np.ndarray, n: int) -> System:
    return state[: n * n].reshape(n, n), state[n * n : -n, None], state[None, -n:]
