"""Files of weights: what is read from them, and what is refused in a sentence."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stepwell.interop import from_torch, from_weights, read_weights


class Model(torch.nn.Module):
    def __init__(self, units=4):
        super().__init__()
        self.rnn, self.head = torch.nn.LSTM(2, units, num_layers=2), torch.nn.Linear(units, 3)


@pytest.fixture
def model():
    return Model()


def written(path, model):
    state = model.state_dict()
    if path.suffix == ".npz":
        np.savez(path, **{name: value.numpy() for name, value in state.items()})
    elif path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"epoch": 7, "model_state_dict": state, "loss": 0.25, "optimiser": {"state": {}}}, path)
    return path


@pytest.mark.parametrize("ending", ["npz", "safetensors", "pt"])
def test_a_file_gives_the_network_of_its_module(ending, model, tmp_path):
    weights, numbers = read_weights(written(tmp_path / f"weights.{ending}", model))
    network, params = from_weights(weights)
    expected, known = from_torch(model)
    assert network == expected
    for name, value in known.items():
        np.testing.assert_array_equal(params[name], value)
    assert numbers == ({"epoch": 7, "loss": 0.25} if ending == "pt" else {})


def test_a_pickle_is_never_opened(tmp_path):
    opened = tmp_path / "opened"

    class Bomb:
        def __reduce__(self):
            return (open, (str(opened), "w"))

    path = tmp_path / "bomb.pt"
    torch.save(Bomb(), path)
    with pytest.raises(ValueError, match="pickle that is not weights and was not opened"):
        read_weights(path)
    (tmp_path / "old.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="pickle that is not weights|cannot be read"):
        read_weights(tmp_path / "old.pt")
    np.savez(tmp_path / "bomb.npz", weight=np.array([Bomb()], object))
    with pytest.raises(ValueError, match="cannot be read as weights"):
        read_weights(tmp_path / "bomb.npz")
    assert not opened.exists()


def test_a_whole_model_is_refused_with_what_to_save(tmp_path):
    torch.save(torch.nn.RNN(1, 2), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="save model.state_dict"):
        read_weights(tmp_path / "model.pt")


@pytest.mark.parametrize("ending", ["pt", "safetensors", "npz"])
@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_damaged_files_are_named(ending, content, tmp_path):
    path = tmp_path / f"bad.{ending}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"bad.{ending}' (cannot be read as weights|is a pickle)"):
        read_weights(path)


def test_a_file_cut_short_is_named(model, tmp_path):
    for ending in ("pt", "safetensors", "npz"):
        path = written(tmp_path / f"cut.{ending}", model)
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(ValueError, match=f"cut.{ending}"):
            read_weights(path)


def test_half_precision_is_refused(model, tmp_path):
    for precision in (torch.float16, torch.bfloat16):
        for ending in ("pt", "safetensors"):
            path = written(tmp_path / f"half.{ending}", model.to(precision))
            with pytest.raises(ValueError, match="half precision"):
                read_weights(path)


def test_numbers_alone_are_no_weights(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "epoch.pt")
    with pytest.raises(ValueError, match="no tensors"):
        read_weights(tmp_path / "epoch.pt")
    with pytest.raises(ValueError, match="no file of weights"):
        read_weights(tmp_path / "notes.txt")
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "missing.pt")


RNN = {name: value.numpy() for name, value in torch.nn.GRU(2, 4, num_layers=2).state_dict().items()}
REFUSED = {
    "none among: conv": {"conv": np.ones((2, 2))},
    "2 .*among": {"a.weight_ih_l0": np.ones((2, 2)), "b.weight_hh_l0": np.ones((2, 2))},
    "missing bias_hh_l1, unexpected none": {k: v for k, v in RNN.items() if k != "bias_hh_l1"},
    "missing bias_hh_l2": {**RNN, "weight_ih_l3": RNN["weight_ih_l1"]},
    "bias_ih_l1 has shape": {**RNN, "bias_ih_l1": np.ones(3)},
    "bidirectional": {**RNN, "weight_ih_l0_reverse": RNN["weight_ih_l0"]},
    "proj_size": {**RNN, "weight_hr_l0": np.ones((2, 4))},
    "which is no network": {"weight_ih_l0": np.ones((8, 2)), "weight_hh_l0": np.ones((8, 4))},
}


@pytest.mark.parametrize("told", REFUSED)
def test_unexpected_names_and_sizes_are_told(told):
    with pytest.raises(ValueError, match=told):
        from_weights(REFUSED[told])
