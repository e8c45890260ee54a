"""The site: pages that are written by hand, run here and now, and pages that are made from a report.

`python -m docs.site REPORT --out site` builds it from what `python -m docs.site.judging REPORT` left. A block
of a page that fails, a dead link or a request to another host ends it with a sentence.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from string import Template

import jax

from docs.site import gallery, moving, notebooks, reference, studies
from docs.site.bibliography import bibliography
from docs.site.execution import ROOT, executed, runnable
from docs.site.judging import INDEX
from docs.site.links import faults
from docs.site.maths import with_mathml
from stepwell.study import Finding

DOCS = ROOT / "docs"
MOVING = "<!-- the moving picture -->"


def build(report: Path, work: Path, out: Path, run: bool = True, processes: int = 2) -> None:
    """Build the site.

    Args:
        report: folder of `findings.json` and pictures.
        work: folder for what is made on the way, emptied first.
        out: folder of the site, replaced.
        run: whether the blocks of pages are run; a site without their output is for looking at a draft.
        processes: how many pages are run at a time.

    Raises:
        RuntimeError: if a block fails, the generator refuses, or a link is dead.
    """
    pages = work / "pages"
    shutil.rmtree(work, ignore_errors=True)
    _copy(pages)
    if run:
        _run(pages, work / "run", processes)
    found = [Finding(**row) for row in json.loads((report / "findings.json").read_text("utf-8"))]
    findings = {name: list(rows) for name, rows in groupby(found, lambda each: each.study)}
    shown = json.loads((report / INDEX).read_text("utf-8"))
    shutil.copytree(report / "pictures", pages / "pictures", dirs_exist_ok=True)
    studies.write(pages / "studies", findings, shown)
    gallery.write(pages / "gallery", findings, shown)
    reference.write(pages / "reference")
    (pages / "bibliography.md").write_text(bibliography(ROOT / "references.bib"), encoding="utf-8")
    home = pages / "index.md"
    home.write_text(
        home.read_text("utf-8").replace(MOVING, moving.staircase(work / "store")), encoding="utf-8"
    )
    for page in pages.rglob("*.md"):
        page.write_text(reference.linked(page.read_text("utf-8")), encoding="utf-8")
    _generate(work, findings)
    _finish(work / "site", run)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(work / "site", out)


def _copy(pages: Path) -> None:
    """What is written by hand; notes on a study stand beside the page that is made of its findings."""
    shutil.copytree(DOCS, pages, ignore=shutil.ignore_patterns("site", "__pycache__", "*.py", "*.toml"))
    shutil.copy(DOCS / "site" / "site.css", pages)
    for notes in (pages / "studies").glob("*.md"):
        title, _, rest = notes.read_text("utf-8").partition("\n")
        notes.with_name(f"{notes.stem}_notes.md").write_text(f"{title}: notes\n{rest}", encoding="utf-8")
        notes.unlink()


def _run(pages: Path, folder: Path, processes: int) -> None:
    """Run the blocks of all pages, each page in a process and a folder of its own."""
    chosen = [page for page in sorted(pages.rglob("*.md")) if runnable(page.read_text("utf-8"))]

    def one(page: Path) -> None:
        began, place = time.monotonic(), folder / page.relative_to(pages).with_suffix("")
        shown = executed(page, place)
        if page.parent.name == "tutorials":
            notebook = notebooks.notebook(page.read_text("utf-8"))
            page.with_suffix(".ipynb").write_text(notebook, encoding="utf-8")
            shown += f"\n[This page as a notebook]({page.stem}.ipynb){{ download }}\n"
        page.write_text(shown, encoding="utf-8")
        for picture in [*place.glob("*.svg"), *place.glob("*.png")]:
            shutil.copy(picture, page.parent)
        print(f"{page.relative_to(pages)} ran in {time.monotonic() - began:.0f} s", file=sys.stderr)

    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(one, chosen))


def _generate(work: Path, findings: dict[str, Sequence[Finding]]) -> None:
    """Let the generator make HTML of all pages; a warning is an error."""
    notes = [name for name in findings if (work / "pages" / "studies" / f"{name}_notes.md").exists()]
    places = {
        "studies": ["studies/index.md", *(f"studies/{name}.md" for name in findings)]
        + [f"studies/{name}_notes.md" for name in notes],
        "gallery": ["gallery/index.md", *(f"gallery/{name}.md" for name in findings)],
        "reference": ["reference/index.md", "reference/symbols.md", "record.md", "bibliography.md"]
        + [f"reference/{package}.md" for package in reference.PACKAGES],
    }
    filled = Template((DOCS / "zensical.toml").read_text("utf-8")).substitute(
        {name: json.dumps(listed) for name, listed in places.items()},
        source=ROOT / "src",
        extension=DOCS / "site" / "reference.py",
    )
    (work / "zensical.toml").write_text(filled, encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        command, cwd=work, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"the generator refused:\n{done.stdout}\n{done.stderr}")


def _finish(site: Path, complete: bool) -> None:
    """Formulas as MathML, tables and code that can be scrolled by keys, and no link that leads nowhere.

    A draft lacks the pictures that blocks make.
    """
    for page in site.rglob("*.html"):
        text = with_mathml(page.read_text("utf-8"))
        text = re.sub(
            "<table>.*?</table>", r'<div class="scroll" tabindex="0">\g<0></div>', text, flags=re.DOTALL
        )
        page.write_text(re.sub("<pre>(.*?)<code>", r'<pre>\1<code tabindex="0">', text), encoding="utf-8")
    if complete and (found := faults(site)):
        raise RuntimeError("the site has faults:\n" + "\n".join(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--out", type=Path, default=Path("site"))
    parser.add_argument("--work", type=Path, default=Path("build/docs"))
    parser.add_argument("--processes", type=int, default=2, help="pages that are run at a time")
    parser.add_argument("--draft", action="store_true", help="do not run the blocks of pages")
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    try:
        build(given.report, given.work, given.out, not given.draft, given.processes)
    except RuntimeError as error:
        sys.exit(str(error))
    print(f"the site is {given.out / 'index.html'}")
