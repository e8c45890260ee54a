"""A tutorial as a notebook: its text as cells of text, its Python blocks as cells of code."""

import json

from docs.site.execution import BLOCK


def notebook(text: str) -> str:
    """The notebook of a Markdown page, without outputs."""
    cells, end = [], 0
    for block in BLOCK.finditer(text):
        if block[1] in ("python", "bash"):
            cells.append(("markdown", text[end : block.start()]))
            cells.append(("code", block[2] if block[1] == "python" else f"%%bash\n{block[2]}"))
            end = block.end()
    cells.append(("markdown", text[end:]))
    kept = [
        _cell(number, kind, source.strip()) for number, (kind, source) in enumerate(cells) if source.strip()
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": kept, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def _cell(number: int, kind: str, source: str) -> dict[str, object]:
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source, **code}
