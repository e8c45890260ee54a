"""The no-learning zone: saddle-nodes at the high rate, recovery, remedies."""

import numpy as np

from stepwell.study.ghost import drawings, drawings_rates
from stepwell.study.ghost.protocols import (
    claim,
    high_rate,
    high_rate_closely,
    rank_one,
    recoveries,
)
from stepwell.study.ghost.readings import counts, learned, stuck
from stepwell.study.ghost.watched import Watched


@claim(
    "abstract and Fig. 3A, read strictly",
    high_rate_closely,
    predict=1.0,
    kind="fraction",
    tolerance=0.2,
    reading="reconstructed",
    scope="source",
    scales="quick full",
    figure=drawings.order,
    note="the source judged by eye from plots at three snapshots; from strong starts a ghost can come first",
)
def drop_before_ghost(runs):
    """Read strictly, the first ghost comes after the drop: share of learned networks without one until
    then."""
    run, close = runs
    until = counts(close, snapshots=np.flatnonzero(close.snapshot_update.values <= 0)).ghosts
    rows = [int(np.flatnonzero(run.seed.values == seed)[0]) for seed in close.seed.values]
    early = counts(run, rows, slice(None, None, 5)).ghosts
    before = run.snapshot_update.values[::5] <= close.dropped_at.values[:, None]
    return ~(until.any(axis=1) | (early.astype(bool) & before).any(axis=1))


@claim(
    "abstract",
    high_rate_closely,
    predict=1.0,
    kind="fraction",
    tolerance=0.2,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.saddle_node,
)
def ghost_before_saddle_node(runs):
    """A ghost precedes the saddle-node: share of the saddle-nodes before which there was one."""
    found = counts(runs[1])
    split = found.rests >= 3
    first = [np.argmax(row) for row in split]
    return [found.ghosts[i, :at].any() for i, at in enumerate(first) if split[i].any()]


CHAOS = (
    "after the drop single seeds are chaotic in rounding, so the count depends on how many networks share a "
    "program: 54, 50, 50, 51 of 74 in the zone, agreeing in 69, 70, 74, 74, in blocks of 10, 20, 50, 100"
)


@claim(
    "Fig. 3B",
    high_rate,
    predict=1.0,
    tolerance=0.05,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.collapse,
    note=CHAOS,
)
def saddle_node_means_zone(runs):
    """High rates cause a saddle-node and then a vanishing gradient.

    Share of the learned networks in which three fixed points at the end and the no-learning zone go together.
    """
    three = counts(runs[0], snapshots=[-1]).rests[:, 0] == 3
    return np.mean((three == stuck(runs[0]))[learned(runs[0])])


@claim(
    "Fig. 3B",
    high_rate,
    tolerance=1e-5,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.collapse,
    note="chaotic in rounding: in blocks of 10 or 20 networks one that has just fallen in has 0.036",
)
def zone_gradient(runs):
    """In the no-learning zone the gradient is practically zero: its largest norm at the end."""
    return runs[0].gradient_norm.values[stuck(runs[0]), -1].max()


@claim(
    "Fig. 4",
    high_rate,
    predict=74,
    tolerance=0.0,
    reading="code",
    scope="source",
    scales="quick full",
    figure=drawings.zone_population,
)
def learned_count(runs):
    """Of the published seeds 0 to 99, 74 learn at some point."""
    return learned(runs[0]).sum()


@claim(
    "Fig. 4",
    high_rate,
    predict=54,
    tolerance=14,
    reading="code",
    scope="source",
    scales="quick full",
    figure=drawings.zone_population,
    note=CHAOS,
)
def zone_count(runs):
    """Of them 54 end in the no-learning zone; the number depends on rounding."""
    return stuck(runs[0]).sum()


@claim(
    "Fig. 4",
    recoveries,
    predict=0.5,
    tolerance=0.01,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.recovery,
)
def stuck_at_full_confidence(runs):
    """At the full confidence they stay stuck: their mean accuracy after 100 more updates."""
    return runs[0].accuracy.values[:, -1].mean()


@claim(
    "Fig. 4",
    recoveries,
    predict=1.0,
    kind="mean",
    tolerance=0.2,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.recovery,
)
def recovery(runs):
    """Lower confidence lets networks recover: accuracy after 100 more updates at the best confidence."""
    return runs[0].accuracy.values[:, runs[0].accuracy.values.mean(axis=0).argmax()]


@claim(
    "Fig. 4",
    recoveries,
    tolerance=0.0,
    scope="source",
    scales="quick full",
    figure=drawings.recovery,
    note="not explained",
)
def recovery_two_optima(runs):
    """Recovery is not monotone in the confidence: what the dip between its two optima lacks to be 0.05
    deep."""
    mean = runs[0].accuracy.values.mean(axis=0)
    depths = [min(mean[:i].max(), mean[i + 1 :].max()) - mean[i] for i in range(1, len(mean) - 1)]
    return max(0.0, 0.05 - max(depths))


def remedies(rate, *rules, **network):
    """The hundred networks under other confidences; counts do not need double precision."""
    return [(rank_one(rate, 6000, 6000, "float32", rule, **network), range(100)) for rule in rules]


PLAIN, LINEAR = Watched(), Watched("linear")
OTHERS = (
    Watched("geometric"),
    Watched("geometric", first=0.3),
    Watched("adaptive"),
)


@claim(
    "text to Fig. 4",
    lambda scale: [*remedies(0.02, PLAIN, trained_confidence=True), *remedies(0.02, PLAIN)],
    tolerance=14,
    reading="literal",
    scope="source",
    scales="quick full",
    figure=drawings.remedies,
)
def trainable_confidence(runs):
    """A trainable confidence does not help: networks in the no-learning zone, less those at constant
    confidence."""
    return float(stuck(runs[0]).sum()) - float(stuck(runs[1]).sum())


def schedules(scale):
    """Constant and rising confidences at the source's rate."""
    known = remedies(0.02, LINEAR, PLAIN)
    if scale != "full":
        return known
    constant = [run for gamma in (3.0, 1.0) for run in remedies(0.02, PLAIN, confidence=gamma)]
    return known + remedies(0.02, *OTHERS) + constant + remedies(0.1, LINEAR)


@claim(
    "new",
    schedules,
    kind="fraction",
    tolerance=0.05,
    scales="quick full",
    figure=drawings.remedies,
)
def schedule_removes_zone(runs):
    """Raising the confidence from 1 to 10 during training removes the no-learning zone at rate 0.02."""
    return stuck(runs[0])


@claim(
    "new",
    lambda scale: remedies(0.05, LINEAR, PLAIN),
    predict=1.0,
    kind="fraction",
    tolerance=0.1,
    scales="quick full",
    figure=drawings.remedies,
)
def schedule_limit(runs):
    """The remedy does not extend to rate 0.05: share in the no-learning zone."""
    return stuck(runs[0])


NOISES = (0.0, 0.03, 0.1, 0.3)


@claim(
    "closing paragraph",
    lambda scale: remedies(0.02, *(Watched(noise=each) for each in NOISES)),
    predict=None,
    tolerance=0.0,
    reading="intended",
    scales="full",
    figure=drawings_rates.noises,
)
def noise_remedy(runs):
    """Noise in training acts like low confidence: share that noise of 0.1 keeps out of the zone."""
    lost = [stuck(run).mean() for run in runs]
    return lost[0] - lost[NOISES.index(0.1)]
