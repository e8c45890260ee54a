"""Low-rank change: every smoke-scale claim comes out as expected, and what the readings read is there."""

import dataclasses

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

from stepwell import analysis
from stepwell.experiment import Recording
from stepwell.figure import styled
from stepwell.study import STUDIES
from stepwell.study.base import varied
from stepwell.study.judge import judged
from stepwell.study.low_rank_change import functional_rank, linear_protocols, sentiment
from stepwell.study.low_rank_change.protocols import FLIPFLOP, trained
from stepwell.study.low_rank_change.readings import epochs, norms, outside, ranks, shuffled

STUDY = STUDIES["low_rank_change"]


@pytest.fixture(scope="module")
def smoke():
    return {each.finding.claim: each for each in judged("low_rank_change", "smoke")}


@pytest.mark.parametrize("claim", [claim.id for claim in STUDY.claims if "smoke" in claim.scales])
def test_a_smoke_claim_has_the_expected_verdict_and_a_figure(smoke, claim):
    each = smoke[claim]
    assert each.finding.verdict == each.finding.expected
    with styled():
        figure, ax = plt.subplots()
        each.claim.figure(each.runs, each.prediction, ax)
        assert ax.has_data()
        plt.close(figure)


def test_every_claim_that_is_judged_can_be_set_up_at_its_scales():
    for claim in STUDY.claims:
        for scale in claim.scales:
            assert claim.protocol(scale) is not None and all(len(seeds) for _, seeds in claim.protocol(scale))


@pytest.fixture(scope="module")
def small():
    """A small network, trained shortly, and what was measured of it."""
    settings = varied(trained(FLIPFLOP, 12, 0.5, 40, ranks=13), experiment__recording=Recording(10))
    return settings, settings.run([0, 1])


def test_a_measured_run_holds_what_the_analyses_say(small):
    settings, run = small
    experiment = settings.experiment
    trials = experiment.task.trials(jax.random.key(0), 512)
    start, end = ({name: run[name].values[1, at] for name in "Wbc"} for at in (0, -1))
    losses = analysis.truncated_loss(end, start, range(13), experiment.network, experiment.task, trials)
    # The run computes in float32, this in float64.
    np.testing.assert_allclose(run.truncated_loss.values[1, -1], losses, rtol=1e-4)
    np.testing.assert_allclose(norms(run)[1], np.linalg.norm(end["W"] - start["W"]), rtol=1e-6)
    assert run.best_update.values[1] in range(0, 41, 10)
    assert shuffled(run).shape == (2,)


def test_runs_that_do_not_learn_are_kept_and_flagged(small):
    _, run = small
    assert run.sizes["seed"] == 2
    np.testing.assert_array_equal(epochs(run), 40)  # a lower bound: all updates
    assert np.isnan(ranks(run)).all()  # never 0


def test_distance_from_an_interval():
    np.testing.assert_array_equal(outside([1.0, 2.0, 11.5], 2, 10), [1.0, 0.0, 1.5])


def test_the_oscillation_starts_from_the_loss_of_its_decay():
    experiment = dataclasses.replace(linear_protocols.oscillator(8, 0.0), updates=0)
    expected = np.mean((0.9 ** np.arange(1, 101) - np.cos(2 * np.pi * np.arange(100) / 50)) ** 2) / 2
    np.testing.assert_allclose(experiment.run([0]).loss.values[0, 0], expected, rtol=1e-12)  # rounding


def test_channels_that_do_not_count_leave_no_trace_in_the_trials():
    trials = linear_protocols.RandomTargets(1.0, 2.0).trials(jax.random.key(0))
    assert np.asarray(trials.inputs[..., 0]).all() and not np.asarray(trials.inputs[..., 1:]).any()
    np.testing.assert_array_equal(np.asarray(trials.mask)[0, 0], [1, 1, 0])


def test_rules_share_their_task_and_start():
    runs = functional_rank.rules("quick")
    assert len({run.experiment.network for run, _ in runs}) == 1
    assert len({type(run.experiment.rule) for run, _ in runs}) == 4


def test_without_its_corpus_a_claim_is_not_judged_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    names = ["lstm_small_runs", "lstm_weights_full_rank"]
    snippets, treebank = (each.finding for each in judged("low_rank_change", "full", claims=names))
    assert not snippets.counts and not treebank.counts
    assert "stepwell fetch sentiment" in snippets.note and "train.tsv" in treebank.note


def test_truncated_matrices_of_full_rank_are_the_trained_ones():
    settings = varied(
        sentiment.sentences(64, "synthetic", dimensions=100, batch=4, steps=8),
        experiment__network__hidden=8,
        experiment__updates=3,
        ranks=(0, 3, 8),
    )
    run = settings.run([0])
    for kind in ("of_change", "of_weights"):
        assert run[kind].sel(rank=8).values[0] == run.accuracy.values[0]
    assert run.sizes["rank"] == 3 and 0 <= run.accuracy.values[0] <= 1
