"""Records on disk, by fingerprint: nothing is trained twice or half-written, and what was stopped goes on.

A store is a folder: `runs/<fingerprint>/<block>.zarr` holds finished blocks of runs,
`partial/<fingerprint>-<block>/` the checkpoints of blocks that are under way. Everything is written to a
temporary name in its own folder and renamed.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from stepwell.experiment import experiment_fingerprint
from stepwell.run.checkpoint import Checkpoints, write_durably
from stepwell.run.record import SCHEMA, check_schema, notes_of


class Block(NamedTuple):
    """Networks that are stacked into one program; width and membership belong to the identity of its runs.

    Attributes:
        seeds: one per row; the last ones may repeat to fill the common width.
        rows: how many of the first rows are wanted.
        checkpoints: where to keep what is under way; None for nowhere.
    """

    seeds: tuple[int, ...]
    rows: int
    checkpoints: Checkpoints | None = None


class Store:
    """A folder of records.

    Args:
        path: the folder; made if it does not exist.

    Raises:
        ValueError: if the path is a file, or a store of another version.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"'{self.path}' is a file; a store is a folder. Give another path.")
        marker = self.path / "stepwell-store.json"
        if marker.exists():
            found = json.loads(marker.read_text()).get("schema")
            if found != SCHEMA:
                raise ValueError(
                    f"the store '{self.path}' has schema version {found}, this stepwell reads version "
                    f"{SCHEMA}; use the version that wrote it, or another folder."
                )
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            write_durably(marker, json.dumps({"schema": SCHEMA}).encode())

    def find(self, fingerprint: str, seeds: Sequence[int]) -> dict[int, xr.Dataset]:
        """The finished rows of an experiment, by seed."""
        found: dict[int, xr.Dataset] = {}
        for path in sorted((self.path / "runs" / fingerprint).glob("*.zarr")):
            record = open_record(path)
            for seed in set(record.seed.values.tolist()) & (set(seeds) - set(found)):
                found[seed] = record.sel(seed=[seed])
        return found

    def save(self, record: xr.Dataset, block: Block) -> Path:
        """Write a finished block; a record that is there already stays."""
        folder = self.path / "runs" / record.attrs["fingerprint"]
        folder.mkdir(parents=True, exist_ok=True)
        target, temporary = folder / f"{block_name(block.seeds)}.zarr", folder / f".{uuid.uuid4().hex}.tmp"
        try:
            record.to_zarr(temporary, mode="w", consolidated=False, zarr_format=3)
            _sync(temporary)
            if not target.exists():
                os.rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target

    def checkpoints(self, fingerprint: str, seeds: Sequence[int]) -> Checkpoints:
        """Where a block keeps its state while it is under way."""
        return Checkpoints(
            self.path / "partial" / f"{fingerprint}-{block_name(seeds)}", fingerprint, tuple(seeds)
        )


def recall(
    settings: Any,
    seeds: Sequence[int],
    store: Any,
    width: int,
    compute: Callable[[Block], xr.Dataset],
) -> xr.Dataset:
    """The record of settings on seeds: from the store where it has them, computed block by block where not.

    Args:
        settings: a settings object.
        seeds: the wanted seeds, in order.
        store: a `Store`, a path, or None.
        width: largest number of networks in a block.
        compute: makes the record of a block, without its padding.
    """
    fingerprint = experiment_fingerprint(settings)
    store = store if store is None or isinstance(store, Store) else Store(store)
    if fingerprint is None:
        store = None  # a Python function among the settings: two such runs cannot be told apart
    found = {} if store is None else store.find(fingerprint, seeds)
    blocks = -(-len(seeds) // width)
    rows = -(-len(seeds) // blocks)
    fresh = []
    for at in range(0, len(seeds), rows):
        missing = [seed for seed in seeds[at : at + rows] if seed not in found]
        if not missing:
            continue
        padded = tuple((missing * rows)[:rows]) if blocks > 1 else tuple(missing)
        block = Block(padded, len(missing), store and store.checkpoints(fingerprint, padded))
        record = compute(block)
        if store is not None:
            store.save(record, block)
            block.checkpoints.clear()
        fresh.append(record)
    return join([*found.values(), *fresh], seeds)


def join(records: Sequence[xr.Dataset], seeds: Sequence[int]) -> xr.Dataset:
    """Records of one experiment as one, its rows in the order of the seeds."""
    if len(records) == 1:
        return records[0].sel(seed=list(seeds)).load()
    joined = xr.concat([r.load() for r in records], "seed", combine_attrs="override", join="exact").sel(
        seed=list(seeds)
    )
    joined.attrs["notes"] = json.dumps(sorted({note for record in records for note in notes_of(record)}))
    unique = {record.attrs["created"]: record.attrs["seconds"] for record in records}
    return joined.assign_attrs(seconds=sum(unique.values()))


def open_record(path: str | os.PathLike[str]) -> xr.Dataset:
    """A record on disk, opened lazily and checked for its schema."""
    record = xr.open_dataset(path, engine="zarr", consolidated=False, chunks=None)
    check_schema(record)
    return record


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """The seeds as distinct whole numbers, or a sentence that says what is wrong with them."""
    values = [seeds] if isinstance(seeds, (int, np.integer)) else list(seeds)
    if not values or any(
        not isinstance(s, (int, np.integer)) or isinstance(s, bool) or s < 0 for s in values
    ):
        raise ValueError(f"seeds={seeds!r} is no list of seeds; give whole numbers from 0 on, e.g. range(6).")
    if len(set(values)) < len(values):
        raise ValueError(f"seeds={values} names a seed twice; each is one row of the record.")
    return tuple(int(s) for s in values)


def block_name(seeds: Sequence[int]) -> str:
    """A folder name for a list of seeds in order."""
    return hashlib.sha256(json.dumps(list(seeds)).encode()).hexdigest()[:12]


def _sync(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
