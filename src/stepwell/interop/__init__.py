"""Networks that were trained elsewhere, and tasks from a user's own trials."""

from stepwell.interop import functions, torch
from stepwell.interop.functions import FunctionNetwork
from stepwell.interop.recorder import Recorder
from stepwell.interop.recordings import TorchRun, unfinished
from stepwell.interop.stacked import Stacked
from stepwell.interop.tables import export_record, read_arrays, task_from_file
from stepwell.interop.torch import from_torch, to_torch
from stepwell.interop.trial_banks import task_from_environment, task_from_generator
from stepwell.interop.weights import from_weights, read_weights

__all__ = [
    "FunctionNetwork",
    "Recorder",
    "Stacked",
    "TorchRun",
    "export_record",
    "from_torch",
    "from_weights",
    "functions",
    "read_arrays",
    "read_weights",
    "task_from_environment",
    "task_from_file",
    "task_from_generator",
    "to_torch",
    "torch",
    "unfinished",
]
