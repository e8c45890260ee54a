"""Pages as one file that needs nothing else: local pages live, training by the browser, the other runs
recorded.

The file's own policy allows its one script and its one style by their hashes, and no connection at all; a
file that was changed by a single character does not run.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepwell.lab import PAGES, bundle, wire
from stepwell.lab.engine import AbstractRun
from stepwell.lab.page import Page

LIVE = frozenset({"poles", "residue", "saddle", "training", "ghost", "rules"})
"""Pages that compute in the browser, so that nothing is recorded for them."""

FREE = frozenset({"speed", "lines", "target", "moment", "g", "task", "rank"})
"""Settings that a page can change beside its recording."""

DIGITS = 4
TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="content-security-policy" content="default-src 'none'; script-src '{script_hash}'; \
style-src '{style_hash}'; img-src data:; base-uri 'none'; form-action 'none'">
<title>stepwell lab</title>
<style>{style}</style>
</head>
<body>
<script type="application/json" id="pages">{pages}</script>
<script type="application/json" id="runs">{runs}</script>
<script type="module">{script}</script>
</body>
</html>
"""
START = """
const stored = (id) => JSON.parse(document.getElementById(id).textContent);
start(document.body, stored("pages"), [new TrainerTransport(), new RecordedTransport(stored("runs"))]);
"""


def write(path: str | Path, slugs: Sequence[str], updates: int = 4000) -> None:
    """Write pages into one HTML file.

    Args:
        path: the file.
        slugs: names of pages.
        updates: length of recorded runs.

    Raises:
        ValueError: for an unknown page, or a process that computes in float32.
    """
    Path(path).write_bytes(html(slugs, updates).encode())


def html(slugs: Sequence[str], updates: int = 4000) -> str:
    """The text of the file that `write` writes."""
    unknown = [slug for slug in slugs if slug not in PAGES]
    if unknown:
        raise ValueError(f"there is no page '{unknown[0]}'; there are: {', '.join(PAGES)}.")
    pages = tuple(PAGES[slug] for slug in slugs)
    runs = {page.slug: recording(page, updates) for page in pages if page.slug not in LIVE}
    style, script = bundle.style(), (bundle.script() + START).replace("</script", "<\\/script")
    return TEMPLATE.format(
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
        pages=bundle.contents(pages),
        runs=json.dumps(runs, allow_nan=False, separators=(",", ":")).replace("</", "<\\/"),
    )


def recording(page: Page, updates: int) -> dict[str, Any]:
    """Scene, slow results and frames of a page with its default settings, in plain rounded numbers."""
    import jax

    jax.config.update("jax_enable_x64", True)
    engine = page.build({})
    slow = [[name, function()] for name, function in engine.slow()]
    frames = _frames(engine, updates) if isinstance(engine, AbstractRun) else []
    settings = {name: value for name, value in page.defaults().items() if name not in FREE}
    run = {"settings": settings, "scene": engine.scene(), "slow": slow, "frames": frames}
    return wire.plain(run, DIGITS)


def _frames(engine: AbstractRun, updates: int) -> list[dict[str, Any]]:
    """Frames that lie closer together at the start, where a logarithmic axis has room for them."""
    state, frame = engine.begin()
    frames, done = [frame.picture], 0
    while done < updates and frame.done is None:
        step = max(5, done // 50)
        state, frame = engine.advance(state, step)
        done += step
        frames.append({**frame.picture, "events": [event._asdict() for event in frame.events]})
    return frames


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
