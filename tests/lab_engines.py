"""Engines without arithmetic, for tests of what carries them."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from stepwell.lab.engine import AbstractEngine, AbstractRun, Event, Frame


class Counter(AbstractRun):
    """Counts updates; ends at `length`, and breaks at `broken`."""

    length: int
    broken: int
    pace: float

    def scene(self) -> dict[str, Any]:
        """The length."""
        return {"length": self.length}

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """One result that takes a moment, and carries the length."""

        def waited() -> int:
            time.sleep(0.05)
            return self.length

        yield "late", waited

    def begin(self) -> tuple[int, Frame]:
        """Zero."""
        return 0, Frame({"update": 0, "loss": [1.0]})

    def advance(self, state: int, updates: int) -> tuple[int, Frame]:
        """The count, with an event at each call and the pace as it is now."""
        state += updates
        if state == self.broken:
            raise RuntimeError("the counter broke")
        done = "solved" if state >= self.length else None
        return state, Frame(
            {"update": state, "pace": self.pace}, (Event(state, "counted", "one more"),), done
        )


class Echo(AbstractEngine):
    """Answers with its number."""

    value: float

    def scene(self) -> dict[str, Any]:
        """The number; 13 is refused."""
        if self.value == 13:
            raise ValueError("13 brings no luck; take another number.")
        return {"value": self.value}

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """Nothing."""
        return ()
