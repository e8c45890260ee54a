"""Sweeps and stores on the command line: what is printed, at any width, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from stepwell import sweep
from stepwell.cli import main
from stepwell.cli_plot import SWEEPS, numbered
from stepwell.cli_run import named
from stepwell.run import listed, open_runs

EXPERIMENT = "saddle_to_saddle/staircase"
CHANGES = ("network.sigma0=0.01,0.1", "rule=bptt,rflo", "updates=30")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "store"
    grid = {"network.sigma0": [0.01, 0.1], "rule": ["bptt", "rflo"], "updates": [30]}
    sweep(named(EXPERIMENT), grid, range(2), folder, workers=1)
    return folder


@pytest.fixture(params=[80, 40])
def stepwell(request, capsys, monkeypatch):
    """A command line -> exit code, standard output, standard error; nothing printed is wider than asked."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setenv("COLUMNS", str(request.param))

    def run(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        whole = words[0] in ("list", "store")  # what is cut into lines to be used elsewhere is not wrapped
        assert whole or "--json" in words or all(len(line) <= request.param for line in out.splitlines())
        return int(left.value.code or 0), out, err

    return run


def test_a_sweep_says_how_its_runs_ended(stepwell, store):
    code, out, err = stepwell("sweep", EXPERIMENT, *CHANGES, "--seeds", 2, "--store", store)
    assert code == 0 and err == "" and "8 runs in" in out
    found = json.loads(stepwell("sweep", EXPERIMENT, *CHANGES, "--seeds", 2, "--store", store, "--json")[1])
    runs = open_runs(store)
    for point in found["points"]:
        cell = runs.loss.sel({"network.sigma0": point["network.sigma0"], "rule": point["rule"]})
        assert point["median_last_loss"] == np.median(cell[:, -1]) and point["diverged"] == 0
        assert f"{point['median_last_loss']:.6g}" in out


def test_a_sweep_is_drawn(stepwell, store, tmp_path):
    picture = tmp_path / "plateaus.png"
    words = ("sweep", EXPERIMENT, *CHANGES, "--seeds", 2, "--store", store, "--plot", "plateaus")
    code, _, err = stepwell(*words, "--out", picture)
    assert code == 0 and f"the picture is {picture}" in err and picture.read_bytes()[1:4] == b"PNG"
    assert all(plot in stepwell("sweep", "--help")[1] for plot in SWEEPS)
    assert numbered({"rule": ["bptt", "rflo"], "network.hidden": ["3"], "network.sigma0": ["1e-4", "1"]}) == (
        "network.sigma0"
    )


def test_runs_are_listed_and_shown(stepwell, store):
    code, out, _ = stepwell("list", "runs", "network.sigma0=1e-2", "rule=rflo", "--store", store)
    assert code == 0 and len(out.splitlines()) == 1
    (run,) = listed(store, {"network.sigma0": 1e-2, "rule": "rflo"})
    assert run.fingerprint in out and "2 seeds" in out
    code, out, _ = stepwell("show", run.fingerprint, "--store", store)
    record = open_runs(store, {"network.sigma0": 1e-2, "rule": "rflo"})
    assert code == 0 and "network.sigma0 = 0.01" in out and "rule = rflo" in out
    assert all(f"{loss:.6g}" in out for loss in record.loss.values[:, -1])
    assert len(json.loads(stepwell("list", "runs", "--store", store, "--json")[1])) == 4
    assert "has no run with rule=eprop" in stepwell("list", "runs", "rule=eprop", "--store", store)[2]


def test_a_store_is_verified_pruned_and_exported(stepwell, tmp_path):
    store = tmp_path / "store"
    sweep(named(EXPERIMENT), {"updates": [20, 30]}, [0], store, workers=1)
    assert stepwell("store", "verify", store) == (0, "", f"stepwell: all is well in '{store}'.\n")
    code, _, err = stepwell("store", "export", tmp_path / "runs.csv", "updates=30", "--store", store)
    assert code == 0 and "has loss [seed 1, update 31]" in err
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 32
    path = min(store.rglob("*.zarr.zip"))
    path.write_bytes(path.read_bytes().replace(b"\x00" * 8, b"\x01" * 8, 1))
    code, out, err = stepwell("store", "verify", store)
    assert code == 1 and str(path) in out.replace("\n", "") and "1 damaged part in" in err
    assert "1 path removed" in stepwell("store", "prune", store, "--damaged")[2]
    assert stepwell("store", "verify", store)[0] == 0 and len(listed(store)) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sweep", EXPERIMENT], "Missing argument"),
        (["sweep", EXPERIMENT, "network.sigma_0=1"], "did you mean 'sigma0'?"),
        (["sweep", EXPERIMENT, "network.sigma0=1e-4,rflo"], "needs a number, got 'rflo'"),
        (["sweep", EXPERIMENT, "network.sigma0=,"], "no value of network.sigma0"),
        (["sweep", EXPERIMENT, "network.sigma0=1,1.0"], "twice"),
        (["sweep", EXPERIMENT, "rule=bptt,rflo", "--plot", "plateaus"], "a setting with several numbers"),
        (["sweep", EXPERIMENT, "updates=1,2", "--plot", "plateau"], "did you mean 'plateaus'?"),
        (["sweep", EXPERIMENT, "updates=1,2", "--workers", "0"], "--workers"),
        (["sweep", EXPERIMENT, "updates=1", "--scheduler", "nowhere"], "there is no scheduler 'nowhere'"),
        (["sweep", EXPERIMENT, "updates=1", "--store", __file__], "is a file; a store is a folder"),
        (["list", "runs", "--store", "nowhere"], "there is no store at 'nowhere'"),
        (["store", "verify", "nowhere"], "there is no store at 'nowhere'"),
        (["store", "export", "runs.xls", "--store", "STORE"], "ends in none of .nc, .csv, .zarr"),
        (["store", "export", "runs.csv", "rulle=rflo", "--store", "STORE"], "did you mean 'rule'?"),
        (["show", "0" * 20, "--store", "STORE"], "has no run 00000000000000000000"),
    ],
)
def test_a_refusal_is_one_sentence(words, sentence, stepwell, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = stepwell(*(str(store) if word == "STORE" else word for word in words))
    assert code == 2 and out == "" and not list(tmp_path.rglob("*.zarr.zip"))
    assert err.startswith("stepwell: ") and err.count("\n") == 1 and sentence in err


def test_a_newer_store_is_refused_by_its_number(stepwell, tmp_path):
    (tmp_path / "stepwell-store.json").write_text('{"schema": 99}')
    for words in (["list", "runs", "--store"], ["store", "verify"], ["store", "prune"]):
        code, _, err = stepwell(*words, tmp_path)
        assert code == 2 and "schema version 99, this stepwell reads version 2" in err


@pytest.mark.parametrize("where", [["--workers", "2"], ["--scheduler", "local", "--workers", "1"]], ids=str)
def test_ctrl_c_ends_with_a_sentence_how_to_go_on(where, tmp_path):
    if "--scheduler" in where:
        pytest.importorskip("distributed")
    changes = ["network.sigma0=0.01,0.1", "network.hidden=3,4", "updates=10000000", "--store", tmp_path]
    command = [sys.executable, "-m", "stepwell", "sweep", EXPERIMENT, *changes, *where]
    with subprocess.Popen(
        [str(word) for word in command], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not list(Path(tmp_path).glob("locks/*")) and process.poll() is None:
            os.sched_yield()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers are interrupted, too
        err = process.communicate(timeout=120)[1]
    assert process.returncode == 130 and "Traceback" not in err
    assert f"0 of 4 cells are in '{tmp_path}', and the same command goes on with the rest." in err
