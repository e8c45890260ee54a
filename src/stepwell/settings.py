"""Settings objects to JSON and back, override by path, fingerprint.

A settings object is a frozen `equinox.Module` of plain Python values (numbers, strings, `None`, tuples) and
further settings objects. Nothing here knows a task, a network or a rule: their tables come as an argument,
`tables = {"network": {"linear": Linear, ...}, ...}`, keyed by the field that each table serves.
"""

import dataclasses
import hashlib
import inspect
import json
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from stepwell.names import lookup, unknown

Tables = Mapping[str, Mapping[str, type]]


class Settings(type(eqx.Module)):
    """The kind of class that settings have: it answers a keyword that is no setting with the nearest name."""

    def __call__(cls, *values: Any, **named: Any) -> Any:
        if refusal := _refusal(cls, named, list(inspect.signature(cls.__init__).parameters)[1:]):
            raise TypeError(refusal)
        return type(eqx.Module).__call__(cls, *values, **named)


def _refusal(owner: type, names: Iterable[str], there: list[str]) -> str | None:
    """A sentence on the first name that is none of the settings that there are, or None."""
    wrong = next((name for name in names if name not in there), None)
    return None if wrong is None else unknown(f"{owner.__name__} has no setting", wrong, there, "It has")


def setting(default: Any = dataclasses.MISSING, *, automatic: bool = False, **options: Any) -> Any:
    """A static field (int, str, bool, or a tuple of them): a part of the compiled program, no input of it.

    Args:
        default: value if none is given.
        automatic: `None` asks the constructor for the value; `replace` asks again.
        options: passed on to `equinox.field`.
    """
    if default is not dataclasses.MISSING:
        options["default"] = default
    return eqx.field(static=True, metadata={"automatic": automatic}, **options)


def number(default: Any = dataclasses.MISSING) -> Any:
    """A continuous setting: an input of the compiled program, so that a new value compiles nothing.

    A whole number is stored as a float: `g=0` and `g=0.0` are the same setting, with the same fingerprint.
    """
    kept = {} if default is dataclasses.MISSING else {"default": default}
    return eqx.field(converter=lambda value: float(value) if type(value) is int else value, **kept)


def replace(settings: Any, **changes: Any) -> Any:
    """A copy of a settings object with some settings changed, built and checked by its own constructor.

    An automatic setting (the horizon of a target, say) that had its automatic value is derived again.

    Raises:
        ValueError: for an unknown setting (the nearest name is given), or whatever the constructor refuses.
    """
    fields = {f.name: f for f in dataclasses.fields(settings) if f.init}
    if refusal := _refusal(type(settings), changes, list(fields)):
        raise ValueError(refusal)
    values = {name: getattr(settings, name) for name in fields}
    for name in fields:
        if fields[name].metadata.get("automatic") and name not in changes:
            if getattr(type(settings)(**{**values, name: None}), name) == values[name]:
                values[name] = None
    return type(settings)(**{**values, **changes})


def override(settings: Any, path: str, value: Any, tables: Tables) -> Any:
    """A copy with the setting at a dotted path changed: `override(run, "network.sigma0", "1e-4", tables)`.

    The arguments are those of `overridden`.
    """
    return overridden(settings, {path: value}, tables)


def overridden(settings: Any, changes: Mapping[str, Any], tables: Tables) -> Any:
    """A copy with the settings at dotted paths changed, all at once: some make sense together only.

    Args:
        settings: a settings object.
        changes: values by path, which is names joined by dots. A value is a Python value, or a text that is
            converted to the kind of the setting. For a field that a table serves (`rule=rflo`) the text is a
            name of that table; the new object has its default settings, and takes from the old one those
            without a default.
        tables: the tables, by the field that they serve.

    Raises:
        ValueError: for an unknown setting, a text of the wrong kind, or whatever the constructor refuses.
    """
    owner, fields = type(settings).__name__, {f.name: f for f in dataclasses.fields(settings) if f.init}
    values: dict[str, Any] = {}
    inside: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        head, dot, rest = path.partition(".")
        if refusal := _refusal(type(settings), [head], list(fields)):
            raise ValueError(refusal)
        if dot:
            inside.setdefault(head, {})[rest] = value
        elif isinstance(value, str) and head in tables:
            values[head] = _named(value, getattr(settings, head), head, tables)
        elif isinstance(value, str):
            kind: Any = fields[head].type
            automatic = fields[head].metadata.get("automatic")
            values[head] = _parsed(value, kind | None if automatic else kind, f"{owner}.{head}")
        else:
            values[head] = value
    for head, inner in inside.items():
        old = values.get(head, getattr(settings, head))
        if not dataclasses.is_dataclass(old):
            raise ValueError(
                f"'{head}' of {owner} is a plain value and has no setting '{next(iter(inner))}'."
            )
        values[head] = overridden(old, inner, tables)
    return replace(settings, **values)


