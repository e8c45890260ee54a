r"""The lazy limit: how far tangent kernels and weights move, and when a linearised network learns alike.

In the linear network of the theory of many units the linearised model is $y=\hat y(1-e^{-\tau_e})$, with the
kernel $(1-g^2)^{-2}$ of the start and $\tau_e=\tau/(1-g^2)^2$. The exact flow differs from it in the third
order, by $\tfrac86\hat y^3\tau_e^3/(1-g^2)$, which no number of units makes small: small targets do.
"""

from functools import partial

import numpy as np

from stepwell.study.across import drawings_lazy_limit as drawings
from stepwell.study.across.linearised import largest_gap
from stepwell.study.across.protocols import claim
from stepwell.study.across.protocols_lazy_limit import sizes_and_strengths
from stepwell.study.low_rank_change.readings import at

SMALL = np.array([0.02, 0.04, 0.08])


@claim("11", (), predict=2.0, tolerance=0.05, figure=drawings.gaps)
def lazy_target(runs):
    """The linearised model of the linear network becomes exact with the square of the target, for any number
    of units: exponent of the largest gap of the output, over the target."""
    return np.polyfit(np.log(SMALL), np.log([largest_gap(0.6, target) for target in SMALL]), 1)[0]


@claim("11", (), predict=1 / (1 - 0.6**2), relative=True, tolerance=0.03, figure=drawings.gaps)
def lazy_strength(runs):
    """Initial connectivity makes it worse by 1/(1 - g^2): the gap at g = 0.6 over that at 0, at a small
    target."""
    return largest_gap(0.6, SMALL[0]) / largest_gap(0.0, SMALL[0])


def growth(runs, attribute, g):
    """The slope of the logarithm of a drift against that of the number of units, [seed]."""
    group = at(runs, g)
    values = np.log([run[attribute].values for run in group])
    return np.polyfit(np.log([run.sizes["unit"] for run in group]), values, 1)[0]


for attribute, words in (
    ("drift", "the tangent kernel drifts"),
    ("moved", "the weights move, over their norm"),
):
    for g in (0.0, 0.9):
        claim(
            "11",
            sizes_and_strengths,
            predict=None,
            kind="mean",
            tolerance=0.1,
            scales="quick full",
            expected="UNDECIDED",
            name=f"lazy_{attribute}_{'without' if g == 0 else 'with'}_start",
            statement=f"How far {words} on the flip-flop at g = {g:g}: exponent against the number of units.",
            figure=drawings.drift,
        )(partial(growth, attribute=attribute, g=g))


@claim(
    "11",
    sizes_and_strengths,
    predict=None,
    kind="mean",
    tolerance=0.1,
    scales="quick full",
    expected="UNDECIDED",
    figure=drawings.drift,
)
def lazy_with_strength(runs):
    """Initial connectivity makes learning lazier: decades by which the drift of the kernel at g = 0.9 exceeds
    that at 0, at the largest size."""
    largest = max(run.sizes["unit"] for run in runs)
    chaotic, silent = (at([run for run in runs if run.sizes["unit"] == largest], g)[0] for g in (0.9, 0.0))
    return np.log10(chaotic.drift.values / silent.drift.values.mean())
