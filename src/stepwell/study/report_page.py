"""The report as one HTML page that needs nothing else: no network, no script, no second file."""

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import NamedTuple

from stepwell.figure import css_variables
from stepwell.study.base import Study
from stepwell.study.judge import Finding
from stepwell.study.report_figure import Picture
from stepwell.study.wording import (
    SCOPES,
    WORDS,
    measurement,
    number,
    verdict_sentence,
    verdict_word,
)

SIGNS = dict(zip(WORDS, ("✓", "✗", "⊄", "≠", "?", "◌", "–")))
"""A sign beside each word, so that a table can be read at a glance and without colours."""
COLUMNS = ("Claim", "Verdict", "Prediction", "Measurement", "Tolerance", "Source", "Reading")


class Entry(NamedTuple):
    """A finding with its picture, if the claim has one."""

    finding: Finding
    picture: Picture | None


class Section(NamedTuple):
    """The part of a report on one study; its entries are appended as they come."""

    name: str
    study: Study
    entries: list[Entry]


def page(
    sections: Sequence[Section], command: str, provenance: Mapping[str, str], complete: bool = True
) -> str:
    """The page.

    Args:
        sections: one per study.
        command: what was typed to get it.
        provenance: rows of the last table.
        complete: whether judging came to its end.
    """
    findings = [entry.finding for section in sections for entry in section.entries]
    shown: dict[str, str] = {}
    return Template(files("stepwell.study").joinpath("report.html").read_text("utf-8")).substitute(
        light=css_variables(dark=False),
        dark=css_variables(dark=True),
        command=html.escape(command),
        links=_joined(
            f'<li><a href="#{section.name}">{html.escape(section.study.title)}</a></li>'
            for section in sections
        ),
        alarm=_alarm(findings, complete),
        summary=_summary(sections),
        studies=_joined(_section(section, shown) for section in sections),
        provenance=_pairs({name: html.escape(text) for name, text in provenance.items()}),
    )


def marked_up(text: str) -> str:
    r"""Plain text, `code` and simple $maths$ as HTML.

    Example:
        >>> marked_up(r"`rank < 2` and $\sigma_0^{2}$")
        '<code>rank &lt; 2</code> and <i>σ<sub>0</sub><sup>2</sup></i>'
    """
    parts = re.split(r"(`[^`]+`|\$[^$]+\$)", text)
    for i, part in enumerate(parts):
        if i % 2 and part[0] == "`":
            parts[i] = f"<code>{html.escape(part[1:-1])}</code>"
        else:
            parts[i] = f"<i>{_maths(part[1:-1])}</i>" if i % 2 else html.escape(part)
    return "".join(parts)


def _maths(latex: str) -> str:
    """Symbols, indices and exponents; of other commands the name stays, readable at least."""
    latex = re.sub(r"\\[tdb]?frac(\w|\{[^{}]*\})(\w|\{[^{}]*\})", _quotient, latex)
    latex = re.sub(r"\\(?:left|right|big|Big|operatorname|mathcal|mathrm)(?![a-zA-Z])", "", latex)
    latex = re.sub(r"\\hat ?(\w|\{\w\})", lambda m: m[1].strip("{}") + "\u0302", latex)
    text = html.escape(re.sub(r"\\([a-zA-Z]+)|\\(.)", _symbol, latex))
    for mark, tag in (("_", "sub"), ("^", "sup")):
        text = re.sub(rf"{re.escape(mark)}(?:\{{([^{{}}]*)\}}|(&\w+;|.))", rf"<{tag}>\1\2</{tag}>", text)
    return text.replace("{", "").replace("}", "")


def _quotient(fraction: re.Match[str]) -> str:
    parts = (part.strip("{}") for part in fraction.groups())
    return "/".join(f"({part})" if re.search(r"[-+ ]", part) else part for part in parts)


