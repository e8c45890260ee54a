"""Packages import only from packages above them, and never from their own row: a prediction cannot peek at the data."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "stepwell"
RANK = {
    "settings": 0,
    "task": 1,
    "network": 1,
    "rule": 2,
    "experiment": 3,
    "run": 4,
    "analysis": 5,
    "theory": 5,
}
RANK |= {"interop": 5, "figure": 6, "study": 7, "lab": 8, "cli": 9}
EVERYWHERE = {"numpy", "jax", "jaxtyping", "equinox"} | sys.stdlib_module_names
FURTHER = {
    "experiment": {"optax"},
    "run": {"optax", "xarray", "zarr", "diffrax", "dask", "distributed", "dask_jobqueue"},
    "analysis": {"scipy", "xarray", "optimistix", "diffrax"},
    "theory": {"scipy", "xarray", "optimistix", "diffrax"},
    "interop": {"scipy", "xarray", "optimistix", "diffrax", "torch", "safetensors"},
    "figure": {"matplotlib", "cycler", "xarray"},
    "study": {"scipy", "xarray", "matplotlib"},
    "lab": {"starlette", "uvicorn", "websockets", "anywidget", "traitlets", "latex2mathml", "xarray"},
    "cli": {"typer", "rich", "click", "xarray", "matplotlib", "optax"},
}
ALONE = {"__init__", "__main__"}
FILES = sorted(ROOT.rglob("*.py"))


def part(path: Path) -> str:
    """The package of a file; every module of the command line counts as cli."""
    name = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return name if name in RANK or name in ALONE else "cli"


def imports(path: Path) -> Iterator[tuple[int, str, int]]:
    """Line, dotted name and relative level of every import."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "stepwell" else [base]
            yield from ((node.lineno, name, node.level) for name in names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_rank_allows(path):
    here = part(path)
    wrong = []
    for line, name, level in imports(path):
        top, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if level:
            wrong.append(f"line {line}: relative import")
        elif top == "stepwell":
            known = here in RANK and target in RANK and target != here
            if known and RANK[target] >= RANK[here]:
                wrong.append(f"line {line}: {here} imports {target}")
        elif here not in ALONE and top not in EVERYWHERE | FURTHER.get(here, set()):
            wrong.append(f"line {line}: {here} imports {top}")
    assert not wrong


def test_the_table_knows_every_package():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert folders <= set(RANK)
