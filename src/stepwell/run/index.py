"""What a store holds, known without opening a single array.

The truth is the files of finished blocks. Beside them one has one line per block: what its runs are and
how its arrays look. A line is written before its block takes its name, so that none is missing; a block whose
line is lost or damaged is read again from its own root.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stepwell.run import archive
from stepwell.run.checkpoint import write_durably
from stepwell.run.locks import locked

FILE = "catalogue.jsonl"
NAME = re.compile(r"[0-9a-f]{20}")


class Index:
    """The entries of a store, kept up with what other processes add.

    Args:
        path: the folder of the store.
    """

    def __init__(self, path: Path):
        self.path = path
        self.entries: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, dict[int, tuple[str, int]]] = {}
        self._place: tuple[int, int] | None = None
        self._expected: dict[str, dict[str, Any]] = {}

    def file(self, name: str) -> Path:
        """Where the block of a name lies."""
        return self.path / "runs" / name[:2] / f"{name}{archive.SUFFIX}"

    def refresh(self) -> None:
        """Take in what was added since the last time."""
        if self._place is None or self._place[0] != self._identity():
            self._read_all()
            return
        self._expected |= self._lines()
        for name in [name for name in self._expected if self.file(name).exists()]:
            self._take(self._expected.pop(name))

    def add(self, entry: dict[str, Any]) -> None:
        """Announce a block that is about to take its name."""
        with locked(self.path / "locks", ["catalogue"]), open(self.path / FILE, "ab") as file:
            if file.tell() and not _ends_a_line(self.path / FILE):
                file.write(b"\n")  # somebody was stopped, or ran out of space, in the middle of a line
            file.write(line(entry))

    def rewrite(self) -> None:
        """Write the file anew from what is there."""
        with locked(self.path / "locks", ["catalogue"]):
            self._read_all()
            write_durably(self.path / FILE, b"".join(map(line, self.entries.values())))

    def on_disk(self) -> Iterator[str]:
        """The names of all finished blocks."""
        for group in sorted(_names(self.path / "runs")):
            for name in sorted(_names(self.path / "runs" / group)):
                block = name.removesuffix(archive.SUFFIX)
                if block != name and NAME.fullmatch(block):
                    yield block

    def bad_lines(self) -> list[int]:
        """The numbers of the lines that are not what was written; what they said is read from the blocks."""
        try:
            lines = (self.path / FILE).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [number for number, line in enumerate(lines, 1) if line and _entry(line) is None]

    def _identity(self) -> int:
        try:
            return (self.path / FILE).stat().st_ino
        except FileNotFoundError:
            return 0

    def _read_all(self) -> None:
        self.entries, self.rows, self._expected = {}, {}, {}
        self._place = (self._identity(), 0)
        lines, there = self._lines(), set(self.on_disk())
        self._expected = {name: entry for name, entry in lines.items() if name not in there}
        for name in sorted(there):
            entry = lines.get(name) or self._described(name)
            if entry is not None:
                self._take(entry)

    def _lines(self) -> dict[str, dict[str, Any]]:
        """The entries of the lines that were not read yet; what is no whole line is left for later."""
        inode, at = self._place or (0, 0)
        try:
            with open(self.path / FILE, "rb") as file:
                file.seek(at)
                data = file.read()
        except FileNotFoundError:
            return {}
        whole = data[: data.rfind(b"\n") + 1]
        self._place = (inode, at + len(whole))
        found = [entry for entry in map(_entry, whole.splitlines()) if entry is not None]
        return {entry["block"]: entry for entry in found}

    def _described(self, name: str) -> dict[str, Any] | None:
        """The entry of a block from its own root."""
        try:
            return archive.root(self.file(name))["attributes"]["entry"]
        except (ValueError, OSError, KeyError):
            return None  # damaged: `stepwell store verify` tells

    def _take(self, entry: dict[str, Any]) -> None:
        self.entries[entry["block"]] = entry
        for row, (index, seed) in enumerate(entry["runs"]):
            self.rows.setdefault(entry["fingerprints"][index], {}).setdefault(seed, (entry["block"], row))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _ends_a_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def line(entry: dict[str, Any]) -> bytes:
    """An entry as the file has it: its digest, and what it says."""
    text = json.dumps(entry, separators=(",", ":")).encode()
    return b"%s %s\n" % (_digest(text), text)


def _entry(line: bytes) -> dict[str, Any] | None:
    """What a line says; None if it is damaged."""
    digest, _, text = line.partition(b" ")
    if digest != _digest(text):
        return None
    entry = json.loads(text)
    return entry if NAME.fullmatch(entry["block"]) else None


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:16].encode()
