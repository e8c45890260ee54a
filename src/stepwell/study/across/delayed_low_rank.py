"""Delayed activation meets low rank: what learning adds to a network of full rank that times its switch."""

from functools import partial
from typing import Any

from stepwell import analysis
from stepwell.study.across import drawings_delayed_low_rank as drawings
from stepwell.study.across.cut_networks import cut_losses, cut_trial, end_and_start, loss_of
from stepwell.study.across.protocols import claim
from stepwell.study.ghost.protocols import full_rank

MEASURED: dict[str, Any] = {
    "predict": None,
    "scales": "quick full",
    "figure": drawings.cut,
}
STARTS = ("usual", "faint")
"""Initial recurrent weights of strength 1, and a tenth of them."""


def ranks(runs, which):
    """The functional rank of the change, [seed]; at 20 %: faint weights leave a tenth of the loss."""
    return analysis.functional_rank(cut_losses(runs[which]), 0.2)[0]


def in_two(runs, which):
    """The share of the squared change in its first two singular values, [seed]."""
    values = analysis.singular_values(*(runs[which].W.values[:, at] for at in (-1, 0)))
    return analysis.variance_explained(values)[:, 2]


for which, start in enumerate(STARTS):
    words = f"A network of full rank learns delayed activation from {start} weights"
    claim(
        "item 6",
        full_rank,
        kind="mean",
        tolerance=0.5,
        name=f"delayed_rank_{start}",
        statement=f"{words} by a change of low functional rank.",
        **MEASURED,
    )(partial(ranks, which=which))
    claim(
        "item 6",
        full_rank,
        kind="mean",
        tolerance=0.1,
        name=f"delayed_spectrum_{start}",
        statement=f"{words}: share of its squared change in the first two singular values.",
        **MEASURED,
    )(partial(in_two, which=which))


@claim("item 6", full_rank, kind="mean", tolerance=0.05, **MEASURED)
def delayed_slow_moment(runs):
    """The change of rank 2 holds the slow moment before the switch: least speed before the switch of the cut
    network, over that of the whole one."""
    return [slowest(runs[0], seed, 2) / slowest(runs[0], seed, None) for seed in range(runs[0].sizes["seed"])]


def slowest(run, seed, rank):
    """The least speed along a trial before the switch; the change cut at a rank."""
    speed, _ = cut_trial(run, seed, rank)
    return speed[:20].min()


@claim("item 6", full_rank, kind="fraction", tolerance=0.15, **MEASURED)
def delayed_rank_one_rests(runs):
    """With the first direction of the change alone the network comes to rest before it switches: share of
    networks whose output stays below 1/2."""
    return [(cut_trial(runs[0], seed, 1)[1] < 0.5).all() for seed in range(runs[0].sizes["seed"])]


@claim("item 6", full_rank, kind="mean", tolerance=0.05, **{**MEASURED, "scales": "full"})
def delayed_change_alone(runs):
    """The change does not switch in time without the initial weights: loss with the change alone, where a
    silent output has 1."""
    return [change_alone(runs[0], seed) for seed in range(runs[0].sizes["seed"])]


def change_alone(run, seed):
    """The loss of a network without its initial recurrent weights."""
    end, start = end_and_start(run, seed)
    return loss_of(run, {**end, "W": end["W"] - start["W"]})
