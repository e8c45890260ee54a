"""The page of an inspection: one HTML file that needs nothing else."""

import html
from collections.abc import Sequence
from typing import Any

from stepwell.inspection import Part

STYLE = """
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
article { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2rem;
  padding: 1.5rem 0; border-top: 1px solid var(--grid); }
h1 { overflow-wrap: anywhere; } h2 { margin-top: 3rem; } h3 { grid-column: 1 / -1; margin: 0 0 .75rem; }
ul { margin: 0; padding: 0; list-style: none; } li { overflow-wrap: anywhere; } .in { padding-left: 1.25rem; }
figure { margin: 0; } figure svg { width: 100%; height: auto; } svg text { font-family: inherit !important; }
.missing { padding: .5rem .75rem; border-left: 3px solid var(--vermillion); }
"""


def page(title: str, sections: Sequence[tuple[str, Sequence[Part]]], problems: Sequence[str]) -> str:
    """The page.

    Args:
        title: what was inspected.
        sections: a title and its parts, one per network.
        problems: sentences about what could not be read.
    """
    from stepwell.figure import css_variables

    style = f":root {{ color-scheme: light dark; {css_variables(dark=False)} }}"
    style += f"@media (prefers-color-scheme: dark) {{ :root {{ {css_variables(dark=True)} }} }}{STYLE}"
    body = "".join(f'<p class="missing">{html.escape(problem)}</p>' for problem in problems)
    for i, (name, parts) in enumerate(sections):
        body += f"<h2>{html.escape(name)}</h2>"
        body += "".join(_article(part, f"part-{i}-{j}") for j, part in enumerate(parts))
    name = html.escape(title)
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>stepwell: {name}</title><style>{style}</style></head>"
        f"<body><main><h1>{name}</h1>{body}</main></body></html>\n"
    )


def _article(part: Part, name: str) -> str:
    items = "".join(
        f"<li{' class=in' if line.startswith(' ') else ''}>{html.escape(line.strip())}</li>"
        for line in part.lines
    )
    figure = f"<figure>{_drawn(part.draw, name)}</figure>" if part.draw else ""
    return f"<article><h3>{html.escape(part.title)}</h3><ul>{items}</ul>{figure}</article>"


def _drawn(draw: Any, name: str) -> str:
    from stepwell.figure import Figure, adaptive_svg, styled

    try:
        with styled():
            figure = Figure()
            draw(figure.add_subplot())
            return adaptive_svg(figure, name)
    except Exception as error:  # whatever a figure does, the text stands
        return f"<p class=missing>The figure could not be drawn: {html.escape(str(error))}</p>"