def to_json(value: Any, tables: Tables) -> Any:
    """Plain data for `json.dumps`: objects with their table's name as `type`, complex numbers as `[re, im]`.

    An array is stood for by its digest, so that a task made from arrays has a fingerprint; it cannot be read
    back.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: to_json(getattr(value, f.name), tables) for f in dataclasses.fields(value) if f.init
        }
        return {"type": type_name(type(value), tables), **fields}
    if isinstance(value, (tuple, list)):
        return [to_json(item, tables) for item in value]
    if isinstance(value, complex):
        return [value.real + 0.0, value.imag + 0.0]
    if isinstance(value, float):
        return value + 0.0  # -0.0 equals 0.0, and so must its text
    if isinstance(value, (np.ndarray, jax.Array)):
        array = np.ascontiguousarray(value)
        return {
            "array": hashlib.sha256(array.tobytes()).hexdigest(),
            "shape": array.shape,
            "dtype": str(array.dtype),
        }
    if value is None or isinstance(value, (bool, int, str)):
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
    """The class of a name from `type_name`. Nothing is imported for it: a stored file must not run code."""
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


def _named(name: str, old: Any, what: str, tables: Tables) -> Any:
    """The object of a table's name, with what it must be told taken from the object that it replaces."""
    kind = lookup(tables[what], name, what)
    needed = [p.name for p in inspect.signature(kind).parameters.values() if p.default is p.empty]
    missing = [setting for setting in needed if not hasattr(old, setting)]
    if missing:
        raise ValueError(
            f"{what}={name} needs {', '.join(missing)}, which {type(old).__name__} does not have; start from "
            f"an experiment with such a {what}, or build it in Python."
        )
    return kind(**{setting: getattr(old, setting) for setting in needed})


def _parsed(text: str, annotation: Any, where: str) -> Any:
    """A text as the first of the annotated kinds that it can be read as."""
    union = isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union
    kinds = typing.get_args(annotation) if union else (annotation,)
    for kind in sorted(kinds, key=lambda kind: kind is str):  # any text is a str: try that last
        try:
            value = READERS.get(typing.get_origin(kind) or kind, _plain)(text)
        except (KeyError, ValueError):
            continue
        if _fits(value, kind):
            return value
    raise ValueError(f"{where} needs {' or '.join(map(_told, kinds))}, got '{text}'.")


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value, and what it holds, is of an annotated kind; of kinds that are not plain, anything."""
    inner, outer = typing.get_args(kind), typing.get_origin(kind) or kind
    if outer in (types.UnionType, typing.Union):
        return any(_fits(value, each) for each in inner)
    if outer is tuple and isinstance(value, tuple):
        inner = inner[:1] * len(value) if inner[-1] is ... else inner
        return len(inner) == len(value) and all(map(_fits, value, inner))
    if isinstance(value, bool):
        return outer in (bool, Any)
    wider = {float: (int, float), complex: (int, float, tuple)}
    return outer not in (*KINDS, complex, Callable) or isinstance(value, wider.get(outer, outer))


def _told(kind: Any) -> str:
    """A kind in words, of lists with an example."""
    example = {str: '["W", "b"]', tuple: '[["W", 0.5]]'}
    inner = (*typing.get_args(kind), None)[0]
    if typing.get_origin(kind) is tuple:
        return f"a list such as {example.get(typing.get_origin(inner) or inner, '[0.5, -0.4]')}"
    return KINDS.get(kind, str(kind))


def _number(text: str) -> float:
    number = float(text)
    if math.isnan(number):
        raise ValueError
    return number


def _tuple(text: str) -> tuple[Any, ...]:
    value = _tuples(json.loads(text))
    if not isinstance(value, tuple):
        raise ValueError
    return value


def _plain(text: str) -> Any:
    try:
        return _tuples(json.loads(text))
    except json.JSONDecodeError:
        return text


READERS: dict[Any, Callable[[str], Any]] = {
    bool: lambda text: {"true": True, "false": False}[text.lower()],
    int: int,
    float: _number,
    str: str,
    tuple: _tuple,
    types.NoneType: lambda text: {"none": None, "null": None}[text.lower()],
}
KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a name",
    tuple: "a list such as [0.5, -0.4]",
    types.NoneType: "none",
}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
