"""`stepwell inspect` on stores, folders and files: what it says of known networks, and what it leaves out."""

import re

import numpy as np
import pytest
import torch

from stepwell import NETWORKS, TASKS, Experiment, Optimiser, train
from stepwell.cli import main
from stepwell.interop import Recorder
from stepwell.interop.histories import histories


class Model(torch.nn.Module):
    def __init__(self, kind, units):
        super().__init__()
        self.rnn, self.head = kind(2, units), torch.nn.Linear(units, 1)


def checkpoints(folder, kind=torch.nn.RNN, units=6, count=5):
    """Checkpoints whose recurrent matrix grows by a matrix of rank one."""
    torch.manual_seed(0)
    model = Model(kind, units)
    for k in range(count):
        torch.save(
            {"state_dict": model.state_dict(), "loss": 1.0 / (k + 1), "step": 10 * k}, folder / f"{9 - k}.pt"
        )
        with torch.no_grad():
            model.rnn.weight_hh_l0[0] += 0.1
    return model


def inspected(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(["inspect", *map(str, words)])
    out, err = capsys.readouterr()
    assert not end.value.code, err
    return out, err


def test_a_folder_is_read_in_the_order_of_its_steps(tmp_path):
    checkpoints(tmp_path)
    (found,), problems = histories(tmp_path)
    assert found.updates.tolist() == [0, 10, 20, 30, 40] and problems == []
    np.testing.assert_allclose(
        found.weights["W"][:, 0, 0] - found.weights["W"][0, 0, 0], 0.1 * np.arange(5), atol=1e-6
    )
    assert found.network.kind == "tanh" and found.loss[0] == 1.0


@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_the_page_tells_the_change(kind, tmp_path, capsys):
    checkpoints(tmp_path, kind)
    out, err = inspected(capsys, tmp_path, "--report", tmp_path / "page.html", "--step", 2)
    page = (tmp_path / "page.html").read_text()
    assert "participation ratio 1," in " ".join(out.split())  # the change has rank one
    for title in (
        "Sizes",
        "Loss",
        "Spectra",
        "Change",
        "Fixed points",
        "Poles",
        "Activity",
        "through training",
    ):
        assert title in out and title in page
    assert " ms" in out and "not shown" not in out and "could not be drawn" not in page
    assert page.count("<svg") >= 5 and "page.html" in err


def test_bad_files_are_named_and_the_rest_is_read(tmp_path, capsys):
    checkpoints(tmp_path)
    (tmp_path / "junk.pt").write_bytes(b"junk")
    torch.save(torch.nn.RNN(1, 2), tmp_path / "pickle.pt")
    torch.save(Model(torch.nn.RNN, 4).state_dict(), tmp_path / "small.pt")
    torch.save(Model(torch.nn.RNN, 6).half().state_dict(), tmp_path / "half.pt")
    lost = {name: value * float("nan") for name, value in Model(torch.nn.RNN, 6).state_dict().items()}
    torch.save(lost, tmp_path / "lost.pt")
    out, err = inspected(capsys, tmp_path, "--report", tmp_path / "page.html")
    told = {"junk": "cannot be read", "pickle": "not weights", "small": "left out: head.weight is .1, 4.",
            "half": "half precision", "lost": "holds NaN"}  # fmt: skip
    for name, reason in told.items():
        assert re.search(f"{name}.pt' .*{reason}", err), err
        assert f"{name}.pt" in (tmp_path / "page.html").read_text()
    assert "5 snapshots" in out


def test_a_single_file_with_data_has_a_functional_rank(tmp_path, capsys):
    arrays = {name: value.numpy() for name, value in Model(torch.nn.GRU, 5).state_dict().items()}
    np.savez(tmp_path / "net.npz", **arrays)
    np.savez(tmp_path / "data.npz", inputs=np.ones((3, 8, 2)), targets=np.ones((3, 8, 1)))
    given = ("--data", tmp_path / "data.npz", "--report", tmp_path / "page.html")
    out, _ = inspected(capsys, tmp_path / "net.npz", *given)
    assert "functional rank of the weights themselves" in out and "not shown" not in out


def test_weights_of_an_unknown_network_have_spectra_only(tmp_path, capsys):
    np.savez(tmp_path / "net.npz", mixing=np.diag([3.0, 1.0]), bias=np.ones(2))
    out, _ = inspected(capsys, tmp_path / "net.npz", "--report", tmp_path / "page.html")
    assert "mixing: largest singular value 3," in out and "the network is not known" in out
    assert "Fixed points" not in out


def test_a_store_of_ours_and_of_a_recorder(tmp_path, capsys):
    task = TASKS["flipflop"](bits=1, variant="sparse", steps=30)
    train(Experiment(task, NETWORKS["rate"](hidden=5), optimiser=Optimiser("adam"), updates=3), [0], tmp_path)
    model = Model(torch.nn.GRU, 4)
    follower = Recorder(model, every=1, store=tmp_path, name="mine")
    for _ in range(3):
        loss = model.head(model.rnn(torch.ones(5, 2))[0]).square().mean()
        loss.backward()
        follower.step(loss)
    follower.close()
    out, _ = inspected(capsys, tmp_path, "--report", tmp_path / "page.html")
    assert "run mine, seed 0" in out and "Rate network" in out and "functional rank of the change" in out


def test_nothing_to_read_is_told(tmp_path, capsys):
    for words, told in (
        ([tmp_path / "missing"], "there is no"),
        ([tmp_path], "no runs and no files of weights"),
        ([tmp_path, "--kind", "elman"], "no kind 'elman'"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["inspect", *map(str, words), "--report", str(tmp_path / "page.html")])
        assert end.value.code == 2 and told in capsys.readouterr().err
