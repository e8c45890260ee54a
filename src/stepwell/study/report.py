"""The report of a check: one page for readers, and the same findings as JSON, CSV and LaTeX."""

import datetime
import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stepwell.names import lookup
from stepwell.run.checkpoint import write_durably
from stepwell.study.judge import Finding, Judged
from stepwell.study.report_figure import Picture, picture
from stepwell.study.report_page import Entry, Section, page
from stepwell.study.report_tables import findings_csv, findings_json, findings_latex


def write_report(
    judged_by_study: Mapping[str, Iterable[Judged]], folder: str | os.PathLike[str], command: str
) -> list[Finding]:
    """Write `index.html` and `findings.json`, `.csv` and `.tex` into a folder.

    The figure of a finding is drawn before the next one is asked for, so that a long check need not keep what
    its figures are drawn from. If judging breaks off, what was judged until then is reported.

    Args:
        judged_by_study: by name of a study in `STUDIES`, what `judged` yields.
        folder: made if it does not exist; each file is written to a temporary name and renamed.
        command: what was typed to get this report.

    Returns:
        All findings, in order.

    Raises:
        ValueError: if the folder is a file, or for an unknown study.
    """
    from stepwell.study import STUDIES

    studies = {name: lookup(STUDIES, name, "study") for name in judged_by_study}
    target = _folder(folder)
    sections, drawn, runs, complete = [], dict[Any, Picture](), dict[Any, Mapping[str, Any]](), False
    try:
        for name, judged in judged_by_study.items():
            sections.append(Section(name, studies[name], []))
            for each in judged:
                sections[-1].entries.append(Entry(each.finding, picture(each, drawn)))
                runs |= {
                    (run.attrs.get("fingerprint"), run.attrs.get("created")): run.attrs for run in each.runs
                }
        complete = True
    finally:
        findings = [entry.finding for section in sections for entry in section.entries]
        files = {
            "findings.json": findings_json(findings),
            "findings.csv": findings_csv(findings),
            "findings.tex": findings_latex(findings),
            "index.html": page(sections, command, _provenance(findings, list(runs.values())), complete),
        }
        for file, text in files.items():
            write_durably(target / file, text.encode())
    return findings


def _folder(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise ValueError(f"'{target}' is a file; a report is a folder. Give another path.")
    target.mkdir(parents=True, exist_ok=True)
    return target


def _provenance(findings: list[Finding], runs: list[Mapping[str, Any]]) -> dict[str, str]:
    """When, where and with what the findings were made, and the records that they rest on."""
    made = sorted(attrs["created"] for attrs in runs if "created" in attrs)
    devices = {f"{attrs['device']} ({attrs['machine']})" for attrs in runs if "device" in attrs}
    software = {"Python": platform.python_version(), **_versions()}
    recorded = {attrs["versions"] for attrs in runs if "versions" in attrs}
    others = [v for v in map(json.loads, sorted(recorded)) if v.items() - software.items()]
    rows = {
        "Written": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Scale": ", ".join(sorted({finding.scale for finding in findings})),
        "Judging took": f"{sum(finding.seconds for finding in findings):.1f} s",
        "Machine": f"{platform.platform()}, {os.cpu_count()} processors",
        "Software": _listed(software),
    }
    if made:
        rows["Records"] = f"{len(runs)}, made {made[0]} to {made[-1]} on {', '.join(sorted(devices))}"
    if others:
        rows["Records made with"] = "; ".join(map(_listed, others))
    return rows


def _versions() -> dict[str, str]:
    names = ("stepwell", "jax", "jaxlib", "numpy", "optax", "scipy", "matplotlib")
    return {name: version(name) for name in names}


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
