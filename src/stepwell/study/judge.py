"""From predictions and measurements to verdicts: one shared rule, and the loop over the claims of a study."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from stepwell.experiment import experiment_fingerprint
from stepwell.names import lookup
from stepwell.run import Store
from stepwell.run.store import join
from stepwell.study.base import SCALES, Claim

HOLDS, FAILS, UNDECIDED = "HOLDS", "FAILS", "UNDECIDED"


class Finding(NamedTuple):
    """What came out for one claim at one scale."""

    study: str
    claim: str
    statement: str
    source: str
    reading: str
    scope: str
    scale: str
    predicted: float | None
    measured: float | None
    uncertainty: float | None
    tolerance: float | None
    verdict: str
    expected: str
    seconds: float
    note: str
    counts: bool

    @property
    def surprising(self) -> bool:
        """Whether a verdict that counts is not the expected one."""
        return self.counts and self.verdict != self.expected


class Judged(NamedTuple):
    """A finding with what its figure is drawn from."""

    finding: Finding
    claim: Claim
    runs: tuple[xr.Dataset, ...]
    prediction: Any


class Comparison(NamedTuple):
    """A prediction and a measurement as one number each, and the verdict on them."""

    predicted: float
    measured: float
    uncertainty: float
    tolerance: float
    verdict: str
    note: str


def compare(
    predicted: Any, measured: Any, tolerance: Any, kind: str = "exact", relative: bool = False
) -> Comparison:
    """The verdict: gap = |measured - predicted|, s its uncertainty.

    HOLDS if gap + 2 s <= tolerance, FAILS if gap - 2 s > tolerance, UNDECIDED otherwise.

    Args:
        predicted: a number; for "largest" an array that broadcasts against the measurement.
        measured: a number or samples.
        tolerance: in the unit of the prediction, or a share of it if `relative`; for "largest" one per entry
            is allowed.
        kind: see `Claim.kind`. "largest" has prediction 0 and measures the largest deviation over the entries
            (in units of the tolerance where there are several); "mean" has s = standard error; "fraction" the
            95 % Wilson interval.
        relative: see `tolerance`.
    """
    if kind == "largest":
        return _largest(_gaps(predicted, measured, relative), np.asarray(tolerance, float))
    values = np.asarray(measured, float)
    predicted = float(predicted)
    allowed = float(tolerance) * (abs(predicted) if relative else 1.0)
    lost = int(np.isnan(values).sum())
    note = f"{lost} of {values.size} gave no value" if lost else ""
    values = values[~np.isnan(values)]
    least = {"mean": 3, "fraction": 1, "exact": 1}[kind]
    if values.size < least:
        reason = "; ".join(filter(None, [note, f"{values.size} values, {least} are needed"]))
        return Comparison(predicted, math.nan, math.nan, allowed, UNDECIDED, reason)
    if kind == "fraction":
        return _fraction(predicted, values, allowed, note)
    if kind == "exact" and (values.size != 1 or lost):
        raise ValueError(
            f"an exact claim measures one number, got {np.size(measured)}; say 'largest' or 'mean'."
        )
    s = float(values.std(ddof=1) / math.sqrt(values.size)) if kind == "mean" else 0.0
    gap = abs(float(values.mean()) - predicted)
    return Comparison(predicted, float(values.mean()), s, allowed, _verdict(gap, s, allowed), note)


def check(
    study: str, scale: str = "quick", store: Any = None, claims: Sequence[str] | None = None
) -> list[Finding]:
    """Judge the claims of a study at a scale; arguments and errors are those of `judged`."""
    return [each.finding for each in judged(study, scale, store, claims)]


def judged(
    study: str,
    scale: str = "quick",
    store: Any = None,
    claims: Sequence[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Iterator[Judged]:
    """Judge the claims of a study one after the other, each with the runs it rests on.

    Args:
        study: its name in `STUDIES`.
        scale: "smoke", "quick" or "full".
        store: folder of records, so that nothing is run twice; None keeps runs for this call only.
        claims: ids of the claims to judge; all of the scale if None.
        progress: called with the id of the claim under way, its number, and how many there are.

    Yields:
        One entry per claim that is judged at the scale.

    Raises:
        ValueError: for an unknown study, scale or claim.
    """
    from stepwell.study import STUDIES

    table = {claim.id: claim for claim in lookup(STUDIES, study, "study").claims}
    if scale not in SCALES:
        raise ValueError(f"there is no scale '{scale}'; choose one of {', '.join(SCALES)}.")
    wanted = [lookup(table, claim, "claim") for claim in (table if claims is None else claims)]
    wanted = [claim for claim in wanted if scale in claim.scales]
    cache: dict[Any, xr.Dataset] = {}
    # Some runs begin where others end, and find those in the store, too.
    store = Store.temporary() if store is None else store if isinstance(store, Store) else Store(store)
    for number, claim in enumerate(wanted):
        if progress is not None:
            progress(claim.id, number, len(wanted))
        yield _judged(claim, study, scale, cache, store)


def _judged(
    claim: Claim, study: str, scale: str, cache: dict[Any, xr.Dataset], store: Store | None
) -> Judged:
    """Run what a claim needs, predict, measure, compare. Claims of one protocol share its runs through the
    cache."""
    began = time.monotonic()
    prediction = claim.predict(claim.experiments(scale))
    runs = tuple(_run(settings, tuple(seeds), cache, store) for settings, seeds in claim.protocol(scale))
    result = _result(claim, prediction, runs)
    finding = Finding(
        study=study,
        claim=claim.id,
        statement=claim.statement,
        source=claim.source,
        reading=claim.reading,
        scope=claim.scope,
        scale=scale,
        predicted=_plain(result.predicted),
        measured=_plain(result.measured),
        uncertainty=_plain(result.uncertainty),
        tolerance=_plain(result.tolerance),
        verdict=result.verdict,
        expected=claim.expected,
        seconds=time.monotonic() - began,
        note="; ".join(filter(None, [result.note, claim.note])),
        counts=prediction is not None and claim.expected != UNDECIDED,
    )
    return Judged(finding, claim, runs, prediction)


def _result(claim: Claim, prediction: Any, runs: tuple[xr.Dataset, ...]) -> Comparison:
    """Measurement and verdict; what cannot be measured is a value, too, and the other claims go on."""
    try:
        measured = claim.measure(runs)
    except FileNotFoundError as absent:
        return Comparison(math.nan, math.nan, math.nan, math.nan, UNDECIDED, f"not judged: {absent}")
    except ValueError as error:
        told = f"could not be measured: {error}"
        number = math.nan if prediction is None or np.ndim(prediction) else float(prediction)
        return Comparison(number, math.nan, math.nan, math.nan, UNDECIDED, told)
    if prediction is None:
        return _first(np.asarray(measured, float).ravel(), claim.kind)
    return compare(prediction, measured, claim.tolerance, claim.kind, claim.relative)


def _first(values: np.ndarray, kind: str) -> Comparison:
    """A measurement without a prediction: its mean, and the uncertainty of it over samples."""
    why = "measured first: nobody has a prediction"
    if kind not in ("mean", "fraction") or np.isfinite(values).sum() < 3:
        return Comparison(math.nan, float(np.nanmean(values)), math.nan, math.nan, UNDECIDED, why)
    found = compare(math.nan, values, math.nan, kind)
    return found._replace(note="; ".join(filter(None, [why, found.note])))


def _run(
    settings: Any, seeds: tuple[int, ...], cache: dict[Any, xr.Dataset], store: Store | None
) -> xr.Dataset:
    fingerprint = experiment_fingerprint(settings)
    key = (fingerprint or settings, seeds)
    if key in cache:
        return cache[key]
    # Workers keep whatever they made, also what does not look for itself in a store.
    kept = store.find(fingerprint, seeds) if store and fingerprint else []
    if sum(record.sizes["seed"] for record in kept) == len(seeds):
        cache[key] = join(kept, seeds)
    else:
        with warnings.catch_warnings():
            # A protocol chooses its learning rates on purpose; what diverges is in the record.
            warnings.filterwarnings("ignore", message="learning rate")
            cache[key] = settings.run(seeds, store)
    return cache[key]


def _gaps(predicted: Any, measured: Any, relative: bool) -> np.ndarray:
    """Distances of the measured entries from the predicted ones; lists of arrays of unequal shape go pair by
    pair."""
    try:
        prediction, values = np.asarray(predicted, float), np.asarray(measured, float)
    except ValueError:
        several = isinstance(predicted, (list, tuple)) or np.ndim(predicted)
        pairs = zip(predicted, measured) if several else ((predicted, each) for each in measured)
        return np.concatenate([_gaps(p, m, relative).ravel() for p, m in pairs])
    return np.abs(values - prediction) / (np.abs(prediction) if relative else 1.0)


def _largest(gaps: np.ndarray, tolerance: np.ndarray) -> Comparison:
    if tolerance.ndim:
        gaps, tolerance = gaps / tolerance, np.asarray(1.0)
    allowed, lost = float(tolerance), int(np.isnan(gaps).sum())
    found = float(np.nanmax(gaps)) if lost < gaps.size else math.nan
    verdict, note = _verdict(found, 0.0, allowed), ""
    if lost or gaps.size == 0:
        note = f"{lost} of {gaps.size} entries gave no value"
        verdict = FAILS if found > allowed else UNDECIDED
    return Comparison(0.0, found, 0.0, allowed, verdict, note)


def _fraction(predicted: float, values: np.ndarray, tolerance: float, note: str) -> Comparison:
    n, share, z = values.size, float(values.mean()), 1.959963984540054
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    inside = abs(low - predicted) <= tolerance and abs(high - predicted) <= tolerance
    outside = low > predicted + tolerance or high < predicted - tolerance
    verdict = HOLDS if inside else FAILS if outside else UNDECIDED
    interval = f"95 % interval {low:.4g} to {high:.4g}, n = {n}"
    return Comparison(
        predicted, share, (high - low) / 4, tolerance, verdict, "; ".join(filter(None, [interval, note]))
    )


def _verdict(gap: float, s: float, tolerance: float) -> str:
    return HOLDS if gap + 2 * s <= tolerance else FAILS if gap - 2 * s > tolerance else UNDECIDED


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
