"""The built site: nothing is missing, dead, heavy or foreign, and its numbers are those of the report."""

import html
import importlib
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from built_site import built

import stepwell
from docs.site import reference, studies
from docs.site.execution import BLOCK, ROOT, executed
from docs.site.gallery import LINES
from docs.site.links import faults
from docs.site.maths import with_mathml
from stepwell.study import Finding

MEGABYTE = 1e6
TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.fixture(scope="module")
def site():
    return built().site


@pytest.fixture(scope="module")
def findings():
    rows = json.loads((built().report / "findings.json").read_text())
    return [Finding(**row) for row in rows]


def words(markup):
    """What a reader sees of some HTML, in one line."""
    spaced = re.sub(r"<br ?/?>", " ", markup)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", spaced)).split())


def test_every_public_name_has_one_entry(site):
    anchors = [
        anchor
        for page in (site / "reference").glob("*.html")
        for anchor in re.findall(r'<h2 id="(stepwell\.[^"]+)"', page.read_text())
    ]
    assert sorted(anchors) == sorted(reference.public_names())
    packages = {path.parent.name for path in Path(stepwell.__file__).parent.glob("*/__init__.py")}
    assert packages <= set(reference.PACKAGES)
    for package in packages:
        entries = {anchor.split(".")[2] for anchor in anchors if anchor.startswith(f"stepwell.{package}.")}
        assert set(importlib.import_module(f"stepwell.{package}").__all__) <= entries
    index = (site / "reference" / "index.html").read_text()
    assert all(f"<code>stepwell.{name}</code>" in index for name in stepwell.__all__)


def test_a_study_page_says_what_its_findings_say(site, findings):
    for name in {finding.study for finding in findings}:
        page = (site / "studies" / f"{name}.html").read_text()
        mine = [finding for finding in findings if finding.study == name]
        assert json.loads((site / "studies" / f"{name}.json").read_text()) == [
            each._asdict() for each in mine
        ]
        table = re.search(r"<table>.*?</table>", page, re.DOTALL)[0]
        rows = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in table.split("<tr>")[2:]]
        assert [tuple(map(words, row)) for row in rows] == [
            tuple(map(words, map(html.escape, studies.cells(each)))) for each in mine
        ]


def test_every_page_of_the_navigation_is_there_and_no_link_is_dead(site):
    assert faults(site) == []
    assert len(list(site.rglob("*.html"))) > 40


def test_a_dead_link_a_missing_anchor_and_a_foreign_script_are_found(site, tmp_path):
    shutil.copy(site / "start.html", tmp_path)
    page = tmp_path / "page.html"
    links = '<a href="gone.html">a</a> <a href="start.html#gone">b</a>'
    page.write_text(f'{links} <script src="https://x.org/y.js"></script>')
    found = [fault for fault in faults(tmp_path) if fault.startswith("page.html")]
    assert len(found) == 3


def test_the_site_is_small_and_shows_formulas_without_a_script(site):
    assert sum(path.stat().st_size for path in site.rglob("*")) < 20 * MEGABYTE
    home = (site / "index.html").read_text()
    moving = home[home.index('<svg class="moving"') : home.index("</svg>", home.index('<svg class="moving"'))]
    assert len(moving) < MEGABYTE and "<animateTransform" in moving
    theory = (site / "theory" / "staircase.html").read_text()
    assert theory.count("<math") > 30
    for page in site.rglob("*.html"):
        assert 'class="arithmatex"' not in page.read_text(), page


def test_formulas_keep_their_signs():
    made = with_mathml(r'<p><span class="arithmatex">\(a &lt; b\)</span></p>')
    (formula,) = ElementTree.fromstring(made)
    assert "".join(formula.itertext()) == "a<b"


def test_every_picture_of_the_gallery_keeps_its_text_in_both_widths(site, findings):
    shown = json.loads((built().report / "pictures.json").read_text())
    assert shown
    for name in set(shown.values()):
        widths = []
        for ending in ("", "-wide", "-dark"):
            root = ElementTree.parse(site / "pictures" / f"{name}{ending}.svg").getroot()
            assert list(root.iter(TEXT))
            widths.append(float(root.get("width").removesuffix("pt")))
        # Points: 72 to an inch, of which a column of a journal has 3.5 and two have 7.2.
        assert widths == pytest.approx([252.0, 518.4, 252.0])


def test_the_lines_of_the_gallery_make_its_picture(findings, tmp_path):
    finding = next(each for each in findings if each.study == "saddle_to_saddle")
    page = tmp_path / "page.md"
    page.write_text(
        f"```python\n{LINES.format(study=finding.study, scale=finding.scale, claim=finding.claim)}```\n"
    )
    executed(page, tmp_path)
    kept = built().report / "pictures" / finding.study / f"{finding.claim}.svg"
    drawn, shown = (list(ElementTree.parse(each).iter(TEXT)) for each in (tmp_path / kept.name, kept))
    assert len(drawn) > 10 and [each.text for each in drawn] == [each.text for each in shown]


def test_a_block_that_fails_fails_the_build(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nfound = 3\n```\n\n```bash\nfalse\n```\n")
    with pytest.raises(RuntimeError, match="page.md: block 2 failed"):
        executed(page, tmp_path)


def test_what_a_block_prints_stands_below_it(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n2 + 3\n```\n\n```console\n$ no such command\n```\n")
    blocks = BLOCK.findall(executed(page, tmp_path))
    assert blocks[1] == ("text", "2\n5\n") and blocks[2][0] == "console"


def test_tutorials_are_notebooks_too(site):
    for page in (site / "tutorials").glob("*.html"):
        if page.name != "index.html":
            book = json.loads(page.with_suffix(".ipynb").read_text())
            assert book["nbformat"] == 4 and {"markdown", "code"} == {
                cell["cell_type"] for cell in book["cells"]
            }


def test_the_report_on_a_pytorch_network_is_complete():
    page = (built().run / "tutorials" / "your_pytorch_network" / "my_network.html").read_text()
    assert "Fixed points" in page and "not shown" not in page and "could not be drawn" not in page


def test_the_commands_of_the_readme_run(tmp_path):
    commands = re.search(r"```\n(stepwell list\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    page = tmp_path / "page.md"
    page.write_text(f"```bash\n{commands.replace('quick', 'smoke --claim zero_lag_point')}```\n")
    assert "verdicts are the expected ones" in executed(page, tmp_path)
    assert list(tmp_path.glob("*.svg")) and (tmp_path / "report" / "index.html").exists()
