"""A complete description of a training run: what, with what, by which rule, for how long, recorded how."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Int, PRNGKeyArray

from stepwell.names import lookup
from stepwell.network import NETWORKS, AbstractNetwork
from stepwell.network.base import apart
from stepwell.rule import BPTT, RULES, AbstractRule
from stepwell.settings import Settings, Tables, fingerprint, number, setting
from stepwell.task import TASKS, AbstractTask

OPTIMISERS: dict[str, Callable[[Any], optax.GradientTransformation]] = {
    "sgd": lambda o: optax.sgd(o.learning_rate),
    "momentum": lambda o: optax.sgd(o.learning_rate, momentum=o.momentum),
    "adam": lambda o: optax.adam(o.learning_rate),
    "rmsprop": lambda o: optax.rmsprop(o.learning_rate),
}


class Optimiser(eqx.Module, metaclass=Settings):
    """A thin table over optax.

    Attributes:
        name: "sgd" (plain steps), "momentum", "adam" or "rmsprop", with optax's defaults.
        learning_rate: in units of learning time per update.
        momentum: used by "momentum" only.
        clip: largest global norm of a direction; None for no clipping.
        multipliers: pairs (parameter, factor) on the learning rate of single arrays.
    """

    name: str = setting("sgd")
    learning_rate: float = number(0.1)
    momentum: float = number(0.9)
    clip: float | None = number(None)
    multipliers: tuple[tuple[str, float], ...] = ()

    def __check_init__(self) -> None:
        lookup(OPTIMISERS, self.name, "optimiser")
        if isinstance(self.learning_rate, (int, float)) and not 0 < self.learning_rate < float("inf"):
            raise ValueError(
                f"learning_rate={self.learning_rate} is no step; it must be a finite number above 0."
            )

    def transformation(self) -> optax.GradientTransformation:
        """The optax transformation of these settings."""
        parts = [] if self.clip is None else [optax.clip_by_global_norm(self.clip)]
        parts.append(OPTIMISERS[self.name](self))
        if self.multipliers:
            parts.append(optax.stateless(self._multiplied))
        return optax.chain(*parts) if len(parts) > 1 else parts[0]

    def _multiplied(self, changes: Any, params: Any) -> Any:
        factors = dict(self.multipliers)
        return {name: factors.get(name, 1.0) * change for name, change in changes.items()}


class Recording(eqx.Module, metaclass=Settings):
    """What is kept of a run. The loss and the norm of the direction are kept at every update in any case.

    Attributes:
        every: updates between two snapshots of all parameters; 0 and the last update are always there.
        what: names of further readings of a snapshot (see `stepwell.run.READINGS`); in Python a pure function
            `snapshot -> array` may stand in place of a name, and such a run has no fingerprint.
    """

    every: int = setting(100)
    what: tuple[str | Callable[..., Any], ...] = setting((), converter=tuple)

    def __check_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every={self.every} is no spacing; snapshots are at least one update apart.")


class Experiment(eqx.Module, metaclass=Settings):
    """A complete description of a training run, with `==`, `hash`, JSON and a fingerprint.

    Attributes:
        task, network, rule, optimiser, recording: settings objects.
        updates: number of updates.
        trainable: names of the parameters that change; None for all of them.
        dtype: "float64" or "float32".

    Example:
        >>> from stepwell import NETWORKS, TASKS, Experiment
        >>> target = TASKS["impulse"](poles=(0.5, -0.45, -0.75), residues=(0.9, 0.7, -0.65))
        >>> Experiment(task=target, network=NETWORKS["linear"](hidden=3)).updates
        1000
    """

    task: AbstractTask
    network: AbstractNetwork
    rule: AbstractRule = BPTT()
    optimiser: Optimiser = Optimiser()
    updates: int = setting(1000)
    recording: Recording = Recording()
    trainable: tuple[str, ...] | None = setting(None)
    dtype: str = setting("float64")

    def __check_init__(self) -> None:
        kinds = {"task": AbstractTask, "network": AbstractNetwork, "rule": AbstractRule}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(
                    f"{name}={getattr(self, name)!r} is no {name}; give an object, such as "
                    f"{name.upper()}S[{next(iter(TABLES[name]))!r}](...), not its name."
                )
        if self.updates < 0:
            raise ValueError(f"updates={self.updates} is negative; give 0 or more.")
        if self.dtype not in ("float64", "float32"):
            raise ValueError(f"dtype='{self.dtype}' is unknown; choose 'float64' or 'float32'.")

    def run(self, seeds: Sequence[int], store: Any = None) -> Any:
        """Train on every seed: `stepwell.train(self, seeds, store)`."""
        import stepwell

        return stepwell.train(self, seeds, store)


TABLES: Tables = {
    "task": TASKS,
    "network": NETWORKS,
    "rule": RULES,
    "optimiser": {"optimiser": Optimiser},
    "recording": {"recording": Recording},
    "experiment": {"experiment": Experiment},
}


class Keys(NamedTuple):
    """The random keys of one seed, each for one purpose."""

    init: PRNGKeyArray
    rule: PRNGKeyArray
    trials: PRNGKeyArray


def keys(seed: int | Int[Array, ""]) -> Keys:
    """The keys of a seed: `init` is `jax.random.key(seed)` itself, the others are folded from it.

    Nothing is drawn from `trials` itself, only from what is folded from it, one key per update.
    """
    key = jax.random.key(seed)
    return Keys(key, jax.random.fold_in(apart(key), 1), jax.random.fold_in(key, 2))


def experiment_fingerprint(settings: Any) -> str | None:
    """The fingerprint of a settings object; None if it holds a Python function, which has none."""
    try:
        return fingerprint(settings, TABLES)
    except TypeError:
        return None
