"""The front end as one string: server, notebook and exported file all show the same one.

The modules are joined in a literal order. That works since they keep to a discipline, which a test holds them
to: imports are single lines with braces and without renaming, there are no default exports, and no two
modules share a top-level name.
"""

import json
import re
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from stepwell.lab.page import Page

MODULES = (
    "dom",
    "maths",
    "flows",
    "axes",
    "plot",
    "handle",
    "plane",
    "field",
    "controls",
    "transport",
    "trainer",
    "runner",
    "saving",
    "transfer_views",
    "training_views",
    "plateau_views",
    "ghost_views",
    "rank_views",
    "rule_views",
    "address",
    "stage",
    "lab",
)
STYLES = ("lab.css", "controls.css", "plot.css", "marks.css")


def source(name: str) -> str:
    """The text of one file of the front end."""
    return (files("stepwell.lab") / "static" / name).read_text(encoding="utf-8")


@cache
def style() -> str:
    """All style sheets, joined."""
    return "\n".join(source(name) for name in STYLES)


@cache
def script() -> str:
    """All modules, joined, without a start."""
    return "\n".join(_bare(source(f"{name}.js")) for name in MODULES)


def contents(pages: tuple[Page, ...]) -> str:
    """The tables of the pages as JSON, with formulas turned into MathML."""
    text = json.dumps([_worded(page.plain()) for page in pages], ensure_ascii=False, separators=(",", ":"))
    return text.replace("</", "<\\/")


def _bare(text: str) -> str:
    text = re.sub(r"^import .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^export ", "", text, flags=re.MULTILINE)


def _worded(page: dict[str, Any]) -> dict[str, Any]:
    page["formula"] = [_mathml(formula, "block") for formula in page["formula"]]
    page["look"] = [_inline(text) for text in page["look"]]
    page["version"] = version("stepwell")
    return {**page, "claim": _inline(page["claim"]), "condition": _inline(page["condition"])}


def _inline(text: str) -> str:
    """Prose with formulas between dollar signs and *emphasis*, as HTML."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    parts = text.split("$")
    parts[::2] = [re.sub(r"\*([^*]+)\*", r"<em>\1</em>", part) for part in parts[::2]]
    parts[1::2] = [_mathml(part, "inline") for part in parts[1::2]]
    return "".join(parts)


@cache
def _mathml(formula: str, display: str) -> str:
    from latex2mathml.converter import convert

    return convert(formula, display=display)
