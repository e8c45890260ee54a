"""Files of arrays for NumPy and MATLAB: trials are read from them, and records are written to them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy.io import loadmat, savemat

from stepwell.task import Arrays

LONGEST = 63
"""Letters of a name in MATLAB."""


def task_from_file(path: str | Path, **settings: Any) -> Arrays:
    """A task from the arrays `inputs`, `targets` and, if it is there, `mask` of an .npz or .mat file.

    Args:
        path: of the file. settings: further ones of `TASKS["arrays"]`, such as `batch`.

    Raises:
        ValueError: for a file that cannot be read or lacks an array, or sizes that do not fit.
    """
    arrays = read_arrays(path)
    missing = [name for name in ("inputs", "targets") if name not in arrays]
    if missing:
        raise ValueError(
            f"'{path}' lacks {' and '.join(missing)}; it has {', '.join(arrays) or 'nothing'}. Needed are "
            "inputs [trial, step, input], targets [trial, step, output] and perhaps mask."
        )
    # MATLAB drops last axes of length 1.
    shaped = {k: np.atleast_3d(arrays[k]) for k in ("inputs", "targets", "mask") if k in arrays}
    return Arrays(**{**shaped, **settings})


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz or .mat file by name; nothing pickled is loaded.

    Raises:
        ValueError: for another ending, or a file that is damaged.
    """
    path = Path(path)
    if path.suffix not in (".npz", ".mat"):
        raise ValueError(f"'{path}' is no file of arrays; give an .npz or a .mat file.")
    try:
        if path.suffix == ".mat":
            return {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # both readers raise anything on damaged files
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise ValueError(
            f"'{path}' cannot be read: {reason}; save MATLAB files with -v7, not -v7.3."
            if path.suffix == ".mat"
            else f"'{path}' cannot be read: {reason}."
        ) from None


def export_record(record: xr.Dataset, path: str | Path) -> Path:
    """Write a record to an .npz or .mat file: variables, coordinates, and attributes as texts.

    Args:
        record: an `xarray.Dataset` in the schema.
        path: of the file. In MATLAB a name has letters, digits and `_` only; others become `_`.

    Returns:
        The path.

    Raises:
        ValueError: for another ending, or two names that MATLAB cannot tell apart.
    """
    path = Path(path)
    arrays: dict[str, Any] = {str(name): np.asarray(value.values) for name, value in record.variables.items()}
    texts = {f"attribute_{name}": str(value) for name, value in record.attrs.items()}
    dims = {f"dims_{name}": ",".join(map(str, value.dims)) for name, value in record.variables.items()}
    if path.suffix == ".npz":
        np.savez_compressed(path, allow_pickle=False, **arrays, **texts, **dims)
    elif path.suffix == ".mat":
        savemat(path, _matlab({**arrays, **texts, **dims}), do_compression=True, oned_as="row")
    else:
        raise ValueError(f"'{path}' names no format; end it in .npz or .mat.")
    return path


def _matlab(values: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: _identifier(name) for name in values}
    if len(set(names.values())) < len(names):
        twice = sorted({n for n in names.values() if list(names.values()).count(n) > 1})
        raise ValueError(f"MATLAB cannot tell {', '.join(twice)} apart; export to .npz.")
    return {names[name]: value for name, value in values.items()}


def _identifier(name: str) -> str:
    name = re.sub(r"\W", "_", name)
    return (name if name[:1].isalpha() else f"x{name}")[:LONGEST]
