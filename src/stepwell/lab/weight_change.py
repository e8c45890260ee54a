"""The linear flow from random initial weights, and recorded runs of networks on tasks."""

import json
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

import numpy as np

from stepwell.lab.engine import AbstractEngine
from stepwell.theory.linear_flow import solve

REACHED = 0.999
POINTS = 200


class WeightChange(AbstractEngine):
    """The flow to a target output, until 0.999 of it is reached.

    Attributes:
        target: the output wanted.
        g: strength of the initial weights.
    """

    target: float
    g: float

    def scene(self) -> dict[str, Any]:
        """Output, two singular values and norm of the weight change over learning time."""
        flow = solve(self.g, self.target)
        state = flow.at_output(self.target * (1 - np.exp(-np.linspace(0, -np.log(1 - REACHED), POINTS + 1))))
        return {
            "times": state.learning_time,
            "outputs": state.output,
            "singular": state.singular_values[:, :2],
            "norms": state.norm,
        }

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """The recorded runs, by task and g."""
        yield "tasks", recorded_tasks


def recorded_tasks() -> dict[str, Any]:
    """Runs that were made by `python -m stepwell.lab.task_recording`; empty where they are not installed."""
    place = files("stepwell.lab") / "data" / "tasks.json"
    return json.loads(place.read_text()) if place.is_file() else {}
