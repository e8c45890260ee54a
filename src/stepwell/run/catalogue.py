"""Finding stored runs by their settings, without opening an array."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from stepwell.experiment import TABLES
from stepwell.names import unknown
from stepwell.run.cube import as_labels, cube
from stepwell.run.store import MARKER, Store
from stepwell.settings import to_json

SPARSE = 4
"""Places of a grid per run in it, beyond which runs are listed in a row instead."""
ABSENT = "-"
"""Label of a setting that a run does not have."""


class Listed(NamedTuple):
    """Runs of one settings object.

    Attributes:
        fingerprint: of the settings. settings: as plain data.
        seeds: in ascending order. diverged: those of them that diverged.
        created: when the last of them was made.
    """

    fingerprint: str
    settings: dict[str, Any]
    seeds: tuple[int, ...]
    diverged: tuple[int, ...]
    created: str


def listed(store: Any, settings: Mapping[str, Any] | None = None) -> list[Listed]:
    """The runs in a store that have some settings.

    Args:
        store: folder or `Store`.
        settings: values by path, e.g. `{"network.sigma0": 1e-4, "rule": "rflo"}`; a text is read as on the
            command line. Left out: all runs.

    Raises:
        ValueError: if there is no store, or no run in it has a setting of such a name.
    """
    wanted = {path.removeprefix("experiment."): _value(value) for path, value in (settings or {}).items()}
    store, found = existing(store), {}
    store.index.refresh()
    for entry in store.index.entries.values():
        for index, (fingerprint, data) in enumerate(
            zip(entry["fingerprints"], entry["settings"], strict=True)
        ):
            if all(_leaf(data, path) == value for path, value in wanted.items()):
                found.setdefault(fingerprint, (data, {}, []))
                found[fingerprint][1].update(_course(entry, index))
                found[fingerprint][2].append(entry["created"])
    if not found:
        _check_paths(store, wanted)
    return [
        Listed(
            fingerprint,
            data,
            tuple(sorted(course)),
            tuple(sorted(seed for seed, at in course.items() if at >= 0)),
            max(created),
        )
        for fingerprint, (data, course, created) in found.items()
    ]


def open_runs(store: Any, settings: Mapping[str, Any] | None = None) -> xr.Dataset:
    """The stored runs that have some settings, as one record, opened lazily.

    Args:
        store: folder or `Store`.
        settings: as for `listed`.

    Returns:
        A record with one dimension before `seed` for every setting that tells the runs apart, and a
        coordinate for every other one that differs. Runs that fill no grid of settings stand in a row, with
        dimension `fingerprint`. Places without a run are NaN.

    Raises:
        ValueError: if there is no store, or no such run in it.
    """
    store = existing(store)
    runs = listed(store, settings)
    if not runs:
        told = ", ".join(f"{path}={value}" for path, value in (settings or {}).items())
        raise ValueError(f"the store '{store.path}' has no run{' with ' if told else ''}{told}.")
    flat = [{path: _label(value) for path, value in leaves(run.settings)} for run in runs]
    varied = _varied(flat)
    axes = _axes(flat, varied)
    if np.prod([len(labels) for labels in axes.values()]) > SPARSE * len(runs):
        axes = {"fingerprint": [run.fingerprint for run in runs]}
        flat = [{**each, "fingerprint": run.fingerprint} for each, run in zip(flat, runs, strict=True)]
    prints = _placed([{**each, "": run.fingerprint} for each, run in zip(flat, runs, strict=True)], axes, "")
    found = cube(store.index, axes, prints, sorted({seed for run in runs for seed in run.seeds}))
    for path in [path for path in varied if path not in axes]:
        values = _placed(flat, axes, path)
        labels = as_labels(values.ravel().tolist()).reshape(values.shape)
        found = found.assign_coords({path: (tuple(axes), labels)})
    if len(runs) == 1:
        return found.assign_attrs(settings=json.dumps(runs[0].settings), fingerprint=runs[0].fingerprint)
    return found.assign_attrs(fingerprint="")


def different(runs: Sequence[Listed]) -> list[str]:
    """What tells runs apart, in a line for each."""
    flat = [{path: _label(value) for path, value in leaves(run.settings)} for run in runs]
    paths = list(_axes(flat, _varied(flat)))
    return [", ".join(f"{path}={each.get(path, ABSENT)}" for path in paths) for each in flat]


def existing(store: Any) -> Store:
    """A store that is there.

    Raises:
        ValueError: if there is none.
    """
    if isinstance(store, Store):
        return store
    if not (Path(store) / MARKER).exists():
        raise ValueError(f"there is no store at '{store}'; give the folder that runs were kept in.")
    return Store(store)


def leaves(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The settings in plain data by their path; an object's path has the name of its kind."""
    for name, value in data.items():
        here = f"{path}{name}" if name != "type" else path.removesuffix(".")
        if isinstance(value, dict) and "type" in value:
            yield from leaves(value, "" if name == "experiment" and not path else f"{here}.")
        elif here:
            yield here, value


