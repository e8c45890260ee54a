"""Records as files: a zarr group that knows the digest of each of its files.

The attributes of the group's root carry the digests of all other files and a seal over themselves, so that a
file which is lost, cut short or altered is found out when it is read, and named.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, WrapperStore

CHUNK_BYTES = 2**23
ROOT = "zarr.json"
OURS = ("entry", "files", "seal")
"""Attributes of the root that are no part of the record."""
SYNCING = ThreadPoolExecutor(8)
"""Flushes files to the disk, some at a time: a file system commits them together."""


def write(folder: Path, record: xr.Dataset, entry: Mapping[str, Any]) -> None:
    """Write a record of numbers into a new folder, with an entry about it, and return when it is safe.

    The files are put down directly and not through zarr, whose writer spends longer on a small record than
    its training takes.

    Raises:
        TypeError: for a variable that does not hold numbers.
    """
    files, metadata = {}, {}
    for name, variable in record.variables.items():
        metadata[str(name)], chunks = _array(str(name), variable)
        files[f"{name}/{ROOT}"] = json.dumps(metadata[str(name)]).encode()
        files |= {f"{name}/{key}": data for key, data in chunks}
    digests = {name: _digest(data) for name, data in files.items()}
    coordinates = " ".join(str(name) for name in record.coords if name not in record.dims)
    root = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {**record.attrs, "coordinates": coordinates, "files": digests, "entry": entry},
        "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": metadata},
    }
    root["attributes"]["seal"] = _digest(_text(root))
    files[ROOT] = _text(root)
    _put_down(folder, files)


def opened(folder: Path) -> xr.Dataset:
    """The record in a folder, opened lazily; a damaged part raises a `ValueError` that names it when read."""
    store: Any = _checked(folder)
    record = xr.open_dataset(store, engine="zarr", consolidated=True, chunks=None)
    record.attrs = {name: value for name, value in record.attrs.items() if name not in OURS}
    return record


def array(folder: Path, name: str) -> "zarr.Array[Any]":
    """One array of the record in a folder, opened lazily."""
    return zarr.open_array(_checked(folder), path=name, mode="r")


def root(folder: Path) -> dict[str, Any]:
    """The root of a group: its attributes, the metadata of its arrays, the digests of its files.

    Raises:
        ValueError: if it is damaged. FileNotFoundError: if there is none.
    """
    found: dict[str, Any] = {}
    try:
        found = json.loads((folder / ROOT).read_bytes())
        seal = found["attributes"].pop("seal")
        whole = seal == _digest(_text(found))
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise ValueError(_damaged(folder / ROOT, "it is not what was written"))
    if any(".." in Path(name).parts or Path(name).is_absolute() for name in found["attributes"]["files"]):
        raise ValueError(_damaged(folder / ROOT, "it names a file outside of its folder"))
    return found


def damages(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every damaged file of a group, with what is wrong with it."""
    try:
        digests = root(folder)["attributes"]["files"]
    except (ValueError, OSError):
        yield folder / ROOT, "it is missing or not what was written"
        return
    for name, digest in digests.items():
        reason = _reason(folder / name, digest)
        if reason:
            yield folder / name, reason


class _Checked(WrapperStore[LocalStore]):
    """A group's files, each compared with its digest when it is read."""

    digests: Mapping[str, str] = {}

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        if key in self.digests:
            reason = _reason(self._store.root / key, self.digests[key])
            if reason:
                raise ValueError(_damaged(self._store.root / key, reason))
        return await self._store.get(key, prototype, byte_range)


def _checked(folder: Path) -> _Checked:
    store = _Checked(LocalStore(folder, read_only=True))
    store.digests = root(folder)["attributes"]["files"]
    return store


def _reason(path: Path, digest: str) -> str | None:
    """What is wrong with a file; None if nothing is."""
    try:
        return None if _digest(path.read_bytes()) == digest else "it is not what was written"
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def _damaged(path: Path, reason: str) -> str:
    return (
        f"'{path}' is damaged: {reason}. `stepwell store verify` lists all that is, `stepwell store prune "
        "--damaged` removes those runs, and the command that made them makes them again."
    )


def _array(name: str, variable: xr.Variable) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    """The metadata of an array, and its chunks by key: whole, or cut along its second axis if it is large."""
    values = np.asarray(variable.values)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"the variable '{name}' holds {values.dtype}; a record holds numbers.")
    values = values.astype(values.dtype.newbyteorder("<"), order="C", copy=False)
    shape = tuple(max(1, size) for size in values.shape)
    length = shape[1] if len(shape) > 1 else 1
    count = min(length, math.ceil(values.nbytes / CHUNK_BYTES)) or 1
    rows = math.ceil(length / count)
    if len(shape) > 1:
        shape = (shape[0], rows, *shape[2:])
    described = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": values.shape,
        "data_type": values.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": _FILL[values.dtype.kind],
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": dict(variable.attrs),
        "dimension_names": variable.dims,
        "storage_transformers": [],
    }
    return described, list(_chunks(values, rows)) if values.size else []


def _chunks(values: np.ndarray, rows: int) -> Iterator[tuple[str, bytes]]:
    if values.ndim < 2:
        yield ".".join(["c", *["0"] * values.ndim]), values.tobytes()
        return
    for index, at in enumerate(range(0, values.shape[1], rows)):
        part = values[:, at : at + rows]
        # Every chunk of a regular grid has the full size.
        padding = [(0, rows - part.shape[1]) if axis == 1 else (0, 0) for axis in range(part.ndim)]
        key = ".".join(["c", "0", str(index), *["0"] * (values.ndim - 2)])
        yield key, np.pad(part, padding).tobytes()


_FILL = {"b": False, "i": 0, "u": 0, "f": "NaN", "c": ["NaN", "NaN"]}


def _put_down(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files and flush them, with the folders that hold them, to the disk."""
    folders = {(folder / name).parent for name in files} | {folder}
    for each in sorted(folders):
        each.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    list(SYNCING.map(_sync, [*(folder / name for name in files), *folders]))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _text(data: Any) -> bytes:
    return json.dumps(data).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
