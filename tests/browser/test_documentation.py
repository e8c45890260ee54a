"""Pages of the documentation in a browser: open to everybody, silent, at rest for who wants less motion."""

import functools
import http.server
import itertools
import threading

import pytest
from built_site import built

from browser.test_every_page import AUDIT, FITS, RULES

PAGES = ("index", "tutorials/staircase", "studies/saddle_to_saddle", "theory/ghosts", "reference/rule")
MARK = "document.addEventListener('DOMContentLoaded', () => { document.body.dataset.ready = ''; });"


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given):
        pass


@pytest.fixture(scope="module")
def address():
    handler = functools.partial(Silent, directory=str(built().site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def read(visits, address):
    """(page) -> that page, whose console must stay silent and which asks this machine alone."""
    return lambda page, script="", **options: visits.open(f"{address}/{page}.html", script + MARK, **options)


@pytest.mark.parametrize("page", PAGES)
def test_it_is_open_to_everybody_in_light_and_dark_wide_and_narrow(read, axe, page):
    for scheme, width in itertools.product(("light", "dark"), (1280, 390)):
        size = {"width": width, "height": 844}
        # Without motion: what is fading in has no contrast yet.
        shown = read(page, axe + ";", color_scheme=scheme, viewport=size, reduced_motion="reduce")
        assert shown.evaluate(FITS)
        assert shown.evaluate(AUDIT, RULES) == []


def test_it_can_be_read_without_a_script(read, address, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/theory/ghosts.html")
    assert page.locator("math").count() > 30 and page.get_by_role("link", name="Local rules").count()
    context.close()


def test_who_wants_less_motion_sees_where_it_ends(read):
    page = read("index", reduced_motion="reduce")
    assert not page.locator(".moving .moves").first.is_visible()
    assert page.locator(".moving .rests").first.is_visible()
