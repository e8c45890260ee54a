"""Networks that were trained elsewhere, and tasks from a user's own trials."""

from stepwell.interop import functions, torch
from stepwell.interop.functions import FunctionNetwork
from stepwell.interop.recorder import Recorder
from stepwell.interop.recordings import TorchRun, unfinished
from stepwell.interop.stacked import Stacked
from stepwell.interop.torch import from_torch, to_torch
from stepwell.interop.weights import from_weights, read_weights

__all__ = [
    "FunctionNetwork",
    "Recorder",
    "Stacked",
    "TorchRun",
    "from_torch",
    "from_weights",
    "functions",
    "read_weights",
    "to_torch",
    "torch",
    "unfinished",
]
