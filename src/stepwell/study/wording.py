"""How a finding is put into words: fair to the source, and with no more digits than were measured."""

import math

from stepwell.study.judge import FAILS, HOLDS, UNDECIDED, Finding

DOES_NOT_EXTEND, DOES_NOT_HOLD = "does not extend", "does not hold"
MEASURED_FIRST, NOT_JUDGED = "measured first", "not judged"

WORDS: tuple[str, ...] = (HOLDS, FAILS, DOES_NOT_EXTEND, DOES_NOT_HOLD, UNDECIDED, MEASURED_FIRST, NOT_JUDGED)
"""What a report can say of a claim."""

READINGS = {
    "literal": "as it is written",
    "intended": "as it is meant",
    "reconstructed": "reconstructed",
    "code": "as its code has it",
    "ours": "our own statement",
}
SCOPES = {"source": "in the source's own experiment", "general": "in general"}

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def verdict_word(finding: Finding) -> str:
    """The word of `WORDS` for a finding.

    FAILS is said of a source only for a literal or intended reading within its own experiment; what fails
    beyond that does not extend.
    """
    if finding.predicted is None and not finding.counts:
        return NOT_JUDGED if finding.measured is None else MEASURED_FIRST
    if finding.verdict != FAILS:
        return finding.verdict
    if finding.scope == "general":
        return DOES_NOT_EXTEND
    return FAILS if finding.reading in ("literal", "intended") else DOES_NOT_HOLD


def verdict_sentence(finding: Finding) -> str:
    """One sentence: the verdict with its reading and its numbers."""
    setting = f"{READINGS[finding.reading]}, {SCOPES[finding.scope]}"
    word = verdict_word(finding)
    begin = {
        HOLDS: "Holds",
        FAILS: f"Fails {setting}",
        DOES_NOT_EXTEND: "Does not extend to the setting tested here",
        DOES_NOT_HOLD: f"Does not hold ({setting})",
        UNDECIDED: "Undecided",
        MEASURED_FIRST: "Measured",
        NOT_JUDGED: "Not judged, since its data are missing",
    }[word]
    if word == NOT_JUDGED:
        return f"{begin}."
    if word == MEASURED_FIRST:
        return f"{begin}: {measurement(finding)}."
    numbers = f"predicted {number(finding.predicted)}, measured {measurement(finding)}"
    return f"{begin}: {numbers}, tolerance {number(finding.tolerance)}."


def measurement(finding: Finding) -> str:
    """The measured number and, where there is one, its uncertainty, both to the same decimal."""
    if finding.measured is None or not finding.uncertainty or not math.isfinite(finding.measured):
        return number(finding.measured)
    digits = 1 - math.floor(math.log10(finding.uncertainty))
    if not 0 <= digits <= 6:
        return f"{number(finding.measured)} ± {number(finding.uncertainty)}"
    return f"{finding.measured:.{digits}f} ± {finding.uncertainty:.{digits}f}".replace("-", "−")


def number(value: float | None) -> str:
    """A number with four digits in plain characters; a dash if there is none.

    Example:
        >>> [number(value) for value in (None, 0.0, 1.05263, -4.1e-8, 2e5)]
        ['–', '0', '1.053', '−4.1×10⁻⁸', '2×10⁵']
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    digits, _, exponent = f"{value:.4g}".partition("e")
    if not exponent and abs(value) >= 1e4:
        digits, _, exponent = f"{value:.3e}".partition("e")
        digits = digits.rstrip("0").rstrip(".")
    power = f"×10{str(int(exponent)).translate(_RAISED)}" if exponent else ""
    return digits.replace("-", "−") + power
