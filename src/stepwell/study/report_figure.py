"""The figures of a report: each drawn once, as soon as its claim is judged, never at the report's cost."""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from stepwell.figure import Figure, adaptive_svg, styled
from stepwell.study.judge import Judged


class Picture(NamedTuple):
    """What a report shows under a claim.

    Attributes:
        name: id of the element on the page, the same for the same picture.
        svg: the element; empty if the figure failed.
        failure: why there is none, in a sentence; empty if there is one.
    """

    name: str
    svg: str
    failure: str = ""


def picture(judged: Judged, drawn: dict[Any, Picture]) -> Picture | None:
    """The figure of a claim; None for a claim without one.

    Args:
        judged: the claim with its runs and its prediction.
        drawn: the pictures so far; what comes of this one is added.
    """
    if judged.claim.figure is None:
        return None
    runs = tuple((run.attrs.get("fingerprint") or id(run), *run.seed.values.tolist()) for run in judged.runs)
    key = (judged.finding.study, judged.claim.figure, runs, repr(judged.prediction))
    if key not in drawn:
        try:
            drawn[key] = _drawn(judged, judged.claim.figure)
        except Exception as error:  # whatever a figure does, the finding stands
            reason = f"The figure could not be drawn: {type(error).__name__}: {error}"
            drawn[key] = Picture("", "", reason.rstrip(".") + ".")
    return drawn[key]


def _drawn(judged: Judged, draw: Callable[..., Any]) -> Picture:
    with styled():
        figure = Figure()
        draw(judged.runs, judged.prediction, figure.add_subplot())
        svg = adaptive_svg(figure, "figure")
    # Named by its content, so that claims whose figures look alike share one.
    name = f"figure-{hashlib.sha256(svg.encode()).hexdigest()[:10]}"
    return Picture(name, svg.replace("figure-", f"{name}-"))
