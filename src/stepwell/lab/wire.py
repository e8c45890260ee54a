"""Numbers to messages and back: rounding, null for what is not finite, binary frames for large arrays."""

import json
import math
import struct
from typing import Any

import numpy as np

DIGITS = 6
EXACT = frozenset({"loss", "update", "settings"})
LARGE = 4096


def decoded(text: str | bytes) -> Any:
    """The value of a message.

    Raises:
        ValueError: for what is no JSON, or holds NaN or an infinity.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except (RecursionError, UnicodeDecodeError):
        raise ValueError("the message is no JSON that can be read.") from None


def encoded(message: dict[str, Any]) -> str:
    """The JSON text of a message without large arrays."""
    return json.dumps(plain(message), allow_nan=False, separators=(",", ":"))


def parted(message: dict[str, Any]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """A message as a header and its large real arrays, which the header lists by name, shape and type."""
    large = {
        name: np.ascontiguousarray(value, "<f4")
        for name, value in message.items()
        if isinstance(value, np.ndarray) and value.size * 4 > LARGE and not np.iscomplexobj(value)
    }
    header = {name: value for name, value in message.items() if name not in large}
    if large:
        header["arrays"] = [{"name": n, "shape": a.shape, "dtype": "f4"} for n, a in large.items()]
    return header, list(large.values())


def binary(header: dict[str, Any], arrays: list[np.ndarray]) -> bytes:
    """Length of the header, the header, zero bytes up to a multiple of 4, the arrays in C order."""
    text = encoded(header).encode()
    text += b" " * (
        -len(text) % 4
    )  # spaces after JSON are JSON, and a view of 32-bit numbers must start at a multiple of 4
    return struct.pack("<I", len(text)) + text + b"".join(array.tobytes() for array in arrays)


def plain(value: Any, digits: int | None = DIGITS) -> Any:
    """Lists, dicts, strings and rounded numbers; a complex number is [re, im]; what is not finite is None."""
    if isinstance(value, dict):
        return {name: plain(item, None if name in EXACT else digits) for name, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__jax_array__"):
        value = np.asarray(value)
        if np.iscomplexobj(value):
            value = np.stack([value.real, value.imag], axis=-1)
        return plain(value.tolist(), digits)
    if isinstance(value, (list, tuple)):
        return [plain(item, digits) for item in value]
    if isinstance(value, complex):
        return [plain(value.real, digits), plain(value.imag, digits)]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return value if digits is None else float(f"{value:.{digits}g}")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"the message holds {constant}, which is no number.")
