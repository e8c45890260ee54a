"""The pictures of `stepwell run` and `stepwell sweep`: a record in, a file out."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


def draw(plot: str, record: "xr.Dataset", path: Path, title: str) -> None:
    """Write a picture of a record, in the format that the ending of the path names.

    Args:
        plot: a name of `PLOTS`, or for a sweep of `SWEEPS`.
        record: what is drawn.
        path: of the file.
        title: over the picture.
    """
    from stepwell.figure import Figure, styled

    with styled():
        figure = Figure()
        ax = {**PLOTS, **SWEEPS}[plot](record, figure.add_subplot())
        ax.set_title(title, fontsize="x-small", pad=14)
        figure.savefig(path, bbox_inches="tight")


def _loss(record: "xr.Dataset", ax: Any) -> Any:
    from stepwell.figure import staircase

    stairs = _prediction(record)
    if stairs is None:
        return staircase(record, ax)
    return staircase(record, ax, levels=stairs.levels, transition_times=stairs.transition_times)


def _norms(record: "xr.Dataset", ax: Any) -> Any:
    from stepwell.figure import weight_norms

    return weight_norms(record, ax)


def _poles(record: "xr.Dataset", ax: Any) -> Any:
    from stepwell.figure import poles_in_plane

    return poles_in_plane(*_branches(record), ax, target_poles=_target_poles(record))


def _poles_through_time(record: "xr.Dataset", ax: Any) -> Any:
    from stepwell.figure import poles_through_time

    return poles_through_time(*_branches(record), ax, target_poles=_target_poles(record))


PLOTS: dict[str, Callable[["xr.Dataset", Any], Any]] = {
    "loss": _loss,
    "norms": _norms,
    "poles": _poles,
    "poles_through_time": _poles_through_time,
}
"""What can be drawn of a record; where only one run fits into a picture, it is the first."""


def _plateaus(runs: "xr.Dataset", ax: Any) -> Any:
    """When the first plateau ends, against one varied setting, with a line for all values of the others."""
    import numpy as np

    from stepwell.figure import lines

    grid = json.loads(runs.attrs["grid"])
    along = numbered(grid)
    others = [path for path in grid if path != along and len(grid[path]) > 1]
    runs = runs.squeeze([path for path in grid if path not in (along, *others)])
    time = runs.learning_time.broadcast_like(runs.loss)
    measured = {}
    for place in product(*(range(len(grid[path])) for path in others)):
        at = dict(zip(others, place, strict=True))
        loss, times = (each.isel(at).transpose("seed", along, "update").values for each in (runs.loss, time))
        name = ", ".join(str(grid[path][index]) for path, index in at.items())
        ends = [_first_end(loss[run], times[run]) for run in np.ndindex(loss.shape[:2])]
        measured[name or "all"] = np.reshape(ends, loss.shape[:2])
    x = np.array(grid[along], float)
    spread, highest = x.min() > 0 and x.max() >= 10 * x.min(), np.nanmax([*measured.values()], initial=1e-9)
    ax.set(xscale="log" if spread else "linear", ylim=(0, 1.05 * highest))
    return lines(x, measured, ax, (along, "time to lose a tenth of the loss"))


SWEEPS: dict[str, Callable[["xr.Dataset", Any], Any]] = {"plateaus": _plateaus}
"""What can be drawn of a sweep."""


def numbered(grid: Mapping[str, Sequence[Any]]) -> str:
    """The first varied setting with several numbers, against which a sweep is drawn.

    Raises:
        ValueError: if there is none.
    """
    for path, values in grid.items():
        try:
            if len({float(value) for value in values}) > 1:
                return path
        except (ValueError, TypeError):
            continue
    raise ValueError(
        "a sweep is drawn against a setting with several numbers, such as network.sigma0=1e-4,1e-3."
    )


def _first_end(loss: Any, time: Any) -> float:
    """When a run leaves its first plateau: a tenth of the loss is gone; NaN if it is not seen to.

    The rules without a gradient have no peak of it between two plateaus, but all have a loss.
    """
    import numpy as np

    from stepwell.analysis import crossing

    there = np.isfinite(loss)
    return crossing(loss[there], time[there], 0.9 * float(loss[0])) if there.any() else float("nan")


def _prediction(record: "xr.Dataset") -> Any:
    """The predicted staircase of a record; None where the theory does not speak of its experiment."""
    from stepwell import theory
    from stepwell.network import Linear
    from stepwell.rule import BPTT
    from stepwell.run import settings_of
    from stepwell.task import Impulse

    settings = settings_of(record)
    run = getattr(settings, "experiment", settings)
    task, network = run.task, run.network
    if not (isinstance(task, Impulse) and isinstance(network, Linear) and isinstance(run.rule, BPTT)):
        return None
    single = network.input == network.output == 1 and task.input == "impulse" and network.leak == 0
    if not single or run.optimiser.name != "sgd" or not 0 < network.sigma0 < 1:
        return None
    rate = run.optimiser.learning_rate if run is settings else None
    return theory.staircase(task.poles, task.residues, network.hidden, network.sigma0, rate)


def _branches(record: "xr.Dataset") -> tuple[Any, Any]:
    """Times, and the followed eigenvalues of W of the first run as far as they are finite."""
    import numpy as np

    from stepwell.analysis import pole_branches

    if "W" not in record:
        raise ValueError("this run has no recurrent matrix W, and so no poles; choose another plot.")
    first = record.isel(seed=0)
    kept = np.isfinite(first.W.values).all(axis=(1, 2))
    return first.snapshot_learning_time.values[kept], pole_branches(np.linalg.eigvals(first.W.values[kept]))


def _target_poles(record: "xr.Dataset") -> Sequence[Any]:
    from stepwell.run import settings_of

    settings = settings_of(record)
    return getattr(getattr(settings, "experiment", settings).task, "poles", ())
