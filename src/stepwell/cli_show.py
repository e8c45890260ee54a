"""`stepwell show`: what a study, claim, experiment, task, network, rule or record is."""

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepwell.cli_run import assignments, changed, named
from stepwell.cli_sweep import FOLDER
from stepwell.names import known, names
from stepwell.terminal import console, ready

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from stepwell.study import Claim, Study

KINDS = {"task": "tasks", "network": "networks", "rule": "rules"}
BARS = " ▁▂▃▄▅▆▇█"


def show(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME [SETTING=VALUE]...",
            help="STUDY, STUDY/CLAIM, STUDY/EXPERIMENT, the name of a task, network or rule, a RUN by its "
            "fingerprint, or the path of a record; settings of experiments and tasks can be changed.",
        ),
    ],
    folder: Annotated[Path, typer.Option("--store", help="Of a run: the folder that keeps it.")] = FOLDER,
) -> None:
    """Show what something is, with its settings; of a task, a trial too."""
    words = [word for word in what if "=" not in word]
    changes = assignments([word for word in what if "=" in word])
    name = words[-1] if words else ""
    kinds = [kind for kind, table in KINDS.items() if name in names(table)]
    if kinds:
        ready()
        _say(_entry(kinds[0], name, changes))
    elif name and Path(name).exists():
        ready()
        _say(_record(Path(name)))
    elif re.fullmatch("[0-9a-f]{20}", name):
        ready()
        _say(_run(name, folder))
    else:
        there = [*names("studies"), *(each for table in KINDS.values() for each in names(table))]
        known(name.partition("/")[0], there, "study, task, network, rule or file")
        ready()
        _say(_of_study(name, changes))


def _say(lines: Iterator[str]) -> None:
    """Lines as wide as the terminal; what is indented stays so when it is wrapped."""
    width = console().width
    for line in list(lines):  # all of them, before the first is printed: what is refused prints nothing
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        for row in textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]:
            print(row)


def _of_study(name: str, changes: Mapping[str, str]) -> Iterator[str]:
    from stepwell.study import STUDIES

    outer, _, inner = name.partition("/")
    study = STUDIES[outer]
    claims = {claim.id: claim for claim in study.claims}
    if not inner:
        return _study(outer, study)
    if inner in claims and not changes:
        return _claim(claims[inner])
    return _experiment(changed(named(name), changes))


def _study(name: str, study: "Study") -> Iterator[str]:
    yield f"{study.title} ({study.source})"
    yield study.question
    yield f"{len(study.claims)} claims: stepwell list claims {name}"
    yield "Experiments:"
    yield from (f"  {name}/{experiment}" for experiment in study.experiments)
    yield from ["Errata of the source:"] * bool(study.errata)
    yield from (f"  {erratum}" for erratum in study.errata)


def _claim(claim: "Claim") -> Iterator[str]:
    yield claim.statement
    yield f"source: {claim.source}; reading: {claim.reading}; scope: {claim.scope}"
    tolerance = f"{claim.tolerance}{' of the prediction' if claim.relative else ''}"
    yield f"expected: {claim.expected}; tolerance: {tolerance}; samples: {claim.kind}"
    if claim.note:
        yield claim.note
    for scale in claim.scales:
        runs = claim.protocol(scale)
        seeds = sum(len(seeds) for _, seeds in runs)
        yield f"{scale}: {len(runs)} {'experiment' if len(runs) == 1 else 'experiments'}, {seeds} runs"
    yield "The first of them:"
    yield from _settings(claim.experiments(claim.scales[0])[0], "  ")


def _experiment(settings: Any) -> Iterator[str]:
    from stepwell.experiment import experiment_fingerprint

    yield f"fingerprint {experiment_fingerprint(settings)}"
    yield from _settings(settings)


def _settings(settings: Any, indent: str = "", path: str = "") -> Iterator[str]:
    """Every setting with the path by which it can be changed."""
    from stepwell.experiment import TABLES
    from stepwell.settings import type_name

    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        where = f"{path}{field.name}"
        if dataclasses.is_dataclass(value):
            if (kind := type_name(type(value), TABLES)) != field.name:
                yield f"{indent}{where} = {kind}"
            yield from _settings(value, indent, f"{where}.")
        elif field.init:
            yield f"{indent}{where} = {value}"


