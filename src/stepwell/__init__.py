"""stepwell: a laboratory for how recurrent networks learn.

The public names are resolved on first access, so that `import stepwell` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepwell import analysis, figure, interop, theory
    from stepwell.experiment import Experiment, Optimiser, Recording
    from stepwell.network import NETWORKS
    from stepwell.rule import RULES
    from stepwell.run import Flow, Store, flow, open_runs, sweep, train
    from stepwell.study import STUDIES, check
    from stepwell.task import TASKS

    __version__: str

_HOMES = {
    "Experiment": "stepwell.experiment",
    "Flow": "stepwell.run",
    "NETWORKS": "stepwell.network",
    "Optimiser": "stepwell.experiment",
    "RULES": "stepwell.rule",
    "Recording": "stepwell.experiment",
    "STUDIES": "stepwell.study",
    "Store": "stepwell.run",
    "TASKS": "stepwell.task",
    "check": "stepwell.study",
    "flow": "stepwell.run",
    "open_runs": "stepwell.run",
    "sweep": "stepwell.run",
    "train": "stepwell.run",
}
_PACKAGES = ("analysis", "figure", "interop", "network", "rule", "run", "settings", "study", "task", "theory")

__all__ = [
    "NETWORKS",
    "RULES",
    "STUDIES",
    "TASKS",
    "Experiment",
    "Flow",
    "Optimiser",
    "Recording",
    "Store",
    "analysis",
    "check",
    "figure",
    "flow",
    "interop",
    "open_runs",
    "sweep",
    "theory",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return import_module(f"stepwell.{name}")
    if name == "__version__":
        return import_module("importlib.metadata").version("stepwell")
    raise AttributeError(f"module 'stepwell' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
