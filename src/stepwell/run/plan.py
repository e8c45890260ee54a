"""From a grid of settings to blocks: what is to run, and what of it runs together.

The plan depends on the grid and the seeds alone, never on the number of workers, since a block's width and
membership belong to the identity of its runs.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from stepwell.experiment import TABLES, Experiment, experiment_fingerprint
from stepwell.run.block import Block, differing, structure, width
from stepwell.run.trainer import check
from stepwell.settings import KINDS, override, to_json

LEAST, MOST, WANTED = 8, 32, 16
"""Rows that are worth stacking, rows beyond which it gains nothing, and blocks enough for many cores."""

Grid = Mapping[str, Any]


def points(settings: Any, grid: Grid) -> tuple[dict[str, list[Any]], np.ndarray]:
    """The settings at every place of a grid.

    Args:
        settings: where all that is not varied comes from.
        grid: values by the path of a setting. A text is read as on the command line.

    Returns:
        The labels of the values by path, and the settings objects, one axis per path.

    Raises:
        ValueError: for an empty grid, an unknown setting, values of mixed kinds, or what the settings refuse.
    """
    if not grid:
        raise ValueError(
            "the grid is empty; name settings with their values, such as {'network.sigma0': [1e-4, 1e-3]}."
        )
    values = {path: _values(path, given) for path, given in grid.items()}
    found = np.empty([len(each) for each in values.values()], object)
    labels: dict[str, list[Any]] = {path: [None] * len(each) for path, each in values.items()}
    for place in np.ndindex(found.shape):
        found[place] = settings
        for (path, options), at in zip(values.items(), place, strict=True):
            found[place] = changed(found[place], path, options[at])
            labels[path][at] = label(setting_at(found[place], path))
    return {path: _distinct(path, each) for path, each in labels.items()}, found


def changed(settings: Any, path: str, value: Any) -> Any:
    """Settings with one changed; the paths of an experiment serve for what contains one, too.

    Raises:
        ValueError: for an unknown setting, or a value of another kind.
    """
    path = _inside(settings, path)
    kinds = [] if isinstance(value, str) else _kinds(settings, path)
    if float in kinds and type(value) is int:
        value = float(value)  # 1 and 1.0 are one value, and have one fingerprint
    if kinds and type(value) not in kinds:
        raise ValueError(f"{path} needs {' or '.join(KINDS[kind] for kind in kinds)}, got {value!r}.")
    return override(settings, path, value, TABLES)


def _kinds(settings: Any, path: str) -> list[Any]:
    """The kinds of value that a setting takes; none if they are not plain ones, or the path is unknown."""
    outer, _, name = path.rpartition(".")
    owner = setting_at(settings, outer) if _has(settings, outer) else settings
    annotation = {field.name: field.type for field in dataclasses.fields(owner)}.get(name)
    union = isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union
    kinds = [
        typing.get_origin(kind) or kind for kind in (typing.get_args(annotation) if union else [annotation])
    ]
    return kinds if set(kinds) <= set(KINDS) else []


def setting_at(settings: Any, path: str) -> Any:
    """The value of a setting."""
    for name in _inside(settings, path).split("."):
        settings = getattr(settings, name)
    return settings


def label(value: Any) -> Any:
    """A value of a setting in a word: numbers and names as they are, objects and lists as JSON."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return "none" if value is None else value
    data = to_json(value, TABLES)
    if isinstance(data, dict):
        defaults = {f.name: f.default for f in dataclasses.fields(value)}
        told = {
            name: v for name, v in data.items() if name != "type" and getattr(value, name) != defaults[name]
        }
        return data["type"] if not told else f"{data['type']} {json.dumps(told)}"
    return json.dumps(data)


def planned(settings: Sequence[Any], seeds: Sequence[int], rows: int | None = None) -> list[Block]:
    """All runs of some settings on some seeds, in blocks of equal structure and equal size.

    Args:
        settings, seeds: what to run.
        rows: most runs of a block; None for as many as leave work for many cores.

    Raises:
        ValueError: for settings that cannot be told apart when they are stored, or that cannot run.
    """
    prints = [experiment_fingerprint(each) or "" for each in settings]
    if not all(prints):
        raise ValueError(
            "these settings hold a Python function, so that their runs cannot be told apart in a store; "
            "record a reading by its name, or run them one by one with stepwell.train."
        )
    unique = {fingerprint: each for fingerprint, each in zip(prints, settings, strict=True)}
    groups: dict[Any, list[str]] = {}
    for fingerprint, each in unique.items():
        alike = structure(each) if isinstance(each, Experiment) else fingerprint
        groups.setdefault(alike, []).append(fingerprint)
    return [
        block for group in groups.values() for block in _blocks({f: unique[f] for f in group}, seeds, rows)
    ]


def _blocks(settings: dict[str, Any], seeds: Sequence[int], rows: int | None) -> list[Block]:
    """The blocks of settings that have one structure."""
    first = next(iter(settings.values()))
    cells = [(index, seed) for index in range(len(settings)) for seed in seeds]
    most, own = MOST, ()
    if isinstance(first, Experiment):
        check(first)
        most, own = width(first), differing(list(settings.values()))
    most = min(most, rows or min(MOST, max(LEAST, len(cells) // WANTED)))
    rows = -(-len(cells) // -(-len(cells) // most))
    return [_block(settings, cells[at : at + rows], rows, own) for at in range(0, len(cells), rows)]


def _block(
    settings: dict[str, Any], cells: Sequence[tuple[int, int]], rows: int, own: tuple[int, ...]
) -> Block:
    """A block of some cells, filled up to the common width."""
    used = sorted({index for index, _ in cells})
    prints = [list(settings)[index] for index in used]
    runs = tuple((used.index(index), seed) for index, seed in cells)
    return Block(tuple(settings[f] for f in prints), tuple(prints), (runs * rows)[:rows], len(runs), own)


def _values(path: str, given: Any) -> list[Any]:
    """The values of one setting, checked: a list of one kind, without repetition."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise ValueError(f"the grid has {path}={given!r}; give a list of values, such as [{given!r}].")
    values = [_plain(value) for value in given]
    if not values:
        raise ValueError(f"the grid has no value of {path}; give at least one, or leave it out.")
    kinds = sorted({_kind(value) for value in values if value is not None})
    if len(kinds) > 1:
        raise ValueError(f"the values of {path} are of mixed kinds ({', '.join(kinds)}); give one kind.")
    return values


def _plain(value: Any) -> Any:
    """A value as settings hold it: no NumPy numbers, tuples for lists."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    return tuple(_plain(item) for item in value) if isinstance(value, (list, tuple)) else value


def _kind(value: Any) -> str:
    """The kind of a value in words; empty for None, which stands beside any kind."""
    kinds = ((bool, "true or false"), ((int, float, complex), "a number"), (str, "a name"), (tuple, "a list"))
    named = next((name for kind, name in kinds if isinstance(value, kind)), "a settings object")
    return "" if value is None else named


def _distinct(path: str, labels: list[Any]) -> list[Any]:
    if len(set(labels)) < len(labels):
        raise ValueError(f"the grid has a value of {path} twice: {', '.join(map(str, labels))}.")
    return labels


def _inside(settings: Any, path: str) -> str:
    outside = hasattr(settings, path.partition(".")[0]) or not hasattr(settings, "experiment")
    return path if outside else f"experiment.{path}"


def _has(settings: Any, path: str) -> bool:
    try:
        return dataclasses.is_dataclass(setting_at(settings, path))
    except AttributeError:
        return False