def _entry(kind: str, name: str, changes: Mapping[str, str]) -> Iterator[str]:
    """An entry of a table: its description, its settings, and of a task a trial."""
    from stepwell.experiment import TABLES

    cls = TABLES[kind][name]
    yield f"{kind} {name}"
    yield from _paragraphs(inspect.getdoc(cls) or "")
    sample = _sample(kind, cls)
    if sample is None:
        needed = [p.name for p in inspect.signature(cls).parameters.values() if p.default is p.empty]
        yield f"No default: {', '.join(needed)}."
        return
    sample = changed(sample, changes)
    yield "For example:"
    yield from _settings(sample, "  ")
    if kind == "task":
        yield from _trial(sample)


def _paragraphs(doc: str) -> Iterator[str]:
    """The lines of a docstring, put together to paragraphs and entries of lists."""
    text = ""
    for line in [*doc.splitlines(), ""]:
        starts = line.startswith("    ") and line[4:5] != " "
        if text and (not line or starts or text.endswith(":")):
            yield text
            text = ""
        text = f"{text} {line.strip()}" if text else line
        if not line:
            yield text
    return


def _sample(kind: str, cls: type) -> Any:
    """One that a study uses, or the one with default settings; None if some settings have no default."""
    from stepwell.study import STUDIES

    for study in STUDIES.values():
        for settings in study.experiments.values():
            used = getattr(getattr(settings, "experiment", settings), kind, None)
            if type(used) is cls:
                return used
    needed = [p for p in inspect.signature(cls).parameters.values() if p.default is p.empty]
    return None if needed else cls()


def _trial(task: Any) -> Iterator[str]:
    """A trial as lines of bars; nothing is drawn where the mask says that nothing is asked."""
    import jax
    import numpy as np

    trial = task.trial(jax.random.key(0))
    inputs, targets, mask = (np.asarray(a, float) for a in (trial.inputs, trial.targets, trial.mask))
    yield f"A trial of {len(inputs)} steps:"
    for name, values in (("input", inputs), ("target", np.where(mask > 0, targets, np.nan))):
        low, high = np.nanmin(values), np.nanmax(values)
        yield f"  {name}, from {low:.3g} to {high:.3g}"
        for channel in values.T:
            yield f"    {bars(channel, max(10, console().width - 6), low, high)}"


def bars(values: "np.ndarray", width: int, low: float, high: float) -> str:
    """A line of bars, one per step or one for the largest of several steps; a blank for NaN.

    Example:
        >>> import numpy as np
        >>> bars(np.array([0.0, 0.5, 1.0, np.nan]), 10, 0.0, 1.0)
        '▁▅█ '
    """
    import numpy as np

    groups = np.array_split(values, min(width, len(values)))
    largest = [g[np.argmax(np.nan_to_num(np.abs(g), nan=-1.0))] for g in groups]
    share = (np.array(largest) - low) / ((high - low) or 1.0)
    return "".join(BARS[0] if np.isnan(s) else BARS[1 + min(7, int(8 * s))] for s in share)


def _record(path: Path) -> Iterator[str]:
    """A record on disk: what it is of, what is in it, how it ended."""
    from stepwell.run import open_record
    from stepwell.run.archive import SUFFIX

    if not path.name.endswith(SUFFIX):
        raise ValueError(f"'{path}' is no record; one is STORE/runs/XX/BLOCK{SUFFIX}.")
    yield from _recorded(f"record {path}", open_record(path))


def _run(fingerprint: str, folder: Path) -> Iterator[str]:
    """The runs of one settings object in a store."""
    from stepwell.run import Store, listed
    from stepwell.run.store import join

    there = {run.fingerprint: run for run in listed(folder)}
    if fingerprint not in there:
        raise ValueError(f"the store '{folder}' has no run {fingerprint}; `stepwell list runs` names them.")
    seeds = there[fingerprint].seeds
    yield from _recorded(f"run {fingerprint}", join(Store(folder).find(fingerprint, seeds), seeds))


def _recorded(what: str, record: "xr.Dataset") -> Iterator[str]:
    from stepwell.run import notes_of, settings_of

    attrs: Mapping[str, Any] = record.attrs
    yield f"{what}, made {attrs['created']} in {attrs['seconds']:.3g} s ({attrs['device']})"
    yield f"seeds: {', '.join(map(str, record.seed.values))}"
    for name, variable in record.data_vars.items():
        yield f"  {name} [{', '.join(f'{d} {variable.sizes[d]}' for d in variable.dims)}]"
    yield f"last losses: {', '.join(f'{loss:.6g}' for loss in record.loss.values[..., -1].ravel())}"
    yield from notes_of(record)
    if attrs["fingerprint"]:
        yield from _experiment(settings_of(record))
