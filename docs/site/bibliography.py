"""The bibliography as a page, from the one file that holds it."""

import re
from pathlib import Path

ENTRY = re.compile(r"^@\w+\{(\w+),\n(.*?)^\}", re.DOTALL | re.MULTILINE)
FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", re.MULTILINE)


def bibliography(path: Path) -> str:
    """One heading per key, so that others can link to it."""
    parts = ["# Bibliography", "Claims and docstrings cite these keys; the file is `references.bib`."]
    for key, body in ENTRY.findall(path.read_text("utf-8")):
        fields = {name: re.sub(r"[{}]", "", value) for name, value in FIELD.findall(body)}
        authors = fields.get("author", "").replace(" and ", "; ")
        where = [fields.get(name, "") for name in ("booktitle", "volume", "howpublished", "eprint", "year")]
        told = [authors, f"*{fields['title']}*", ", ".join(filter(None, where)), fields.get("note", "")]
        parts += [f"## {key} {{ #{key} }}", ". ".join(filter(None, told)) + "."]
    return "\n\n".join(parts) + "\n"
