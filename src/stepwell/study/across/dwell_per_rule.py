"""How long a rule stays on the first stair, against the scale of its first weights."""

import math
from collections.abc import Callable

import numpy as np

from stepwell import theory
from stepwell.study.across import drawings_local_rules as drawings
from stepwell.study.across.protocols import (
    BPTT,
    EPROP,
    POLES,
    RESIDUES,
    RFLO,
    SYMMETRIC,
    claim,
    rule_flow,
    target,
    tbptt,
)
from stepwell.study.across.readings import leaving_times, sigma0, slopes

TARGET_A = POLES, RESIDUES
LONGEST = {RFLO: 4 / 3, SYMMETRIC: 2 / 3, tbptt(1): 1.2, EPROP: 0.0, BPTT: 0.0}
"""Power of 1/sigma0 with which the time goes that a flow is given."""
SCALES = (1e-3, 1e-4, 1e-5)


def leaving(*rules, scales=SCALES) -> Callable:
    """Flows from three scales, two decades apart, down to nine tenths of the first stair."""

    def runs(scale):
        seeds = range({"quick": 5, "full": 20}[scale])
        return [
            (
                rule_flow(rule, target(3), s, 500 + 500 * s ** -LONGEST[rule], floor=0.9 * first_stair(rule)),
                seeds,
            )
            for rule in rules
            for s in scales
        ]

    return runs


def first_stair(rule):
    """The loss on the first stair of target A."""
    if rule in (EPROP, BPTT):
        return theory.reached_poles(*TARGET_A, 1).loss
    return theory.local_rule_level(*TARGET_A, getattr(rule, "decay", 0.0)).loss


def exponents(runs):
    """The power of sigma0 that the leaving times follow, [seed]."""
    return slopes(np.log([sigma0(run) for run in runs]), np.log(leaving_times(runs)))


def exponent_claim(rule, name, statement, power, **options):
    """A claim that the time on the first stair is a power of sigma0, over two decades."""
    return claim(
        "item 2",
        leaving(rule),
        predict=power,
        kind="mean",
        name=name,
        statement=statement,
        figure=drawings.leaving_times_by_rule,
        **options,
    )(exponents)


exponent_claim(
    SYMMETRIC,
    "dwell_rflo_true_readout",
    "RFLO with the true readout leaves the first stair after a time like sigma0^(-2/3): slope over two "
    "decades.",
    -2 / 3,
    relative=True,
    tolerance=0.03,
    scales="quick full",
)
exponent_claim(
    RFLO,
    "dwell_rflo",
    "RFLO leaves the first stair after a time like sigma0^(-4/3): slope over two decades.",
    -4 / 3,
    relative=True,
    tolerance=0.03,
    scales="quick full",
)
exponent_claim(
    EPROP,
    "dwell_eprop",
    "The time that e-prop takes down the first stair does not depend on sigma0: slope over two decades.",
    0.0,
    tolerance=0.03,
    scales="quick full",
)


@claim(
    "item 2",
    leaving(tbptt(1)),
    predict=1.0,
    tolerance=0.03,
    scales="full",
    figure=drawings.leaving_times_by_rule,
    note="median over seeds: some starts wait longer at the largest scale, where the law does not hold yet",
)
def dwell_tbptt(runs):
    """tBPTT(1) leaves the first stair after ln(1/sigma0)/sigma0: times times sigma0 grow by equal steps per
    decade, ratio of the second step to the first."""
    scaled = leaving_times(runs) * [sigma0(run) for run in runs]
    steps = np.diff(scaled, axis=1)
    return np.nanmedian(steps[:, 1] / steps[:, 0])


@claim(
    "item 2",
    leaving(BPTT),
    predict=lambda es: sum(theory.dwell_time(theory.escape_rate(*TARGET_A, k), 1 / math.e) for k in (0, 1)),
    kind="mean",
    relative=True,
    tolerance=0.03,
    scales="quick full",
    figure=drawings.leaving_times_by_rule,
)
def dwell_bptt(runs):
    """BPTT leaves it after a multiple of ln(1/sigma0): time per factor e, plateaus 0 and 1 together."""
    return slopes(np.log([1 / sigma0(run) for run in runs]), leaving_times(runs))


def all_rules(scale):
    """The flows of every rule."""
    return [run for rule in LONGEST for run in leaving(rule)(scale)]


@claim(
    "item 2",
    all_rules,
    predict=1.0,
    kind="fraction",
    tolerance=0.05,
    scales="full",
    figure=drawings.leaving_times_by_rule,
)
def all_leave(runs):
    """No rule stays on the first stair for ever at a finite sigma0: share of runs that leave."""
    return np.isfinite(leaving_times(runs)).ravel()
