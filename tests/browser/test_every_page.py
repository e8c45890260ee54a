"""Every page: it loads and draws, it can be used by everybody, and it gives away its numbers."""

import ast
import json

import pytest

from stepwell.lab import PAGES

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AUDIT = """async (rules) => {
  const { violations } = await axe.run(document, { runOnly: rules });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}"""
UNFOLD = """() => {
  document.querySelectorAll("details").forEach((box) => { box.open = true; });
  document.querySelectorAll("button[aria-expanded=false]").forEach((button) => button.click());
}"""
"""What is folded away is audited, too."""
FITS = "() => document.documentElement.scrollWidth <= innerWidth"

DRAWN = """() => [...document.querySelectorAll('.figure path.line')]
  .some((path) => path.getAttribute('d').length > 200)"""

every = pytest.mark.parametrize("slug", PAGES)


@every
def test_it_is_open_to_everybody_in_light_and_dark_wide_and_narrow(visit, axe, slug):
    page = visit(slug, script=axe, color_scheme="light")
    assert page.locator("h1").inner_text() == PAGES[slug].title
    assert page.locator(".claim").inner_text()
    page.evaluate(UNFOLD)
    assert page.evaluate(AUDIT, RULES) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(AUDIT, RULES) == []
    for width in (390, 640):  # 640: a window of 1280 at a zoom of 200 per cent
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(FITS)
    assert page.evaluate(AUDIT, RULES) == []


@every
def test_it_makes_its_point_before_it_is_touched(visit, slug):
    page = visit(slug)
    # Lines of many points: more than the frame of an empty plot.
    page.wait_for_function(DRAWN)
    if PAGES[slug].streams:
        page.wait_for_function("() => /update [1-9]/.test(document.querySelector('.status').textContent)")


@every
def test_its_numbers_its_address_and_its_python_can_be_taken_away(visit, slug):
    page = visit(slug, permissions=["clipboard-read", "clipboard-write"])
    page.wait_for_function("() => document.querySelector('.status').textContent !== ''")
    with page.expect_download() as download:
        page.get_by_role("button", name="download data (JSON)").click()
    data = json.loads(download.value.path().read_text())
    assert data["page"] == slug and set(data["settings"]) == set(PAGES[slug].settings)
    assert data["version"]
    with page.expect_download() as download:
        page.get_by_role("button", name="download data (CSV)").click()
    assert "," in download.value.path().read_text()
    page.get_by_role("button", name="Python for this").click()
    lines = page.locator("pre.python").inner_text()
    ast.parse(lines)
    assert "{" not in lines.replace("{}", "") or 'f"' in lines or ": " in lines
    page.get_by_role("button", name="copy link").click()
    page.get_by_text("copied").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()").startswith(page.url.split("?")[0])


@every
def test_a_preset_stands_in_the_address_and_comes_back_from_it(visit, slug):
    page = visit(slug)
    words, settings = list(PAGES[slug].presets.items())[-1]
    page.get_by_role("group", name="presets").get_by_role("button", name=words, exact=True).click()
    page.wait_for_function("() => location.hash.includes('?')")
    again = visit(slug, "?" + page.url.split("?")[1])
    with again.expect_download() as download:
        again.get_by_role("button", name="download data (JSON)").click()
    found = json.loads(download.value.path().read_text())["settings"]
    assert {name: found[name] for name in settings} == json.loads(json.dumps(settings))


def test_the_first_page_is_small_and_asks_for_little(visits, lab):
    sizes = []
    page = visits.open(lab.address)
    entries = "() => performance.getEntriesByType('resource').map((entry) => entry.decodedBodySize)"
    sizes = page.evaluate(entries)
    assert len(sizes) + 1 <= 15 and sum(sizes) < 300_000


def test_the_pages_are_links_and_the_theme_is_remembered(visit):
    page = visit("poles", color_scheme="light")
    page.get_by_role("navigation").get_by_role("link", name="Saddle").click()
    page.wait_for_selector("body[data-ready=saddle]")
    light = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    page.get_by_label("theme").select_option("dark")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    page.wait_for_selector("body[data-theme=dark]")


def test_an_address_out_of_range_is_mended_with_a_note(visit):
    page = visit("training", "?learning_rate=7&nonsense=1")
    page.get_by_text("learning rate in the address was out of range").wait_for()
    assert page.get_by_label("learning rate").first.input_value() in ("0.1", "1000")


def test_who_wants_less_motion_gets_no_autoplay_and_two_pictures_a_second(visit):
    page = visit("training", reduced_motion="reduce")
    page.wait_for_function("() => /update 0/.test(document.querySelector('.status').textContent)")
    page.get_by_role("button", name="start").click()
    page.wait_for_function("() => /frames.s/.test(document.querySelector('.status').textContent)")
    rate = float(page.locator(".status").inner_text().split(" · ")[2].split()[0])
    assert rate < 2.2  # half a second between pictures, read to two digits
