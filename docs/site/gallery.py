"""The gallery: every picture with the claim it speaks of, the command and the lines that make it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from docs.site.studies import figure, plain
from stepwell import STUDIES
from stepwell.study import Finding
from stepwell.study.wording import verdict_sentence

LINES = """\
import jax
from stepwell.figure import Figure, styled
from stepwell.study.judge import judged

jax.config.update("jax_enable_x64", True)
(found,) = judged("{study}", "{scale}", "store", ["{claim}"])
with styled(columns=1):
    figure = Figure()
    found.claim.figure(found.runs, found.prediction, figure.add_subplot())
    figure.savefig("{claim}.svg")
"""
"""What makes the picture of a claim."""


def entry(finding: Finding, sharing: Sequence[str]) -> str:
    """One picture: what it shows, how it is made, and where it can be taken from."""
    lines = LINES.format(study=finding.study, scale=finding.scale, claim=finding.claim)
    command = (
        f"$ stepwell check {finding.study} --claim {finding.claim} --scale {finding.scale} --report report"
    )
    file = f"../pictures/{finding.study}/{finding.claim}"
    also = f" The same picture: {', '.join(f'`{claim}`' for claim in sharing)}." if sharing else ""
    code = "".join(f"    {line}".rstrip() + "\n" for line in lines.splitlines())
    return "\n\n".join(
        [
            f"## `{finding.claim}` {{ #{finding.claim} }}",
            f"{plain(finding.statement)} {plain(verdict_sentence(finding))}{also}",
            figure(finding),
            f"SVG with editable text: [one column]({file}.svg), [two columns]({file}-wide.svg).",
            f"```console\n{command}\n```",
            f'??? example "The lines that make it"\n\n    ```python\n{code}    ```',
        ]
    )


def write(folder: Path, findings: Mapping[str, Sequence[Finding]], shown: Mapping[str, str]) -> None:
    """A page per study, and the one that leads to them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, of_study in findings.items():
        entries = []
        for finding in of_study:
            here = f"{name}/{finding.claim}"
            if shown.get(here) == here:
                sharing = [
                    other.partition("/")[2] for other, first in shown.items() if first == here != other
                ]
                entries.append(entry(finding, sharing))
        title = STUDIES[name].title
        rows.append(f"- [{title}]({name}.md): {len(entries)} pictures")
        text = "\n\n".join([f"# {title}: pictures", plain(STUDIES[name].question), *entries])
        (folder / f"{name}.md").write_text(text + "\n", encoding="utf-8")
    (folder / "index.md").write_text("\n\n".join([*ABOUT, "\n".join(rows)]) + "\n", encoding="utf-8")


ABOUT = (
    "# Gallery",
    "Every picture that a claim draws, with the command that prints its verdict, the lines that make it"
    " alone, and two files for a manuscript: as wide as one column (3.5 inches) and as two (7.2 inches).",
)
