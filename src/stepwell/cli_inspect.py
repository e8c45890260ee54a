"""`stepwell inspect`: what a network learned, when, and through which modes, from its weights alone."""

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from stepwell.names import known
from stepwell.terminal import console, progress, ready, say, writable

KINDS = ("tanh", "relu", "gru", "lstm")
MOST = 4


def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            help="A store, a folder of checkpoints, or a file (.npz, .safetensors, .pt, .pth, .ckpt)."
        ),
    ],
    report: Annotated[Path, typer.Option(metavar="FILE", help="The HTML report.")] = Path("inspection.html"),
    data: Annotated[
        Path | None,
        typer.Option(help="Trials as an .npz or .mat file with inputs, targets and perhaps mask."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help=f"{', '.join(KINDS)}, where names do not tell (relu).")
    ] = None,
    step: Annotated[float | None, typer.Option(help="Duration of a step in ms, for ms and Hz.")] = None,
    smoothing: Annotated[
        float | None, typer.Option(help="Of the loss, in entries; a hundredth of it.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Networks of a store that are looked at.")] = MOST,
) -> None:
    """Inspect trained networks: sizes, plateaus, spectra, functional rank, fixed points, poles."""
    writable(report)
    if kind is not None:
        known(kind, KINDS, "kind")
    ready()
    from stepwell.inspection import Options, parts
    from stepwell.inspection_page import page
    from stepwell.interop import task_from_file
    from stepwell.interop.histories import histories

    found, problems = histories(path, kind)
    options = Options(None if data is None else task_from_file(data), step, smoothing)
    if len(found) > most:
        problems.append(f"{len(found)} networks are there; the first {most} are shown, see --most.")
    sections = []
    with progress("inspecting") as tell:
        for number, history in enumerate(found[:most]):
            tell(completed=number, total=min(most, len(found)), description=history.title)
            sections.append((history.title, list(parts(history, options))))
    report.write_text(page(str(path), sections, problems), encoding="utf-8")
    for title, there in sections:
        _print(title)
        for part in there:
            _print(part.title, *part.lines, indent="  ")
    for problem in problems:
        say(problem)
    say(f"the report is {report}")


def _print(title: str, *lines: str, indent: str = "") -> None:
    width = console().width
    print(f"{indent}{title}")
    for line in lines:
        deep = indent + "  " + " " * (len(line) - len(line.lstrip()))
        print(textwrap.fill(line.strip(), width, initial_indent=deep, subsequent_indent=deep + "  "))
