"""What must be learned."""

from stepwell.task.arrays import Arrays
from stepwell.task.base import AbstractTask, Sizes, Trials, draw, sizes
from stepwell.task.impulse import Impulse

TASKS: dict[str, type[AbstractTask]] = {
    "impulse": Impulse,
    "arrays": Arrays,
}

__all__ = ["TASKS", "AbstractTask", "Arrays", "Impulse", "Sizes", "Trials", "draw", "sizes"]
