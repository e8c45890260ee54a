"""The reference: one page per package, one entry per public name."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import griffe

import stepwell

PACKAGES = {
    "experiment": "What a run is made of",
    "settings": "Settings: numbers, sizes, and how they are changed",
    "task": "Tasks: what must be learned",
    "network": "Networks: what learns",
    "rule": "Rules: how error becomes weight change",
    "run": "Runs: learning as a recorded trajectory",
    "analysis": "Analysis: what a network computes, and how it moves",
    "theory": "Theory: what must happen, before anything is run",
    "interop": "Interop: networks and trials from elsewhere",
    "figure": "Figures",
    "study": "Studies: claims and verdicts",
    "lab": "The lab",
}
"""Packages in the order in which they build on each other, and what they are for."""


def public_names() -> list[str]:
    """Every public name, by the package at home in which it has its entry."""
    return [name for package in PACKAGES for name in _names(f"stepwell.{package}")]


def _names(path: str) -> Iterator[str]:
    """The public names of a module; for a module among them its own."""
    module = importlib.import_module(path)
    for name in getattr(module, "__all__", None) or _defined(module):
        inner = getattr(module, name)
        yield from _names(inner.__name__) if inspect.ismodule(inner) else [f"{path}.{name}"]


def _defined(module: ModuleType) -> list[str]:
    """The functions and classes that a module without a list of names defines itself."""
    values = vars(module).items()
    kinds = (inspect.isfunction, inspect.isclass)
    here = [name for name, value in values if getattr(value, "__module__", "") == module.__name__]
    return [name for name in here if name[0] != "_" and any(kind(vars(module)[name]) for kind in kinds)]


def write(folder: Path) -> None:
    """The pages of all packages, and the one that leads to them."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, title in PACKAGES.items():
        names = list(_names(f"stepwell.{package}"))
        about = inspect.getdoc(importlib.import_module(f"stepwell.{package}")) or ""
        parts = [f"# {title}", f"`stepwell.{package}`", about, *map(_entry, names)]
        (folder / f"{package}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    (folder / "index.md").write_text(_index(), encoding="utf-8")


def _entry(path: str) -> str:
    """The entry of a name: made of its docstring, or a pointer to the library that it is taken from."""
    home = getattr(_value(path), "__module__", "stepwell")
    if home.startswith("stepwell") or not inspect.isclass(_value(path)):
        return f"::: {path}"
    name = path.rpartition(".")[2]
    return f"## {name} {{ #{path} }}\n\n`{home}.{name}`, as it is."


def linked(text: str) -> str:
    """A page in which public names, such as `theory.staircase`, lead to their entries."""
    there = set(public_names())

    def entry(code: re.Match[str]) -> str:
        path = f"stepwell.{code[1].removeprefix('stepwell.')}"
        return f"[{code[0]}][{path}]" if path in there else code[0]

    parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    parts[::2] = [re.sub(r"(?<![\[`])`([\w.]+)`(?!`)", entry, part) for part in parts[::2]]
    return "".join(parts)


def _index() -> str:
    rows = [
        f"| [`stepwell.{package}`]({package}.md) | {title} | {len(list(_names(f'stepwell.{package}')))} |"
        for package, title in PACKAGES.items()
    ]
    shortcuts = [f"[`stepwell.{name}`]({_home(name)})" for name in stepwell.__all__]
    return "\n".join(
        [
            "# Reference",
            "",
            f"All {len(public_names())} public names, each with what it is, its equation, shapes and units,"
            " and its source. The letters are on the page of [symbols](symbols.md), what a run leaves behind"
            " on the page of the [record](../record.md).",
            "",
            "| package | what for | names |",
            "|---|---|---|",
            *rows,
            "",
            "## At the top",
            "",
            f"`import stepwell` brings these, each loaded when it is first used: {', '.join(shortcuts)}.",
            "",
        ]
    )


def _home(name: str) -> str:
    """Where the entry of a name of `stepwell` itself stands."""
    value = getattr(stepwell, name)
    if inspect.ismodule(value):
        return f"{name}.md"
    return next(
        f"{entry.split('.')[1]}.md#{entry}"
        for entry in public_names()
        if entry.endswith(f".{name}") and _value(entry) is value
    )


def _value(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


class Docstrings(griffe.Extension):
    """Docstrings as the house writes them, in the words that the reader of docstrings knows."""

    def on_instance(self, *, obj: griffe.Object, **given: Any) -> None:
        if obj.docstring:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"^Source: ", "**Source** ", text, flags=re.MULTILINE)
