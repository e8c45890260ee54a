"""Where blocks are worked on: this process, processes beside it, or a cluster."""

import os
import signal
import sys
import threading
import time
import types
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import Pipe, get_context, resource_tracker
from typing import Any

from stepwell.run.block import Block
from stepwell.run.work import environment, prepared, work

POSIX = hasattr(signal, "pthread_sigmask")


class AbstractPool(ABC):
    """Workers that take blocks."""

    @abstractmethod
    def workers(self) -> int:
        """How many blocks are worked on at a time."""

    @abstractmethod
    def room(self) -> int:
        """How many blocks can be handed out, with those that wait; 0 if there is no more time."""

    @abstractmethod
    def submit(self, block: Block, path: str) -> "Future[Any]":
        """Hand a block to a worker; the future holds an `Outcome`, or an exception if the worker was lost."""

    @abstractmethod
    def check(self) -> None:
        """Raise `ConnectionError` with a sentence if there is nobody any more who could finish."""

    @abstractmethod
    def close(self) -> None:
        """Send the workers away; whatever they are at is dropped, and goes on from its last checkpoint."""


class Here(AbstractPool):
    """This process, for as long as `seconds` last; None for as long as it takes."""

    def __init__(self, seconds: float | None = None):
        self.until = None if seconds is None else time.monotonic() + seconds

    def workers(self) -> int:
        return 1

    def room(self) -> int:
        return int(self.until is None or time.monotonic() < self.until)

    def submit(self, block: Block, path: str) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(work(block, path, self.until))
        return future

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass


class Processes(AbstractPool):
    """Fresh Python processes on this machine. Each has a pool of its own, so that a lost one is known."""

    def __init__(self, count: int):
        self.idle: list[_Process | None] = [None] * count
        self.count, self.busy, self.begun = count, {}, set[_Process]()

    def workers(self) -> int:
        return self.count

    def room(self) -> int:
        return self.count

    def submit(self, block: Block, path: str) -> "Future[Any]":
        for future in [future for future in self.busy if future.done()]:
            process = self.busy.pop(future)
            lost = isinstance(future.exception(), BrokenProcessPool)
            self.idle.append(None if lost else process)
        process = self.idle.pop() or _Process(path)
        self.begun.add(process)  # before it is started: then it is ended, whatever happens meanwhile
        future = process.submit(block, path)
        self.busy[future] = process
        return future

    def check(self) -> None:
        pass

    def close(self) -> None:
        for process in self.begun:
            process.end()


class _Process:
    """One worker process, which ends when this end of its pipe does, on purpose or with this process."""

    def __init__(self, path: str):
        theirs, self.ours = Pipe(duplex=False)
        self.pool = ProcessPoolExecutor(1, get_context("spawn"), _begin, (theirs, path))

    def submit(self, block: Block, path: str) -> "Future[Any]":
        with set_for_children(environment()):  # the first one starts the process
            return self.pool.submit(work, block, path)

    def end(self) -> None:
        self.ours.close()
        self.pool.shutdown(wait=False, cancel_futures=True)


def _begin(pipe: Any, path: str) -> None:
    """The start of a worker process."""

    def watch() -> None:
        pipe.poll(None)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    prepared(path)


@contextmanager
def set_for_children(variables: Mapping[str, str]) -> Iterator[None]:
    """An environment for processes that are started meanwhile; they do not run the main script again.

    Python would have them import it, for the sake of what is defined there. Then a script without a guard
    (`if __name__ == "__main__"`) would start a sweep in every worker. Nor do they hear Ctrl-C, from their
    first moment on: it goes to all, and whoever waits for them decides, as soon as they are started.
    """
    before, main = dict(os.environ), sys.modules["__main__"]
    stand_in = types.ModuleType("__main__")
    os.environ.update(variables)
    sys.modules["__main__"] = stand_in
    resource_tracker.ensure_running()  # a process of Python's own, whose start would undo what follows
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if POSIX else None
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name in variables:
            os.environ.pop(name)
            os.environ.update({name: before[name]} if name in before else {})
        if heard is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
