"""What must be learned."""

from stepwell.names import Table
from stepwell.task.arrays import Arrays
from stepwell.task.base import AbstractTask, Sizes, Trials, draw, sizes
from stepwell.task.data_aligned import DataAligned
from stepwell.task.delayed_activation import DelayedActivation
from stepwell.task.flipflop import FlipFlop
from stepwell.task.impulse import Impulse
from stepwell.task.mante import Mante
from stepwell.task.romo import Romo
from stepwell.task.sentiment import Sentiment
from stepwell.task.step_target import StepTarget
from stepwell.task.white_noise import WhiteNoise

TASKS: Table = Table(
    "task",
    {
        "impulse": Impulse,
        "arrays": Arrays,
        "white_noise": WhiteNoise,
        "data_aligned": DataAligned,
        "flipflop": FlipFlop,
        "mante": Mante,
        "romo": Romo,
        "step_target": StepTarget,
        "sentiment": Sentiment,
        "delayed_activation": DelayedActivation,
    },
)

__all__ = [
    "TASKS",
    "AbstractTask",
    "Arrays",
    "DataAligned",
    "DelayedActivation",
    "FlipFlop",
    "Impulse",
    "Mante",
    "Romo",
    "Sentiment",
    "Sizes",
    "StepTarget",
    "Trials",
    "WhiteNoise",
    "draw",
    "sizes",
]
