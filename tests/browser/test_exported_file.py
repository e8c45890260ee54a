"""The one file: from the disc, without any network."""

import pytest

from stepwell.lab import PAGES
from stepwell.lab.exporter import LIVE

LOCAL = sorted(LIVE)
RECORDED = [slug for slug in PAGES if slug not in LIVE]
DRAWN = """() => [...document.querySelectorAll('.figure path.line')]
  .some((path) => path.getAttribute('d').length > 200)"""


@pytest.fixture
def opened(visits, exported):
    def opened(slug, path=exported):
        return visits.open(f"{path.as_uri()}#/{slug}", offline=True)

    return opened


def test_it_is_small(exported):
    assert exported.stat().st_size < 1_500_000


@pytest.mark.parametrize("slug", PAGES)
def test_every_page_draws_without_a_network(opened, slug):
    page = opened(slug)
    page.wait_for_function(DRAWN)
    for words in ("copy link", "download data (JSON)", "Python for this"):
        assert page.get_by_role("button", name=words).is_visible()


def test_a_point_can_be_dragged(opened):
    page = opened("poles?gain=1")
    handle = page.get_by_role("slider", name="pole 1", exact=True)
    handle.focus()
    page.keyboard.press("ArrowRight")
    assert "0.77" in handle.get_attribute("aria-valuetext")


def test_training_is_computed_here_and_a_recorded_run_is_played(opened):
    for slug, words in (("training", "computed here"), ("plateaus", "recorded run")):
        page = opened(slug)
        page.locator(".status").get_by_text(words).wait_for()
        page.wait_for_function("() => /update [1-9]\\d/.test(document.querySelector('.status').textContent)")


def test_what_needs_python_is_said_and_the_page_goes_on(opened):
    page = opened("rank")
    page.get_by_text("g = 0.9: rank").wait_for()
    page.get_by_role("button", name="strong random weights").click()
    page.get_by_text("needs Python").wait_for()
    page = opened("dwell")
    page.get_by_text("6 of 6 runs").wait_for()
    page.get_by_role("button", name="no first response").click()
    page.get_by_text("one recorded run with its own settings").wait_for()


def test_a_file_with_one_other_character_does_not_run(chromium, exported, tmp_path):
    changed = tmp_path / "changed.html"
    changed.write_text(exported.read_text().replace("start(document.body", "start (document.body"))
    page = chromium.new_page()
    page.goto(changed.as_uri())
    page.wait_for_timeout(500)
    assert page.locator("h1").count() == 0
    page.close()
