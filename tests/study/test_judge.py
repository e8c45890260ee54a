"""The rule of verdicts against scipy and by hand, and the loop over the claims of a study."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stepwell import NETWORKS, STUDIES, TASKS, Experiment, Optimiser, check
from stepwell.run import run_all
from stepwell.run.reduced_fixed_point import FixedPointDescent
from stepwell.study import Claims, Study, compare
from stepwell.study.judge import judged

TASK = TASKS["impulse"](poles=(0.5,), residues=(1.0,), steps=6)


def verdict(*given, **settings):
    return compare(*given, **settings).verdict


def test_an_exact_number_holds_up_to_its_tolerance():
    assert verdict(1.0, 1.25, 0.25) == "HOLDS"
    assert verdict(1.0, 1.26, 0.25) == "FAILS"
    assert verdict(-2.0, -2.09, 0.05, relative=True) == "HOLDS"
    assert verdict(-2.0, -2.2, 0.05, relative=True) == "FAILS"
    assert compare(-2.0, -2.1, 0.05, relative=True).tolerance == pytest.approx(0.1)
    with pytest.raises(ValueError, match="an exact claim measures one number, got 2"):
        compare(1.0, [1.0, 1.0], 0.1)


def test_no_value_decides_nothing():
    for kind in ("exact", "mean", "fraction"):
        found = compare(1.0, math.nan, 0.1, kind)
        assert found.verdict == "UNDECIDED" and "1 of 1 gave no value" in found.note
    assert verdict(0.0, [], 0.1, "largest") == "UNDECIDED"
    assert verdict(1.0, [1.0, 1.0], 0.1, "mean") == "UNDECIDED"  # three are needed


@given(
    st.lists(st.floats(-2, 2), min_size=3, max_size=20),
    st.floats(-2, 2),
    st.floats(1e-3, 2),
)
def test_a_mean_is_judged_with_two_standard_errors(samples, predicted, tolerance):
    s = scipy.stats.sem(samples)
    gap = abs(np.mean(samples) - predicted)
    found = compare(predicted, samples, tolerance, "mean")
    assert found.measured == pytest.approx(np.mean(samples), abs=1e-12)  # rounding
    assert found.uncertainty == pytest.approx(s, abs=1e-12)
    if abs(gap + 2 * s - tolerance) > 1e-9 and abs(gap - 2 * s - tolerance) > 1e-9:  # not on a border
        expected = "HOLDS" if gap + 2 * s < tolerance else "FAILS" if gap - 2 * s > tolerance else "UNDECIDED"
        assert found.verdict == expected


@given(st.integers(1, 200), st.integers(0, 200), st.floats(0, 1), st.floats(0.01, 0.5))
def test_a_fraction_is_judged_by_its_wilson_interval(n, true, predicted, tolerance):
    true = min(true, n)
    low, high = scipy.stats.binomtest(true, n).proportion_ci(0.95, "wilson")
    found = compare(predicted, np.arange(n) < true, tolerance, "fraction")
    assert found.measured == true / n
    assert found.uncertainty == pytest.approx((high - low) / 4, abs=1e-9)  # both to rounding
    if min(abs(abs(end - predicted) - tolerance) for end in (low, high)) > 1e-9:  # not on a border
        within = predicted - tolerance < low and high < predicted + tolerance
        outside = high < predicted - tolerance or low > predicted + tolerance
        assert found.verdict == ("HOLDS" if within else "FAILS" if outside else "UNDECIDED")


def test_the_largest_deviation_is_taken_over_all_entries():
    found = compare([1.0, 2.0], [[1.1, 2.0], [1.0, 1.7]], 0.4, "largest")
    assert (found.predicted, found.measured, found.verdict) == (0.0, pytest.approx(0.3), "HOLDS")
    assert verdict([1.0, 2.0], [[1.1, 2.0], [1.0, 1.7]], 0.2, "largest") == "FAILS"
    # With a tolerance per entry the deviations are in units of theirs.
    found = compare([1.0, 2.0], [1.1, 2.3], (0.2, 0.2), "largest")
    assert (found.measured, found.tolerance, found.verdict) == (pytest.approx(1.5), 1.0, "FAILS")
    assert compare([1.0, 10.0], [1.1, 12.0], 0.3, "largest", relative=True).measured == pytest.approx(0.2)
    # Lists of unequal lengths are compared pair by pair.
    assert compare([np.zeros(2), np.zeros(3)], [np.ones(2), np.full(3, 2.0)], 3.0, "largest").measured == 2.0
    assert compare(0.0, [np.ones(2), np.full(3, 2.0)], 3.0, "largest").measured == 2.0


def test_a_lost_entry_cannot_make_a_largest_deviation_hold():
    assert verdict(0.0, [0.0, math.nan], 0.1, "largest") == "UNDECIDED"
    assert verdict(0.0, [0.5, math.nan], 0.1, "largest") == "FAILS"


def homemade(monkeypatch, ran):
    """A study of a network that is too small to have anything to say."""
    claim = Claims("essay2026")
    settings = Experiment(TASK, NETWORKS["linear"](hidden=1, sigma0=0.5), updates=5)
    fast = Experiment(TASK, settings.network, optimiser=Optimiser("sgd", 1e3), updates=5)

    class Counted(type(settings)):
        def run(self, seeds, store=None):
            ran.append((self.updates, tuple(seeds)))
            return super().run(seeds, store)

    def counted(experiment):
        fields = ("task", "network", "rule", "optimiser", "updates")
        return Counted(*(getattr(experiment, name) for name in fields))

    runs = [(counted(settings), [0, 1, 2])]

    @claim(
        "section 1", runs, tolerance=1.0, predict=lambda experiments: experiments[0].updates, note="a note"
    )
    def length(runs):
        """There are as many updates
        as were asked for."""
        return runs[0].sizes["update"] - 1

    @claim(
        "section 2",
        runs,
        tolerance=0.5,
        kind="mean",
        expected="FAILS",
        scales="quick full",
        reading="literal",
    )
    def wrong(runs):
        """The loss is 100."""
        return runs[0].loss.values[:, 0] - 100

    @claim("section 3", runs, tolerance=0.0, predict=lambda experiments: None, expected="UNDECIDED")
    def first(runs):
        """Nobody knows how large W is."""
        return runs[0].W.values[:, 0].ravel()

    @claim(
        "section 4", [(counted(fast), [0])], tolerance=0.5, expected="FAILS", name="other", statement="Named."
    )
    def surprise(runs):
        return 0.0

    study = Study("Homemade", "essay2026", "Does it count?", tuple(claim.all), {"small": settings})
    monkeypatch.setitem(STUDIES, "homemade", study)
    return study


def test_the_claims_of_a_study_are_judged_in_their_order(monkeypatch):
    ran, seen = [], []
    homemade(monkeypatch, ran)
    findings = [
        each.finding for each in judged("homemade", "quick", progress=lambda *given: seen.append(given))
    ]
    assert [finding.claim for finding in findings] == ["length", "wrong", "first", "other"]
    assert seen == [("length", 0, 4), ("wrong", 1, 4), ("first", 2, 4), ("other", 3, 4)]
    assert ran == [(5, (0, 1, 2)), (5, (0,))]  # claims of one protocol share its runs
    length, wrong, first, other = findings
    assert (length.predicted, length.measured, length.verdict, length.surprising) == (
        5.0,
        5.0,
        "HOLDS",
        False,
    )
    assert length.statement == "There are as many updates as were asked for." and length.note == "a note"
    assert length.source == "essay2026, section 1"
    assert (wrong.verdict, wrong.surprising, wrong.reading, wrong.scope) == (
        "FAILS",
        False,
        "literal",
        "general",
    )
    assert (first.verdict, first.counts, first.predicted, first.surprising) == (
        "UNDECIDED",
        False,
        None,
        False,
    )
    assert other.statement == "Named." and other.surprising  # it holds, and was expected to fail


def test_other_scales_have_no_row(monkeypatch):
    homemade(monkeypatch, [])
    assert [finding.claim for finding in check("homemade", "smoke")] == ["length", "first", "other"]
    assert [finding.claim for finding in check("homemade", "quick", claims=["wrong"])] == ["wrong"]


def test_runs_are_kept_in_a_store(monkeypatch, tmp_path):
    homemade(monkeypatch, [])
    first = check("homemade", "smoke", tmp_path)
    monkeypatch.setattr("stepwell.run.trainer._chunks", None)  # nothing can be trained any more
    again = check("homemade", "smoke", tmp_path)
    assert [finding._replace(seconds=0) for finding in again] == [f._replace(seconds=0) for f in first]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no study 'saddle_to_sadle'; did you mean 'saddle_to_saddle'"):
        check("saddle_to_sadle")
    with pytest.raises(ValueError, match="no scale 'tiny'; choose one of smoke, quick, full"):
        check("saddle_to_saddle", "tiny")
    with pytest.raises(ValueError, match="no claim 'plateau_level'; did you mean 'plateau_levels'"):
        check("saddle_to_saddle", "quick", claims=["plateau_level"])


def test_what_cannot_be_measured_does_not_stop_the_others(monkeypatch):
    claim = Claims("essay2026")
    runs = [(Experiment(TASK, NETWORKS["linear"](hidden=1), updates=2), (0,))]

    @claim("here", runs, predict=2.0, tolerance=0.1)
    def lost(runs):
        raise ValueError("no plateau was found.")

    @claim("here", runs, predict=2.0, tolerance=0.0)
    def updates_done(runs):
        return runs[0]["update"].values[-1]

    study = Study("Homemade", "essay2026", "Does it go on?", tuple(claim.all), {})
    monkeypatch.setitem(STUDIES, "homemade", study)
    first, second = check("homemade", "smoke")
    assert (first.verdict, first.measured, first.surprising) == ("UNDECIDED", None, True)
    assert first.note == "could not be measured: no plateau was found."
    assert second.verdict == "HOLDS"


def test_what_is_measured_first_has_an_interval_and_no_verdict(monkeypatch):
    claim = Claims("essay2026")

    @claim("here", (), predict=None, kind="mean", tolerance=0.0)
    def average(runs):
        return [1.0, 2.0, 6.0, math.nan]

    @claim("here", (), predict=None, kind="fraction", tolerance=0.0)
    def part(runs):
        return [True, True, True, False]

    @claim("here", (), predict=None, kind="mean", tolerance=0.0)
    def few(runs):
        return [1.0, 2.0]

    study = Study("Homemade", "essay2026", "How much is it?", tuple(claim.all), {})
    monkeypatch.setitem(STUDIES, "homemade", study)
    mean, share, pair = findings = check("homemade", "smoke")
    assert all(found.verdict == found.expected == "UNDECIDED" and not found.counts for found in findings)
    assert mean.measured == 3.0 and mean.uncertainty == pytest.approx(math.sqrt(7 / 3))  # variance 7 over 3
    assert mean.note == "measured first: nobody has a prediction; 1 of 4 gave no value"
    low, high = scipy.stats.binomtest(3, 4).proportion_ci(0.95, "wilson")
    assert share.measured == 0.75 and f"95 % interval {low:.4g} to {high:.4g}, n = 4" in share.note
    assert (pair.measured, pair.uncertainty) == (1.5, None)


def test_what_workers_kept_is_not_made_again(monkeypatch, tmp_path):
    claim, descent = Claims("schuessler2020"), FixedPointDescent(16, g=0.3, target=0.5, updates=5)

    @claim("here", [(descent, range(3))], predict=None, kind="mean", tolerance=0.0)
    def last_loss(runs):
        return runs[0].loss.values[:, -1]

    study = Study("Homemade", "schuessler2020", "Is it kept?", tuple(claim.all), {})
    monkeypatch.setitem(STUDIES, "homemade", study)
    run_all([(descent, range(3))], tmp_path, workers=1)
    monkeypatch.setattr(FixedPointDescent, "_row", None)  # it cannot be computed any more
    (kept,) = check("homemade", "smoke", tmp_path)
    monkeypatch.undo()
    assert kept.measured == pytest.approx(descent.run(range(3)).loss.values[:, -1].mean(), rel=1e-12)
