"""`stepwell lab`: the interactive pages in a browser, or in one file."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from stepwell.names import known
from stepwell.terminal import say, writable


def lab(
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines can reach needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    token: Annotated[
        bool, typer.Option("--token", help="Let in only who has the secret in the printed address.")
    ] = False,
    page: Annotated[str | None, typer.Option(help="The page to open; of an export, the only one.")] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, open nothing.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the pages into one HTML file and leave.")
    ] = None,
) -> None:
    """Open the lab: drag a pole, watch a network go down the stairs."""
    from stepwell.lab import PAGES, launch

    if page is not None:
        known(page, PAGES, "page")
    file = None if export is None else str(writable(export))
    try:
        launch(host, port, token, page, not no_browser, file)
    except ModuleNotFoundError as missing:
        raise ValueError(str(missing)) from None
    if file:
        say(f"'{file}' holds {f'the page {page}' if page else 'all pages'}; any browser opens it.")
    else:
        # What a thread is compiling cannot be interrupted, and would hold the exit back for seconds.
        sys.stdout.flush()
        os._exit(0)
