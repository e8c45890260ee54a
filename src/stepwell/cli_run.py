"""`stepwell run`: one experiment with settings changed, and a picture of it."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from stepwell.cli_plot import PLOTS, draw
from stepwell.names import known, names, unknown
from stepwell.terminal import console, progress, ready, say, writable

if TYPE_CHECKING:
    import xarray as xr


def run(
    experiment: Annotated[str, typer.Argument(help="STUDY/EXPERIMENT, STUDY/CLAIM, or STUDY for its first.")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="[PATH=VALUE]...", help="To change.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many networks: seeds 0, 1, ...")] = 1,
    store: Annotated[Path | None, typer.Option(help="Keep runs in this folder, use what is there.")] = None,
    plot: Annotated[str, typer.Option(help="Draw loss, norms, poles or poles_through_time.")] = "",
    out: Annotated[Path | None, typer.Option(help="File of the picture; its ending is the format.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run an experiment and say how it ended."""
    known(experiment.partition("/")[0], names("studies"), "study")
    values = assignments(changes or [])
    if plot:
        known(plot, PLOTS, "plot")
        path = writable(out or Path(f"{experiment.replace('/', '-')}-{plot}.svg"))
    ready()
    settings = changed(named(experiment), values)
    record = _record(settings, range(seeds), store)
    if as_json:
        print(json.dumps(_summary(experiment, record), indent=1))
    else:
        _tell(experiment, record)
    if plot:
        draw(plot, record, path, " ".join([experiment, *(changes or [])]))
        say(f"the picture is {path}")


def named(name: str) -> Any:
    """The settings of STUDY/EXPERIMENT or STUDY/CLAIM; for STUDY alone those of its first experiment."""
    from stepwell.study import STUDIES

    name, _, inner = name.partition("/")
    study = STUDIES[known(name, STUDIES, "study")]
    if not inner:
        return next(iter(study.experiments.values()))
    if inner in study.experiments:
        return study.experiments[inner]
    claims = {claim.id: claim for claim in study.claims}
    if inner not in claims:
        there = [*study.experiments, *claims]
        raise ValueError(unknown(f"{name} has no experiment or claim", inner, there, "It has"))
    return claims[inner].experiments(claims[inner].scales[0])[0]


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """The values by path of texts like path=value.

    Raises:
        ValueError: for a text that is none, or a path that is given twice.
    """
    changes: dict[str, str] = {}
    for text in texts:
        path, equals, value = (part.strip() for part in text.partition("="))
        if not (path and equals and value):
            raise ValueError(f"'{text}' changes nothing; write path=value, such as network.sigma0=1e-4.")
        if path in changes:
            raise ValueError(f"'{path}' is changed twice; give it one value.")
        changes[path] = value
    return changes


def changed(settings: Any, changes: Mapping[str, str]) -> Any:
    """Settings with values changed; the paths of an experiment serve for a flow of it, too."""
    from stepwell.experiment import TABLES
    from stepwell.settings import overridden

    def place(path: str) -> str:
        inside = not hasattr(settings, path.partition(".")[0]) and hasattr(settings, "experiment")
        return f"experiment.{path}" if inside else path

    return overridden(settings, {place(path): value for path, value in changes.items()}, TABLES)


def _record(settings: Any, seeds: Sequence[int], store: Path | None) -> "xr.Dataset":
    """The record of settings, with a bar over the updates where there are any."""
    from stepwell.experiment import Experiment
    from stepwell.run import Progress, train

    with progress("running") as show:
        if not isinstance(settings, Experiment):
            return settings.run(seeds, store)
        began = time.monotonic()

        def under_way(now: Progress) -> None:
            rate = now.done / (time.monotonic() - began)
            description = f"loss {_spread(now.loss)}, {rate:,.0f} updates/s"
            show(completed=now.done, total=now.wanted, description=description)

        return train(settings, seeds, store, under_way)


def _spread(losses: Any) -> str:
    """The median of some losses, their range where there are several, and how many are lost."""
    import numpy as np

    finite = losses[np.isfinite(losses)]
    lost = f", {len(losses) - len(finite)} diverged" if len(finite) < len(losses) else ""
    if not len(finite):
        return f"–{lost}"
    spread = f" ({finite.min():.3g} to {finite.max():.3g})" if len(finite) > 1 else ""
    return f"{np.median(finite):.4g}{spread}{lost}"


def _summary(name: str, record: "xr.Dataset") -> dict[str, Any]:
    """A run in plain data: what it was, and how each seed ended."""
    from stepwell.run import notes_of

    losses = record.loss.values[..., [0, -1]].tolist()
    return {
        "experiment": name,
        "fingerprint": record.attrs["fingerprint"],
        "settings": json.loads(record.attrs["settings"]),
        "seeds": record.seed.values.tolist(),
        "first_loss": [_finite(first) for first, _ in losses],
        "last_loss": [_finite(last) for _, last in losses],
        "learning_time": float(record.learning_time.values[-1]),
        "diverged_at": record.diverged_at.values.tolist(),
        "seconds": record.attrs["seconds"],
        "notes": notes_of(record),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _tell(name: str, record: "xr.Dataset") -> None:
    """How each seed began and ended."""
    about = _summary(name, record)
    out, table = console(), Table(box=None, pad_edge=False)
    for column in ("seed", "first loss", "last loss", "diverged at"):
        table.add_column(column, justify="right")
    for seed, first, last, at in zip(
        about["seeds"], about["first_loss"], about["last_loss"], about["diverged_at"]
    ):
        losses = ("–" if loss is None else f"{loss:.6g}" for loss in (first, last))
        table.add_row(str(seed), *losses, "" if at < 0 else f"update {at}")
    out.print(f"{name}, to learning time {about['learning_time']:g}")
    out.print(table)
    for note in about["notes"]:
        out.print(note)
