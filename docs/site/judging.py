"""The report that the study pages and the gallery are made from.

`python -m docs.site.judging REPORT --scale quick --store STORE` judges all studies, each run made once, and
keeps beside the report what `stepwell check` does not: every figure in one column on light and on dark paper,
and in two columns. A figure that cannot be drawn ends it.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from stepwell import STUDIES
from stepwell.figure import Figure, styled, time_colours
from stepwell.figure.style import PALETTE, rounded
from stepwell.run.compilation_cache import switch_on
from stepwell.study.judge import Judged, judged
from stepwell.study.report import write_report

INDEX = "pictures.json"
VARIANTS = {"": 1, "-wide": 2}
"""Columns of a journal by the ending of a picture's name."""


def write(report: Path, scale: str, store: Path, claims: Mapping[str, Sequence[str]] | None = None) -> None:
    """Judge, and write report and pictures.

    Args:
        report: folder of `findings.json` and of `pictures/STUDY/CLAIM.svg`.
        scale: "smoke", "quick" or "full".
        store: folder of records.
        claims: those to judge, by study; all of them if None.
    """
    shown: dict[str, str] = {}
    chosen: Mapping[str, Sequence[str] | None] = claims or dict.fromkeys(STUDIES)
    streams = {
        name: drawn(judged(name, scale, store, wanted, _say), report / "pictures", shown)
        for name, wanted in chosen.items()
    }
    write_report(streams, report, shlex.join(["stepwell", "check", "--scale", scale]))
    (report / INDEX).write_text(json.dumps(shown, indent=1), encoding="utf-8")


def drawn(findings: Iterator[Judged], folder: Path, shown: dict[str, str]) -> Iterator[Judged]:
    """What is judged, with the figure of each claim in `folder` and the name of its picture in `shown`."""
    pictures: dict[str, str] = {}
    for each in findings:
        if each.claim.figure is not None:
            name = f"{each.finding.study}/{each.finding.claim}"
            plain = picture(each, 1)
            shown[name] = pictures.setdefault(plain, name)
            if shown[name] == name:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                for ending, columns in VARIANTS.items():
                    path.with_name(f"{path.name}{ending}.svg").write_text(
                        plain if columns == 1 else picture(each, columns), encoding="utf-8"
                    )
                path.with_name(f"{path.name}-dark.svg").write_text(on_dark(plain), encoding="utf-8")
        yield each


def picture(found: Judged, columns: int) -> str:
    """The figure of a claim as an SVG of its own, its text still text."""
    import io

    import matplotlib as mpl

    file = io.StringIO()
    with styled(columns=columns), mpl.rc_context({"svg.hashsalt": "stepwell"}):
        figure: Any = Figure()
        found.claim.figure(found.runs, found.prediction, figure.add_subplot())
        figure.savefig(file, format="svg", metadata={"Date": None})
    return rounded(file.getvalue())


def on_dark(svg: str) -> str:
    """A picture on light paper with the inks of dark paper."""
    inks = dict(PALETTE.values())
    with styled():
        light = time_colours()
    with styled(dark=True):
        inks |= zip(light, time_colours())
    for ink, dark in inks.items():
        svg = svg.replace(ink, f"{dark[0]}dark{dark[1:]}")  # marked, so that no ink is changed twice
    return svg.replace("#dark", "#")


def _say(claim: str, number: int, count: int) -> None:
    print(f"{number + 1}/{count} {claim}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--scale", default="quick")
    parser.add_argument("--store", type=Path, default=Path("build/store"))
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    switch_on()
    write(given.report, given.scale, given.store)
