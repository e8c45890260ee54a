"""Recordings of followed training loops: parts in a folder until they are finished, then records of a store.

A recording lies in the folder `partial/` of the store in parts, each written whole or not at all. What a
killed process leaves there becomes a record when the next recording in the store begins.
"""

import json
import shutil
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
import xarray as xr

from stepwell.experiment import TABLES
from stepwell.interop.stacked import Stacked
from stepwell.run.block import Block, blocks_of
from stepwell.run.locks import locked
from stepwell.run.record import dataset
from stepwell.run.store import Store
from stepwell.settings import from_json, setting

ABOUT, LAST = "recording.json", "last.npz"
"""The settings of a recording, and its parameters of the moment."""
PARAM = "param "
"""Before the names of parameters in a part."""


class TorchRun(eqx.Module):
    """What a record of a followed training loop says about itself.

    Attributes:
        name: given by the user.
        model: the class of the model.
        network: what it is in stepwell; None for a model that `from_torch` does not know.
        every: updates between two snapshots.
        learning_rate: in units of learning time per update.
        dtype: of its parameters.
        seed: row of the record.
        begun: when the recording began.
    """

    name: str = setting("run")
    model: str = setting("")
    network: Stacked | None = None
    every: int = setting(100)
    learning_rate: float = setting(1.0)
    dtype: str = setting("float32")
    seed: int = setting(0)
    begun: str = setting("")


def unfinished(store: Any) -> list[xr.Dataset]:
    """The records so far of the recordings in a store that are under way or were stopped.

    Args:
        store: folder or `Store`.
    """
    path = store.path if isinstance(store, Store) else Path(store)
    return [_record(folder, ("the recording is not finished.",))[0] for folder in _recordings(path)]


def _recordings(store: Path) -> list[Path]:
    """The folders of recordings that have at least one part."""
    return sorted(
        found.parent for found in store.glob(f"partial/*/{LAST}") if (found.parent / ABOUT).exists()
    )


def keep_leftovers(store: Store) -> None:
    """Make records of what recorders that were stopped have left."""
    for folder in _recordings(store.path):
        (store.path / "locks").mkdir(exist_ok=True)
        with locked(store.path / "locks", [folder.name], wait=False) as held:
            if held:
                saved(store, folder, ("the recording was stopped; the record has what came before.",))


def saved(store: Store, folder: Path, notes: tuple[str, ...]) -> xr.Dataset:
    """The record of what a folder holds, kept in the store in the folder's place."""
    record, settings = _record(folder, notes)
    store.save(record, block_of(settings))
    shutil.rmtree(folder)
    return record


def block_of(settings: TorchRun) -> Block:
    """The block of a recording: one run, with the seed it names."""
    return blocks_of(settings, [settings.seed], 1)[0]


def _record(folder: Path, notes: tuple[str, ...]) -> tuple[xr.Dataset, TorchRun]:
    """The record that the parts in a folder make, and its settings."""
    settings = from_json(json.loads((folder / ABOUT).read_bytes())["settings"], TABLES)
    parts = [_unpacked(path) for path in sorted(folder.glob("part-*.npz"))]
    last = _unpacked(folder / LAST)
    final = int(last["update"])
    curves = {
        name: np.concatenate([p[name] for p in parts])[: final + 1] for name in ("loss", "gradient_norm")
    }
    at = np.concatenate([p["snapshot_update"] for p in parts])
    missing = at[-1] != final  # between two snapshots: the parameters of the moment are the last
    shots = {
        name.removeprefix(PARAM): np.concatenate(
            [*(p[name] for p in parts if name in p), *([last[name][None]] if missing else [])]
        )[None]
        for name in last
        if name.startswith(PARAM)
    }
    at = np.append(at, final) if missing else at
    times = {"update": np.arange(final + 1), "snapshot_update": at}
    times |= {
        f"{which}learning_time": settings.learning_rate * times[f"{which}update"].astype(float)
        for which in ("", "snapshot_")
    }
    untold = np.isnan(curves["gradient_norm"][-1]) and np.isnan(curves["loss"][-1])
    told = {name: np.append(curve[:-1], 0.0) if untold else curve for name, curve in curves.items()}
    if np.isnan(told["gradient_norm"][-1]):  # of the trained model there is no gradient
        told["gradient_norm"] = np.append(curves["gradient_norm"][:-1], 0.0)
    notes = (*notes, *(["the loss after the last update was not told."] if untold else []))
    record = dataset(
        settings,
        [settings.seed],
        {name: curve[None] for name, curve in told.items()},
        shots,
        times,
        float(last["seconds"]),
        notes,
    )
    for name, curve in curves.items():
        record[name] = (("seed", "update"), curve[None])
    return record, settings


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name as the bytes of an npz file, without pickles."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpacked(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}
