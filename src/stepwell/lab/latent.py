"""A rank-one network that learns to switch after a delay, seen through the field of its one latent
variable."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from stepwell.analysis.fields import latent_field
from stepwell.analysis.rest_points import fixed_points
from stepwell.experiment import Experiment, Optimiser
from stepwell.lab.engine import AbstractRun, Event, Frame
from stepwell.lab.session import LIMITS
from stepwell.network.low_rank import LowRank
from stepwell.run.block import as_arrays
from stepwell.run.trainer import Carry
from stepwell.run.watched import begun, further, parameters
from stepwell.task.delayed_activation import DelayedActivation

PLACES = np.linspace(-15, 15, 241)
ANNEALED = 1000
LEARNED, LOST_GRADIENT = 0.5, 1e-5
KEPT = 0.5  # the share of the state that a step keeps


class Watched(NamedTuple):
    """A run between two pictures: what there was to see in the last one, and whether it has ever learned."""

    carry: Carry
    rests: int = 1
    ghosts: int = 0
    learned: bool = False
    lost: bool = False


class Latent(AbstractRun):
    """One network.

    Attributes:
        learning_rate: of plain gradient descent.
        confidence: steepness of the output.
        anneal: let the confidence grow from 1 to its value within the first 1000 updates.
        seed: of the start.
    """

    learning_rate: float
    confidence: float
    anneal: bool
    seed: int

    def scene(self) -> dict[str, Any]:
        """The places of the field, the target output, and where the trial switches."""
        task = DelayedActivation()
        return {"places": PLACES, "delay": task.delay, "steps": task.steps, "threshold": 1.0}

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """Nothing."""
        return ()

    def begin(self) -> tuple[Watched, Frame]:
        """The network before its first update."""
        return self.advance(Watched(begun(self._experiment(0), self.seed)), 0)

    def advance(self, state: Watched, updates: int) -> tuple[Watched, Frame]:
        """The same network some updates later."""
        experiment = self._experiment(int(state.carry.update))
        carry, curves = further(experiment, state.carry, updates)
        params, update = parameters(carry), int(carry.update)
        picture: dict[str, Any] = {"update": update, "loss": curves.loss[-2:]}
        if not np.isfinite(curves.loss[-1]):
            return state, Frame(picture, done="diverged")
        points = _points(params)
        picture |= {
            "gradient": float(curves.gradient_norm[-1]),
            "field": _field(params),
            "points": points,
            "output": _output(experiment, params),
            "confidence": self._grown(update - updates),
        }
        new = Watched(
            carry,
            rests=sum(point["kind"] == "fixed" for point in points),
            ghosts=sum(point["kind"] == "ghost" for point in points),
            learned=state.learned or float(curves.loss.min()) < LEARNED,
            lost=bool(curves.loss[-1] > 0.95 and curves.gradient_norm[-1] < LOST_GRADIENT),
        )
        done = "limit" if update >= LIMITS["run_updates"] else None
        return new, Frame(picture, tuple(_events(state, new, update)), done)

    def _grown(self, update: int) -> float:
        """The confidence after a number of updates."""
        return 1 + (self.confidence - 1) * min(1.0, update / ANNEALED) if self.anneal else self.confidence

    def _experiment(self, update: int) -> Experiment:
        return Experiment(
            task=DelayedActivation(),
            network=LowRank(confidence=self._grown(update)),
            optimiser=Optimiser(learning_rate=self.learning_rate),
            updates=LIMITS["run_updates"],
        )


def _events(old: Watched, new: Watched, update: int) -> Iterable[Event]:
    if new.learned and not old.learned:
        yield Event(update, "drop", "the output crosses the threshold, and the loss drops")
    if new.ghosts > old.ghosts:
        yield Event(update, "ghost", "a ghost appears: the speed has a minimum that is no rest")
    if new.rests > old.rests:
        yield Event(update, "born", "two fixed points are born in a saddle-node bifurcation")
    if new.lost and new.learned and not old.lost:
        yield Event(
            update, "lost", "thrown into the no-learning zone: the output stays 0, and the gradient is gone"
        )


def _field(params: dict[str, np.ndarray]) -> np.ndarray:
    return np.asarray(_values(params["m"], params["n"], params["b"]))


@jax.jit
def _values(m: jax.Array, n: jax.Array, b: jax.Array) -> jax.Array:
    # The field of `latent_field`, which is written for one place, at all places at once.
    kappa = jnp.asarray(PLACES)
    return -kappa + n[:, 0] @ jnp.tanh(m * kappa[None, :] + b)


def _points(params: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Rests and ghosts, with the height of the field there."""
    field = latent_field(params["m"], params["n"], params["b"])
    return [
        {
            "kind": point.kind,
            "at": float(np.ravel(point.state)[0]),
            "height": float(np.ravel(field(jnp.asarray(point.state)))[0]),
            "stable": point.kind == "fixed" and point.stable(1 - KEPT),
        }
        for point in fixed_points(field, PLACES)
        if point.kind != "slow"
    ]


def _output(experiment: Experiment, params: dict[str, np.ndarray]) -> np.ndarray:
    trials = experiment.task.trials(jax.random.key(0))
    return np.asarray(_rolled_out(as_arrays(experiment, experiment.dtype).network, params, trials))[0, :, 0]


@eqx.filter_jit
def _rolled_out(network: Any, params: dict[str, Any], trials: Any) -> jax.Array:
    return network.rollout({name: jnp.asarray(a) for name, a in params.items()}, trials)
