"""Locks between processes, on one machine or on several that share a file system.

The system holds a lock for an open file and gives it up when the process is gone, however it went: there is
no clock, no sign of life to send, and nothing stale to clean up.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none: there a store is for one process at a time.
    fcntl = None


@contextmanager
def locked(folder: Path, names: Iterable[str], wait: bool = True) -> Iterator[bool]:
    """Hold locks as long as the context lasts.

    Args:
        folder: where the locked files are; they are made for it and removed after it.
        names: of the locks. All take them in the same order, so that nobody waits in a circle.
        wait: until all are free.

    Yields:
        Whether all are held; if not, none is.
    """
    with ExitStack() as stack:
        held = fcntl is None or all(
            stack.enter_context(_one(folder / name, wait)) for name in sorted(set(names))
        )
        if not held:
            stack.close()
        yield held


@contextmanager
def _one(path: Path, wait: bool) -> Iterator[bool]:
    handle = _taken(path, wait)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            os.close(handle)


def _taken(path: Path, wait: bool) -> int | None:
    """An open file that is locked; None if it is somebody else's."""
    assert fcntl is not None
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have removed the file meanwhile; the next one then locks another.
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
