"""Findings in words: fair to the source, with no more digits than were measured."""

import numpy as np
import pytest
from findings_by_hand import finding

from stepwell.study.wording import measurement, number, verdict_sentence, verdict_word


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "HOLDS"),
        ({"verdict": "UNDECIDED"}, "UNDECIDED"),
        ({"verdict": "FAILS", "reading": "literal"}, "FAILS"),
        ({"verdict": "FAILS"}, "FAILS"),
        ({"verdict": "FAILS", "scope": "general"}, "does not extend"),
        ({"verdict": "FAILS", "scope": "general", "reading": "ours"}, "does not extend"),
        ({"verdict": "FAILS", "reading": "reconstructed"}, "does not hold"),
        ({"verdict": "UNDECIDED", "predicted": None, "counts": False}, "measured first"),
        ({"verdict": "UNDECIDED", "predicted": None, "measured": None, "counts": False}, "not judged"),
    ],
)
def test_words_are_fair_to_the_source(changes, word):
    assert verdict_word(finding(**changes)) == word


def test_failures_are_told_with_their_reading():
    fails = finding(
        verdict="FAILS", reading="literal", predicted=-1.0, measured=-0.13, uncertainty=0.0, tolerance=0.2
    )
    assert verdict_sentence(fails) == (
        "Fails as it is written, in the source's own experiment: predicted −1, measured −0.13, tolerance 0.2."
    )
    extends = verdict_sentence(fails._replace(scope="general"))
    assert extends.startswith("Does not extend to the setting tested here: predicted −1")


@pytest.mark.parametrize(
    ("measured", "uncertainty", "text"),
    [
        (1.05304, 0.0021, "1.0530 ± 0.0021"),
        (-3.0, 0.5, "−3.00 ± 0.50"),
        (412.3, 17.0, "412 ± 17"),
        (4123.0, 170.0, "4123 ± 170"),
        (3.2e-9, 1e-10, "3.2×10⁻⁹ ± 1×10⁻¹⁰"),
        (0.5, 0.0, "0.5"),
        (None, None, "–"),
        (np.inf, 0.1, "∞"),
    ],
)
def test_a_measurement_has_the_decimals_of_its_uncertainty(measured, uncertainty, text):
    assert measurement(finding(measured=measured, uncertainty=uncertainty)) == text


@pytest.mark.parametrize("value", [1.2345678e-9, -0.00123456, 12345.678, 0.5, 1e300, 9999.9])
def test_numbers_keep_four_digits(value):
    raised = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
    plain = number(value).translate(raised).replace("×10", "e")
    assert float(plain) == float(f"{value:.4g}")
