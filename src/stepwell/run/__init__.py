"""Learning as a recorded trajectory."""

from stepwell.run.catalogue import Listed, listed, open_runs
from stepwell.run.grid import run_all, sweep
from stepwell.run.integrator import Flow, flow
from stepwell.run.progress import Tally
from stepwell.run.readings import READINGS, Snapshot
from stepwell.run.record import SCHEMA, notes_of, settings_of
from stepwell.run.store import Store, open_record
from stepwell.run.trainer import Progress, train
from stepwell.run.upkeep import Damage, export, prune, verify

__all__ = [
    "READINGS",
    "SCHEMA",
    "Damage",
    "Flow",
    "Listed",
    "Progress",
    "Snapshot",
    "Store",
    "Tally",
    "export",
    "flow",
    "listed",
    "notes_of",
    "open_record",
    "open_runs",
    "prune",
    "run_all",
    "settings_of",
    "sweep",
    "train",
    "verify",
]
