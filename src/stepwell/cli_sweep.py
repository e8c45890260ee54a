"""`stepwell sweep`, `stepwell store` and `stepwell list runs`: many runs, and the folder that keeps them."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from stepwell.cli_plot import SWEEPS, draw, numbered
from stepwell.cli_run import assignments, named
from stepwell.names import known, names
from stepwell.terminal import console, progress, ready, say, writable

if TYPE_CHECKING:
    import xarray as xr

    from stepwell.run import Tally

FOLDER = Path("store")
"""Where sweeps keep their runs if nothing else is said."""
QUIET = 10.0
"""Seconds between two lines of progress where there is no terminal."""
ROWS = 40
"""Points of a grid that are listed."""
LAST = "median_last_loss"

store = typer.Typer(help="Look after a folder of runs.", no_args_is_help=True)
Kept = Annotated[Path, typer.Option("--store", help="The folder that keeps the runs.")]
Folder = Annotated[Path, typer.Argument(help="The folder that keeps the runs.")]


def sweep(
    experiment: Annotated[str, typer.Argument(help="STUDY/EXPERIMENT, STUDY/CLAIM, or STUDY for its first.")],
    changes: Annotated[list[str], typer.Argument(metavar="PATH=V1,V2...", help="Settings to vary.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many networks each: seeds 0, 1, ...")] = 1,
    folder: Kept = FOLDER,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core if left out.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Of dask: local, an address, or slurm, pbs, sge with a :profile.")
    ] = None,
    plot: Annotated[str, typer.Option(help="Draw plateaus: when the first one ends.")] = "",
    out: Annotated[Path | None, typer.Option(help="File of the picture; its ending is the format.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run an experiment over a grid of settings. The same command again does only what is missing.

    The exit code is 1 if some runs failed.
    """
    known(experiment.partition("/")[0], names("studies"), "study")
    grid = {path: values(text) for path, text in assignments(changes).items()}
    if plot:
        known(plot, SWEEPS, "plot")
        numbered(grid)
        picture = writable(out or Path(f"{experiment.replace('/', '-')}-{plot}.svg"))
    ready()
    from stepwell.run import sweep as run_sweep

    with tallied() as listen:
        runs = run_sweep(named(experiment), grid, range(seeds), folder, workers, scheduler, listen)
    failures = json.loads(runs.attrs["failures"])
    if as_json:
        print(
            json.dumps(
                {"store": str(folder), "seeds": seeds, "failures": failures, "points": list(_points(runs))}
            )
        )
    else:
        _tell(runs, folder)
    if plot:
        draw(plot, runs, picture, " ".join([experiment, *changes]))
        say(f"the picture is {picture}")
    raise typer.Exit(bool(failures))


def values(text: str) -> list[str]:
    """The values of a list: cut at its commas, but for those inside of brackets.

    Example:
        >>> values("1e-4,[0.5,-0.4],rflo")
        ['1e-4', '[0.5,-0.4]', 'rflo']
    """
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [value.strip() for value in found if value.strip()]


@contextmanager
def tallied() -> Iterator[Callable[["Tally"], None]]:
    """Progress of a sweep: a bar on a terminal, else a line now and then.

    Yields:
        A function to call with every new tally.
    """
    from stepwell.run.progress import told

    last = time.monotonic()

    with progress("starting") as show:

        def listen(now: "Tally") -> None:
            nonlocal last
            show(completed=now.done + now.failed, total=now.wanted, description=told(now))
            if not sys.stderr.isatty() and time.monotonic() - last > QUIET:
                say(told(now))
                last = time.monotonic()

        try:
            yield listen
        except KeyboardInterrupt as stop:  # it says how far the sweep is; typer would drop the sentence
            raise typer.Abort(str(stop)) from None


def made_beforehand(
    plan: Mapping[str, Sequence[str]],
    scale: str,
    folder: Path | None,
    workers: int | None,
    scheduler: str | None,
) -> Any:
    """A store with the runs of some claims, made by workers; those that fail are left to the judge.

    Args:
        plan: ids of the claims by study. scale: at which they are judged.
        folder: of the store; None for one that lasts as long as the result.
        workers, scheduler: as for `stepwell.sweep`.
    """
    from stepwell.run import Store, run_all
    from stepwell.study import STUDIES

    store = Store.temporary() if folder is None else Store(folder)
    claims = [claim for study, ids in plan.items() for claim in STUDIES[study].claims if claim.id in ids]
    runs = [run for claim in claims for run in claim.protocol(scale)]
    with tallied() as listen:
        run_all(runs, store, workers, scheduler, listen)
    return store


