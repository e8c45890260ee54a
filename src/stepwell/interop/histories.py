"""Histories of training: weights through time from a store, a folder of checkpoints, or a single file."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from stepwell.interop.recordings import unfinished
from stepwell.interop.weights import ENDINGS, Weights, from_weights, read_weights, record_names
from stepwell.network import AbstractNetwork
from stepwell.run.record import notes_of, settings_of
from stepwell.run.store import MARKER, Store

CLOCKS = ("update", "step", "global_step", "iteration", "iter", "epoch")
"""Numbers beside the weights that tell when a checkpoint was made."""
READINGS = ("loss", "gradient_norm", "diverged_at")


class History(NamedTuple):
    """The weights of one network through its training.

    Attributes:
        title: where they come from.
        updates: when, [snapshot].
        weights: by name, each [snapshot, ...].
        loss: [time]; empty if it is not known. loss_times: in the unit of `updates`, [time].
        network: what they are weights of; None if that is not known.
        task: what it was trained on; None if that is not known.
        notes: sentences about what was found.
    """

    title: str
    updates: np.ndarray
    weights: dict[str, np.ndarray]
    loss: np.ndarray
    loss_times: np.ndarray
    network: AbstractNetwork | None
    task: Any
    notes: tuple[str, ...]

    def at(self, snapshot: int) -> Weights:
        """The weights at one snapshot."""
        return {name: values[snapshot] for name, values in self.weights.items()}


def histories(path: str | Path, kind: str | None = None) -> tuple[list[History], list[str]]:
    """What a path holds, and a sentence for each file that could not be read.

    Args:
        path: a store, a folder of checkpoints, or one file of weights.
        kind: "tanh", "relu", "gru" or "lstm", where names alone do not tell (relu).

    Raises:
        ValueError: if there is nothing to read at all.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(
            f"there is no '{path}'; give a store, a folder of checkpoints, or a file of weights."
        )
    if (path / MARKER).exists():
        found, problems = _of_store(path)
    else:
        found, problems = _of_files(path, kind)
    if not found:
        told = (
            " ".join(problems[:3]) or f"'{path}' has no runs and no files of weights ({', '.join(ENDINGS)})."
        )
        raise ValueError(told)
    return found, problems


def _of_store(path: Path) -> tuple[list[History], list[str]]:
    store, found, problems = Store(path), [], []
    store.index.refresh()
    for fingerprint, rows in store.index.rows.items():
        try:
            records = store.find(fingerprint, list(rows))
            found += [history for record in records for history in of_record(record)]
        except (ValueError, OSError) as error:
            problems.append(str(error))
    return [*found, *(history for record in unfinished(path) for history in of_record(record))], problems


def of_record(record: xr.Dataset) -> Iterator[History]:
    """The histories in a record, one per seed."""
    try:
        settings = settings_of(record)
    except ValueError:  # a Python function recorded it
        settings = None
    experiment = getattr(settings, "experiment", settings)
    name = getattr(experiment, "name", "") or record.attrs["fingerprint"][:8]
    for seed in record.seed.values.tolist():
        run = record.sel(seed=seed)
        weights = {
            str(key): value.values
            for key, value in run.data_vars.items()
            if "snapshot" in value.dims and value.dtype.kind == "f"
        }
        whole = np.all([np.isfinite(v).reshape(len(v), -1).all(axis=1) for v in weights.values()], axis=0)
        loss = run.loss.values.astype(float)
        there = np.isfinite(loss)
        yield History(
            title=f"run {name}, seed {seed}",
            updates=run.snapshot_update.values[whole],
            weights={key: value[whole] for key, value in weights.items()},
            loss=loss[there],
            loss_times=run["update"].values[there],
            network=getattr(experiment, "network", None),
            task=getattr(experiment, "task", None),
            notes=tuple(notes_of(record)),
        )


def _of_files(path: Path, kind: str | None) -> tuple[list[History], list[str]]:
    files = [path] if path.is_file() else sorted(f for f in path.iterdir() if f.suffix in ENDINGS)
    read, problems = [], []
    for file in files:
        try:
            weights, numbers = read_weights(file)
            read.append((file, weights, numbers))
        except (ValueError, OSError) as error:
            problems.append(str(error))
    if not read:
        return [], problems
    usual = Counter(_sizes(weights) for _, weights, _ in read).most_common(1)[0][0]
    for file, weights, _ in read:
        if _sizes(weights) != usual:
            problems.append(f"'{file}' is left out: {_difference(dict(usual), dict(_sizes(weights)))}.")
    kept = [(f, w, n) for f, w, n in read if _sizes(w) == usual and _finite(f, w, problems)]
    return ([_history(path, kept, kind)] if kept else []), problems


def _history(path: Path, kept: list[tuple[Path, Weights, dict[str, float]]], kind: str | None) -> History:
    times = _times([(file, numbers) for file, _, numbers in kept])
    order = np.argsort(times, kind="stable")
    kept, times = [kept[i] for i in order], times[order]
    notes: tuple[str, ...] = ()
    names, network = {name: name for name in kept[0][1]}, None
    try:
        network = from_weights(kept[0][1], kind)[0]
        names = record_names(kept[0][1], network)
    except ValueError as error:
        notes = (f"the network is not known, so its dynamics are not shown: {error}",)
    told = all("loss" in numbers for _, _, numbers in kept)
    return History(
        title=f"'{path.name}', {len(kept)} snapshot{'s' if len(kept) > 1 else ''}",
        updates=times,
        weights={ours: np.stack([weights[name] for _, weights, _ in kept]) for name, ours in names.items()},
        loss=np.array([numbers["loss"] for _, _, numbers in kept] if told else []),
        loss_times=times if told else times[:0],
        network=network,
        task=None,
        notes=notes,
    )


def _times(files: list[tuple[Path, dict[str, float]]]) -> np.ndarray:
    """When each checkpoint was made: as it says, or the last number of its name, or its place in order."""
    for clock in CLOCKS:
        if all(clock in numbers for _, numbers in files):
            return np.array([numbers[clock] for _, numbers in files])
    numbers = [re.findall(r"\d+", file.stem) for file, _ in files]
    if all(numbers) and len({found[-1] for found in numbers}) == len(files):
        return np.array([float(found[-1]) for found in numbers])
    return np.arange(float(len(files)))


def _sizes(weights: Mapping[str, np.ndarray]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple(sorted((name, value.shape) for name, value in weights.items()))


def _difference(usual: dict[str, Any], found: dict[str, Any]) -> str:
    for name in sorted(set(usual) | set(found)):
        if usual.get(name) != found.get(name):
            return f"{name} is {found.get(name, 'missing')}, in most other files {usual.get(name, 'missing')}"
    return "it equals the others"


def _finite(file: Path, weights: Weights, problems: list[str]) -> bool:
    lost = [name for name, value in weights.items() if not np.isfinite(value).all()]
    if lost:
        problems.append(f"'{file}' is left out: {', '.join(lost)} holds NaN or infinity.")
    return not lost
