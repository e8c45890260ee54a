"""Networks trained in PyTorch become networks here, and the other way round.

PyTorch is imported when a function is called. `Recorder` follows a training loop; see
`stepwell.interop.recorder`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from stepwell.interop.functions import network as network_of_functions
from stepwell.interop.recorder import Recorder
from stepwell.interop.recordings import TorchRun, unfinished
from stepwell.interop.stacked import Stacked
from stepwell.interop.weights import (
    ENDINGS,
    ROLES,
    from_tensor,
    from_weights,
    kept,
    read_weights,
    single,
    torch_names,
)
from stepwell.network import LSTM, AbstractNetwork, Params, Rate
from stepwell.network.rate import SCALINGS

__all__ = [
    "ENDINGS",
    "Recorder",
    "TorchRun",
    "from_torch",
    "from_weights",
    "read_weights",
    "to_torch",
    "unfinished",
]


def from_torch(
    module: Any,
    readout: Any = None,
    *,
    step: Callable[..., Any] | None = None,
    hidden: int | None = None,
    input: int | None = None,
) -> tuple[AbstractNetwork, Params]:
    r"""The network that a PyTorch module is, and its parameters, in the precision of the module.

    The state is flat: layer by layer the hidden state, then for an LSTM all cell states. Dropout is off, as
    in `module.eval()`.

    Args:
        module: an `nn.RNN`, `nn.GRU` or `nn.LSTM`, one of their cells, or a module that holds exactly one of
            these and at most one `nn.Linear` that fits, which is then the readout. With `step`, any module.
        readout: an `nn.Linear` from the hidden state of the last layer; None for the state itself.
        step: for a cell of one's own: what it computes, in `jax.numpy`, from (params, h [hidden], x [input]);
            the parameters have the names of its state_dict.
        hidden, input: of such a cell, the length of its state and the number of its inputs.

    Returns:
        `network` and `params`; `network.step(params, h, x)` is one step of the module.

    Raises:
        TypeError: for a module that has no such step.
        ValueError: for bidirectional or projected modules, half precision, and sizes that do not fit.

    Example:
        >>> import torch
        >>> network, params = from_torch(torch.nn.GRU(3, 5, num_layers=2), torch.nn.Linear(5, 1))
        >>> network.hidden, network.output, params["weight_hh_l1"].shape
        (10, 1, (15, 5))
    """
    if step is not None:
        return _own_cell(module, readout, step, hidden, input)
    recurrent = _recurrent(module)
    if readout is None and recurrent is not module:
        readout = _linear(module, recurrent.hidden_size)
    if getattr(recurrent, "bidirectional", False):
        raise ValueError(
            "the module is bidirectional and so reads the future; stepwell needs a network that goes one way."
        )
    if getattr(recurrent, "proj_size", 0):
        raise ValueError(
            f"proj_size={recurrent.proj_size} is not supported: the state is no longer that of the units; "
            "use an LSTM without it."
        )
    return from_weights(_arrays(recurrent), _kind(recurrent), _read(readout, recurrent.hidden_size))


def to_torch(network: AbstractNetwork, params: Params) -> tuple[Any, Any]:
    """A network as PyTorch modules: the recurrent one, with `batch_first`, and its linear readout.

    Args:
        network: one of `from_torch`, an `LSTM`, or a `Rate` network without a leak in the rate form with tanh
            or relu units.
        params: its parameters.

    Returns:
        `module` and `readout`, which is None if the readout is the state.

    Raises:
        TypeError: for a network that PyTorch has no module for.

    Example:
        >>> import torch
        >>> module, readout = to_torch(*from_torch(torch.nn.LSTM(1, 4), torch.nn.Linear(4, 2)))
        >>> module, readout.out_features
        (LSTM(1, 4, batch_first=True), 2)
    """
    import torch

    network, arrays = _as_stacked(network, {name: np.asarray(value) for name, value in params.items()})
    kinds = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
    options: dict[str, Any] = {"num_layers": network.layers, "bias": network.biased, "batch_first": True}
    if network.kind not in kinds:
        options["nonlinearity"] = network.kind
    kind = kinds.get(network.kind, torch.nn.RNN)
    dtype = getattr(torch, str(next(iter(arrays.values())).dtype))
    module = kind(network.input, network.units, dtype=dtype, **options)
    names = torch_names(network)
    _load(module, {names.get(name, name): arrays[name] for name in arrays if name not in ("c", "bias")})
    if network.reading == "state":
        return module, None
    readout = torch.nn.Linear(network.units, network.outputs, bias="bias" in arrays, dtype=dtype)
    _load(readout, {"weight": arrays["c"]} | ({"bias": arrays["bias"]} if "bias" in arrays else {}))
    return module, readout


def _recurrent(module: Any) -> Any:
    """The only recurrent module inside a module, or the module itself."""
    import torch

    nn = torch.nn
    if not isinstance(module, nn.Module):
        raise TypeError(f"{type(module).__name__} is no torch.nn.Module; give the module, not its weights.")
    kinds = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
    found = [each for each in module.modules() if isinstance(each, kinds)]
    if len(found) != 1:
        raise TypeError(
            f"{type(module).__name__} holds {len(found)} recurrent modules of PyTorch, and exactly one is "
            "needed; give that one, or write the step of your own cell in jax.numpy and give it as step=...."
        )
    return found[0]


def _kind(recurrent: Any) -> str:
    import torch

    nn = torch.nn
    if isinstance(recurrent, (nn.GRU, nn.GRUCell)):
        return "gru"
    return "lstm" if isinstance(recurrent, (nn.LSTM, nn.LSTMCell)) else recurrent.nonlinearity


def _linear(module: Any, units: int) -> Any:
    """The only linear layer inside a module that reads so many units; None if there are none or several."""
    import torch

    found = [each for each in module.modules() if isinstance(each, torch.nn.Linear)]
    fitting = [each for each in found if each.in_features == units]
    return fitting[0] if len(fitting) == 1 else None


def _read(readout: Any, units: int) -> dict[str, np.ndarray]:
    """Weight and bias of a linear readout of so many units; empty for None."""
    import torch

    if readout is None:
        return {}
    if not isinstance(readout, torch.nn.Linear):
        raise TypeError(f"a readout must be an nn.Linear or None, not {type(readout).__name__}.")
    if readout.in_features != units:
        raise ValueError(f"the readout reads {readout.in_features} units; the last layer has {units}.")
    return _arrays(readout)


def _arrays(module: Any) -> dict[str, np.ndarray]:
    return {
        name: value
        for name, tensor in module.state_dict().items()
        if (value := from_tensor(name, tensor)) is not None
    }


def _own_cell(
    module: Any, readout: Any, step: Callable[..., Any], hidden: int | None, input: int | None
) -> tuple[AbstractNetwork, Params]:
    if hidden is None or input is None:
        raise ValueError("a cell of your own needs its sizes: from_torch(..., hidden=..., input=...).")
    params = {name: kept(single(name, value)) for name, value in _arrays(module).items()}
    read = {name: kept(single(name, value)) for name, value in _read(readout, hidden).items()}
    params |= {ROLES.get(name, name): value for name, value in read.items()}

    def output(params: Params, h: Any) -> Any:
        return params["c"] @ h + (params["bias"] if "bias" in read else 0) if read else h

    outputs = len(read["weight"]) if read else hidden
    return network_of_functions(step, output, hidden, input, outputs, params), params


def _as_stacked(network: AbstractNetwork, params: dict[str, Any]) -> tuple[Stacked, dict[str, Any]]:
    """The same network as layers in PyTorch's convention."""
    if isinstance(network, Stacked):
        return network, params
    if isinstance(network, LSTM):
        return _stacked("lstm", network, layers=network.layers), params
    if isinstance(network, Rate) and network.leak == 0 and network.form == "rate" and network.phi in KINDS:
        into, out = (float(network.hidden) ** power for power in SCALINGS[network.scaling][2:])
        stacked = _stacked(network.phi, network, biased=False, reading="linear")
        return stacked, {"W": params["W"], "b": into * params["b"], "c": out * params["c"]}
    raise TypeError(
        f"PyTorch has no module for this {type(network).__name__}; networks of from_torch, LSTM, and Rate "
        "with leak=0, form='rate' and phi tanh or relu can be taken back."
    )


def _stacked(kind: str, network: AbstractNetwork, **more: Any) -> Stacked:
    sizes: dict[str, Any] = {"units": network.hidden, "input": network.input, "outputs": network.output}
    return Stacked(kind=kind, **sizes, **more)


def _load(module: Any, arrays: dict[str, np.ndarray]) -> None:
    import torch

    module.load_state_dict({name: torch.tensor(value) for name, value in arrays.items()})


KINDS = ("tanh", "relu")
