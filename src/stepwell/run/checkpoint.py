"""The state of a block that is under way, kept so that a killed run goes on with the same bits."""

import hashlib
import json
import os
import platform
import shutil
import time
import uuid
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

SECONDS_BETWEEN = 5.0
KEPT = 2
SEAL = 32
"""Bytes of the digest at the end of a file."""


class Checkpoints:
    """The checkpoints of one block in one folder: parts of the record as they came, and the last two carries.

    Args:
        folder: where; made when the first checkpoint is written.
        fingerprint: of the settings. seeds: of the block, in order.
    """

    def __init__(self, folder: Path, fingerprint: str, seeds: tuple[int, ...]):
        self.folder, self.fingerprint, self.seeds = folder, fingerprint, seeds
        self._written, self._last = 0, time.monotonic()

    def save(self, carry: Any, pieces: Sequence[Any], force: bool = False) -> None:
        """Keep the carry and the pieces that are not kept yet, if the last time is long enough ago."""
        if not force and time.monotonic() - self._last < SECONDS_BETWEEN:
            return
        self._last = time.monotonic()
        try:
            self._write(carry, pieces)
        except OSError as error:  # a disk that is full may have room again the next time
            told = f"no checkpoint could be written ({error.strerror}); the run goes on without"
            warnings.warn(f"{told}.", stacklevel=2)

    def _write(self, carry: Any, pieces: Sequence[Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for index in range(self._written, len(pieces)):
            write_durably(self.folder / f"part-{index:06d}.npz", _packed(jax.tree.leaves(pieces[index])))
        self._written = len(pieces)
        about = {**_identity(), "fingerprint": self.fingerprint, "seeds": self.seeds, "parts": len(pieces)}
        leaves = [_raw(leaf) for leaf in jax.tree.leaves(carry)]
        name = f"carry-{int(carry.update):012d}.npz"
        write_durably(self.folder / name, _packed(leaves, about=np.array(json.dumps(about))))
        for old in sorted(self.folder.glob("carry-*.npz"))[:-KEPT]:
            old.unlink()

    def load(self, start: Any, piece: Any) -> tuple[Any, list[Any], list[str]] | None:
        """The newest checkpoint that is whole.

        Args:
            start: a carry of the same structure. piece: likewise, a piece of the record.

        Returns:
            The carry, the pieces so far, and notes for the record; None if there is no checkpoint.
        """
        for path in sorted(self.folder.glob("carry-*.npz"), reverse=True):
            try:
                leaves, about = _unpacked(path)
                kept = [self.folder / f"part-{index:06d}.npz" for index in range(about["parts"])]
                pieces = [jax.tree.unflatten(jax.tree.structure(piece), _unpacked(p)[0]) for p in kept]
            except (OSError, ValueError):
                continue  # damaged: the one before it is as good, only older
            if about["fingerprint"] != self.fingerprint or tuple(about["seeds"]) != self.seeds:
                raise ValueError(f"the checkpoint '{path}' belongs to another run; remove its folder.")
            old, structure = jax.tree.flatten(start)
            carry = jax.tree.unflatten(structure, [_like(a, b) for a, b in zip(leaves, old)])
            self._written = len(pieces)
            changed = [k for k, v in _identity().items() if about.get(k) != v]
            if not changed:
                return carry, pieces, []
            change = f"resumed at update {int(carry.update)} with another {', '.join(changed)}"
            return carry, pieces, [f"{change}: equal to rounding only."]
        return None

    def clear(self) -> None:
        """Forget the checkpoints of a finished block."""
        shutil.rmtree(self.folder, ignore_errors=True)


def processor() -> str:
    """The model of the processor and its instructions, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return " ".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _packed(leaves: Sequence[Any], **extra: np.ndarray) -> bytes:
    buffer = BytesIO()
    arrays = {f"leaf_{i:04d}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
    np.savez(buffer, allow_pickle=False, **arrays, **extra)
    return buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest()  # behind its end zip reads nothing


def _unpacked(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    whole = path.read_bytes()
    packed, seal = whole[:-SEAL], whole[-SEAL:]
    if hashlib.sha256(packed).digest() != seal:
        raise ValueError(f"'{path}' is not what was written.")
    with np.load(BytesIO(packed), allow_pickle=False) as data:
        leaves = [data[name] for name in sorted(data.files) if name.startswith("leaf_")]
        return leaves, json.loads(str(data["about"])) if "about" in data.files else {}


def _raw(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _like(value: np.ndarray, old: Any) -> Any:
    if jnp.issubdtype(old.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(value))
    return jnp.asarray(value, old.dtype)


def _identity() -> dict[str, str]:
    """What must be equal for equal bits."""
    versions = {name: version(name) for name in ("stepwell", "jax", "jaxlib")}
    return {**versions, "processor": processor()}
