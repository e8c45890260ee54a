"""Readings: what a record can keep of a snapshot besides the parameters, computed on the host between chunks.

Nothing here enters the compiled update, so no choice of readings can change a trajectory.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stepwell.network.linear import conserved
from stepwell.settings import lookup


class Snapshot(NamedTuple):
    """One network at one recorded update: parameters and, named alike, the direction there; the rule's state."""

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


def read(
    what: Sequence[str | Callable[[Snapshot], Any]], shots: Mapping[str, Mapping[str, np.ndarray]], seeds: int
) -> dict[str, np.ndarray]:
    """The readings of all snapshots, [seed, snapshot, ...].

    Args:
        what: names of the table, or functions of a `Snapshot`.
        shots: `params`, `direction`, `rule`, each a dict of arrays [seed, snapshot, ...].
        seeds: number of rows.
    """

    def at(group: str, seed: int, index: int) -> dict[str, np.ndarray]:
        return {name: values[seed, index] for name, values in shots[group].items()}

    count = next(iter(shots["params"].values())).shape[1]
    readings = {}
    for item in what:
        name, function = (
            (item, lookup(READINGS, item, "reading")) if isinstance(item, str) else (item.__name__, item)
        )
        readings[name] = np.array(
            [
                [
                    function(
                        Snapshot(
                            at("params", i, j), at("direction", i, j), at("rule", i, j), at("params", i, 0)
                        )
                    )
                    for j in range(count)
                ]
                for i in range(seeds)
            ]
        )
    return readings
