"""`stepwell fetch`: data that is not shipped, into the user's own folder."""

from typing import Annotated

import typer

from stepwell.names import known
from stepwell.terminal import say


def fetch(
    what: Annotated[str, typer.Argument(help="sentiment: the rated movie snippets.")] = "sentiment",
) -> None:
    """Fetch data that some claims need; where it cannot be had, they are shown as not judged."""
    from stepwell.task.sentiment_fetch import fetch_snippets

    known(what, ["sentiment"], "data set")
    say(f"the snippets are in {fetch_snippets()}")
