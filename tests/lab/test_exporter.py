"""The exported file: its policy, its hashes, its size."""

import base64
import hashlib
import json
import re

import pytest

from stepwell.lab import PAGES
from stepwell.lab.exporter import html, recording, write

LOCAL = ["poles", "residue", "saddle", "ghost", "rules"]


@pytest.fixture(scope="module")
def text():
    return html([*LOCAL, "plateaus"], updates=300)


def part(text, opening, closing):
    return text.split(opening, 1)[1].split(closing, 1)[0]


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_allows_the_one_script_and_the_one_style_by_their_hashes(text):
    policy = part(text, 'http-equiv="content-security-policy" content="', '"')
    assert policy.startswith("default-src 'none'")
    assert digest(part(text, '<script type="module">', "</script>")) in policy
    assert digest(part(text, "<style>", "</style>")) in policy
    assert "unsafe" not in policy and text.count("<script") == 3


def test_the_pages_and_the_runs_can_be_read(text):
    pages = json.loads(part(text, 'id="pages">', "</script>"))
    assert [page["slug"] for page in pages] == [*LOCAL, "plateaus"]
    runs = json.loads(part(text, 'id="runs">', "</script>"))
    assert list(runs) == ["plateaus"]
    frames = runs["plateaus"]["frames"]
    assert frames[0]["update"] == 0 and frames[-1]["update"] >= 300
    updates = [frame["update"] for frame in frames]
    assert updates == sorted(set(updates))


def test_it_is_small_and_fetches_nothing(text):
    assert len(text.encode()) < 1_500_000
    assert not re.search(r'(src|href)="(?!data:)[^"#]', text)


def test_a_recording_holds_no_number_that_json_cannot_write():
    run = recording(PAGES["dwell"], updates=0)
    assert [name for name, _ in run["slow"]] == ["prediction", *["run"] * 6, "slopes"]
    json.dumps(run, allow_nan=False)


def test_the_file_is_written_as_bytes_with_its_line_ends(tmp_path):
    write(tmp_path / "lab.html", ["poles"])
    data = (tmp_path / "lab.html").read_bytes()
    assert b"\r" not in data and data.decode() == html(["poles"])


def test_an_unknown_page_is_refused():
    with pytest.raises(ValueError, match="no page 'pole'"):
        html(["pole"])
