"""The upkeep of a store: what is damaged in it, what is left over in it, and taking runs out of it."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from stepwell.run import archive
from stepwell.run.catalogue import existing
from stepwell.run.failures import forget_made
from stepwell.run.locks import locked
from stepwell.run.record import SCHEMA
from stepwell.run.store import Store

WRITERS = {
    ".nc": lambda record, path: _netcdf(record).to_netcdf(path),
    ".csv": lambda record, path: _curves(record).to_csv(path, index=False),
    # Format 2 is what most other programs read, and the only one with texts of any length.
    ".zarr": lambda record, path: record.to_zarr(path, zarr_format=2, consolidated=True),
}


class Damage(NamedTuple):
    """A file of a store that is not as it was written, and what is wrong with it."""

    path: Path
    reason: str


def verify(store: Any) -> Iterator[Damage]:
    """Read every file of a store and compare it with its digest.

    Args:
        store: folder or `Store`.
    """
    store = existing(store)
    for name in store.index.on_disk():
        path = store.index.file(name)
        damages = [Damage(*each) for each in archive.damages(path)]
        yield from damages
        version = None if damages else archive.root(path)["attributes"]["schema"]
        if version not in (None, SCHEMA):
            yield Damage(path, f"it has schema version {version}, this stepwell reads version {SCHEMA}")
    for number in store.index.bad_lines():
        yield Damage(store.path / "catalogue.jsonl", f"line {number} is not what was written; prune mends it")


def prune(store: Any, damaged: bool = False, unfinished: bool = False) -> list[Path]:
    """Remove what nobody needs: remains of stopped processes, checkpoints of finished blocks.

    Args:
        store: folder or `Store`.
        damaged: also the blocks of runs with a damaged part; the command that made them makes them again.
        unfinished: also the checkpoints of blocks that are not finished.

    Returns:
        What was removed.

    Raises:
        ValueError: if a process is at work in the store.
    """
    store = existing(store)
    leftovers = [path for path in (store.path / "partial").glob("*") if unfinished or _done(store, path)]
    if damaged:
        leftovers += sorted({_block(store, damage.path) for damage in verify(store)} - {store.path})
    locks = store.path / "locks"
    with locked(locks, None if locks.exists() else (), wait=False) as alone:
        if not alone:
            raise ValueError(f"somebody is at work in the store '{store.path}'; prune it when they are done.")
        for path in leftovers:
            _remove(path)
    if locks.exists():
        store.index.rewrite()
    forget_made(store)
    return leftovers


def export(record: xr.Dataset, path: Path) -> None:
    """Write a record for other programs.

    Args:
        record: from `open_runs` or `sweep`.
        path: ends in .nc (NetCDF; complex arrays become two), .csv (the curves, one line per update) or
            .zarr.

    Raises:
        ValueError: for another ending, or if there is such a file already.
    """
    if path.suffix not in WRITERS:
        raise ValueError(f"'{path}' ends in none of {', '.join(WRITERS)}; give one of them.")
    if path.exists():
        raise ValueError(f"'{path}' is there already; give another name, or remove it.")
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        WRITERS[path.suffix](record, temporary)
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def _done(store: Store, path: Path) -> bool:
    """Whether what lies among work in progress serves nothing any more."""
    return path.suffix == ".tmp" or store.index.file(path.name).exists()


def _block(store: Store, path: Path) -> Path:
    """The file of the block that a damaged part belongs to; the store's folder if there is none."""
    names = (each for each in (path, *path.parents) if each.name.endswith(archive.SUFFIX))
    return next(names, store.path)


def _remove(path: Path) -> None:
    """Take away a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _netcdf(record: xr.Dataset) -> xr.Dataset:
    """A record without complex arrays, which NetCDF does not have."""
    for name, variable in record.variables.items():
        if variable.dtype.kind == "c":
            parts = {f"{name}_real": record[name].real, f"{name}_imag": record[name].imag}
            record = record.drop_vars(str(name)).assign(parts)
    return record


def _curves(record: xr.Dataset) -> Any:
    """The loss and the norm of the direction at every update as a table."""
    kept = record[[name for name in ("loss", "gradient_norm") if name in record]]
    return kept.reset_coords(drop=False).to_dataframe().reset_index()
