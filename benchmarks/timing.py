"""Times of variants that take turns, and gates on the ratios of their processor times."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

LEAST = 0.02
"""Seconds that one turn lasts at least; a shorter call is repeated."""
WIDEST = 1.5
"""Largest spread of a ratio over the rounds, highest over lowest, at which it is still judged."""


class Variant(NamedTuple):
    """One way to do the work.

    Attributes:
        name: in the table.
        run: does the work and waits until it is done.
        updates: updates times networks of one call.
    """

    name: str
    run: Callable[[], Any]
    updates: int


class Timing(NamedTuple):
    """Seconds per update and network in every round, and what the first call took beyond a later one."""

    cpu: list[float]
    wall: list[float]
    compilation: float


class Gate(NamedTuple):
    """A ratio with its limit.

    Attributes:
        name: as A1.
        sentence: what is asked, such as ">= 80 x torch loop".
        limit: of the ratio.
        least: whether the limit is the least allowed ratio; else it is the largest.
        ratios: one per round; empty if it was not run.
        reason: why it was not run.
    """

    name: str
    sentence: str
    limit: float
    least: bool
    ratios: list[float]
    reason: str = ""

    @property
    def value(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.ratios)

    @property
    def verdict(self) -> str:
        """PASS, FAIL, VOID (the rounds differ too much, and not all lie on one side) or NOT RUN."""
        if not self.ratios:
            return "NOT RUN"
        agree = min(self.ratios) >= self.limit or max(self.ratios) < self.limit
        if max(self.ratios) > WIDEST * min(self.ratios) and not agree:
            return "VOID"
        passed = self.value >= self.limit if self.least else self.value <= self.limit
        return "PASS" if passed else "FAIL"


def alternate(variants: Sequence[Variant], rounds: int) -> dict[str, Timing]:
    """The times of variants that take turns, round by round, after a first call of each."""
    first = {each.name: _seconds(each.run)[1] for each in variants}
    times: dict[str, list[tuple[float, float]]] = {each.name: [] for each in variants}
    for _ in range(rounds):
        for each in variants:
            times[each.name].append(_turn(each))
    return {
        each.name: Timing(
            [cpu / each.updates for cpu, _ in times[each.name]],
            [wall / each.updates for _, wall in times[each.name]],
            max(0.0, first[each.name] - statistics.median(wall for _, wall in times[each.name])),
        )
        for each in variants
    }


def speed_up(times: dict[str, Timing], name: str, reference: str) -> list[float]:
    """How many times as fast as the reference a variant is, in every round; empty if either was not run."""
    if name not in times or reference not in times:
        return []
    return [slow / fast for slow, fast in zip(times[reference].cpu, times[name].cpu)]


def _turn(variant: Variant) -> tuple[float, float]:
    """Processor and wall seconds of one call."""
    calls, cpu, wall = 0, 0.0, 0.0
    while wall < LEAST:
        more = _seconds(variant.run)
        calls, cpu, wall = calls + 1, cpu + more[0], wall + more[1]
    return cpu / calls, wall / calls


def _seconds(run: Callable[[], Any]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - cpu, time.perf_counter() - wall
