"""Findings as Markdown: `python docs/claims_table.py FINDINGS.json [--brief]`, from what `stepwell check
--json` wrote."""

import json
import sys
from pathlib import Path

from stepwell.study import Finding
from stepwell.study.wording import measurement, number, verdict_word


def table(findings: list[Finding], brief: bool = False) -> str:
    """One line per finding; a brief one has statement and verdict alone."""
    heads = ("claim", "statement", *(() if brief else ("predicted", "measured", "tolerance")), "verdict")
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for finding in findings:
        numbers = (number(finding.predicted), measurement(finding), number(finding.tolerance))
        cells = (f"`{finding.claim}`", finding.statement.replace("|", "\\|"), *(() if brief else numbers))
        lines.append("| " + " | ".join((*cells, verdict_word(finding))) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    rows = json.loads(Path(sys.argv[1]).read_text())
    print(table([Finding(**row) for row in rows], brief="--brief" in sys.argv))
