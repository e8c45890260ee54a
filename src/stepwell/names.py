"""What stepwell has by name, known without importing it, and the answer to a name that it does not have."""

import ast
import difflib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

TABLES = {
    "studies": ("study", "STUDIES"),
    "tasks": ("task", "TASKS"),
    "networks": ("network", "NETWORKS"),
    "rules": ("rule", "RULES"),
}
"""The literal tables: package and variable."""

MOST = 30
"""Names that a refusal lists; of more it says how many there are."""


def names(table: str) -> tuple[str, ...]:
    """The keys of one of `TABLES`, read off its source text: importing it would import jax.

    Example:
        >>> names("rules")[0]
        'bptt'
    """
    package, variable = TABLES[table]
    source = files("stepwell").joinpath(package, "__init__.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
            if isinstance(node.target, ast.Name) and node.target.id == variable:
                literal: Any = node.value.args[1]
                return tuple(key.value for key in literal.keys)
    raise LookupError(f"stepwell.{package} has no literal table {variable}")


class Table(dict[str, Any]):
    """What there is of a kind, by name; a name that it does not have gets a sentence.

    Args:
        what: the kind, in one word. entries: by name.

    Example:
        >>> Table("rule", {"bptt": None})["btpp"]
        Traceback (most recent call last):
        ValueError: there is no rule 'btpp'; did you mean 'bptt'? There are: bptt.
    """

    def __init__(self, what: str, entries: Mapping[str, Any]):
        self.update(entries)
        self.what = what

    def __missing__(self, name: str) -> Any:
        return self[known(name, self, self.what)]


def known(name: str, among: Iterable[str], what: str) -> str:
    """The name itself, if it is among those that there are.

    Raises:
        ValueError: otherwise, with the nearest name and all there are.

    Example:
        >>> known("rflow", ["bptt", "rflo"], "rule")
        Traceback (most recent call last):
        ValueError: there is no rule 'rflow'; did you mean 'rflo'? There are: bptt, rflo.
    """
    there = list(among)
    if name not in there:
        raise ValueError(unknown(f"there is no {what}", name, there, "There are"))
    return name


def lookup(table: Mapping[str, Any], name: str, what: str) -> Any:
    """The entry of a table, or a `ValueError` that names the nearest one and all there are."""
    return table[known(name, table, what)]


def unknown(message: str, name: str, there: list[str], have: str) -> str:
    """The sentences that refuse a name: what is missing, the nearest name, and all there are."""
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    listed = f": {', '.join(there) or 'none'}" if len(there) <= MOST else f" {len(there)}: {there[0]}, ..."
    return f"{message} '{name}'{hint} {have}{listed}."
