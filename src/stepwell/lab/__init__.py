"""The interactive pages: drag a pole, watch a network go down the stairs."""

from typing import TYPE_CHECKING, Any

from stepwell.lab.ghost_pages import GHOST_PAGES
from stepwell.lab.page import Page
from stepwell.lab.rank_pages import RANK_PAGES
from stepwell.lab.rule_pages import RULE_PAGES
from stepwell.lab.training_pages import TRAINING_PAGES
from stepwell.lab.transfer_pages import TRANSFER_PAGES

if TYPE_CHECKING:
    from stepwell.lab.widget import Widget

PAGES: dict[str, Page] = {
    page.slug: page for page in (*TRANSFER_PAGES, *TRAINING_PAGES, *GHOST_PAGES, *RANK_PAGES, *RULE_PAGES)
}
"""All pages by the name in their address, in the order in which they are read."""

__all__ = ["PAGES", "Widget", "launch"]


def launch(
    host: str = "127.0.0.1",
    port: int = 0,
    token: bool = False,
    page: str | None = None,
    browser: bool = True,
    export: str | None = None,
) -> None:
    """Open the lab in the browser until interrupted, or write it to one file.

    Args:
        host: address to listen on; one that other machines can reach needs `token`.
        port: 0 takes a free one.
        token: let in only who knows a secret, which stands in the printed address.
        page: name of the page to open; None opens the first one.
        browser: whether to open a browser.
        export: file to write instead of serving; the page alone if one is given, else all of them.

    Raises:
        ValueError: for an unknown page, a port in use, or a host beyond this machine without a token.
        ModuleNotFoundError: if the extra that the lab needs is not installed.
    """
    if page is not None and page not in PAGES:
        raise ValueError(f"there is no page '{page}'; there are: {', '.join(PAGES)}.")
    try:
        if export is not None:
            from stepwell.lab.exporter import write

            write(export, [page] if page else list(PAGES))
        else:
            from stepwell.lab.server import serve

            serve(tuple(PAGES.values()), host, port, token, page, browser)
    except ModuleNotFoundError as missing:
        if missing.name in ("starlette", "uvicorn", "latex2mathml"):
            raise ModuleNotFoundError("the lab needs more packages: pip install 'stepwell[lab]'.") from None
        raise


def __getattr__(name: str) -> Any:
    if name == "Widget":
        from stepwell.lab.widget import Widget

        return Widget
    raise AttributeError(f"module 'stepwell.lab' has no attribute '{name}'")
