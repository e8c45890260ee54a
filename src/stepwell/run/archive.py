"""Records as files: a zarr group in one zip archive that knows the digest of each of its members.

One file costs a disk a small part of what the group's fifty cost it. Its members are not compressed, and the
first is the root, which says of every other one where it lies and what its digest is. So a part that is lost
or altered is found out when it is read, and named, and the others stay readable.
"""

import hashlib
import json
import math
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.core.buffer import Buffer, default_buffer_prototype
from zarr.storage import MemoryStore

CHUNK_BYTES = 2**23
ROOT = "zarr.json"
SUFFIX = ".zarr.zip"
OURS = ("entry", "members", "seal")
"""Attributes of the root that are no part of the record."""
HEADER = struct.Struct("<22xIHH")
"""What stands before a member: its size, and the lengths of its name and of what follows that."""
LONG_AGO = (1980, 1, 1, 0, 0, 0)
BLANK = b"0" * 64
"""The comment of an archive, until it is the digest of all."""
ALTERED, UNREAD = "it is not what was written", "it cannot be read ({})"


def write(path: Path, record: xr.Dataset, entry: Mapping[str, Any]) -> None:
    """Write a record of numbers into a new file, with an entry about it, and return when it is safe.

    Raises:
        TypeError: for a variable that does not hold numbers.
    """
    metadata: dict[str, Any] = {}
    members: dict[str, bytes] = {}
    for name in (*record.coords, *record.data_vars):  # without its coordinates a record cannot be opened
        metadata[str(name)], chunks = _array(str(name), record.variables[name])
        members[f"{name}/{ROOT}"] = json.dumps(metadata[str(name)]).encode()
        members |= {f"{name}/{key}": data for key, data in chunks}
    coordinates = " ".join(str(name) for name in record.coords if name not in record.dims)
    ours = {"members": _places(members), "entry": entry}
    root = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {**record.attrs, "coordinates": coordinates, **ours},
        "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": metadata},
    }
    _put_down(path, {ROOT: sealed(root), **members})


def sealed(root: dict[str, Any]) -> bytes:
    """A root as it is kept, with a digest of itself."""
    attributes = {name: value for name, value in root["attributes"].items() if name != "seal"}
    seal = _digest(_text({**root, "attributes": attributes}))
    return _text({**root, "attributes": {**attributes, "seal": seal}})


def opened(path: Path) -> xr.Dataset:
    """The record in a file, opened lazily; a damaged part raises a `ValueError` that names it when read."""
    record = xr.open_dataset(_store(path), engine="zarr", consolidated=True, chunks=None)
    record.attrs = {name: value for name, value in record.attrs.items() if name not in OURS}
    return record


def array(path: Path, name: str) -> "zarr.Array[Any]":
    """One array of the record in a file, opened lazily."""
    return zarr.open_array(_store(path), path=name, mode="r")


def root(path: Path) -> dict[str, Any]:
    """The root of a group: its attributes, the metadata of its arrays, the places of its other members.

    Raises:
        ValueError: if it is damaged, or cannot be read.
    """
    return _Members(path).root


def damages(path: Path) -> Iterator[tuple[Path, str]]:
    """Every damaged member of a file, with what is wrong with it; the file itself if it is none of them."""
    try:
        members = _Members(path)
        damaged = [(path / name, reason) for name in members.places if (reason := members.read(name)[1])]
        whole = path.read_bytes()
    except (ValueError, OSError):
        yield path / ROOT, f"it is missing, or {ALTERED}"
        return
    yield from damaged
    if not damaged and whole[-len(BLANK) :] != _digest(whole[: -len(BLANK)] + BLANK).encode():
        yield path, "what frames its members is not what was written"


def _store(path: Path) -> Any:
    members: Any = _Members(path)  # a store that is read only does with any mapping
    return MemoryStore(members, read_only=True)


class _Members(Mapping[str, Buffer]):
    """What an archive holds, by name, each compared with its digest when it is read.

    Args:
        path: of the archive.

    Raises:
        ValueError: if its root is damaged, or cannot be read.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            with open(path, "rb") as file:
                length, *names = HEADER.unpack(file.read(HEADER.size))
                file.seek(sum(names), os.SEEK_CUR)
                self.text, self.body = file.read(length), file.tell()
            self.root = json.loads(self.text)
            whole = self.text == sealed(self.root)
        except OSError as error:
            raise ValueError(_damaged(path, UNREAD.format(error.strerror))) from None
        except (struct.error, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole:
            raise ValueError(_damaged(path / ROOT, ALTERED))
        self.places: dict[str, tuple[int, int, str]] = self.root["attributes"]["members"]

    def __getitem__(self, name: str) -> Buffer:
        data, reason = (self.text, None) if name == ROOT else self.read(name)
        if reason:
            raise ValueError(_damaged(self.path / name, reason))
        return default_buffer_prototype().buffer.from_bytes(data)

    def __iter__(self) -> Iterator[str]:
        return iter((ROOT, *self.places))

    def __len__(self) -> int:
        return 1 + len(self.places)

    def read(self, name: str) -> tuple[bytes, str | None]:
        """A member other than the root, and what is wrong with it; None if nothing is."""
        start, length, digest = self.places[name]
        try:
            with open(self.path, "rb") as file:
                file.seek(self.body + start)
                data = file.read(length)
        except OSError as error:
            return b"", UNREAD.format(error.strerror)
        return data, None if _digest(data) == digest else ALTERED


def _damaged(path: Path, reason: str) -> str:
    return (
        f"'{path}' is damaged: {reason}. `stepwell store verify` lists all that is, `stepwell store prune "
        "--damaged` removes those runs, and the command that made them makes them again."
    )


def _places(members: Mapping[str, bytes]) -> dict[str, list[Any]]:
    """Where members lie behind the root, in bytes, how long they are, and their digests."""
    places, start = {}, 0
    for name, data in members.items():
        start += HEADER.size + len(name.encode())
        places[name] = [start, len(data), _digest(data)]
        start += len(data)
    return places


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


def _put_down(path: Path, members: Mapping[str, bytes]) -> None:
    """Write members into an archive, seal it with the digest of all, and flush it to the disk."""
    with open(path, "w+b") as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.comment = BLANK
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data)
        file.seek(0)
        seal = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(-len(BLANK), os.SEEK_END)
        file.write(seal.encode())
        file.flush()
        os.fsync(file.fileno())


def _text(data: Any) -> bytes:
    return json.dumps(data).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
