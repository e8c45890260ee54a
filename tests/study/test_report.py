"""The report: one page that needs nothing else, fair words, and the same numbers in every file."""

import html
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
import xarray as xr
from findings_by_hand import finding

from stepwell.study import STUDIES
from stepwell.study.base import Claim, Study
from stepwell.study.judge import Judged
from stepwell.study.report import write_report
from stepwell.study.report_page import marked_up
from stepwell.study.report_tables import findings_csv, findings_json, findings_latex

VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}


def dots(runs, predicted, ax):
    ax.plot(runs[0].loss, "o")
    ax.axhline(predicted if predicted < 5 else 0.0)
    ax.set(xlabel="update", ylabel="loss")
    return ax


def broken(runs, predicted, ax):
    raise KeyError("W")


def claim(name, figure=None):
    nothing = {"note": "", "protocol": lambda s: (), "predict": lambda e: 1.0, "measure": lambda r: 1.0}
    judged = {"tolerance": 0.1, "relative": False, "kind": "exact", "expected": "HOLDS", "scales": ("quick",)}
    told = {"statement": "It falls.", "source": "essay2026, section 8", "reading": "ours", "scope": "general"}
    return Claim(id=name, figure=figure, **nothing, **judged, **told)


def record(loss=(3.0, 1.0)):
    attrs = {
        "fingerprint": str(loss),
        "created": "2026-01-02T03:04:05+00:00",
        "device": "cpu",
        "machine": "x86_64",
        "versions": json.dumps({"stepwell": "0.0.9"}),
    }
    return xr.Dataset({"loss": ("update", np.array(loss))}, {"seed": [0, 1]}, attrs)


def judged(found, figure=None, predicted=1.0, loss=(3.0, 1.0)):
    return Judged(found, claim(found.claim, figure), (record(loss),), predicted)


