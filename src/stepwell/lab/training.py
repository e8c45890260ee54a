"""Training a linear network on an impulse response, as pictures: poles, zeros, activity, and what happens to
them."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from stepwell import analysis, theory
from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.lab.engine import AbstractRun, Event, Frame
from stepwell.lab.session import LIMITS
from stepwell.network import NETWORKS
from stepwell.network.linear import realisation
from stepwell.rule import RULES
from stepwell.run.trainer import Carry
from stepwell.run.watched import begun, further, parameters
from stepwell.task import Impulse

SOLVED = 1e-12
BOUND_EVERY = 12
JOSTLING = 0.05
OUTLIVED = 0.05
RULE_SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "bptt": ("bptt", {}),
    "tbptt": ("tbptt", {"lag": 1}),
    "eprop": ("eprop", {}),
    "rflo": ("rflo", {"decay": 0.0}),
    "rflo3": ("rflo", {"decay": 0.3}),
}
"""The rules of the page, by the name in its settings."""


class Watched(NamedTuple):
    """A run between two pictures."""

    carry: Carry
    poles: tuple[np.ndarray, ...] = ()
    activity: np.ndarray | None = None
    losses: tuple[float, ...] = ()
    direct: float = 0.0
    bound: float | None = None
    pictures: int = 0
    seen: frozenset[str] = frozenset()


class Training(AbstractRun):
    """One network learning one target.

    Attributes:
        poles, residues: the target, mirrors left out, [[re, im], ...] and one number each.
        hidden, steps, sigma0, learning_rate, seed: as in an experiment.
        rule: a key of `RULE_SETTINGS`.
        input, cutoff: of the task.
    """

    poles: tuple[tuple[float, float], ...]
    residues: tuple[float, ...]
    hidden: int
    steps: int
    sigma0: float
    learning_rate: float
    rule: str
    input: str
    cutoff: float
    seed: int

    def experiment(self) -> Experiment:
        """The experiment that is trained."""
        name, options = RULE_SETTINGS[self.rule]
        return Experiment(
            task=self._task(),
            network=NETWORKS["linear"](hidden=self.hidden, sigma0=self.sigma0),
            rule=RULES[name](**options),
            optimiser=Optimiser(learning_rate=self.learning_rate),
            updates=LIMITS["run_updates"],
            recording=Recording(every=LIMITS["run_updates"]),
        )

    def scene(self) -> dict[str, Any]:
        """The target: all poles, residues, and its impulse response."""
        poles, residues = mirrored(self.poles, self.residues)
        response = np.asarray(self._task().response())[:, 0, 0]
        return {"poles": np.array(poles, complex), "residues": np.array(residues), "impulse": response}

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """The best losses with fewer poles than the target, for an input with a flat spectrum."""
        target = mirrored(self.poles, self.residues)
        # Theory has no horizon: for a pole that outlives the trial its lines would lie visibly off.
        outlives = max(abs(pole) for pole in target[0]) ** (2 * self.steps) > OUTLIVED
        if self.input in ("impulse", "white") and not outlives:
            yield "levels", lambda: levels(*target, self.hidden, self.steps)

    def begin(self) -> tuple[Watched, Frame]:
        """The network before its first update."""
        state = Watched(begun(self.experiment(), self.seed))
        return self.advance(state, 0)

    def advance(self, state: Watched, updates: int) -> tuple[Watched, Frame]:
        """The same network some updates later."""
        carry, curves = further(self.experiment(), state.carry, updates)
        return self._picture(state._replace(carry=carry), curves.loss)

    def _picture(self, state: Watched, losses: np.ndarray) -> tuple[Watched, Frame]:
        params, update = parameters(state.carry), int(state.carry.update)
        system = params["W"], params["b"], params["c"]
        picture: dict[str, Any] = {"update": update, "loss": losses[-2:]}
        if not (np.isfinite(losses[-1]) and all(np.isfinite(a).all() for a in system)):
            return state, Frame(picture, done="diverged")
        poles, order = _followed(state.poles, analysis.poles(params["W"]))
        zeros, residues = _zeros(*system), np.abs(analysis.residues(*system)[:, 0, 0])[order]
        activity = _activity(*system)
        bound = state.bound
        if state.pictures % BOUND_EVERY == 0:
            bound = 2 / max(1e-300, float(analysis.hessian_spectrum(self.experiment(), params)[-1]))
        picture |= {
            "poles": poles,
            "zeros": zeros,
            "residues": residues,
            "impulse": analysis.impulse_response(*system, self.steps)[:, 0, 0],
            "activity": activity,
            "sizes": analysis.mode_norms(*system)[order],
            "active": 0 if activity is None else self._active(activity),
            "norms": [np.linalg.norm(a) for a in (system[1], system[2], system[0])],
            "gaps": np.abs(poles[:, None] - zeros).min(axis=1, initial=np.inf),
            "bound": bound,
        }
        new = state._replace(
            poles=(*state.poles[-1:], poles),
            activity=activity,
            losses=(*state.losses[-3:], float(losses[-1])),
            direct=float((params["c"] @ params["b"])[0, 0]),
            bound=bound,
            pictures=state.pictures + 1,
        )
        events = tuple(self._events(state, new, update))
        new = new._replace(seen=state.seen | {event.name for event in events})
        return new, Frame(picture, events, self._end(losses[-1], update))

    def _events(self, old: Watched, new: Watched, update: int) -> Iterable[Event]:
        """What happened since the last picture; separations and warnings once per run."""
        if new.activity is not None:
            for k, half in enumerate(self._half_activities(), 1):
                if k <= self.hidden and new.activity[k - 1] > half and f"separates{k}" not in old.seen:
                    yield Event(update, f"separates{k}", f"mode {k} separates from its zero")
        if old.poles:
            born = _pairs(new.poles[-1]) - _pairs(old.poles[-1])
            if born > 0:
                yield Event(update, "collide", "two real poles collide, and a complex pair is born")
            if old.direct * new.direct < 0:
                yield Event(
                    update, "flip", "the sign of c b flips: a zero runs off to infinity and comes back"
                )
        too_fast = new.bound is not None and self.rule == "bptt" and self.learning_rate > new.bound
        rising = len(new.losses) == 4 and all(a < b for a, b in zip(new.losses, new.losses[1:]))
        if (too_fast or rising) and "fast" not in old.seen:
            yield Event(
                update, "fast", "the learning rate is too large here: above 2/λmax, or the loss rises"
            )

    def _task(self) -> Impulse:
        poles, residues = mirrored(self.poles, self.residues)
        return Impulse(poles, residues, steps=self.steps, input=self.input, cutoff=self.cutoff)

    def _half_activities(self) -> np.ndarray:
        return target_activities(self.poles, self.residues) / 2

    def _active(self, activity: np.ndarray) -> int:
        half = self._half_activities()[: self.hidden]
        return int(np.sum(activity[: len(half)] > half))

    @staticmethod
    def _end(loss: float, update: int) -> str | None:
        if loss < SOLVED:
            return "solved"
        return "limit" if update >= LIMITS["run_updates"] else None


def mirrored(
    points: Iterable[tuple[float, float]], residues: Iterable[float]
) -> tuple[tuple[complex | float, ...], tuple[float, ...]]:
    """Poles and residues with the mirror of each pole that lies off the real axis."""
    poles, numbers = [], []
    for (re, im), residue in zip(points, residues, strict=True):
        poles += [complex(re, im), complex(re, -im)] if im else [re]
        numbers += [residue, residue] if im else [residue]
    return tuple(poles), tuple(numbers)


def levels(
    poles: tuple[Any, ...], residues: tuple[float, ...], hidden: int, steps: int
) -> list[dict[str, Any]]:
    """For k = 0, 1, ... poles: losses of all local minima, the best one first, and the best model itself."""
    best = [theory.best_poles(poles, residues, k) for k in range(min(len(poles), hidden + 1))]
    return [
        {
            "k": k,
            "loss": [model.loss for model in models.local_minima],
            "poles": models.poles.astype(complex),
            "residues": models.residues.astype(complex),
            "impulse": model_response(models.local_minima[0], steps),
        }
        for k, models in enumerate(best)
    ]


def model_response(model: theory.Model, steps: int) -> np.ndarray:
    """The impulse response of a model, 0 for one without poles."""
    if len(model.poles) == 0:
        return np.zeros(steps)
    return analysis.impulse_response(*model.system(), steps)[:, 0, 0]


@cache
def target_activities(points: tuple[tuple[float, float], ...], residues: tuple[float, ...]) -> np.ndarray:
    """The Hankel singular values of a target, by its dragged poles and its residues."""
    return analysis.hankel_singular_values(*realisation(*mirrored(points, residues)))


def _pairs(poles: np.ndarray) -> int:
    """The number of complex pairs away from 0, where silent poles jostle and collide all the time."""
    return int(np.sum((np.imag(poles) > 0) & (np.abs(poles) > JOSTLING)))


def _activity(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray | None:
    """Hankel singular values; None for an unstable network, which has none."""
    try:
        return analysis.hankel_singular_values(W, b, c)
    except ValueError:
        return None


def _zeros(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The finite zeros; none where the transfer function vanishes everywhere."""
    try:
        return analysis.zeros(W, b, c)
    except ValueError:
        return np.zeros(0, complex)


def _followed(before: tuple[np.ndarray, ...], poles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The poles in the order of the branches that they go on, and where each stood in the given order."""
    if not before:
        order = np.argsort(-np.real(poles))
        return poles[order], order
    followed = analysis.pole_branches(np.stack([*before, poles]))[-1]
    order = np.array([int(np.flatnonzero(poles == pole)[0]) for pole in followed])
    return followed, order
