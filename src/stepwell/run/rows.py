"""The rows of a stored block: runs of several settings in one record, what they are, and the way back."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from stepwell.experiment import TABLES
from stepwell.run.block import Block
from stepwell.run.record import divergence, notes_of
from stepwell.settings import to_json


def of_several(record: xr.Dataset, block: Block, notes: Sequence[str]) -> xr.Dataset:
    """The record of a block whose runs have several settings: its rows are runs, each with a seed.

    Args:
        record: a record whose rows are the wanted runs, as if the first settings had made them all.
        block: what they are. notes: on all of them.
    """
    record = record.rename_dims(seed="run").reset_index("seed")
    owners = np.array([index for index, _ in block.wanted])
    listed = json.dumps([to_json(settings, TABLES) for settings in block.settings])
    record = record.assign_coords(settings=("run", owners))
    return record.assign_attrs(settings=listed, fingerprint="", notes=json.dumps(list(notes)))


def of_one(record: xr.Dataset, entry: dict[str, Any], fingerprint: str, rows: Sequence[int]) -> xr.Dataset:
    """The rows of one settings object in the record of a block, as a record of their own."""
    if len(entry["settings"]) == 1:
        return record.isel(seed=list(rows))
    index = entry["fingerprints"].index(fingerprint)
    record = record.isel(run=list(rows)).swap_dims(run="seed").drop_vars("settings")
    own = [name for name, axis in record.coords.items() if "seed" in axis.dims and name != "seed"]
    record = record.assign_coords({name: record[name].isel(seed=0, drop=True) for name in own})
    diverged = divergence(record.seed.values.tolist(), record.diverged_at.values)
    return record.assign_attrs(
        settings=json.dumps(entry["settings"][index]),
        fingerprint=fingerprint,
        seconds=record.attrs["seconds"] * len(rows) / len(entry["runs"]),
        notes=json.dumps([*entry["notes"], *diverged]),
    )


def described(record: xr.Dataset, block: Block, name: str) -> dict[str, Any]:
    """The entry of a block in the catalogue: its runs and settings, how they went, how its arrays look.

    Coordinates have a digest, so that those which runs share are known to be equal.
    """
    diverged = record.diverged_at.values.tolist() if "diverged_at" in record else []
    arrays = {
        str(key): [
            list(variable.dims),
            list(variable.shape),
            variable.dtype.name,
            hashlib.sha256(np.asarray(variable.values).tobytes()).hexdigest()[:16]
            if key in record.coords
            else "",
        ]
        for key, variable in record.variables.items()
    }
    return {
        "block": name,
        "schema": record.attrs["schema"],
        "fingerprints": list(block.fingerprints),
        "settings": [to_json(settings, TABLES) for settings in block.settings],
        "runs": [list(run) for run in block.wanted],
        "diverged_at": diverged,
        "arrays": arrays,
        "notes": notes_of(record),
        **{key: record.attrs[key] for key in ("created", "seconds", "dtype", "device", "versions")},
    }
