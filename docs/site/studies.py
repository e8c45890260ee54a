"""One page per study, made from the findings of a report: what was asked, what holds, what does not."""

import collections
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from stepwell import STUDIES
from stepwell.study import Finding
from stepwell.study.wording import (
    DOES_NOT_EXTEND,
    DOES_NOT_HOLD,
    FAILS,
    UNDECIDED,
    WORDS,
    measurement,
    number,
    verdict_sentence,
    verdict_word,
)

COLUMNS = ("claim", "predicted", "measured", "tolerance", "verdict", "reading")
NEGATIVE = (FAILS, DOES_NOT_EXTEND, DOES_NOT_HOLD, UNDECIDED)


def cells(finding: Finding) -> tuple[str, ...]:
    """What a row of the claims table says, in the order of `COLUMNS`."""
    numbers = (number(finding.predicted), measurement(finding), number(finding.tolerance))
    reading = f"{finding.reading}, {finding.scope}"
    return (f"{finding.claim} {finding.statement}", *numbers, verdict_word(finding), reading)


def page(name: str, findings: Sequence[Finding], shown: Mapping[str, str], notes: bool) -> str:
    """The page of one study.

    Args:
        name: of the study.
        findings: those of this study.
        shown: the name of the picture of each claim that has one, as "STUDY/CLAIM".
        notes: whether there is a page of notes on the study.
    """
    study = STUDIES[name]
    scale = findings[0].scale
    counts = collections.Counter(map(verdict_word, findings))
    told = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
    more = f" [Notes, and what was run at full size]({name}_notes.md)." if notes else ""
    parts = [
        f"# {study.title}",
        plain(study.question),
        f"{told}, at scale `{scale}`. The source is `{study.source}`"
        f" ([bibliography](../bibliography.md#{study.source})).{more}",
        f"```console\n$ stepwell check {name} --scale {scale} --report report\n```",
        f"This page is made from the [findings]({name}.json) that the command writes;"
        " none of its numbers is typed.",
        "## Claims",
        _table(findings),
        _negative(findings),
        _notes(findings),
        _figures(name, findings, shown),
        _errata(study.errata),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def index(findings: Mapping[str, Sequence[Finding]]) -> str:
    """The page that leads to the studies."""
    rows = []
    for name, rows_of in findings.items():
        counts = collections.Counter(map(verdict_word, rows_of))
        told = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
        rows.append(f"| [{STUDIES[name].title}]({name}.md) | {plain(STUDIES[name].question)} | {told} |")
    return "\n".join(
        [
            "# Studies",
            "",
            "A study makes one source executable. Each of its statements is a claim: an experiment, a"
            " prediction that never sees the data, a measurement, and a verdict that one shared rule"
            " computes. The tolerance is set before the claim is run.",
            "",
            "| study | question | verdicts |",
            "|---|---|---|",
            *rows,
            "",
            *GUIDE,
        ]
    )


GUIDE = (
    "## How to read a verdict",
    "",
    "- **HOLDS**: the measurement is within the tolerance of the prediction, two standard errors included.",
    "- **FAILS**: it is not, in the source's own experiment, the source read as it is written or meant.",
    "- **does not hold**: it is not, but what is tested was reconstructed, or taken from published code.",
    "- **does not extend**: it is not, in a setting beyond that of the source.",
    "- **UNDECIDED**: the draws are too few to tell.",
    "- **measured first**: nobody can predict it yet; such a claim does not count.",
    "- **not judged**: its data are missing.",
    "",
)


def plain(text: str) -> str:
    """A sentence of a claim as Markdown: only `code` and $formulas$ are marked up."""
    parts = re.split(r"(`[^`]+`|\$[^$]+\$)", text)
    return "".join(
        part if i % 2 else re.sub(r"([*_|<>\[\]\\])", r"\\\1", part) for i, part in enumerate(parts)
    )


def _table(findings: Sequence[Finding]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for finding in findings:
        first = f"`{finding.claim}`<br>{plain(finding.statement)}"
        lines.append("| " + " | ".join((first, *cells(finding)[1:])) + " |")
    return "\n".join(lines)


def _negative(findings: Sequence[Finding]) -> str:
    """What does not hold as it was said, and what its note says holds instead."""
    found = [finding for finding in findings if verdict_word(finding) in NEGATIVE]
    return _listed("What does not hold, and what holds instead", found)


def _notes(findings: Sequence[Finding]) -> str:
    others = [finding for finding in findings if finding.note and verdict_word(finding) not in NEGATIVE]
    return _listed("What to know of the others", others)


def _listed(title: str, findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    items = []
    for finding in findings:
        sentences = [finding.statement, verdict_sentence(finding), _sentence(finding.note)]
        items.append(f"- `{finding.claim}`: {plain(' '.join(filter(None, sentences)))}")
    return "\n".join([f"## {title}", "", *items])


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:].rstrip('.')}." if note else ""


def _figures(name: str, findings: Sequence[Finding], shown: Mapping[str, str]) -> str:
    parts = []
    for finding in findings:
        if shown.get(f"{name}/{finding.claim}") == f"{name}/{finding.claim}":
            parts += [
                figure(finding),
                f"`{finding.claim}`: {plain(finding.statement)} "
                f"[How it is made](../gallery/{name}.md#{finding.claim})",
            ]
    return "\n\n".join(["## Figures", *parts]) if parts else ""


def figure(finding: Finding) -> str:
    """The picture of a claim, on light and on dark paper."""
    words = re.sub(r"[\[\]\"`$\\]", "", finding.statement)
    path = f"../pictures/{finding.study}/{finding.claim}"
    dark = f"![{words}]({path}-dark.svg#only-dark){{ loading=lazy }}"
    return f"![{words}]({path}.svg#only-light){{ loading=lazy }}{dark}"


def _errata(errata: Sequence[str]) -> str:
    return (
        "\n".join(["## Errata of the source", "", *(f"- {plain(each)}" for each in errata)]) if errata else ""
    )


def write(folder: Path, findings: Mapping[str, Sequence[Finding]], shown: Mapping[str, str]) -> None:
    """All pages of studies; hand-written notes lie in `folder` as `STUDY_notes.md`."""
    from stepwell.study.report_tables import findings_json

    for name, rows in findings.items():
        notes = (folder / f"{name}_notes.md").exists()
        (folder / f"{name}.md").write_text(page(name, rows, shown, notes), encoding="utf-8")
        (folder / f"{name}.json").write_text(findings_json(rows), encoding="utf-8")
    (folder / "index.md").write_text(index(findings), encoding="utf-8")
