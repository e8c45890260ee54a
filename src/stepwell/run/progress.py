"""How far a sweep is, in cells: one run of one network each."""

from typing import NamedTuple


class Tally(NamedTuple):
    """Where a sweep is.

    Attributes:
        done: cells that are in the store. failed: cells that were given up.
        running: cells that are being worked on. wanted: all cells.
        seconds_left: by the throughput so far; None as long as nothing was finished.
    """

    done: int
    failed: int
    running: int
    wanted: int
    seconds_left: float | None


def told(tally: Tally) -> str:
    """A tally in one line.

    Example:
        >>> told(Tally(34, 1, 8, 60, 130.0))
        '34 of 60 cells done, 1 failed, 8 running, about 2 min left'
    """
    parts = [f"{tally.done} of {tally.wanted} cells done"]
    parts += [f"{tally.failed} failed"] * bool(tally.failed)
    if tally.done + tally.failed < tally.wanted:
        parts.append(f"{tally.running} running" if tally.running else "waiting for workers")
        parts += [] if tally.seconds_left is None else [f"about {duration(tally.seconds_left)} left"]
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """A time in its largest unit.

    Example:
        >>> duration(42.3), duration(5400.0)
        ('42 s', '90 min')
    """
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < 120 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
