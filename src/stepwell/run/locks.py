"""Locks between processes, on one machine or on several that share a file system.

The system holds a lock for an open file and gives it up when the process is gone, however it went: there is
no clock, no sign of life to send, and nothing stale to clean up. Where the system locks single bytes for an
open file (Linux), a name is a byte of one file, and many are taken at once; elsewhere it has its own file.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none: there a store is for one process at a time.
    fcntl = None

BYTEWISE = hasattr(fcntl, "F_OFD_SETLK")
BYTES = "names"
"""The file whose bytes stand for names."""
RANGE = struct.Struct("hhqqi4x")
"""What is locked, as Linux has it: how, from where, the first byte, the number of bytes (0: all), and 0."""


@contextmanager
def locked(folder: Path, names: Iterable[str] | None, wait: bool = True) -> Iterator[bool]:
    """Hold locks as long as the context lasts.

    Args:
        folder: where the locked files are; they stay there.
        names: of the locks; None for all that anybody may hold. All take them in the same order, so that
            nobody waits in a circle.
        wait: until all are free.

    Yields:
        Whether all are held; if not, none is.
    """
    with ExitStack() as stack:
        held = fcntl is None or all(
            _taken(stack.enter_context(_open(path)), start, length, wait)
            for path, start, length in _places(folder, names)
        )
        if not held:
            stack.close()
        yield held


def _places(folder: Path, names: Iterable[str] | None) -> Iterator[tuple[Path, int, int]]:
    """The files that stand for names, and the first and the number of the bytes in them."""
    if not BYTEWISE:
        yield from (
            (folder / name, 0, 0) for name in sorted(set(os.listdir(folder) if names is None else names))
        )
    elif names is None:
        yield folder / BYTES, 0, 0
    else:
        yield from ((folder / BYTES, byte, 1) for byte in sorted(set(map(_byte, names))))


def _byte(name: str) -> int:
    """One of 2⁶² places; two names that share one wait for each other, and that is all."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 2


@contextmanager
def _open(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield handle
    finally:
        os.close(handle)  # and with it the lock is given up


def _taken(handle: int, start: int, length: int, wait: bool) -> bool:
    """Whether a lock is ours now."""
    assert fcntl is not None
    try:
        if BYTEWISE:
            how = fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK
            fcntl.fcntl(handle, how, RANGE.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
        else:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except (BlockingIOError, PermissionError):  # which of them is up to the system
        return False
