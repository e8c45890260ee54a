"""Findings for programs and papers: JSON, CSV and a LaTeX table."""

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from stepwell.study.judge import Finding
from stepwell.study.wording import measurement, number, verdict_word

_PLAIN = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "_": r"\_\allowbreak ",
    **{character: f"\\{character}" for character in "&%#$"},
    "–": "--",
    "—": "---",
    "’": "'",
}
_MATHS = {
    "−": "-",
    "±": r"\pm ",
    "×": r"\times ",
    "·": r"\cdot ",
    "∞": r"\infty ",
    "≤": r"\le ",
    "≥": r"\ge ",
    "∂": r"\partial ",
    "∝": r"\propto ",
    "→": r"\to ",
    "√": r"\surd ",
    "∈": r"\in ",
    "*": "*",
}
_NEEDS = "% Needs \\usepackage[utf8]{inputenc}, booktabs, longtable and array.\n"
_BEGIN = (
    r"\begingroup\footnotesize\begin{longtable}{@{}p{0.2\linewidth}p{0.3\linewidth}lllp{0.09\linewidth}@{}}"
)
_COLUMNS = r"\toprule Claim & Statement & Predicted & Measured & Tolerance & Verdict \\ \midrule \endhead"
_END = r"\bottomrule\end{longtable}\endgroup"


def findings_json(findings: Sequence[Finding]) -> str:
    """A list with one object per finding, its keys the fields of `Finding`; numbers not finite are null."""
    return (
        json.dumps([_row(finding) for finding in findings], indent=1, ensure_ascii=False, allow_nan=False)
        + "\n"
    )


def findings_csv(findings: Sequence[Finding]) -> str:
    """One line per finding under a header of the fields of `Finding`."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, Finding._fields)
    table.writeheader()
    table.writerows(_row(finding) for finding in findings)
    return text.getvalue()


def findings_latex(findings: Sequence[Finding]) -> str:
    """One booktabs table per study, with every claim in its words."""
    return _NEEDS + "\n".join(_table(name, list(rows)) for name, rows in groupby(findings, lambda f: f.study))


def escaped(text: str) -> str:
    r"""Text as LaTeX sets it: special characters escaped, Greek letters and signs as maths, $...$ as it is.

    Example:
        >>> print(escaped("50 % of c_k, σ ≤ 1, $p^2$"))
        50 \% of c\_\allowbreak k, $\sigma $ $\le $ 1, $p^2$
    """
    parts = re.split(r"(\$[^$]+\$)", text)
    return "".join(part if i % 2 else "".join(map(_character, part)) for i, part in enumerate(parts))


def _table(study: str, findings: list[Finding]) -> str:
    caption = rf"\caption{{{escaped(study)}, scale {escaped(findings[0].scale)}.}}\\"
    rows = [" & ".join(_cells(finding)) + r" \\" for finding in findings]
    return "\n".join([_BEGIN, caption, _COLUMNS, *rows, _END])


def _cells(finding: Finding) -> list[str]:
    return [
        rf"\raggedright\texttt{{{escaped(finding.claim)}}}",
        rf"{escaped(finding.statement)} ({escaped(finding.source)}; {finding.reading})",
        escaped(number(finding.predicted)),
        escaped(measurement(finding)),
        escaped(number(finding.tolerance)),
        rf"\raggedright\arraybackslash {verdict_word(finding)}",
    ]


def _character(character: str) -> str:
    if character in _PLAIN:
        return _PLAIN[character]
    if character in _MATHS:
        return f"${_MATHS[character]}$"
    if ord(character) < 128 or character in "§äöüßéè":
        return character
    name, base = unicodedata.name(character, ""), unicodedata.normalize("NFKC", character)
    if name.startswith("GREEK"):
        letter = name.split()[-1].lower()
        return f"$\\{letter.capitalize() if 'CAPITAL' in name else letter} $"
    if name.startswith(("SUPERSCRIPT", "SUBSCRIPT")):
        return f"${'^' if name[2] == 'P' else '_'}{{{base.replace('−', '-')}}}$"
    return base if base.isascii() else "?"


def _row(finding: Finding) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in finding._asdict().items()
    }
