"""Learning as a recorded trajectory."""

from stepwell.run.integrator import Flow, flow
from stepwell.run.readings import READINGS, Snapshot
from stepwell.run.record import SCHEMA, notes_of, settings_of
from stepwell.run.store import Store, open_record
from stepwell.run.trainer import Progress, train

__all__ = [
    "READINGS",
    "SCHEMA",
    "Flow",
    "Progress",
    "Snapshot",
    "Store",
    "flow",
    "notes_of",
    "open_record",
    "settings_of",
    "train",
]
