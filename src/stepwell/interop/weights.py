"""Weights by their names: what network they are of, and reading them from files without running any code."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stepwell.interop.stacked import GATES, Stacked
from stepwell.network import Params

Weights = dict[str, np.ndarray]
NAME = re.compile(r"(weight|bias)_(ih|hh)(?:_l(\d+))?")
ENDINGS = (".npz", ".pt", ".pth", ".ckpt", ".safetensors")
"""Of the files that can be read."""


def from_weights(
    weights: Mapping[str, np.ndarray], kind: str | None = None, readout: Mapping[str, Any] | None = None
) -> tuple[Stacked, Params]:
    """The network that weights with PyTorch's names are of, and its parameters.

    Args:
        weights: arrays by the names of a state_dict; a common prefix (`rnn.`) is dropped. Other linear layers
            of fitting width serve as readout if there is exactly one.
        kind: "tanh", "relu", "gru" or "lstm"; None tells from the number of gates, and takes tanh for one.
        readout: `weight` and perhaps `bias` of the readout; None looks for it among the weights.

    Raises:
        ValueError: for names or sizes that are not those of such a network, half precision, and float64
            weights in a float32 process.

    Example:
        >>> gru = {"weight_ih_l0": np.zeros((6, 1)), "weight_hh_l0": np.zeros((6, 2))}
        >>> from_weights(gru)[0].kind
        'gru'
    """
    recurrent, rest = _split(weights)
    layers = 1 + max(int(NAME.fullmatch(name)[3]) for name in recurrent)  # type: ignore[index]
    rows, units = recurrent["weight_hh_l0"].shape
    gates = rows // units
    found = {count: name for name, count in GATES.items() if name != "relu"}.get(gates)
    kind = kind or found
    if found is None or rows % units or GATES[str(kind)] != gates:
        raise ValueError(
            f"weight_hh_l0 has shape ({rows}, {units}), which is no {kind or 'network'} in PyTorch's order."
        )
    readout = _readout(rest, units) if readout is None else readout
    sizes: dict[str, Any] = {
        "units": units,
        "input": recurrent["weight_ih_l0"].shape[1],
        "layers": layers,
        "biased": "bias_ih_l0" in recurrent,
        "reading": "state" if not readout else "affine" if "bias" in readout else "linear",
        "outputs": len(readout["weight"]) if readout else 1,
    }
    network = Stacked(kind=str(kind), **sizes)
    return network, _params(network, recurrent, readout)


def record_names(weights: Mapping[str, np.ndarray], network: Stacked) -> dict[str, str]:
    """The names that the weights of a network have in its parameters; others keep their own.

    Args:
        weights: arrays by the names of a state_dict. network: what `from_weights` makes of them.
    """
    rest = _split(weights)[1]
    ours = {torch: name for name, torch in torch_names(network).items()}
    read = {name: ROLES.get(role, role) for name, role in _readout_names(rest, network.units).items()}
    found = {}
    for name in weights:
        match = NAME.fullmatch(name.rpartition(".")[2]) if name not in rest else None
        own = f"{match[1]}_{match[2]}_l{match[3] or 0}" if match else read.get(name, name)
        found[name] = ours.get(own, own)
    return found


def read_weights(path: str | Path) -> tuple[Weights, dict[str, float]]:
    """The arrays of a file by name, and the plain numbers beside them (epoch, step, loss).

    Args:
        path: of an .npz, .safetensors, .pt, .pth or .ckpt file. Pickled objects are never loaded.

    Raises:
        ValueError: for a file that is damaged or holds no weights, with the reason.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise ValueError(f"'{path}' is no file of weights; these end in {', '.join(ENDINGS)}.")
    try:
        values = READERS.get(path.suffix, _torch)(path)
    except pickle.UnpicklingError:
        raise ValueError(
            f"'{path}' is a pickle that is not weights and was not opened: it could run any code; save "
            "model.state_dict() instead of the model."
        ) from None
    except FileNotFoundError:
        raise
    except Exception as error:  # the readers raise anything on damaged files
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(f"'{path}' cannot be read as weights: {reason or 'it is damaged'}.") from None
    arrays = {name: value for name, value in values.items() if value.ndim}
    if not any(value.ndim == 2 for value in arrays.values()):
        raise ValueError(f"'{path}' holds no weight matrix, only: {', '.join(values) or 'nothing'}.")
    numbers = {name: float(value) for name, value in values.items() if not value.ndim}
    return {name: single(name, value) for name, value in arrays.items()}, numbers


def torch_names(network: Stacked) -> dict[str, str]:
    """PyTorch's names of the matrices by ours."""
    places = [(which, layer) for layer in range(network.layers) for which in ("ih", "hh")]
    return {network.matrix(which, layer): f"weight_{which}_l{layer}" for which, layer in places}


def single(name: str, value: np.ndarray) -> np.ndarray:
    """An array in single or double precision.

    Raises:
        ValueError: for half precision and for what holds no real numbers.
    """
    if str(value.dtype) not in ("float32", "float64"):
        kind = "half precision" if value.dtype.itemsize == 2 else f"{value.dtype}"
        raise ValueError(f"'{name}' is in {kind}; stepwell needs float32 or float64: call module.float().")
    return value


