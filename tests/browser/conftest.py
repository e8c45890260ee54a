"""A real Chromium that reaches this machine alone, and whose console must stay silent."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from running_lab import Running, running_lab

from stepwell.lab import exporter

ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
AXE = Path(__file__).parents[2] / ".venv/axe/node_modules/axe-core/axe.min.js"
PATIENCE = 60_000
"""Milliseconds after which something that was waited for will not come: long, since machines may be busy."""


def without(what: str) -> None:
    """Skip in words where a part is missing; fail where the browser tests are required."""
    words = f"{what} is missing, so no page was opened in a browser; `make .venv/browser` installs it."
    (pytest.fail if os.environ.get("STEPWELL_BROWSER") == "required" else pytest.skip)(words)


@pytest.fixture(scope="package")  # its event loop must be gone when the other tests begin theirs
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        without("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab() -> Iterator[Running]:
    with running_lab() as running:
        yield running


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.is_file():
        without("axe-core")
    return AXE.read_text()


class Visits:
    """Pages of one test, each in a context of its own, and what went wrong on them."""

    def __init__(self, browser: Browser):
        self.browser, self.contexts, self.wrong = browser, list[BrowserContext](), list[str]()

    def open(self, address: str, script: str = "", expected: str = "", **options) -> Page:
        """A page, once its first curve is drawn.

        Args:
            address: where it is.
            script: runs before it.
            expected: errors on the console that hold these words are no fault.
            options: of the browser's context.
        """
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        context.route("**/*", self._route)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", lambda message: self._hear(message, expected))
        if script:
            page.add_init_script(script)
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        return page

    def _route(self, route) -> None:
        if urlsplit(route.request.url).hostname in ("127.0.0.1", None):
            route.continue_()
        else:
            self.wrong.append(f"asked for {route.request.url}")
            route.abort()

    def _hear(self, message, expected: str) -> None:
        if message.type == "error" and not (expected and expected in message.text):
            self.wrong.append(f"console: {message.text}")


@pytest.fixture
def visits(chromium: Browser) -> Iterator[Visits]:
    visits = Visits(chromium)
    yield visits
    for context in visits.contexts:
        context.close()
    assert visits.wrong == []


@pytest.fixture
def visit(lab: Running, visits: Visits):
    """(page, settings in the address) -> that page of the running lab."""
    return lambda page, query="", **options: visits.open(f"{lab.address}#/{page}{query}", **options)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "lab.html"
    exporter.write(path, list(exporter.PAGES), updates=200)
    return path
