"""What the commands share: where they print, how they show progress, a process that is ready to compute."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

QUICK_FLAGS = ("--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1")
KNOWN_BY = "0.10."
"""The versions of jaxlib that were seen to know these flags."""


def console() -> Console:
    """Standard output; made anew for each command, since its width and colours belong to the moment."""
    return Console(highlight=False)


def say(sentence: str) -> None:
    """A sentence about what goes on, on standard error."""
    print(f"stepwell: {sentence}", file=sys.stderr)


def writable(path: Path) -> Path:
    """The path of a file that can be made.

    Raises:
        ValueError: if it is a folder, or would lie in a folder that does not exist.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"'{path}' cannot be written; give a file in a folder that exists.")
    return path


def compile_quickly() -> None:
    """Half the time for compiling, at the price of somewhat slower programs; before JAX is imported.

    XLA ends the process over a flag that it does not know, hence the version.
    """
    if version("jaxlib").startswith(KNOWN_BY) and "XLA_FLAGS" not in os.environ:
        os.environ["XLA_FLAGS"] = " ".join(QUICK_FLAGS)


def ready() -> None:
    """Float64, compiled programs kept between processes, and warnings as plain sentences."""
    import jax

    from stepwell.run.compilation_cache import switch_on

    jax.config.update("jax_enable_x64", True)
    warnings.showwarning = lambda message, *where, **how: say(str(message))
    reason = switch_on()
    if reason:
        say(reason)


@contextmanager
def progress(what: str) -> Iterator[Callable[..., Any]]:
    """A bar on standard error, if that is a terminal.

    Yields:
        A function to call with any of `completed`, `total` and `description`.
    """
    bar = Progress(
        BarColumn(bar_width=12),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda **news: bar.update(task, **news)