def _split(weights: Mapping[str, np.ndarray]) -> tuple[Weights, Weights]:
    """The weights of the recurrent layers by their own names, and all others."""
    prefixes = {name[: -len(last)] for name in weights if NAME.fullmatch(last := name.rpartition(".")[2])}
    names = ", ".join(weights) or "none"
    for mark, what, remedy in (
        ("_reverse", "bidirectional", "it reads the future; train it in one direction"),
        (
            "weight_hr_l",
            "projected (proj_size)",
            "its state is no longer that of the units; train it without",
        ),
    ):
        if any(mark in name for name in weights):
            raise ValueError(f"these weights are of a {what} network: {remedy}.")
    if len(prefixes) != 1:
        told = "none" if not prefixes else f"{len(prefixes)} ({', '.join(sorted(prefixes))})"
        raise ValueError(
            f"weights of one recurrent module are needed, named weight_ih_l0, weight_hh_l0, ...; there are "
            f"{told} among: {names}."
        )
    prefix = prefixes.pop()
    recurrent, rest = {}, {}
    for name, value in weights.items():
        match = NAME.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if match:
            recurrent[f"{match[1]}_{match[2]}_l{match[3] or 0}"] = single(name, value)
        else:
            rest[name] = value
    for needed in ("weight_ih_l0", "weight_hh_l0"):
        if needed not in recurrent or recurrent[needed].ndim != 2:
            raise ValueError(f"the matrix {needed} is missing among: {names}.")
    return recurrent, rest


def _readout(rest: Mapping[str, np.ndarray], units: int) -> Weights:
    """Weight and bias of the readout among other weights; empty if there is none."""
    return {role: rest[name] for name, role in _readout_names(rest, units).items()}


def _readout_names(rest: Mapping[str, np.ndarray], units: int) -> dict[str, str]:
    """Which of other weights are `weight` and `bias` of the only matrix that reads the units."""
    fitting = [name for name, value in rest.items() if value.ndim == 2 and value.shape[1] == units]
    if len(fitting) != 1:
        return {}
    bias = f"{fitting[0].removesuffix('weight')}bias"
    return {fitting[0]: "weight"} | ({bias: "bias"} if bias in rest else {})


def _params(network: Stacked, recurrent: Weights, readout: Mapping[str, Any]) -> Params:
    renamed = torch_names(network)
    given = {**recurrent, **{ROLES.get(name, name): value for name, value in readout.items()}}
    shapes, found = network.shapes(), {}
    extra = sorted(set(given) - {renamed.get(name, name) for name in shapes})
    missing = sorted({renamed.get(name, name) for name in shapes} - set(given))
    if extra or missing:
        raise ValueError(
            f"the names are not those of {network.layers} layers of {network.kind} units: "
            f"missing {', '.join(missing) or 'none'}, unexpected {', '.join(extra) or 'none'}."
        )
    for name, shape in shapes.items():
        value = single(name, np.asarray(given[renamed.get(name, name)]))
        if value.shape != shape:
            raise ValueError(f"{renamed.get(name, name)} has shape {value.shape}, and {shape} is needed.")
        found[name] = kept(value)
    return found


def kept(value: np.ndarray) -> jax.Array:
    """The array in JAX, in its own precision."""
    if value.dtype == np.float64 and not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "the weights are float64 and this process computes in float32; put "
            "`jax.config.update('jax_enable_x64', True)` first, or call module.float()."
        )
    return jnp.array(value)


def _npz(path: Path) -> Weights:
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def _safetensors(path: Path) -> Weights:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    except (TypeError, KeyError, AttributeError):
        raise ValueError("it holds half precision; stepwell needs float32 or float64") from None


def _torch(path: Path) -> Weights:
    import torch

    with warnings.catch_warnings():  # about files that are refused in a sentence anyway
        warnings.simplefilter("ignore")
        values = _flat(torch.load(path, map_location="cpu", weights_only=True))
    if not any(isinstance(value, torch.Tensor) for value in values.values()):
        raise ValueError("it holds no tensors")
    return {name: array for name, value in values.items() if (array := from_tensor(name, value)) is not None}


def _flat(values: Any) -> dict[str, Any]:
    """The state_dict of a checkpoint, which may hold it under a name of its own, with its plain numbers."""
    if not isinstance(values, Mapping):
        raise ValueError(f"it holds a {type(values).__name__} where a state_dict is needed")
    inner = [values[key] for key in ("model_state_dict", "state_dict", "model") if key in values]
    plain = {str(k): v for k, v in values.items() if not isinstance(v, Mapping)}
    return {**plain, **inner[0]} if inner and isinstance(inner[0], Mapping) else plain


def from_tensor(name: str, value: Any) -> np.ndarray | None:
    """A tensor or a number as an array; None for what is neither."""
    if isinstance(value, (bool, int, float)):
        return np.asarray(value)
    if not hasattr(value, "detach"):
        return None
    if str(value.dtype) in ("torch.float16", "torch.bfloat16"):
        raise ValueError(f"'{name}' is in half precision; stepwell needs float32 or float64: call .float()")
    return value.detach().cpu().numpy()


ROLES = {"weight": "c"}
READERS: Any = {".npz": _npz, ".safetensors": _safetensors}