class Page(HTMLParser):
    """The page as tags, with what a reader of the source would check."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, attribute):
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture
def study(monkeypatch):
    names = ("first", "second", "only_at_full")
    errata = (r"Section 8.1: $\lambda_t=e_tc$ & more.",)
    toy = Study("A toy", "essay2026", "Why?", tuple(map(claim, names)), {}, errata)
    monkeypatch.setitem(STUDIES, "toy", toy)


@pytest.fixture
def report(study, tmp_path):
    def write(*entries):
        write_report({"toy": iter(entries)}, tmp_path / "out", 'stepwell check toy --note "<a>"')
        return (tmp_path / "out" / "index.html").read_text()

    return write


def test_the_page_is_well_formed_and_needs_nothing_else(report):
    page = Page(report(judged(finding(), dots), judged(finding("second"), dots, loss=(5.0, 2.0))))
    assert page.open == []
    ids = page.all("id")
    assert len(set(ids)) == len(ids)
    links = page.all("href") + [attrs["xlink:href"] for _, attrs in page.tags if "xlink:href" in attrs]
    assert {link[1:] for link in links} <= set(ids) and all(link[0] == "#" for link in links)
    assert page.all("src") == [] and page.named("script") == [] and page.named("link") == []
    for attribute in ("clip-path", "aria-labelledby"):
        found = [re.sub(r"url\(#(.*)\)", r"\1", value) for value in page.all(attribute)]
        assert set(found) <= set(ids)


def test_the_page_follows_the_scheme_of_its_reader_and_fits_a_phone(report):
    text = report(judged(finding(), dots))
    assert "prefers-color-scheme: dark" in text and "width=device-width" in text
    assert text.count("--ink: ") == 2
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert used <= set(re.findall(r"(--[\w-]+): #", text))


def test_tables_have_captions_and_headers_and_can_be_scrolled_by_keys(report):
    page = Page(report(judged(finding())))
    assert len(page.named("caption")) == len(page.named("table")) == 2
    assert {attrs["scope"] for attrs in page.named("th")} == {"col", "row"}
    frames = [attrs for attrs in page.named("div") if attrs.get("role") == "region"]
    assert all(attrs["tabindex"] == "0" and attrs["aria-label"] for attrs in frames)


def test_a_claim_is_told_in_full(report):
    text = report(judged(finding(), dots))
    page = Page(text)
    for part in (
        "Holds: predicted 1.053, measured 1.0530 ± 0.0021, tolerance 0.0316.",
        "One of 6 gave no value.",
        "stepwell check toy --claim first --scale quick",
        "essay2026, section 8.6; intended, in the source's own experiment",
        "Not judged in this run: second, only_at_full.",
        "Why?",
    ):
        assert part in page.text
    assert marked_up(finding().statement) in text
    (drawing,) = page.named("svg")
    assert drawing["role"] == "img"
    assert drawing["aria-label"] == 'On plateau k the loss waits & 50 % of "runs" <fall> by σ0_x ~ {1}.'
    assert "λ<sub>t</sub>=e<sub>t</sub>c" in text


def test_the_command_and_the_provenance_are_shown(report):
    page = Page(report(judged(finding())))
    assert 'stepwell check toy --note "<a>"' in page.text
    for part in (
        "quick",
        "1.2 s",
        "Python 3",
        "made 2026-01-02T03:04:05+00:00",
        "cpu (x86_64)",
        "stepwell 0.0.9",
    ):
        assert part in page.text


def test_what_was_not_expected_comes_first_and_loud(report):
    bad = finding("second", verdict="FAILS")
    page = Page(report(judged(finding()), judged(bad)))
    assert "1 of 2 verdicts that count is not as expected: second (FAILS)" in page.text
    assert "expected HOLDS" in page.text and "Expected was HOLDS." in page.text
    assert page.text.index("not as expected:") < page.text.index("Verdicts by study")


def test_studies_with_surprises_lead_the_summary(report, monkeypatch, tmp_path):
    monkeypatch.setitem(STUDIES, "calm", STUDIES["toy"])
    streams = {
        "calm": iter([judged(finding(study="calm"))]),
        "toy": iter([judged(finding(verdict="UNDECIDED"))]),
    }
    write_report(streams, tmp_path / "two", "stepwell check")
    links = re.findall(r'<tr><th scope="row"><a href="#(\w+)"', (tmp_path / "two" / "index.html").read_text())
    assert links[:2] == ["toy", "calm"]


def test_without_surprises_the_page_is_calm(report):
    assert "All 1 verdicts that count are as expected." in Page(report(judged(finding()))).text


def test_claims_share_a_picture(report):
    text = report(judged(finding(), dots), judged(finding("second"), dots, predicted=1.0))
    assert len(Page(text).named("svg")) == 1
    assert "The figure is under first." in Page(text).text


def test_pictures_that_look_alike_are_one(report):
    text = report(judged(finding(), dots, predicted=7.0), judged(finding("second"), dots, predicted=8.0))
    assert len(Page(text).named("svg")) == 1


def test_pictures_that_differ_are_two(report):
    text = report(judged(finding(), dots, predicted=1.0), judged(finding("second"), dots, predicted=2.0))
    assert len(Page(text).named("svg")) == 2


def test_a_failing_figure_does_not_lose_the_report(report):
    page = Page(report(judged(finding(), broken), judged(finding("second"), dots)))
    assert "The figure could not be drawn: KeyError: 'W'." in page.text
    assert len(page.named("svg")) == 1 and len(page.named("article")) == 2


def test_figures_are_drawn_before_the_next_claim_is_judged(study, tmp_path):
    order = []

    def noted(runs, predicted, ax):
        order.append("drawn")

    def stream():
        for name in ("first", "second"):
            order.append(name)
            yield judged(finding(name), noted, predicted=len(name))

    write_report({"toy": stream()}, tmp_path, "stepwell check")
    assert order == ["first", "drawn", "second", "drawn"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_was_judged_is_reported_when_judging_breaks_off(study, tmp_path, error):
    def stream():
        yield judged(finding(), dots)
        raise error

    with pytest.raises(error):
        write_report({"toy": stream()}, tmp_path, "stepwell check")
    page = Page((tmp_path / "index.html").read_text())
    assert "Judging broke off before its end" in page.text and len(page.named("article")) == 1
    assert len(json.loads((tmp_path / "findings.json").read_text())) == 1


def test_nothing_temporary_is_left_and_an_old_report_is_replaced(study, tmp_path):
    for note in ("old", "new"):
        write_report({"toy": iter([judged(finding(note=note))])}, tmp_path, "stepwell check")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "findings.csv",
        "findings.json",
        "findings.tex",
        "index.html",
    ]
    assert "New." in (tmp_path / "index.html").read_text()


def test_a_file_in_the_place_of_the_folder_is_refused_before_anything_is_judged(study, tmp_path):
    (tmp_path / "report").write_text("mine")
    stream = iter([judged(finding())])
    with pytest.raises(ValueError, match="is a file; a report is a folder"):
        write_report({"toy": stream}, tmp_path / "report", "stepwell check")
    assert next(stream) and (tmp_path / "report").read_text() == "mine"


def test_an_unknown_study_is_refused(tmp_path):
    with pytest.raises(ValueError, match="toyy"):
        write_report({"toyy": iter([])}, tmp_path, "stepwell check")


def test_all_files_hold_the_same_findings(study, tmp_path):
    found = write_report(
        {"toy": iter([judged(finding()), judged(finding("second"))])}, tmp_path, "stepwell check"
    )
    assert found == [finding(), finding("second")]
    for name, text in (("json", findings_json), ("csv", findings_csv), ("tex", findings_latex)):
        assert (tmp_path / f"findings.{name}").read_bytes() == text(found).encode()


def test_hostile_text_stays_text(report):
    page = Page(report(judged(finding(statement='<script src="http://x">$<b>$`<i>`', note="<img src=x>"))))
    assert page.named("script") == page.named("img") == page.named("b") == []
    assert html.unescape('<script src="http://x">') in page.text


def test_the_template_is_package_data():
    assert files("stepwell.study").joinpath("report.html").is_file()
