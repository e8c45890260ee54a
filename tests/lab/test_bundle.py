"""The front end as one string: the discipline that makes joining possible, and the palette of the figures."""

import json
import re
from collections import Counter
from importlib.resources import files

import pytest

from stepwell.figure.style import PALETTE
from stepwell.lab import PAGES, bundle

STATIC = files("stepwell.lab") / "static"
SCRIPTS = {name: bundle.source(f"{name}.js") for name in bundle.MODULES}
DECLARED = re.compile(
    r"^(?:export )?(?:async )?(?:function\*?|class|const|let|var) (?:\[([^\]]+)\] =|\{([^}]+)\} =|(\w+))",
    re.M,
)


def top_level(text):
    return [name.strip() for parts in DECLARED.findall(text) for name in "".join(parts).split(",")]


def test_every_module_is_joined_and_every_style_too():
    present = {entry.name for entry in STATIC.iterdir()}
    assert present == {f"{name}.js" for name in bundle.MODULES} | set(bundle.STYLES) | {"index.html"}


def test_no_two_modules_share_a_top_level_name():
    count = Counter(name for text in SCRIPTS.values() for name in top_level(text))
    assert not [name for name, times in count.items() if times > 1]


@pytest.mark.parametrize("name", bundle.MODULES)
def test_a_module_imports_in_single_lines_what_the_others_export(name):
    text = SCRIPTS[name]
    assert "export default" not in text and " as " not in re.sub(r"//.*", "", text).split("class", 1)[0]
    lines = re.findall(r"^import\b.*$", text, re.M)
    for line in lines:
        found = re.fullmatch(r'import \{ ([\w, ]+) \} from "\./(\w+)\.js";', line)
        assert found, line
        exported = re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", SCRIPTS[found[2]], re.M)
        assert set(found[1].split(", ")) <= set(exported), line


@pytest.mark.parametrize("name", [*(f"{name}.js" for name in bundle.MODULES), *bundle.STYLES])
def test_no_file_is_longer_than_a_reader_likes(name):
    assert bundle.source(name).count("\n") < 300


def test_nothing_is_fetched_from_elsewhere_and_nothing_is_evaluated():
    text = bundle.script() + bundle.style() + bundle.source("index.html")
    links = set(re.findall(r"https?://[\w./-]+", text)) - {"http://www.w3.org/2000/svg"}
    assert not links
    assert not re.search(r"\beval\(|new Function|setAttribute\(\"style\"", text)


def test_the_joined_script_has_no_import_or_export_left():
    assert not re.search(r"^(import|export)\b", bundle.script(), re.M)


def test_the_tables_travel_inside_a_script_element():
    text = bundle.contents(tuple(PAGES.values()))
    assert "</" not in text
    assert [page["slug"] for page in json.loads(text)] == list(PAGES)
    assert "<math" in json.loads(text)[0]["formula"][0]


def test_prose_keeps_formulas_emphasis_and_its_own_signs():
    words = bundle._inline("a < b, *so* $x_1$ & $y^2$ stays")
    assert "a &lt; b" in words and "<em>so</em>" in words and "&amp;" in words
    assert words.count("<math") == 2


def test_the_inks_are_those_of_the_figures():
    css = dict(re.findall(r"--(\w+): light-dark\((#\w+, #\w+)\)", bundle.style()))
    assert {name: css[name] for name in PALETTE} == {name: ", ".join(pair) for name, pair in PALETTE.items()}


def test_every_class_that_a_view_draws_with_has_a_style():
    styled = set(re.findall(r"\.([a-z][\w-]*)", bundle.style()))
    for rule in ("bptt", "rflo", "tbptt", "eprop"):
        assert f"rule-{rule}" in styled
    assert {f"mode{k}" for k in range(1, 7)} <= styled
