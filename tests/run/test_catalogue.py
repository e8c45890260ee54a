"""What a catalogue promises: runs are found by their settings, without an array being opened."""

import json
import random

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stepwell import NETWORKS, RULES, TASKS, Experiment, Recording, open_runs, sweep, train
from stepwell.experiment import TABLES
from stepwell.run import Store, archive, export, listed, prune, settings_of, verify
from stepwell.run.index import FILE, Index
from stepwell.run.plan import changed, points
from stepwell.settings import to_json

TASK = TASKS["impulse"](poles=(0.5, -0.45), residues=(0.9, 0.7), steps=15)
BASE = Experiment(
    TASK, NETWORKS["linear"](hidden=2, sigma0=0.1), updates=20, recording=Recording(10, ("poles",))
)
GRID = {"network.sigma0": [0.01, 0.1, 0.3], "rule": ["bptt", "rflo"]}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogue")
    sweep(BASE, GRID, range(3), folder, workers=1)
    train(changed(BASE, "updates", 30), [5], folder)
    return folder


def made_up(folder, count):
    """A store of many runs: their lines, and files that stand for their arrays."""
    store, index = Store(folder), Index(folder)
    (folder / "locks").mkdir()
    data = to_json(BASE, TABLES)
    lines, draw = [], random.Random(0)
    for number in range(count):
        name = f"{number * 7919:020x}"
        sigma0, rule = draw.choice([1e-4, 1e-3, 1e-2]), draw.choice(["bptt", "rflo", "eprop"])
        settings = {
            **data,
            "network": {**data["network"], "sigma0": sigma0},
            "rule": {"type": rule},
            "updates": number,
        }
        lines.append((name, settings))
        index.file(name).parent.mkdir(parents=True, exist_ok=True)
        index.file(name).touch()
    with open(folder / FILE, "wb") as file:
        for name, settings in lines:
            file.write(_line(name, settings))
    return store, lines


def _line(name, settings):
    from stepwell.run.index import line

    entry = {
        "block": name,
        "fingerprints": [name],
        "settings": [settings],
        "runs": [[0, 0]],
        "diverged_at": [-1],
        "created": "",
    }
    return line(entry)


def test_ten_thousand_runs_are_searched_without_opening_one(tmp_path, monkeypatch):
    store, lines = made_up(tmp_path, 10_000)
    for name in ("opened", "array", "root"):
        monkeypatch.setattr(archive, name, None)
    found = listed(store, {"network.sigma0": "1e-4", "rule": "rflo"})
    wanted = {n for n, s in lines if s["network"]["sigma0"] == 1e-4 and s["rule"]["type"] == "rflo"}
    assert {run.fingerprint for run in found} == wanted and 900 < len(wanted) < 1300
    assert [run.settings["updates"] for run in listed(store, {"updates": 4321})] == [4321]


def test_runs_are_found_by_their_settings(store):
    assert len(listed(store)) == 7
    (run,) = listed(store, {"network.sigma0": 0.1, "rule": "rflo"})
    assert run.seeds == (0, 1, 2) and run.diverged == ()
    assert (
        len(listed(store, {"task.poles": (0.5, -0.45)}))
        == len(listed(store, {"task.poles": "[0.5, -0.45]"}))
        == 7
    )
    assert (
        len(listed(store, {"trainable": "none"})) == len(listed(store, {"experiment.trainable": None})) == 7
    )
    assert listed(store, {"network.sigma0": 5.0}) == []


def test_one_settings_object_is_a_record(store):
    run = open_runs(store, {"network.sigma0": "0.1", "rule": "rflo"})
    assert run.loss.dims == ("seed", "update")
    assert settings_of(run) == changed(changed(BASE, "rule", "rflo"), "network.sigma0", 0.1)
    # Stacked in another width: equal to rounding.
    np.testing.assert_allclose(run.W, train(settings_of(run), range(3)).W, rtol=1e-12, atol=1e-15)
    assert run.poles.dtype == complex


def test_what_tells_runs_apart_becomes_a_dimension(store):
    runs = open_runs(store, {"updates": 20})
    assert runs.loss.dims == ("network.sigma0", "rule", "seed", "update")
    assert runs["network.sigma0"].values.tolist() == GRID["network.sigma0"]
    assert set(runs["rule.feedback"].values.ravel()) == {"-", "random"}
    whole = sweep(BASE, GRID, range(3), store, workers=1)
    for rule in GRID["rule"]:
        assert (runs.loss.sel(rule=rule).values == whole.loss.sel(rule=rule).values).all()
    everything = open_runs(store)
    assert everything.sizes["seed"] == 4 and everything.sizes["update"] == 31
    assert np.isfinite(everything.loss.sel(seed=5)).sum() == 31


