"""What a worker does with a block, wherever it runs, and what it answers."""

import functools
import os
import platform
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from stepwell.experiment import Experiment
from stepwell.run.block import Block
from stepwell.run.store import Store, settle
from stepwell.run.trainer import train_block

DONE, BUSY, FAILED, STOPPED = "done", "busy", "failed", "stopped"


class Outcome(NamedTuple):
    """How the work on a block ended.

    Attributes:
        state: "done" (its runs are in the store), "busy" (another process has some of them under way),
            "stopped" (the time was up), or "failed".
        reason: of a failure.
        passing: whether another attempt may go better.
        seconds: what it took.
    """

    state: str
    reason: str = ""
    passing: bool = False
    seconds: float = 0.0


class _TimeIsUp(Exception):
    pass


def work(block: Block, path: str, until: float | None = None) -> Outcome:
    """See to it that a store has the runs of a block. Whatever goes wrong is an answer, not an exception.

    Args:
        block: the runs.
        path: of the store.
        until: when to stop in the middle, by `time.monotonic`; None for never.
    """
    began = time.monotonic()
    try:
        state = DONE if _settled(block, _store(path), until) else BUSY
        return Outcome(state, seconds=time.monotonic() - began)
    except _TimeIsUp:
        return Outcome(STOPPED)
    except Exception as error:
        memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
        told = f"out of memory ({error})" if memory else " ".join(f"{type(error).__name__}: {error}".split())
        return Outcome(FAILED, f"{told} [on {platform.node()}]", memory or isinstance(error, OSError))


@functools.cache  # once in a process: to look through the compiled programs of others takes a while
def prepared(path: str) -> None:
    """Make a process ready to work: float64, and the compiled programs of others."""
    import jax

    from stepwell.run.compilation_cache import switch_on

    jax.config.update("jax_enable_x64", True)
    switch_on()
    _store(path)


def environment() -> dict[str, str]:
    """What must be set before a worker imports NumPy or JAX: one thread for each, since workers are many."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
    return {**threads, "XLA_FLAGS": flags, "JAX_ENABLE_X64": "1"}


@functools.cache
def _store(path: str) -> Store:
    return Store(path)


def _settled(block: Block, store: Store, until: float | None) -> bool:
    if not store.missing(block):
        return True
    if isinstance(block.settings[0], Experiment):
        return settle(block, store, lambda stack: train_block(stack, _clock(until)), wait=False)
    settings, seeds = block.settings[0], block.seeds[: block.rows]
    record = settings.run(seeds, store)  # most keep their own records
    # One that leaves seeds out is not kept: it is made anew from the runs on which it rests.
    if not store.missing(block) or set(seeds) - set(record.seed.values.tolist()):
        return True
    return settle(block, store, lambda stack: record.sel(seed=list(stack.seeds)))


def _clock(until: float | None) -> Callable[[Any], None] | None:
    """A look at the time after every chunk of updates."""

    def look(_: Any) -> None:
        if until is not None and time.monotonic() > until:
            raise _TimeIsUp

    return look
