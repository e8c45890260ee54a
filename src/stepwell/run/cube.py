"""Stored runs as one dataset over the settings in which they differ, opened lazily.

Nothing is read before it is asked for, and then only the blocks that hold it. Where runs have arrays of
unequal size the dataset has the largest, filled up with NaN (whole numbers: -1); so are the places of runs
that are missing.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from stepwell.run import archive
from stepwell.run.index import Index
from stepwell.run.record import SCHEMA

ROWS = ("seed", "run")
"""Names of the first dimension of a stored array that has one entry per run."""


class Cells(NamedTuple):
    """Which row of which block fills which place of a grid.

    Attributes:
        held: the index of the store; holding it keeps a temporary store alive.
        names: of the blocks.
        blocks: number of the block, [*grid, seed]; -1 where there is none.
        rows: row in the block, likewise.
    """

    held: Index
    names: tuple[str, ...]
    blocks: np.ndarray
    rows: np.ndarray


def cube(
    index: Index, axes: Mapping[str, Sequence[Any]], fingerprints: np.ndarray, seeds: Sequence[int]
) -> xr.Dataset:
    """Runs as one dataset, opened lazily.

    Args:
        index: of the store that has them.
        axes: the varied settings by path, with the labels of their values; they become dimensions.
        fingerprints: of the settings at each place of the grid, [*grid]; empty where there are none.
        seeds: the last dimension before those of a record.
    """
    cells = _cells(index, fingerprints, seeds)
    entries = [index.entries[name] for name in cells.names]
    lead = (*axes, "seed")
    shared = _shared(entries)
    variables = {name: _stacked(cells, entries, name, lead) for name in _names(entries) if name not in shared}
    coordinates = {name: (dims, _whole(index, entry, name)) for name, (dims, entry) in shared.items()}
    coordinates |= {name: (name, as_labels(labels)) for name, labels in axes.items()}
    coordinates |= {"seed": np.asarray(seeds, np.int64), "fingerprint": (tuple(axes), fingerprints)}
    times = {name: _first_seed(cells, entries, name, tuple(axes)) for name in _times(entries) - set(shared)}
    return xr.Dataset(
        {name: variable for name, variable in variables.items() if name not in times},
        {**coordinates, **times},
        _attributes(entries),
    )


class _Rows(BackendArray):
    """One variable of all runs of a grid, [*grid, seed, ...]."""

    def __init__(
        self, cells: Cells, name: str, sizes: tuple[int, ...], dtype: np.dtype, per_run: Sequence[bool]
    ):
        self.cells, self.name, self.per_run = cells, name, per_run
        self.shape, self.dtype = (*cells.blocks.shape, *sizes), dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        grid = self.cells.blocks.ndim
        sizes, inner = self.shape[grid:], key[grid:]
        blocks, rows = (_picked(array, key[:grid]) for array in (self.cells.blocks, self.cells.rows))
        shape = _picked(np.broadcast_to(False, sizes), inner).shape
        found = np.full((*blocks.shape, *shape), _fill(self.dtype), self.dtype)
        for number in np.unique(blocks[blocks >= 0]):
            here = blocks == number
            values = self._values(int(number), rows[here], sizes)
            if values is not None:
                found[here] = _picked(values, (slice(None), *inner))
        return found

    def _values(self, number: int, rows: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray | None:
        """The rows of one block, filled up to the common sizes; None if it lacks the variable."""
        name = self.cells.names[number]
        if self.name not in self.cells.held.entries[name]["arrays"]:
            return None
        values = np.asarray(archive.array(self.cells.held.file(name), self.name)[...])
        values = values[rows] if self.per_run[number] else np.broadcast_to(values, (len(rows), *values.shape))
        missing = [(0, 0), *((0, size - had) for size, had in zip(sizes, values.shape[1:], strict=True))]
        return np.pad(values.astype(self.dtype), missing, constant_values=_fill(self.dtype))


def _cells(index: Index, fingerprints: np.ndarray, seeds: Sequence[int]) -> Cells:
    numbers: dict[str, int] = {}
    blocks = np.full((*fingerprints.shape, len(seeds)), -1)
    rows = np.zeros_like(blocks)
    for place, fingerprint in np.ndenumerate(fingerprints):
        found = index.rows.get(fingerprint, {})
        for column, seed in enumerate(seeds):
            if seed in found:
                name, rows[(*place, column)] = found[seed]
                blocks[(*place, column)] = numbers.setdefault(name, len(numbers))
    return Cells(index, tuple(numbers), blocks, rows)


def _names(entries: Sequence[dict[str, Any]]) -> list[str]:
    """The variables of the runs, in the order of their records."""
    names = dict.fromkeys(name for entry in entries for name in entry["arrays"])
    return [name for name in names if name not in (*ROWS, "settings")]


def _times(entries: Sequence[dict[str, Any]]) -> set[str]:
    """The coordinates of the runs: arrays with a digest."""
    return {name for entry in entries for name, array in entry["arrays"].items() if array[3]} - {
        *ROWS,
        "settings",
    }


def _shared(entries: Sequence[dict[str, Any]]) -> dict[str, tuple[list[str], dict[str, Any]]]:
    """The coordinates that all runs have in common, each with its dimensions and an entry that has it.

    An index over updates counts from 0 for all, and the longest serves.
    """
    shared = {}
    for name in _times(entries):
        having = [entry for entry in entries if name in entry["arrays"]]
        arrays = [entry["arrays"][name] for entry in having]
        longest = max(range(len(having)), key=lambda at: arrays[at][1])
        same = len(having) == len(entries) and len({array[3] for array in arrays}) == 1
        if arrays[longest][0] == [name] or (same and arrays[0][0][0] not in ROWS):
            shared[name] = (arrays[longest][0], having[longest])
    return shared


def _stacked(
    cells: Cells, entries: Sequence[dict[str, Any]], name: str, lead: tuple[str, ...]
) -> xr.Variable:
    """A variable of all runs, with the largest of their sizes."""
    arrays = [entry["arrays"].get(name) for entry in entries]
    kinds = {(*_inner(array[0]),) for array in arrays if array is not None}
    if len(kinds) > 1:
        told = " and ".join(f"[{', '.join(kind)}]" for kind in sorted(kinds))
        raise ValueError(f"the runs have '{name}' with dimensions {told}; take them apart by their settings.")
    (inner,) = kinds
    dtype = np.result_type(*(np.dtype(array[2]) for array in arrays if array is not None))
    per_run = [array is not None and len(_inner(array[0])) < len(array[0]) for array in arrays]
    data = _Rows(cells, name, tuple(_largest(entries, dim) for dim in inner), dtype, per_run)
    return xr.Variable((*lead, *inner), indexing.LazilyIndexedArray(data))


def _inner(dims: Sequence[str]) -> Sequence[str]:
    """The dimensions of a stored array after that of the runs."""
    return dims[1:] if dims and dims[0] in ROWS else dims


def _largest(entries: Sequence[dict[str, Any]], dim: str) -> int:
    """The largest size of a dimension in the stored arrays."""
    arrays = [array for entry in entries for array in entry["arrays"].values() if dim in array[0]]
    return max(array[1][array[0].index(dim)] for array in arrays)


def _first_seed(
    cells: Cells, entries: Sequence[dict[str, Any]], name: str, lead: tuple[str, ...]
) -> xr.Variable:
    """A coordinate that depends on the settings and not on the seed."""
    first = np.argmax(cells.blocks >= 0, axis=-1)[..., None]
    blocks, rows = (np.take_along_axis(a, first, axis=-1)[..., 0] for a in (cells.blocks, cells.rows))
    return _stacked(cells._replace(blocks=blocks, rows=rows), entries, name, lead)


def _whole(index: Index, entry: dict[str, Any], name: str) -> np.ndarray:
    return np.asarray(archive.array(index.file(entry["block"]), name)[...])


def as_labels(values: Sequence[Any]) -> np.ndarray:
    """Values of a setting as labels: numbers as numbers, everything beside a name as text."""
    if all(isinstance(value, (int, float)) for value in values):
        return np.asarray(values)
    return np.array([str(value) for value in values], dtype=object)


def _attributes(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the runs say about their making, taken together."""
    notes = sorted({note for entry in entries for note in entry["notes"]})
    diverged = sum(at >= 0 for entry in entries for at in entry["diverged_at"])
    if diverged:
        notes.append(f"{diverged} runs diverged; see diverged_at.")
    return {
        "schema": SCHEMA,
        "created": max(entry["created"] for entry in entries),
        "seconds": sum(entry["seconds"] for entry in entries),
        "notes": json.dumps(notes),
    }


def _picked(array: np.ndarray, key: tuple[Any, ...]) -> np.ndarray:
    """An array at an outer index: one number, slice or list per axis."""
    for axis in reversed(range(array.ndim)):
        array = array[(slice(None),) * axis + (key[axis],)]
    return np.asarray(array)


def _fill(dtype: np.dtype) -> Any:
    return {"f": np.nan, "c": complex(np.nan, np.nan), "i": -1}.get(dtype.kind, 0)
