"""The moving picture of the home page: the poles of a network beside its loss, from a record.

It plays once, for less than five seconds, and again when it is clicked; who wants less motion sees its end.
It needs no script, and takes its inks from the page around it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from stepwell import STUDIES, analysis, theory
from stepwell.run import settings_of

SECONDS, FRAMES, FLOOR = 4.8, 160, 1e-5
INKS = ("blue", "vermillion", "green")
TOLD = (
    "Left: the poles of a network with three units move through the unit circle to the poles of its target,"
    " one after the other. Right: its loss goes down three stairs, one for each pole."
)


class Frame(NamedTuple):
    """A rectangle on the picture, and the limits of what is drawn in it."""

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, x: np.ndarray) -> np.ndarray:
        """Where values of x stand."""
        return self.left + self.width * (x - self.x[0]) / (self.x[1] - self.x[0])

    def down(self, y: np.ndarray) -> np.ndarray:
        """Where values of y stand."""
        return self.top + self.height * (self.y[1] - y) / (self.y[1] - self.y[0])


PLANE = Frame(20, 30, 300, 300, (-1.15, 1.15), (-1.15, 1.15))


def staircase(store: Path) -> str:
    """The SVG, from the run that the study of the staircase begins with."""
    record = STUDIES["saddle_to_saddle"].experiments["staircase_flow"].run([0], store)
    network = settings_of(record).experiment
    task, loss = network.task, record.loss.values[0]
    end = int(np.argmax(loss < FLOOR)) or len(loss)
    places = np.unique(np.linspace(0, end - 1, FRAMES).round().astype(int))
    branches = analysis.pole_branches(np.linalg.eigvals(record.W.values[0, places]))
    levels = theory.staircase(
        task.poles, task.residues, network.network.hidden, network.network.sigma0
    ).levels
    return picture(record.learning_time.values[places], loss[places], branches, np.array(task.poles), levels)


def picture(
    times: np.ndarray, loss: np.ndarray, poles: np.ndarray, target: np.ndarray, levels: np.ndarray
) -> str:
    """The SVG of a run.

    Args:
        times: learning time, [time]. loss: [time].
        poles: followed, [time, hidden].
        target: poles of the target, [pole].
        levels: predicted plateaus of the loss, [plateau].
    """
    limits = np.log10([FLOOR, 2 * loss[0]])
    curve = Frame(390, 30, 390, 300, (times[0], times[-1]), tuple(limits))
    x, y = curve.across(times), curve.down(np.log10(np.maximum(loss, FLOOR)))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y))
    parts = [
        '<svg class="moving" id="moving" viewBox="0 0 800 380" role="img" aria-labelledby="moving-title">',
        f'<title id="moving-title">{TOLD}</title>',
        f'<circle class="axis" cx="{PLANE.across(0.0):.1f}" cy="{PLANE.down(0.0):.1f}" r="{300 / 2.3:.1f}"/>',
        _line("axis", PLANE.left, PLANE.down(0.0), PLANE.left + PLANE.width, PLANE.down(0.0)),
        *(_square(pole) for pole in target),
        *(_level(curve, level) for level in levels if np.log10(max(level, 1e-9)) > limits[0]),
        _line("axis", curve.left, 330, curve.left + curve.width, 330),
        _line("axis", curve.left, curve.top, curve.left, 330),
        _text(PLANE.left + 150, 362, "poles in the complex plane"),
        _text(curve.left + 195, 362, "learning time"),
        _text(curve.left + 4, 22, "loss (dashed: predicted)", "start"),
        f'<clipPath id="moving-past"><rect x="{curve.left}" y="0" width="{curve.width + 6}" height="340">'
        f"{_animated('width', x - curve.left + 6)}</rect></clipPath>",
        f'<polyline class="loss" points="{points}" clip-path="url(#moving-past)"/>',
        *(_pole(branch, INKS[k % len(INKS)]) for k, branch in enumerate(poles.T)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _pole(branch: np.ndarray, ink: str) -> str:
    """A cross that goes along a branch; its place without motion is the last one."""
    x, y = PLANE.across(branch.real), PLANE.down(branch.imag)
    way = ";".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y))
    motion = (
        f'<animateTransform attributeName="transform" type="translate" values="{way}" dur="{SECONDS}s" '
        'begin="0s;moving.click" fill="freeze"/>'
    )
    cross = '<path d="M-7-7 7 7M-7 7 7-7"/>'
    end = f"translate({x[-1]:.1f} {y[-1]:.1f})"
    return (
        f'<g class="pole {ink} moves" transform="{end}">{motion}{cross}</g>'
        f'<g class="pole {ink} rests" transform="{end}">{cross}</g>'
    )


def _animated(attribute: str, values: np.ndarray) -> str:
    listed = ";".join(f"{value:.1f}" for value in values)
    return (
        f'<animate attributeName="{attribute}" values="{listed}" dur="{SECONDS}s" begin="0s;moving.click" '
        'fill="freeze"/>'
    )


def _square(pole: complex) -> str:
    x, y = PLANE.across(np.real(pole)), PLANE.down(np.imag(pole))
    return f'<rect class="target" x="{x - 9:.1f}" y="{y - 9:.1f}" width="18" height="18"/>'


def _level(curve: Frame, level: float) -> str:
    y = curve.down(np.log10(level))
    return _line("level", curve.left, y, curve.left + curve.width, y)


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'