def test_runs_that_fill_no_grid_stand_in_a_row(tmp_path):
    pairs = [(0.1 + 0.01 * (number % 10), 2 + (3 * number + number // 10) % 10) for number in range(20)]
    for sigma0, updates in pairs:
        network = NETWORKS["linear"](hidden=2, sigma0=sigma0)
        train(Experiment(TASK, network, updates=updates), [0], tmp_path)
    runs = open_runs(tmp_path)
    assert runs.loss.dims == ("fingerprint", "seed", "update")
    assert sorted(zip(runs["network.sigma0"].values, runs["updates"].values)) == sorted(pairs)
    assert (np.isfinite(runs.loss).sum(("seed", "update")) == runs["updates"] + 1).all()
    some = open_runs(tmp_path, {"updates": 5})
    assert some.loss.dims == ("network.sigma0", "seed", "update")


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"network.sigma_0": 1}, "has a setting 'network.sigma_0'; did you mean 'network.sigma0'"),
        ({"network.sigma0": 7}, "has no run with network.sigma0=7"),
        ({"../../etc": 1}, "has a setting '../../etc'"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(settings, sentence, store):
    with pytest.raises(ValueError, match=sentence):
        open_runs(store, settings)


def test_a_folder_without_a_store_is_not_made_one(tmp_path):
    with pytest.raises(ValueError, match="there is no store"):
        open_runs(tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("damage", ["lost", "cut", "flipped", "appended"])
def test_a_damaged_catalogue_loses_nothing(damage, tmp_path):
    sweep(BASE, GRID, range(2), tmp_path, workers=1)
    before, file = listed(tmp_path), tmp_path / FILE
    text = bytearray(file.read_bytes())
    if damage == "flipped":
        text[len(text) // 3] ^= 1
    file.write_bytes({"cut": text[: len(text) // 2], "appended": text + b"half a li"}.get(damage, text))
    if damage == "lost":
        file.unlink()
    assert sorted(listed(tmp_path)) == sorted(before)
    assert [found.path.name for found in verify(tmp_path)] == ([] if damage == "lost" else [FILE])
    sweep(BASE, {"network.sigma0": [0.7]}, [0], tmp_path, workers=1)
    assert len(listed(tmp_path)) == len(before) + 1
    prune(tmp_path)
    assert list(verify(tmp_path)) == [] and len(listed(tmp_path)) == len(before) + 1


def test_a_run_that_was_removed_is_trained_again(tmp_path):
    train(BASE, [0], tmp_path)
    store = Store(tmp_path)
    assert len(listed(store)) == 1
    (path,) = tmp_path.rglob("*.zarr.zip")
    path.rename(tmp_path / "elsewhere")
    counted = []
    train(BASE, [0], store, lambda now: counted.append(now.done))
    assert counted


def test_runs_can_be_taken_to_other_programs(store, tmp_path):
    runs = open_runs(store, {"updates": 20})
    export(runs, tmp_path / "runs.zarr")
    export(runs, tmp_path / "runs.nc")
    export(runs, tmp_path / "runs.csv")
    copy = xr.open_dataset(tmp_path / "runs.zarr", engine="zarr", chunks=None)
    assert copy.equals(runs)
    table = pd.read_csv(tmp_path / "runs.csv")
    assert len(table) == 3 * 2 * 3 * 21
    part = table[(table["network.sigma0"] == 0.3) & (table["rule"] == "rflo") & (table["seed"] == 2)]
    assert (
        part.loss.tolist()
        == runs.loss.sel({"network.sigma0": 0.3, "rule": "rflo", "seed": 2}).values.tolist()
    )
    with xr.open_dataset(tmp_path / "runs.nc") as simple:
        assert (simple.poles_real + 1j * simple.poles_imag == runs.poles).all()
        assert (simple.W == runs.W).all() and simple["rule"].values.tolist() == GRID["rule"]
    for name, sentence in (("runs.nc", "is there already"), ("runs.xlsx", "ends in none of")):
        with pytest.raises(ValueError, match=sentence):
            export(runs, tmp_path / name)


def test_stored_settings_are_the_settings(store):
    grid = points(BASE, GRID)[1]
    stored = {json.dumps(run.settings, sort_keys=True) for run in listed(store, {"updates": 20})}
    assert stored == {json.dumps(to_json(each, TABLES), sort_keys=True) for each in grid.flat}
    assert {type(each.rule) for each in grid.flat} == {RULES["bptt"], RULES["rflo"]}
