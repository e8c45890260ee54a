"""What computes for a page in Python: by the same calls of `run`, `analysis` and `theory` that a study makes.

An engine's fields are the settings of its page. State goes in and out by value, so that a late result can be
thrown away.
"""

import abc
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx


class Event(NamedTuple):
    """Something that happened after a number of updates: a short name, and a sentence for the reader."""

    update: int
    name: str
    text: str


class Frame(NamedTuple):
    """One picture of a run: numbers and arrays by name, what happened since the last one, and why the run has
    ended."""

    picture: dict[str, Any]
    events: tuple[Event, ...] = ()
    done: str | None = None


class AbstractEngine(eqx.Module):
    """Answers once per change of its settings."""

    @abc.abstractmethod
    def scene(self) -> dict[str, Any]:
        """What the view needs once: targets, axes, constants, or the whole answer of a page without a run."""

    @abc.abstractmethod
    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """Names and functions of what is worth waiting for, computed one after the other beside a run."""


class AbstractRun(AbstractEngine):
    """Runs on, a few updates per picture."""

    @abc.abstractmethod
    def begin(self) -> tuple[Any, Frame]:
        """The state before the first update, and its picture."""

    @abc.abstractmethod
    def advance(self, state: Any, updates: int) -> tuple[Any, Frame]:
        """The state some updates later, and its picture. The fields may differ from those of `begin` where
        they are live."""
