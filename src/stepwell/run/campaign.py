"""Working through blocks: who is at what, what failed and may be tried again, how far it is."""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import Any

from stepwell.run.block import Block
from stepwell.run.failures import give_up, made
from stepwell.run.pools import AbstractPool, Here, Processes
from stepwell.run.progress import Tally
from stepwell.run.store import Store
from stepwell.run.work import BUSY, DONE, FAILED, STOPPED, Outcome

ATTEMPTS = 3
"""How often a block is begun whose failure may pass: a lost worker, a lack of memory."""
TRIAL = 5.0
"""Seconds of work in this process before others are started; many sweeps are done by then."""
POLL = 0.5

Listener = Callable[[Tally], None]


def settled(
    blocks: Sequence[Block],
    store: Store,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Listener | None = None,
) -> dict[int, str]:
    """Make sure that a store has the runs of some blocks.

    Args:
        blocks: what is wanted.
        store: where it is kept.
        workers, scheduler, progress: as for `sweep`.

    Returns:
        The reasons of the blocks that failed, by their place in the list.

    Raises:
        ValueError: for workers or a scheduler that cannot be. ConnectionError: if the scheduler is lost.
        KeyboardInterrupt: with a sentence, after Ctrl-C.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers={workers!r} is no number of workers; give 1 or more.")
    campaign = _Campaign(blocks, store, progress)
    try:
        if scheduler is not None:
            from stepwell.run.cluster import Cluster

            campaign.run(Cluster(scheduler, workers))
            return campaign.failed
        if workers is None:
            workers = min(_cores(), len(campaign.pending))
            campaign.run(Here(TRIAL if workers > 1 else None))
        workers = min(workers, len(campaign.pending))
        if workers:
            campaign.run(Processes(workers) if workers > 1 else Here())
    except KeyboardInterrupt:
        raise KeyboardInterrupt(campaign.rest()) from None
    except ConnectionError as error:
        raise ConnectionError(f"{error}; {campaign.rest()}") from None
    return campaign.failed


class _Campaign:
    """The state of the work on some blocks."""

    def __init__(self, blocks: Sequence[Block], store: Store, progress: Listener | None):
        self.blocks, self.store, self.progress = blocks, store, progress
        missing = {at: len(cells) for at, block in enumerate(blocks) if (cells := store.missing(block))}
        self.wanted = sum(block.rows for block in blocks)
        self.there = self.wanted - sum(missing.values())
        self.pending, self.missing = deque(missing), missing
        self.attempts: Counter[int] = Counter()
        self.finished, self.failed = set[int](), dict[int, str]()
        self.began = time.monotonic()

    def run(self, pool: AbstractPool) -> None:
        """Work with the workers of a pool until nothing is left that they can do."""
        running: dict[Future[Any], int] = {}
        try:
            while running or (self.pending and pool.room()):
                while self.pending and len(running) < pool.room():
                    at = self.pending.popleft()
                    self.tell([*running.values(), at][: pool.workers()])
                    running[pool.submit(self.blocks[at], str(self.store.path))] = at
                ended, _ = wait(running, POLL, FIRST_COMPLETED)
                if not ended:
                    pool.check()
                outcomes = {running.pop(future): _outcome(future) for future in ended}
                for at, outcome in outcomes.items():
                    self.take(at, outcome)
                if not self.pending or not ended:
                    self.tell(list(running.values())[: pool.workers()])
                if outcomes and all(outcome.state == BUSY for outcome in outcomes.values()):
                    time.sleep(POLL)  # others are at these cells; look again in a while
        finally:
            pool.close()

    def take(self, at: int, outcome: Outcome) -> None:
        """Note how the work on a block ended."""
        if outcome.state == DONE:
            self.finished.add(at)
            made(self.store, self.blocks[at])
        elif outcome.state == STOPPED:
            self.pending.appendleft(at)
        elif outcome.state == BUSY:
            self.pending.append(at)
        else:
            self.attempts[at] += 1
            if outcome.passing and self.attempts[at] < ATTEMPTS:
                self.pending.append(at)
            else:
                self.failed[at] = outcome.reason
                give_up(self.store, self.blocks[at], outcome.reason, self.attempts[at])

    def tell(self, running: Sequence[int]) -> None:
        """Say where the work is."""
        if self.progress is not None:
            self.progress(self.tally(running))

    def tally(self, running: Sequence[int]) -> Tally:
        """Where the work is."""
        finished, failed, now = (
            sum(self.missing[at] for at in some) for some in (self.finished, self.failed, running)
        )
        left = self.wanted - self.there - finished - failed
        elapsed = time.monotonic() - self.began
        seconds = elapsed * left / (finished + failed) if finished + failed else None
        return Tally(self.there + finished, failed, now, self.wanted, seconds)

    def rest(self) -> str:
        """A sentence for those who come back to it."""
        done, wanted = self.tally(()).done, self.wanted
        return (
            f"{done} of {wanted} cells are in '{self.store.path}', and the same command goes on with the rest"
        )


def _outcome(future: "Future[Any]") -> Outcome:
    """What a worker answered; if it was lost, a failure that may pass."""
    try:
        return future.result()
    except CancelledError:
        return Outcome(FAILED, "the worker was lost with its scheduler", True)
    except Exception as error:
        name = type(error).__name__
        if name in ("BrokenProcessPool", "KilledWorker"):
            return Outcome(
                FAILED, "the worker was lost: killed, or out of memory", name == "BrokenProcessPool"
            )
        return Outcome(FAILED, " ".join(f"{name}: {error}".split()))


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
