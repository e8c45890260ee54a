"""Records on disk, by fingerprint: nothing is trained twice or half-written, and what was stopped goes on.

A store is a folder: `runs/` holds finished blocks of runs, `catalogue.jsonl` says what they are, `partial/`
the checkpoints of blocks that are under way, `locks/` who is at work. A block is written to another place on
the same disk and then takes its name at once.
"""

import json
import os
import shutil
import tempfile
import uuid
import warnings
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from stepwell.experiment import experiment_fingerprint
from stepwell.run import archive
from stepwell.run.block import Block, block_name, blocks_of
from stepwell.run.checkpoint import Checkpoints, write_durably
from stepwell.run.index import Index
from stepwell.run.locks import locked
from stepwell.run.record import SCHEMA, check_schema, notes_of
from stepwell.run.rows import described, of_one

Compute = Callable[[Block], xr.Dataset]
MARKER = "stepwell-store.json"


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
        marker = self.path / MARKER
        if marker.exists():
            _check_version(marker)
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            write_durably(marker, json.dumps({"schema": SCHEMA}).encode())
        self.index = Index(self.path)

    @staticmethod
    def temporary() -> "Store":
        """A store that is removed when nothing is left that was opened from it."""
        store = Store(tempfile.mkdtemp(prefix="stepwell-"))
        weakref.finalize(store.index, shutil.rmtree, store.path, ignore_errors=True)
        return store

    def find(self, fingerprint: str, seeds: Collection[int]) -> list[xr.Dataset]:
        """The finished rows of an experiment, opened lazily, one record per block that has some."""
        self.index.refresh()
        found: dict[str, list[int]] = {}
        for seed, (block, row) in self.index.rows.get(fingerprint, {}).items():
            if seed in seeds:
                found.setdefault(block, []).append(row)
        return [
            of_one(open_record(self.index.file(block)), self.index.entries[block], fingerprint, rows)
            for block, rows in found.items()
            if self.index.file(block).exists()
        ]

    def missing(self, block: Block) -> list[tuple[int, int]]:
        """The wanted runs of a block that are not in the store."""
        self.index.refresh()
        rows = [self.index.rows.get(fingerprint, {}) for fingerprint in block.fingerprints]
        return [
            (index, seed)
            for index, seed in block.wanted
            if seed not in rows[index] or not self.index.file(rows[index][seed][0]).exists()
        ]

    def save(self, record: xr.Dataset, block: Block) -> Path:
        """Write a finished block; a record that is there already stays."""
        name = block_name(block)
        entry = described(record, block, name)
        target, temporary = self.index.file(name), self.path / "partial" / f"{name}.{uuid.uuid4().hex}.tmp"
        try:
            archive.write(temporary, record, entry)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                self.index.add(entry)
                os.rename(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def checkpoints(self, block: Block) -> Checkpoints:
        """Where a block keeps its state while it is under way."""
        name = block_name(block)
        return Checkpoints(self.path / "partial" / name, name, block.seeds)

    @contextmanager
    def claimed(self, block: Block, wait: bool = True) -> Iterator[bool]:
        """Hold the wanted runs of a block, so that no other process trains them.

        Args:
            block: its runs.
            wait: until nobody else has any of them.

        Yields:
            Whether they are held.

        Raises:
            ValueError: if the store cannot be written.
        """
        names = [f"{fingerprint}-{seed}" for fingerprint, seed in block.cells]
        try:
            for folder in ("locks", "partial", "runs"):
                (self.path / folder).mkdir(exist_ok=True)
            claim = locked(self.path / "locks", names, wait)
            held = claim.__enter__()
        except OSError as error:
            raise ValueError(
                f"the store '{self.path}' cannot be written ({error.strerror}), and it lacks runs that are "
                "wanted; give a store that can, or make room."
            ) from error
        try:
            yield held
        finally:
            claim.__exit__(None, None, None)


def settle(block: Block, store: Store, compute: Compute, wait: bool = True) -> bool:
    """Make sure that a store has the wanted runs of a block.

    Args:
        block: what is wanted.
        store: where it is kept.
        compute: makes the record of a block, without the rows that only fill its width.
        wait: for other processes that have some of the runs under way.

    Returns:
        False if another process has some of the runs under way, and nothing was done.
    """
    if not store.missing(block):
        return True
    with store.claimed(block, wait) as held:
        if not held:
            return False
        missing = store.missing(block)  # what was under way a moment ago may be there now
        if missing:
            rows = len(block.runs) if block.fixed else len(missing)
            block = block._replace(runs=tuple((missing * rows)[:rows]), rows=len(missing))
            checkpoints = store.checkpoints(block)
            store.save(compute(block._replace(checkpoints=checkpoints)), block)
            checkpoints.clear()
    return True


def recall(settings: Any, seeds: Sequence[int], store: Any, width: int, compute: Compute) -> xr.Dataset:
    """The record of settings on seeds: from the store where it has them, computed block by block where not.

    Args:
        settings: a settings object.
        seeds: the wanted seeds, in order.
        store: a `Store`, a path, or None.
        width: largest number of networks in a block.
        compute: makes the record of a block, without the rows that only fill its width.
    """
    fingerprint, fresh = experiment_fingerprint(settings), []
    store = store if store is None or isinstance(store, Store) else Store(store)

    def computed(block: Block) -> xr.Dataset:
        fresh.append(compute(block))
        return fresh[-1]

    for block in blocks_of(settings, seeds, width):
        if store is None or fingerprint is None:  # with a Python function two runs cannot be told apart
            computed(block)
        else:
            _kept(block, store, computed)
    rest = set(seeds) - {seed for record in fresh for seed in record.seed.values.tolist()}
    return join([*fresh, *(store.find(fingerprint, rest) if rest else [])], seeds)


def _kept(block: Block, store: Store, compute: Compute) -> None:
    """Settle a block; a disk that is full costs the record's keeping, not the record."""
    try:
        settle(block, store, compute)
    except OSError as error:
        warnings.warn(f"the store '{store.path}' could not keep a record: {error.strerror}.", stacklevel=4)


def join(records: Sequence[xr.Dataset], seeds: Sequence[int]) -> xr.Dataset:
    """Records of one experiment as one, its rows in the order of the seeds."""
    if len(records) == 1:
        return records[0].sel(seed=list(seeds)).load()
    joined = xr.concat([r.load() for r in records], "seed", combine_attrs="override", join="exact").sel(
        seed=list(seeds)
    )
    joined.attrs["notes"] = json.dumps(sorted({note for record in records for note in notes_of(record)}))
    return joined.assign_attrs(seconds=sum(record.attrs["seconds"] for record in records))


def open_record(path: str | os.PathLike[str]) -> xr.Dataset:
    """A record on disk, opened lazily and checked for its schema."""
    record = archive.opened(Path(path))
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


def _check_version(marker: Path) -> None:
    try:
        found = json.loads(marker.read_bytes())["schema"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"'{marker}' is damaged; if the folder is a store, write {json.dumps({'schema': SCHEMA})} there."
        ) from None
    if found != SCHEMA:
        raise ValueError(
            f"the store '{marker.parent}' has schema version {found}, this stepwell reads version {SCHEMA}; "
            "use the version that wrote it, or another folder."
        )
