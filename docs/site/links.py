"""Links of a built site, checked without a network: what is pointed at is there, pages, files and anchors."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"src", "poster", "data", "action"}
"""Attributes by which a page asks for something as it is opened."""


class _Page(HTMLParser):
    """Anchors and links of a page, and what it would ask for elsewhere."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors, self.links, self.foreign = set[str](), list[str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            if value and (name in LOADED or name == "href"):
                self.links.append(value)
                elsewhere = urlsplit(value).scheme in ("http", "https") or value.startswith("//")
                if elsewhere and (name in LOADED or tag == "link"):
                    self.foreign.append(value)


def faults(site: Path) -> list[str]:
    """A sentence for each dead link, each missing anchor, and each request to another host."""
    pages = {path.resolve(): _Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        here = path.relative_to(site.resolve())
        found += [f"{here} asks for {address}" for address in page.foreign]
        if here.name == "404.html":  # served from any place
            continue
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                found.append(f"{here} links to {link}, which is not there")
            elif address.fragment and target in pages:
                if unquote(address.fragment) not in pages[target].anchors:
                    found.append(f"{here} links to {link}, which has no such anchor")
    return found
