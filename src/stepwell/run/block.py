"""Blocks: which runs are stacked into one compiled program.

Settings become arrays here and nowhere else. Runs whose settings differ in numbers only have one structure,
and one program serves them all; the numbers in which they differ become one value per run.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stepwell.experiment import Experiment, experiment_fingerprint
from stepwell.run.checkpoint import Checkpoints
from stepwell.task.base import sizes

ALONE, BYTES = 2**17, 2**22
"""States of a network so large that stacking slows it down, and of a block so large that it gains no more."""
MOST = 128


class Block(NamedTuple):
    """Runs that are stacked into one program; width and membership belong to the identity of its runs.

    Attributes:
        settings: the distinct settings of the runs, all of one structure.
        fingerprints: of the settings; empty for those that have none.
        runs: one per row: which of the settings, and the seed. The last ones may repeat to fill a common
            width.
        rows: how many of the first rows are wanted.
        own: positions, among the leaves of the settings, of the numbers of which each run has its own.
        fixed: whether the width stays when some of the runs are there already, since one program serves many
            blocks of it.
        checkpoints: where to keep what is under way; None for nowhere.
    """

    settings: tuple[Any, ...]
    fingerprints: tuple[str, ...]
    runs: tuple[tuple[int, int], ...]
    rows: int
    own: tuple[int, ...] = ()
    fixed: bool = True
    checkpoints: Checkpoints | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of every row."""
        return tuple(seed for _, seed in self.runs)

    @property
    def wanted(self) -> tuple[tuple[int, int], ...]:
        """The runs without those that only fill the width."""
        return self.runs[: self.rows]

    @property
    def cells(self) -> tuple[tuple[str, int], ...]:
        """The wanted runs by fingerprint and seed."""
        return tuple((self.fingerprints[index], seed) for index, seed in self.wanted)


def blocks_of(settings: Any, seeds: Sequence[int], most: int) -> list[Block]:
    """The blocks of one settings object, of one width, each with at most so many seeds."""
    count = -(-len(seeds) // most)
    rows, prints = -(-len(seeds) // count), (experiment_fingerprint(settings) or "",)
    groups = [tuple((0, seed) for seed in seeds[at : at + rows]) for at in range(0, len(seeds), rows)]
    return [Block((settings,), prints, (runs * rows)[:rows], len(runs), fixed=count > 1) for runs in groups]


def block_name(block: Block) -> str:
    """Twenty hexadecimal digits that name a block: equal runs in equal rows, equal name."""
    rows = [[block.fingerprints[index], seed] for index, seed in block.runs]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:20]


def width(experiment: Experiment) -> int:
    """How many networks make one block: many small ones, of a larger kind one alone."""
    task = sizes(experiment.task)
    states = task.steps * experiment.network.hidden * task.batch * 8
    return 1 if states > ALONE else min(MOST, BYTES // max(1, states))


def as_arrays(settings: Any, dtype: str) -> Any:
    """The settings with every number an array of the run's dtype, so that a new value compiles nothing."""

    def array(leaf: Any) -> Any:
        if isinstance(leaf, bool) or not isinstance(leaf, (int, float, complex, np.ndarray)):
            return leaf
        kind = jnp.result_type(dtype, jnp.complex64) if np.iscomplexobj(leaf) else dtype
        return jnp.asarray(leaf, kind)

    return jax.tree.map(array, settings)


def own_numbers(block: Block, dtype: str) -> Any:
    """The numbers of which each run has its own, [row]; a tree like the settings, None for all others."""
    trees = [jax.tree.leaves(as_arrays(settings, dtype)) for settings in block.settings]
    leaves = [
        jnp.asarray(np.stack([trees[index][at] for index, _ in block.runs])) if at in block.own else None
        for at in range(len(trees[0]))
    ]
    return jax.tree.unflatten(jax.tree.structure(block.settings[0]), leaves)


def structure(settings: Any) -> Any:
    """What settings must have in common to share a program: everything but the values of their numbers."""
    leaves, tree = jax.tree.flatten(settings)
    return tree, tuple(_kind(leaf) for leaf in leaves)


def _kind(leaf: Any) -> Any:
    number = isinstance(leaf, (int, float, complex, np.ndarray, jax.Array)) and not isinstance(leaf, bool)
    return (np.shape(leaf), np.iscomplexobj(leaf)) if number else leaf


def differing(settings: Sequence[Any]) -> tuple[int, ...]:
    """The positions of the leaves in which settings of one structure differ."""
    columns = zip(*(jax.tree.leaves(each) for each in settings), strict=True)
    return tuple(at for at, leaves in enumerate(columns) if any(_unlike(leaves[0], leaf) for leaf in leaves))


def _unlike(one: Any, other: Any) -> bool:
    return one is not other and not np.array_equal(one, other, equal_nan=not isinstance(one, str))
