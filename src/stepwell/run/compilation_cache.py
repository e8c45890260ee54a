"""Compiled programs kept between processes, in a folder that only their owner can write.

An entry is machine code that is executed when it is loaded. So the cache lies in the user's own cache folder,
apart for every version of jaxlib and every kind of processor, and is not used where others could write it.
"""

import hashlib
import os
import stat
import sys
from importlib.metadata import version
from pathlib import Path

import jax

from stepwell.run.checkpoint import processor

LIMIT = 2**30
"""Bytes; beyond them the oldest half of the entries is forgotten when the cache is switched on."""


def switch_on() -> str | None:
    """Keep compiled programs from now on; for programs that people start, never at import of the library.

    Returns:
        None, or a sentence that says why this process runs without the cache.
    """
    folder = place()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = danger(folder) or _prune(folder)
    except OSError as error:
        reason = f"'{folder}' cannot be used ({error.strerror})"
    if reason:
        return f"{reason}, so that programs are compiled anew in every process."
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return None


def place() -> Path:
    """The folder of this user, version of jaxlib and processor."""
    default = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    base = Path(os.environ.get("XDG_CACHE_HOME") or default)
    kind = hashlib.sha256(processor().encode()).hexdigest()[:12]
    return base / "stepwell" / f"jaxlib-{version('jaxlib')}-{kind}"


def danger(folder: Path) -> str | None:
    """Why code in a folder must not be trusted or cannot be kept there; None if nothing speaks against it."""
    about = folder.resolve().stat()
    if hasattr(os, "getuid") and about.st_uid != os.getuid():
        return f"'{folder}' belongs to another user"
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"'{folder}' can be written by others (chmod 700 mends it)"
    return None if os.access(folder, os.W_OK) else f"'{folder}' cannot be written"


def _prune(folder: Path) -> None:
    entries = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in folder.iterdir())
    if sum(size for _, size, _ in entries) > LIMIT:
        for _, _, path in entries[: len(entries) // 2 + 1]:
            path.unlink(missing_ok=True)
