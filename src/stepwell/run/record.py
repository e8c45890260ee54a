"""The schema of a record: what a run was and what it showed, as an `xarray.Dataset`."""

import datetime
import functools
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
import xarray as xr

from stepwell.experiment import TABLES, experiment_fingerprint
from stepwell.settings import from_json, to_json

SCHEMA = 2
"""Version of the schema, kept in `attrs["schema"]`; a record of another version is refused."""

DIMENSIONS = {
    "W": ("unit", "unit_from"),
    "b": ("unit", "input"),
    "c": ("output", "unit"),
    "c0": ("output",),
    "m": ("unit", "rank"),
    "n": ("unit", "rank"),
    "feedback": ("unit", "output"),
}


def dataset(
    settings: Any,
    seeds: Sequence[int],
    curves: Mapping[str, np.ndarray],
    snapshots: Mapping[str, np.ndarray],
    times: Mapping[str, np.ndarray],
    seconds: float,
    notes: Sequence[str] = (),
) -> xr.Dataset:
    """A record in the schema.

    Args:
        settings: the settings object that was run.
        seeds: one per row.
        curves: `loss`, `gradient_norm`, [seed, update].
        snapshots: parameters and readings, [seed, snapshot, ...].
        times: coordinates `update`, `learning_time` [update] and `snapshot_update`, `snapshot_learning_time`
            [snapshot]; the learning times may have the seed as first axis.
        seconds: wall time of the run.
        notes: sentences about what went differently than asked (divergence, a resumed run on another
            machine).

    Returns:
        A dataset with `diverged_at` [seed]: the first update whose loss or gradient is not finite, -1 if
        there is none.
    """
    finite = np.isfinite(curves["loss"]) & np.isfinite(curves["gradient_norm"])
    diverged = np.where(finite.all(axis=1), -1, np.argmin(finite, axis=1)).astype(np.int64)
    variables: dict[str, Any] = {name: (("seed", "update"), values) for name, values in curves.items()}
    for name, values in snapshots.items():
        extra = values.ndim - 2
        names = DIMENSIONS.get(name, ())
        dims = names if len(names) == extra else tuple(f"{name}_axis{i}" for i in range(extra))
        variables[name] = (("seed", "snapshot", *dims), values)
    variables["diverged_at"] = ("seed", diverged)
    coordinates = {
        "seed": np.asarray(seeds, np.int64),
        "update": times["update"],
        "snapshot_update": ("snapshot", times["snapshot_update"]),
    }
    for name, dim in (("learning_time", "update"), ("snapshot_learning_time", "snapshot")):
        coordinates[name] = (("seed", dim)[-times[name].ndim :], times[name])
    notes = [*notes, *divergence(seeds, diverged)]
    return xr.Dataset(variables, coordinates, attributes(settings, seconds, notes))


def attributes(settings: Any, seconds: float, notes: Sequence[str] = ()) -> dict[str, Any]:
    """What a record says about its own making: settings, versions, device, time."""
    experiment = getattr(settings, "experiment", settings)
    fingerprint = experiment_fingerprint(settings)
    return {
        "schema": SCHEMA,
        "settings": json.dumps(to_json(settings, TABLES)) if fingerprint else repr(settings),
        "fingerprint": fingerprint or "",
        "versions": _versions(),
        "device": jax.devices()[0].device_kind,
        "machine": platform.machine(),
        "dtype": getattr(experiment, "dtype", "float64"),
        "seconds": float(seconds),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "notes": json.dumps(list(notes)),
    }


@functools.cache  # each is looked up on the disk
def _versions() -> str:
    return json.dumps({name: version(name) for name in ("stepwell", "jax", "jaxlib", "numpy", "optax")})


def settings_of(record: xr.Dataset) -> Any:
    """The settings object that made a record."""
    check_schema(record)
    if not record.attrs["fingerprint"]:
        raise ValueError(
            "this record has no settings: a Python function recorded it, or it is of runs with several."
        )
    return from_json(json.loads(record.attrs["settings"]), TABLES)


def notes_of(record: xr.Dataset) -> list[str]:
    """The sentences about what went differently than asked."""
    return json.loads(record.attrs["notes"])


def check_schema(record: xr.Dataset) -> None:
    """Refuse a record of another schema version, or what is no record at all."""
    found = record.attrs.get("schema")
    if found != SCHEMA:
        raise ValueError(
            f"this record has schema version {found}, stepwell {version('stepwell')} reads version {SCHEMA}; "
            "open it with the version that wrote it, or run the experiment again."
        )


def divergence(seeds: Sequence[int], diverged: np.ndarray) -> list[str]:
    """A sentence about the runs that diverged, if any did; from `diverged_at` [seed]."""
    lost = [f"{seed} at update {at}" for seed, at in zip(seeds, diverged) if at >= 0]
    return [f"diverged: seed {', '.join(lost)}; the record keeps what came before."] if lost else []
