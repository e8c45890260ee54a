"""Readings: what a record can keep of a snapshot besides the parameters, computed on the host between chunks.

Nothing here enters the compiled update, so no choice of readings can change a trajectory.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stepwell.names import lookup
from stepwell.network.linear import conserved


class Snapshot(NamedTuple):
    """One network at one recorded update: parameters, the direction there (named alike), the rule's state."""

    params: Mapping[str, np.ndarray]
    direction: Mapping[str, np.ndarray]
    rule: Mapping[str, np.ndarray]
    initial: Mapping[str, np.ndarray]


READINGS: dict[str, Callable[[Snapshot], Any]] = {
    "poles": lambda s: np.linalg.eigvals(s.params["W"]).astype(complex),
    "spectral_radius": lambda s: np.abs(np.linalg.eigvals(s.params["W"])).max(),
    "change_singular_values": lambda s: np.linalg.svd(s.params["W"] - s.initial["W"], compute_uv=False),
    "conserved": lambda s: conserved(s.params["W"], s.params["b"], s.params["c"]),
    **{f"direction_{name}": lambda s, name=name: s.direction[name] for name in ("W", "b", "c", "m", "n")},
}
"""Readings by name, each a function of a `Snapshot`; `direction_W` and its like keep the direction itself."""


def uses_direction(what: Sequence[str | Callable[[Snapshot], Any]]) -> bool:
    """Whether a reading may look at the direction, which is kept for those alone."""
    return any(not isinstance(item, str) or item.startswith("direction_") for item in what)


def read(
    what: Sequence[str | Callable[[Snapshot], Any]], shots: Mapping[str, Mapping[str, np.ndarray]], seeds: int
) -> dict[str, np.ndarray]:
    """The readings of all snapshots, [seed, snapshot, ...]; NaN where a run has diverged.

    Args:
        what: names of the table, or functions of a `Snapshot`.
        shots: `params`, `direction`, `rule`, each a dict of arrays [seed, snapshot, ...].
        seeds: number of rows.

    Raises:
        ValueError: for a name that is not in the table, or a reading of what the network does not have.
    """
    named = {item if isinstance(item, str) else item.__name__: item for item in what}
    functions = {k: lookup(READINGS, k, "reading") if isinstance(f, str) else f for k, f in named.items()}
    runs = [_snapshots(shots, seed) for seed in range(seeds)] if functions else []
    return {name: np.array([_course(name, f, run) for run in runs]) for name, f in functions.items()}


def _snapshots(shots: Mapping[str, Mapping[str, np.ndarray]], seed: int) -> list[Snapshot]:
    """The snapshots of one run, in their order."""

    def at(group: str, index: int) -> dict[str, np.ndarray]:
        return {name: values[seed, index] for name, values in shots[group].items()}

    count = next(iter(shots["params"].values())).shape[1]
    return [
        Snapshot(at("params", i), at("direction", i), at("rule", i), at("params", 0)) for i in range(count)
    ]


def _course(name: str, function: Callable[[Snapshot], Any], snapshots: Sequence[Snapshot]) -> list[Any]:
    """One reading along one run."""
    values: list[Any] = []
    for snapshot in snapshots:
        if values and not all(np.isfinite(array).all() for array in snapshot.params.values()):
            values.append(np.full(np.shape(values[0]), np.nan))
            continue
        try:
            values.append(function(snapshot))
        except KeyError as missing:
            have = ", ".join(snapshot.params)
            raise ValueError(f"the reading '{name}' needs {missing}, and this network has {have}.") from None
    return values
