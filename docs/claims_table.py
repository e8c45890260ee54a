"""Findings as Markdown, from what `stepwell check --json` wrote.

`python docs/claims_table.py FINDINGS.json` prints a table; `... --into README.md` puts one brief table per
study between the two `claims` marks of a file.
"""

import argparse
import collections
import json
from pathlib import Path

from stepwell import STUDIES
from stepwell.study import Finding
from stepwell.study.wording import measurement, number, verdict_word

MARKS = "<!-- claims: made by `make tables` -->", "<!-- end of claims -->"


def table(findings: list[Finding], brief: bool = False) -> str:
    """One line per finding; a brief one has statement and verdict alone."""
    heads = ("claim", "statement", *(() if brief else ("predicted", "measured", "tolerance")), "verdict")
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for finding in findings:
        numbers = (number(finding.predicted), measurement(finding), number(finding.tolerance))
        cells = (f"`{finding.claim}`", finding.statement.replace("|", "\\|"), *(() if brief else numbers))
        lines.append("| " + " | ".join((*cells, verdict_word(finding))) + " |")
    return "\n".join(lines)


def folded(findings: list[Finding]) -> str:
    """One folded table per study, under its question and the count of its verdicts."""
    studies = collections.defaultdict(list)
    for finding in findings:
        studies[finding.study].append(finding)
    parts = []
    for name, rows in studies.items():
        counts = collections.Counter(verdict_word(row) for row in rows)
        told = ", ".join(f"{count} {word}" for word, count in counts.items())
        study = STUDIES[name]
        summary = f"<summary><b>{study.title}</b> (<code>{name}</code>): {told}</summary>"
        parts.append(f"<details>\n{summary}\n\n{study.question}\n\n{table(rows, brief=True)}\n\n</details>")
    return "\n\n".join(parts)


def put(page: Path, findings: list[Finding]) -> None:
    """Replace what stands between the marks of a page."""
    before, _, rest = page.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    if not after:
        raise SystemExit(f"{page} has no marks {MARKS[0]} and {MARKS[1]}.")
    page.write_text(f"{before}{MARKS[0]}\n\n{folded(findings)}\n\n{MARKS[1]}{after}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("findings", type=Path)
    parser.add_argument("--into", type=Path)
    given = parser.parse_args()
    found = [Finding(**row) for row in json.loads(given.findings.read_text())]
    if given.into:
        put(given.into, found)
    else:
        print(table(found))
