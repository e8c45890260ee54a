"""`stepwell check`: judge the claims of studies and say what came out."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from stepwell.cli_sweep import made_beforehand
from stepwell.names import known, names
from stepwell.terminal import compile_quickly, console, progress, ready, say, writable

if TYPE_CHECKING:
    from stepwell.study.judge import Finding, Judged

STANDARD = Path("-")
"""Stands for standard output."""

NARROW = 72
"""Columns below which a table has no numbers."""


def check(
    studies: Annotated[list[str] | None, typer.Argument(help="Names of studies; all if left out.")] = None,
    scale: Annotated[Literal["smoke", "quick", "full"], typer.Option(help="How thoroughly.")] = "quick",
    claim: Annotated[list[str] | None, typer.Option(help="Only this claim; may be repeated.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the findings as JSON; - prints them.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with figures into this folder.")] = None,
    store: Annotated[
        Path | None, typer.Option(help="Keep runs in this folder and use what is there.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Train in so many processes; one per core if left out.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Run on dask first: local, an address, or a queue.")
    ] = None,
) -> None:
    """Judge claims. The exit code is 0 if every verdict that counts is the expected one, and 1 if not."""
    chosen = [known(name, names("studies"), "study") for name in dict.fromkeys(studies or names("studies"))]
    if json not in (None, STANDARD):
        writable(json)
    if scale == "smoke":
        compile_quickly()
        workers = workers if scheduler else workers or 1
    ready()
    from stepwell.run.checkpoint import write_durably
    from stepwell.study.report_tables import findings_json

    plan = _plan(chosen, scale, claim or [])
    alone = workers == 1 and scheduler is None
    kept = store if alone else made_beforehand(plan, scale, store, workers, scheduler)
    findings = _findings(plan, scale, report, kept)
    if json == STANDARD:
        print(findings_json(findings), end="")
    else:
        _tell(console(), findings, _left_out(chosen, scale, claim or []))
    if json not in (None, STANDARD):
        write_durably(json, findings_json(findings).encode())
    if report is not None:
        say(f"the report is {report / 'index.html'}")
    raise typer.Exit(any(finding.surprising for finding in findings))


def _plan(studies: Sequence[str], scale: str, wanted: Sequence[str]) -> dict[str, list[str]]:
    """The claims to judge, by study.

    Raises:
        ValueError: for a claim that none of the studies has, or that is not judged at the scale.
    """
    from stepwell.study import STUDIES

    claims = {name: {claim.id: claim for claim in STUDIES[name].claims} for name in studies}
    everywhere = dict(chain.from_iterable(each.items() for each in claims.values()))
    for name in wanted:
        scales = everywhere[known(name, everywhere, "claim")].scales
        if scale not in scales:
            raise ValueError(
                f"the claim '{name}' is judged at {' and '.join(scales)} only; it has no row at {scale}."
            )
    chosen = {
        study: [name for name, claim in each.items() if scale in claim.scales and name in (wanted or each)]
        for study, each in claims.items()
    }
    return {study: ids for study, ids in chosen.items() if ids or not wanted}


def _left_out(studies: Sequence[str], scale: str, wanted: Sequence[str]) -> int:
    from stepwell.study import STUDIES

    return (
        0 if wanted else sum(scale not in claim.scales for name in studies for claim in STUDIES[name].claims)
    )


def _findings(plan: dict[str, list[str]], scale: str, report: Path | None, store: Any) -> "list[Finding]":
    """Judge what is planned, with a bar over all of it."""
    from stepwell.study.judge import judged
    from stepwell.study.report import write_report

    total, done = sum(map(len, plan.values())), iter(range(sys.maxsize))
    with progress("judging") as show:

        def stream(study: str, claims: list[str]) -> "Iterator[Judged]":
            def under_way(claim: str, number: int, count: int) -> None:
                show(description=claim, completed=next(done), total=total)

            return judged(study, scale, store, claims, under_way)

        streams = {study: stream(study, claims) for study, claims in plan.items()}
        if report is not None:
            return write_report(streams, report, shlex.join(["stepwell", *sys.argv[1:]]))
        return [each.finding for each in chain.from_iterable(streams.values())]


def _tell(out: Console, findings: "Sequence[Finding]", left_out: int) -> None:
    """A table per study, and what it amounts to."""
    for study in dict.fromkeys(finding.study for finding in findings):
        out.print(_table(study, [f for f in findings if f.study == study], out.width >= NARROW))
    counted = [finding for finding in findings if finding.counts]
    surprises = [finding.claim for finding in counted if finding.surprising]
    out.print(f"{len(counted) - len(surprises)} of {len(counted)} verdicts are the expected ones.")
    if surprises:
        out.print(f"Not expected: {', '.join(surprises)}.")
    if len(findings) > len(counted):
        out.print(f"{len(findings) - len(counted)} were measured without a prediction and do not count.")
    if left_out:
        out.print(f"{left_out} claims are not judged at this scale.")


def _table(study: str, findings: "Iterable[Finding]", wide: bool) -> Table:
    from stepwell.study.wording import measurement, number, verdict_word

    table = Table(title=study, title_justify="left", box=None, pad_edge=False)
    table.add_column("claim", overflow="fold")
    for name in ("predicted", "measured", "tolerance") if wide else ():
        table.add_column(name, justify="right")
    table.add_column("verdict", overflow="fold")
    for finding in findings:
        numbers = (number(finding.predicted), measurement(finding), number(finding.tolerance))
        verdict = verdict_word(finding)
        if finding.surprising:
            verdict = f"[bold red]{verdict} (expected {finding.expected})[/]"
        table.add_row(finding.claim, *(numbers if wide else ()), verdict)
    return table
