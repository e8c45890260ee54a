"""Cells that were given up, with the reason, until they are made."""

import datetime
import json
from collections.abc import Iterator
from typing import Any

from stepwell.run.block import Block, block_name
from stepwell.run.checkpoint import write_durably
from stepwell.run.store import Store


def give_up(store: Store, block: Block, reason: str, attempts: int) -> None:
    """Note that the runs of a block could not be made."""
    note = {
        "runs": lost(store, block),
        "reason": reason,
        "attempts": attempts,
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    try:
        (store.path / "failed").mkdir(exist_ok=True)
        write_durably(store.path / "failed" / f"{block_name(block)}.json", json.dumps(note).encode())
    except OSError:
        pass  # a disk that is full may be the reason; the caller tells it in any case


def lost(store: Store, block: Block) -> list[tuple[str, int]]:
    """The runs of a block that are not there, by fingerprint and seed."""
    return [(block.fingerprints[index], seed) for index, seed in store.missing(block)]


def made(store: Store, block: Block) -> None:
    """Forget that a block once failed."""
    (store.path / "failed" / f"{block_name(block)}.json").unlink(missing_ok=True)


def forget_made(store: Store) -> None:
    """Forget the failures of runs that are there by now."""
    store.index.refresh()
    for path in (store.path / "failed").glob("*.json"):
        try:
            runs = json.loads(path.read_bytes())["runs"]
        except (ValueError, KeyError):
            runs = []
        if all(seed in store.index.rows.get(fingerprint, {}) for fingerprint, seed in runs):
            path.unlink(missing_ok=True)


def failures(store: Store) -> Iterator[dict[str, Any]]:
    """What was given up and not made since."""
    for path in sorted((store.path / "failed").glob("*.json")):
        try:
            yield json.loads(path.read_bytes())
        except (ValueError, OSError):
            continue