def _symbol(command: re.Match[str]) -> str:
    if command[2]:
        return {"|": "‖", ",": "", ";": "", "!": ""}.get(command[2], command[2])
    special = {"to": "→", "cdot": "·", "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "infty": "∞"}
    entity = html.unescape(f"&{command[1]};")
    return special.get(command[1]) or (entity if len(entity) == 1 else command[1])


def _alarm(findings: Sequence[Finding], complete: bool) -> str:
    surprises = [finding for finding in findings if finding.surprising]
    counted = sum(finding.counts for finding in findings)
    texts = []
    if not complete:
        texts.append(
            "<strong>Judging broke off before its end;</strong> below is what was judged until then."
        )
    if surprises:
        links = ", ".join(f"{_link(finding)} ({verdict_word(finding)})" for finding in surprises)
        texts.append(
            f"<strong>{len(surprises)} of {counted} verdicts that count "
            f"{'is' if len(surprises) == 1 else 'are'} not as expected:</strong> {links}."
        )
    if texts:
        return _joined(f'<p class="alarm">{text}</p>' for text in texts)
    return f'<p class="calm">All {counted} verdicts that count are as expected.</p>'


def _summary(sections: Sequence[Section]) -> str:
    words = [
        word for word in WORDS if any(verdict_word(e.finding) == word for s in sections for e in s.entries)
    ]
    head = _joined(
        f'<th scope="col">{name}</th>' for name in ["Study", "not as expected", *map(_badge, words)]
    )
    rows = []
    for section in sorted(sections, key=lambda s: -sum(e.finding.surprising for e in s.entries)):
        counts = Counter(verdict_word(entry.finding) for entry in section.entries)
        surprises = sum(entry.finding.surprising for entry in section.entries)
        name = f'<th scope="row"><a href="#{section.name}">{html.escape(section.study.title)}</a></th>'
        loud = f'<td class="number{" loud" if surprises else ""}">{surprises}</td>'
        rows.append(
            f"<tr>{name}{loud}{''.join(f'<td class=number>{counts[word]}</td>' for word in words)}</tr>"
        )
    return _table("Verdicts by study", head, rows)


def _section(section: Section, shown: dict[str, str]) -> str:
    study, title = section.study, html.escape(section.study.title)
    head = _joined(f'<th scope="col">{column}</th>' for column in COLUMNS)
    parts = [
        f'<section id="{section.name}" aria-labelledby="about-{section.name}">',
        f'<h2 id="about-{section.name}">{title}</h2>',
        f'<p class="question">{marked_up(study.question)}</p>',
        f"<p>Source: {html.escape(study.source)}</p>",
        _table(f"Claims of {study.title}", head, [_row(entry.finding) for entry in section.entries]),
        _left_out(section),
        *(_article(entry, shown) for entry in section.entries),
        _errata(section),
        "</section>",
    ]
    return _joined(parts)


def _row(finding: Finding) -> str:
    surprise = f'<br><strong class="loud">expected {finding.expected}</strong>' if finding.surprising else ""
    numbers = (number(finding.predicted), measurement(finding), number(finding.tolerance))
    cells = [
        f'<th scope="row">{_link(finding)}</th>',
        f"<td>{_badge(verdict_word(finding))}{surprise}</td>",
        *(f'<td class="number">{cell}</td>' for cell in numbers),
        f"<td>{html.escape(finding.source)}</td>",
        f"<td>{_reading(finding)}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _article(entry: Entry, shown: dict[str, str]) -> str:
    finding, place = entry.finding, _place(entry.finding)
    name, badge = html.escape(finding.claim), _badge(verdict_word(finding))
    surprise = (
        f' <strong class="loud">Expected was {finding.expected}.</strong>' if finding.surprising else ""
    )
    note = f"{finding.note[:1].upper()}{finding.note[1:].rstrip('.')}."
    command = f"stepwell check {finding.study} --claim {finding.claim} --scale {finding.scale}"
    parts = [
        f'<article id="{place}" aria-labelledby="{place}/title"><div>',
        f'<h3 id="{place}/title"><a href="#{place}">{name}</a> {badge}</h3>',
        f'<p class="statement">{marked_up(finding.statement)}</p>',
        f"<p>{html.escape(verdict_sentence(finding))}{surprise}</p>",
        f"<p>{marked_up(note)}</p>" if finding.note else "",
        f'<p class="small">{html.escape(finding.source)}; {_reading(finding)}; {finding.seconds:.1f} s</p>',
        f"<pre><code>{html.escape(command)}</code></pre>",
        "</div>",
        _figure(entry, shown),
        "</article>",
    ]
    return _joined(parts)


def _figure(entry: Entry, shown: dict[str, str]) -> str:
    """The picture under the first claim that has it, and a link to it under the others."""
    picture, finding = entry.picture, entry.finding
    if picture is None:
        return ""
    if picture.failure:
        return f'<p class="missing">{html.escape(picture.failure)}</p>'
    if picture.name in shown:
        return f'<p><a href="#{picture.name}">The figure is under {html.escape(shown[picture.name])}.</a></p>'
    shown[picture.name] = finding.claim
    words = re.sub(r"<[^>]*>", "", marked_up(finding.statement))
    svg = picture.svg.replace("<svg ", f'<svg role="img" aria-label="{words}" ', 1)
    return f'<figure id="{picture.name}">{svg}</figure>'


def _errata(section: Section) -> str:
    if not section.study.errata:
        return ""
    items = _joined(f"<li>{marked_up(sentence)}</li>" for sentence in section.study.errata)
    return f'<h3 id="errata-{section.name}">Errata: small corrections to the source</h3>\n<ul>{items}</ul>'


def _left_out(section: Section) -> str:
    """Which claims of the study have no row."""
    judged = {entry.finding.claim for entry in section.entries}
    missing = [claim.id for claim in section.study.claims if claim.id not in judged]
    names = ", ".join(f"<code>{html.escape(name)}</code>" for name in missing)
    return f'<p class="small">Not judged in this run: {names}.</p>' if missing else ""


def _table(caption: str, head: str, rows: Iterable[str]) -> str:
    """A table that scrolls sideways on narrow screens, also by keys."""
    label = html.escape(caption)
    body = f"<thead><tr>{head}</tr></thead><tbody>{_joined(rows)}</tbody>"
    frame = f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">'
    return f"{frame}<table><caption>{label}</caption>{body}</table></div>"


def _pairs(rows: Mapping[str, str]) -> str:
    return _joined(f"<dt>{html.escape(name)}</dt><dd>{text}</dd>" for name, text in rows.items())


def _badge(word: str) -> str:
    kind = word.lower().replace(" ", "-")
    return f'<span class="badge {kind}"><span aria-hidden="true">{SIGNS[word]}</span> {word}</span>'


def _link(finding: Finding) -> str:
    name = html.escape(finding.claim).replace("_", "_<wbr>")
    return f'<a href="#{_place(finding)}">{name}</a>'


def _place(finding: Finding) -> str:
    return f"{finding.study}/{finding.claim}"


def _reading(finding: Finding) -> str:
    return f"{finding.reading}, {SCOPES[finding.scope]}"


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(filter(None, parts))
