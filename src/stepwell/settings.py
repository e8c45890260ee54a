"""Settings objects to JSON and back, override by path, fingerprint.

A settings object is a frozen `equinox.Module` whose fields are plain Python values (numbers, strings, `None`, tuples) or
further settings objects; it is its own configuration. Nothing here knows a task, a network or a rule: their tables come
as an argument, `tables = {"network": {"linear": Linear, ...}, ...}`, keyed by the field that each table serves.
"""

import dataclasses
import difflib
import hashlib
import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

Tables = Mapping[str, Mapping[str, type]]


def setting(default: Any = dataclasses.MISSING, *, automatic: bool = False, **options: Any) -> Any:
    """A static field (int, str, bool, or a tuple of them): part of the compiled program, not one of its inputs.

    Args:
        default: value if none is given.
        automatic: `None` asks the constructor to derive the value from the other fields; `replace` derives it again.
        options: passed on to `equinox.field`.
    """
    if default is not dataclasses.MISSING:
        options["default"] = default
    return eqx.field(static=True, metadata={"automatic": automatic}, **options)


def replace(settings: Any, **changes: Any) -> Any:
    """A copy of a settings object with some settings changed, built and checked by its own constructor.

    An automatic setting (the horizon of a target, say) that had its automatic value is derived again.

    Raises:
        ValueError: for an unknown setting (the nearest name is given), or whatever the constructor refuses.
    """
    fields = {f.name: f for f in dataclasses.fields(settings) if f.init}
    for name in changes:
        if name not in fields:
            raise ValueError(_unknown(f"{type(settings).__name__} has no setting", name, list(fields)))
    values = {name: getattr(settings, name) for name in fields}
    for name in fields:
        if fields[name].metadata.get("automatic") and name not in changes:
            if getattr(type(settings)(**{**values, name: None}), name) == values[name]:
                values[name] = None
    return type(settings)(**{**values, **changes})


def override(settings: Any, path: str, value: Any, tables: Tables) -> Any:
    """A copy with the setting at a dotted path changed, e.g. `override(experiment, "network.sigma0", "1e-4", tables)`.

    Args:
        settings: a settings object.
        path: names joined by dots.
        value: a Python value, or a text that is converted to the kind of the old value. For a field that a table serves
            (`rule=rflo`) the text is a name of that table, and the new object has its default settings.
        tables: the tables, by the field that they serve.
    """
    head, _, rest = path.partition(".")
    names = [f.name for f in dataclasses.fields(settings) if f.init]
    if head not in names:
        raise ValueError(_unknown(f"{type(settings).__name__} has no setting", head, names))
    old = getattr(settings, head)
    if rest:
        if not dataclasses.is_dataclass(old):
            raise ValueError(
                f"'{head}' of {type(settings).__name__} is a plain value and has no setting '{rest}'."
            )
        return replace(settings, **{head: override(old, rest, value, tables)})
    return replace(
        settings, **{head: _convert(value, old, f"{type(settings).__name__}.{head}", tables.get(head))}
    )


def lookup(table: Mapping[str, Any], name: str, what: str) -> Any:
    """The entry of a table, or a `ValueError` that names the nearest one and all there are."""
    if name not in table:
        raise ValueError(_unknown(f"there is no {what}", name, list(table)))
    return table[name]


def to_json(value: Any, tables: Tables) -> Any:
    """Plain data for `json.dumps`: objects with their table's name as `type`, complex numbers as `[re, im]`.

    An array is stood for by its digest, so that a task made from arrays has a fingerprint; it cannot be read back.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: to_json(getattr(value, f.name), tables) for f in dataclasses.fields(value) if f.init
        }
        return {"type": type_name(type(value), tables), **fields}
    if isinstance(value, (tuple, list)):
        return [to_json(item, tables) for item in value]
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, (np.ndarray, jax.Array)):
        array = np.ascontiguousarray(value)
        return {
            "array": hashlib.sha256(array.tobytes()).hexdigest(),
            "shape": array.shape,
            "dtype": str(array.dtype),
        }
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"{value!r} is no setting: settings are numbers, strings, None, tuples and settings objects."
    )


def from_json(data: Any, tables: Tables) -> Any:
    """The settings object that `to_json` wrote."""
    if isinstance(data, dict):
        if "array" in data:
            raise ValueError(
                "these settings hold an array, of which only the digest was kept; build the task again."
            )
        values = {name: from_json(item, tables) for name, item in data.items() if name != "type"}
        return find_type(data["type"], tables)(**values)
    return tuple(from_json(item, tables) for item in data) if isinstance(data, list) else data


def fingerprint(settings: Any, tables: Tables) -> str:
    """Twenty hexadecimal digits that name a settings object: equal settings, equal fingerprint."""
    text = json.dumps(to_json(settings, tables), sort_keys=True, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def type_name(kind: type, tables: Tables) -> str:
    """The name of a class in the tables; `module:name` for one that stands in none of them."""
    for table in tables.values():
        for name, entry in table.items():
            if entry is kind:
                return name
    return f"{kind.__module__}:{kind.__qualname__}"


def find_type(name: str, tables: Tables) -> type:
    """The class of a name written by `type_name`. Nothing is imported for it: a stored file must not run code."""
    for table in tables.values():
        if name in table:
            return table[name]
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise ValueError(
            f"the settings name '{name}', which is in no table; import the module that defines it first."
        )
    return found


def _convert(value: Any, old: Any, where: str, table: Mapping[str, type] | None) -> Any:
    if not isinstance(value, str) or (isinstance(old, str) and table is None):
        return value
    if table is not None:
        return lookup(table, value, where.rpartition(".")[2])()
    try:
        if isinstance(old, bool):
            return {"true": True, "false": False}[value.lower()]
        if isinstance(old, int):
            return int(value)
        if isinstance(old, float):
            number = float(value)
            if math.isnan(number):
                raise ValueError
            return number
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(old)]
        raise ValueError(f"{where} needs {kind}, got '{value}'.") from None
    try:
        return _tuples(json.loads(value))
    except json.JSONDecodeError:
        if isinstance(old, tuple):
            raise ValueError(f"{where} needs a list such as [0.5, -0.4], got '{value}'.") from None
        return value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _unknown(message: str, name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return (
        f"{message} '{name}'{hint} It has: {', '.join(names)}."
        if "setting" in message
        else (f"{message} '{name}'{hint} There are: {', '.join(names)}.")
    )
