"""Who may import whom: the table of the design, held over the import statements of every file."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "stepwell"
FILES = sorted(SOURCE.rglob("*.py"))

ROWS = (
    {"names", "trials"},
    {"settings"},
    {"task", "network"},
    {"rule"},
    {"experiment"},
    {"run"},
    {"analysis", "theory", "interop"},
    {"figure"},
    {"study"},
    {"lab"},
    {"cli"},
)
"""From the ground up: a part imports from the rows before its own. All other files are the command line's."""
RANK = {part: rank for rank, row in enumerate(ROWS) for part in row}
BLIND = {("analysis", "run"), ("theory", "run")}

EVERYWHERE = {"numpy", "jax", "jaxtyping", "equinox"}
FURTHER = {
    "experiment": {"optax"},
    "run": {"optax", "xarray", "zarr", "diffrax", "dask", "distributed", "dask_jobqueue"},
    "analysis": {"scipy", "xarray", "optimistix", "diffrax"},
    "theory": {"scipy", "xarray", "optimistix", "diffrax"},
    "interop": {"scipy", "xarray", "optimistix", "diffrax", "torch", "safetensors"},
    "figure": {"matplotlib", "cycler", "xarray"},
    "study": {"scipy", "xarray"},
    "lab": {"starlette", "uvicorn", "websockets", "anywidget", "traitlets", "latex2mathml", "xarray"},
    "cli": {"typer", "rich", "xarray"},
}
SLOW = {"diffrax", "dask", "distributed", "dask_jobqueue", "torch"}
"""Imported inside the functions that need them."""
SLOW_TO_START = EVERYWHERE | {
    "xarray",
    "stepwell.run",
    "stepwell.study",
    "stepwell.experiment",
    "stepwell.settings",
}
"""The same for the files of the command line."""


class Import(NamedTuple):
    """An import statement: its line, the dotted name, and whether it stands at the top of the file."""

    line: int
    name: str
    at_top: bool


def imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name, node in tree.body) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                name = f"stepwell.{alias.name}" if module == "stepwell" else module
                yield Import(node.lineno, name, node in tree.body)


def part(path: Path) -> str:
    name = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    return name if name in RANK else "cli"


def begins(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_imports_what_its_row_allows(path):
    here, wrong = part(path), []
    for each in imports(path):
        root, _, rest = each.name.partition(".")
        there = rest.partition(".")[0]
        if root == "stepwell" and there in RANK and there != here:
            allowed = RANK[there] < RANK[here] and (here, there) not in BLIND
        else:
            allowed = root in EVERYWHERE | {"stepwell"} | sys.stdlib_module_names | FURTHER.get(here, set())
        waits = here == "cli" and begins(each.name, SLOW_TO_START) or begins(each.name, SLOW)
        if not allowed or (waits and each.at_top):
            wrong.append(each)
    assert wrong == []


def test_relative_imports_cannot_fool_the_table():
    assert [(path, each) for path in FILES for each in imports(path) if each.name.startswith(".")] == []


def test_every_folder_has_its_row():
    assert {path.relative_to(SOURCE).parts[0] for path in FILES if path.parent != SOURCE} <= set(RANK)