def _varied(flat: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The settings in which runs differ, with their labels: numbers in order, others as they come."""
    found = {}
    for path in dict.fromkeys(path for each in flat for path in each):
        labels = list(dict.fromkeys(each.get(path, ABSENT) for each in flat))
        if len(labels) > 1:
            numbers = all(isinstance(label, (int, float)) for label in labels)
            found[path] = sorted(labels) if numbers else labels
    return found


def _axes(flat: Sequence[Mapping[str, Any]], varied: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """As few of the settings that differ as tell the runs apart; others follow from them."""
    axes: dict[str, list[Any]] = {}
    groups = {()}
    for path, labels in varied.items():
        finer = {tuple(each.get(axis, ABSENT) for axis in (*axes, path)) for each in flat}
        if len(finer) > len(groups):
            axes[path], groups = labels, finer
    return axes


def _placed(flat: Sequence[Mapping[str, Any]], axes: Mapping[str, list[Any]], path: str) -> np.ndarray:
    """One setting of the runs, each at its place of the grid."""
    found = np.full([len(labels) for labels in axes.values()], ABSENT if path else "", object)
    for each in flat:
        found[tuple(labels.index(each.get(axis, ABSENT)) for axis, labels in axes.items())] = each.get(
            path, ABSENT
        )
    return found


def _leaf(data: Any, path: str) -> Any:
    """The value at a path in plain data; the name of its kind for an object, `ABSENT` if there is none."""
    for name in path.split("."):
        inner = data.get("experiment", {}) if isinstance(data, dict) and name not in data else data
        data = inner.get(name, ABSENT) if isinstance(inner, dict) else ABSENT
    return data.get("type", ABSENT) if isinstance(data, dict) else data


def _value(value: Any) -> Any:
    """A value as plain data has it; a text is read as JSON if it can be."""
    if isinstance(value, str):
        try:
            return None if value.lower() == "none" else json.loads(value)
        except json.JSONDecodeError:
            return value
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    return to_json(value, TABLES)


def _label(value: Any) -> Any:
    if value is None:
        return "none"
    return value if isinstance(value, (bool, int, float, str)) else json.dumps(value)


def _course(entry: Mapping[str, Any], index: int) -> dict[int, int]:
    """Where the runs of one of a block's settings diverged, by seed; -1 for nowhere."""
    at = entry["diverged_at"] or [-1] * len(entry["runs"])
    return {seed: at[row] for row, (owner, seed) in enumerate(entry["runs"]) if owner == index}


def _check_paths(store: Store, wanted: Mapping[str, Any]) -> None:
    """Refuse a path that no stored run has."""
    entries = store.index.entries.values()
    there = sorted({path for entry in entries for data in entry["settings"] for path, _ in leaves(data)})
    for path in wanted:
        if there and path not in there:
            raise ValueError(unknown(f"no run in '{store.path}' has a setting", path, there, "There are"))
