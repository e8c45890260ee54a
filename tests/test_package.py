"""What is packed: the library with the static files of the lab, and nothing by accident."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BESIDE = {"README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff", "references.bib", "pyproject.toml"}
OF_THE_BUILD = {"PKG-INFO", ".gitignore"}
"""What hatchling adds to an sdist: the metadata, and by which rule files were left out."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def sources():
    listing = "git ls-files --cached --others --exclude-standard src/stepwell".split()
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True)
    return set(listed.stdout.split())


def test_the_wheel_holds_the_library_and_nothing_else(built, sources):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    library = {name for name in names if ".dist-info/" not in name}
    assert library == {name.removeprefix("src/") for name in sources}
    assert {"stepwell/py.typed", "stepwell/lab/static/index.html", "stepwell/study/report.html"} <= library
    metadata = {name.partition("/")[2] for name in names - library}
    assert metadata == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def test_the_sdist_holds_what_the_wheel_is_made_of(built, sources):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert names == sources | BESIDE | OF_THE_BUILD


def test_the_recipe_asks_for_what_the_project_needs():
    recipe = (ROOT / "recipe" / "meta.yaml").read_text()
    run = recipe.partition("  run:\n")[2].partition("  run_constrained")[0]
    asked = {each.replace(" ", "").replace("-base", "") for each in re.findall(r"- (.*)", run)}
    assert asked == {*PROJECT["dependencies"], f"python{PROJECT['requires-python']}"}
    assert f'version = "{PROJECT["version"]}"' in recipe


def test_the_module_is_the_program():
    said = subprocess.run(
        [sys.executable, "-m", "stepwell", "--version"], check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == PROJECT["version"]


def test_a_shell_completes_what_is_begun():
    asking = {"_STEPWELL_COMPLETE": "complete_bash", "COMP_WORDS": "stepwell che", "COMP_CWORD": "1"}
    program = Path(sys.executable).parent / "stepwell"
    said = subprocess.run([program], env=asking, capture_output=True, text=True)
    assert said.stdout.split() == ["check"]
