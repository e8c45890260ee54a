"""Messages: what goes out can be read by any JSON reader, and what comes in holds numbers only."""

import json
import struct

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from stepwell.lab.wire import binary, decoded, encoded, parted, plain


def test_what_is_not_finite_becomes_null_and_complex_numbers_become_pairs():
    message = {"x": float("nan"), "y": np.array([1.0, np.inf]), "z": 1 - 2j, "p": np.array([0.5j])}
    assert json.loads(encoded(message)) == {"x": None, "y": [1, None], "z": [1, -2], "p": [[0, 0.5]]}


def test_numbers_are_rounded_but_losses_are_not():
    third = 1 / 3
    assert json.loads(encoded({"poles": [third], "loss": [third]})) == {"poles": [0.333333], "loss": [third]}


@hypothesis.given(st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_keeps_six_digits(value):
    # Half a unit of the sixth digit.
    assert plain(value) == pytest.approx(value, rel=5.1e-6, abs=5e-324)


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", '{"a": NaN}', "[Infinity]", "-Infinity", "[" * 10_000, b"\xff\xfe"]
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError):
        decoded(text)


def test_a_large_array_travels_as_32_bit_numbers_after_its_header():
    array = np.linspace(0, 1, 40 * 41).reshape(40, 41)
    header, arrays = parted({"type": "slow", "value": array, "short": np.arange(3)})
    data = binary(header, arrays)
    (length,) = struct.unpack("<I", data[:4])
    assert length % 4 == 0
    read = json.loads(data[4 : 4 + length])
    assert read["arrays"] == [{"name": "value", "shape": [40, 41], "dtype": "f4"}]
    assert read["short"] == [0, 1, 2]
    found = np.frombuffer(data[4 + length :], "<f4").reshape(40, 41)
    np.testing.assert_allclose(found, array, rtol=1e-7)  # rounding of a 32-bit number


def test_a_large_complex_array_stays_text():
    header, arrays = parted({"poles": np.zeros(3000, complex)})
    assert arrays == [] and len(plain(header)["poles"]) == 3000
