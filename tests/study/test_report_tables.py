"""The findings as JSON, CSV and LaTeX, and texts as HTML."""

import csv
import io
import json
import re

import numpy as np
import pytest
from findings_by_hand import finding

from stepwell.study.report_page import marked_up
from stepwell.study.report_tables import findings_csv, findings_json, findings_latex


def test_json_and_csv_hold_the_findings():
    unknown = finding(
        "second", predicted=None, measured=np.inf, uncertainty=None, tolerance=None, counts=False
    )
    rows = json.loads(findings_json([finding(), unknown]), parse_constant=pytest.fail)
    assert rows == [finding()._asdict(), {**unknown._asdict(), "measured": None}]
    first, second = csv.DictReader(io.StringIO(findings_csv([finding(), unknown]), newline=""))
    assert first == {key: str(value) for key, value in finding()._asdict().items()}
    assert second["predicted"] == second["measured"] == ""


def test_latex_is_escaped_and_balanced():
    text = findings_latex([finding("second_claim")])
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert r"second\_\allowbreak claim" in body and r"50 \% of" in body and r"$\sigma $0\_" in body
    assert r"1.0530 $\pm $ 0.0021" in body and r"\textasciitilde{}" in body and "plateau $k$" in body
    assert body.isascii()
    assert not re.search(r"(?<!\\)[%#]", body)
    assert body.count(r"\begin{") == body.count(r"\end{") == 1
    braces = re.sub(r"\\[{}]", "", body)
    assert braces.count("{") == braces.count("}")
    row = next(line for line in body.splitlines() if "second" in line)
    assert len(re.findall(r"(?<!\\)&", row)) == 5 and row.endswith(r"\\")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b & `c_1 < 2`", "a &lt; b &amp; <code>c_1 &lt; 2</code>"),
        (r"$\sigma_0 \to 0$", "<i>σ<sub>0</sub> → 0</i>"),
        (r"$\frac{1}{s_k}\ln x$", "<i>1/s<sub>k</sub>ln x</i>"),
        (r"$\tfrac12 W^\top$", "<i>1/2 W<sup>⊤</sup></i>"),
        (r"$\hat y_{t+1} < x$", "<i>y\u0302<sub>t+1</sub> &lt; x</i>"),
        (r"$\|a\|\,b \cdot c$", "<i>‖a‖b · c</i>"),
        ("costs 5 $", "costs 5 $"),
    ],
)
def test_simple_maths_is_readable_without_a_script(text, expected):
    assert marked_up(text) == expected


def test_every_study_has_its_table():
    text = findings_latex([finding(), finding("second"), finding(study="other", scale="full")])
    assert re.findall(r"\\caption\{(.*)\}", text) == ["toy, scale quick.", "other, scale full."]