def list_runs(changes: Sequence[str], folder: Path, as_json: bool) -> None:
    """The runs in a store that have some settings, one line per settings object."""
    wanted = assignments(changes)
    from stepwell.run import listed
    from stepwell.run.catalogue import different

    runs = listed(folder, wanted)
    if as_json:
        print(json.dumps([run._asdict() for run in runs], indent=1))
        return
    for run, told in zip(runs, different(runs), strict=True):
        diverged = f", {len(run.diverged)} diverged" if run.diverged else ""
        about = f"{run.fingerprint}  {counted(len(run.seeds), 'seed')}{diverged}  {told}"
        console().print(about.rstrip(), soft_wrap=True)
    if not runs:
        say(f"the store '{folder}' has no run{' with ' if changes else ''}{', '.join(changes)}.")


@store.command(epilog="Example: stepwell store verify store")
def verify(folder: Folder = FOLDER) -> None:
    """Compare every file with its digest. The exit code is 1 if one is damaged."""
    from stepwell.run import verify as damages

    count = 0
    for damage in damages(folder):
        print(f"{damage.path}: {damage.reason}")
        count += 1
    say(f"{counted(count, 'damaged part')} in '{folder}'." if count else f"all is well in '{folder}'.")
    raise typer.Exit(bool(count))


@store.command(epilog="Example: stepwell store prune store --damaged")
def prune(
    folder: Folder = FOLDER,
    damaged: Annotated[bool, typer.Option(help="Also runs with a damaged part.")] = False,
    unfinished: Annotated[bool, typer.Option(help="Also what was stopped and could go on.")] = False,
) -> None:
    """Remove what stopped processes have left behind."""
    from stepwell.run import prune as remove

    removed = remove(folder, damaged, unfinished)
    for path in removed:
        print(path)
    say(f"{counted(len(removed), 'path')} removed from '{folder}'.")


@store.command(epilog="Example: stepwell store export runs.csv network.sigma0=1e-4 rule=rflo")
def export(
    file: Annotated[Path, typer.Argument(help="Ends in .nc, .csv or .zarr.")],
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH=VALUE]...", help="Only runs with these settings.")
    ] = None,
    folder: Kept = FOLDER,
) -> None:
    """Write runs for other programs: NetCDF, zarr, or the curves as CSV."""
    wanted = assignments(changes or [])
    from stepwell.run import export as write
    from stepwell.run import open_runs

    runs = open_runs(folder, wanted)
    write(runs, file)
    say(f"'{file}' has loss [{', '.join(f'{dim} {size}' for dim, size in runs.loss.sizes.items())}].")


def counted(number: int, what: str) -> str:
    """A number of things.

    Example:
        >>> counted(1, "seed"), counted(3, "seed")
        ('1 seed', '3 seeds')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def _points(runs: "xr.Dataset") -> Iterator[dict[str, Any]]:
    """Every point of a grid: its settings, and how its runs ended."""
    import numpy as np

    paths = list(json.loads(runs.attrs["grid"]))
    labels = {path: runs[path].values.tolist() for path in paths}
    loss, diverged = runs.loss.values, runs.diverged_at.values >= 0
    last = (
        loss.shape[-1] - 1 - np.argmax(np.isfinite(loss)[..., ::-1], axis=-1)
    )  # runs may be of unequal length
    ends = np.take_along_axis(loss, last[..., None], axis=-1)[..., 0]
    for place in np.ndindex(*(len(labels[path]) for path in paths)):
        kept = ends[place][np.isfinite(ends[place]) & ~diverged[place]]
        yield {
            **{path: labels[path][at] for path, at in zip(paths, place, strict=True)},
            LAST: float(np.median(kept)) if len(kept) else None,
            "diverged": int(diverged[place].sum()),
        }


def _tell(runs: "xr.Dataset", folder: Path) -> None:
    """How the runs ended at every point of a grid, and where they are."""
    points, out = list(_points(runs)), console()
    varied = [path for path in points[0] if len({point[path] for point in points}) > 1]
    columns = [path for path in points[0] if path in varied or path == LAST]
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right", no_wrap=True)
    rows = [[_short(point[column]) for column in columns] for point in points[:ROWS]]
    for row in rows:
        table.add_row(*row)
    if out.measure(table, options=out.options.update(width=10**4)).maximum <= out.width:
        out.print(table)
    else:
        for row in rows:
            told = (f"{name.replace('_', ' ')} {value}" for name, value in zip(columns, row, strict=True))
            out.print(", ".join(told))
    if len(points) > ROWS:
        out.print(f"and {len(points) - ROWS} more points; --json prints all.")
    out.print(f"{runs.loss.isel(update=0).size} runs in '{folder}'.")


def _short(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
