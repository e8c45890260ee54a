"""A complex target: poles are born real, collide, and leave the real axis along a square root."""

import math

import numpy as np

from stepwell.run import settings_of
from stepwell.study.saddle_to_saddle import drawings
from stepwell.study.saddle_to_saddle.protocols import claim, gradient_flow, target
from stepwell.study.saddle_to_saddle.readings import meetings, quietest


def rings(scale):
    """The flow of a complex target, finely recorded."""
    if scale == "quick":
        return [(gradient_flow(target("C"), 1e-4, 60.0, 2, every=0.02), range(4))]
    return [
        (gradient_flow(target("C"), s, 60.0, n, every=0.02), range(12)) for n in (2, 4) for s in (1e-2, 1e-4)
    ]


@claim(
    "section 8.4",
    rings,
    kind="largest",
    tolerance=1e-12,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.collision,
)
def first_pole_real(runs):
    """On plateau 1 of a complex target the leading eigenvalue is real: its imaginary part."""
    places = [np.linalg.eigvals(p["W"]) for run in runs for p in quietest(run, 1)]
    return [eigenvalues[np.argmax(np.abs(eigenvalues))].imag for eigenvalues in places]


@claim(
    "section 8.4",
    rings,
    tolerance=0.0,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.collision,
)
def collision_needed(runs):
    """After the first drop two real eigenvalues collide before the pair is complex: number of runs
    without."""
    return sum(meeting is None for run in runs for meeting in meetings(run))


def ramps(run):
    """Exponent and amplitude ratio of the imaginary part just after the collision, [seed, 2].

    The moment of the collision and the slope of the discriminant there come from the records around it; the
    parameters go smoothly through it, so between records they follow a cubic.
    """
    rows = []
    for seed, meeting in enumerate(meetings(run)):
        after = np.geomspace(1e-3, 1e-2, 10)
        near = np.abs(run.learning_time.values - meeting.time) < 0.1
        time, W = run.learning_time.values[near] - meeting.time, run.W.values[seed, near]
        trace, determinant = np.trace(W, axis1=1, axis2=2), np.linalg.det(W)
        discriminant = np.polyfit(time, trace**2 - 4 * determinant, 6)
        root = min(np.roots(discriminant), key=abs).real
        height = np.sqrt(-np.polyval(discriminant, root + after)) / 2
        exponent, offset = np.polyfit(np.log(after), np.log(height), 1)
        amplitude = math.sqrt(-np.polyval(np.polyder(discriminant), root)) / 2
        rows.append((exponent, math.exp(offset + (exponent - 0.5) * np.log(after).mean()) / amplitude))
    return np.array(rows)


@claim(
    "section 8.5",
    rings,
    predict=0.5,
    kind="mean",
    tolerance=0.02,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.ramp,
)
def sqrt_ramp(runs):
    """From the collision on the imaginary part grows as the square root of the time since."""
    return np.concatenate(
        [ramps(run)[:, 0] for run in runs if settings_of(run).experiment.network.hidden == 2]
    )


@claim(
    "section 8.5",
    rings,
    predict=1.0,
    kind="mean",
    tolerance=0.02,
    reading="intended",
    scope="source",
    scales="quick full",
    figure=drawings.ramp,
)
def ramp_amplitude(runs):
    """Its amplitude is half the root of the discriminant's slope at the collision."""
    return np.concatenate(
        [ramps(run)[:, 1] for run in runs if settings_of(run).experiment.network.hidden == 2]
    )
