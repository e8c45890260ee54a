"""What a store promises: nothing twice, nothing half, nothing of another version."""

import json
import os

import numpy as np
import pytest

from stepwell import NETWORKS, TASKS, Experiment, Flow, Optimiser, Recording, Store, train
from stepwell.run import notes_of, open_record, settings_of
from stepwell.run.record import check_schema

TASK = TASKS["impulse"](poles=(0.5, -0.45), residues=(0.9, 0.7), steps=15)


def experiment(**changes):
    settings = {
        "network": NETWORKS["linear"](hidden=2, sigma0=0.1),
        "optimiser": Optimiser("sgd", 0.1),
        "updates": 40,
        "recording": Recording(10, ("poles",)),
    }
    return Experiment(TASK, **{**settings, **changes})


def never(now):
    raise AssertionError("something was trained")


def records(folder):
    return sorted(folder.rglob("*.zarr.zip"))


def test_nothing_is_trained_twice(tmp_path):
    run = train(experiment(), range(3), tmp_path)
    again = train(experiment(), range(3), tmp_path, never)
    assert run.equals(again) and len(records(tmp_path)) == 1
    assert train(experiment(), [2, 0], Store(tmp_path), never).seed.values.tolist() == [2, 0]


def test_only_what_is_missing_is_trained(tmp_path):
    few = train(experiment(), [1, 2], tmp_path)
    widths = []
    more = train(experiment(), range(5), tmp_path, lambda now: widths.append(len(now.loss)))
    assert set(widths) == {3}
    assert more.seed.values.tolist() == [0, 1, 2, 3, 4]
    assert few.loss.equals(more.loss.sel(seed=[1, 2]))
    assert train(experiment(), range(5), tmp_path, never).equals(more)


def test_other_settings_are_other_runs(tmp_path):
    train(experiment(), [0], tmp_path)
    trained = []
    train(experiment(optimiser=Optimiser("sgd", 0.05)), [0], tmp_path, lambda now: trained.append(now.done))
    assert trained and len(records(tmp_path)) == 2


def test_flows_are_kept_as_well(tmp_path, monkeypatch):
    flow = Flow(experiment(), duration=2.0)
    run = flow.run([0, 1], tmp_path)
    monkeypatch.setattr("stepwell.run.integrator._integrate", never)
    assert flow.run([0, 1], tmp_path).equals(run)


def test_a_record_says_what_it_is(tmp_path):
    run = train(experiment(), [0, 4], tmp_path)
    (path,) = records(tmp_path)
    record = open_record(path)
    assert record.load().equals(run)
    assert settings_of(record) == experiment()
    assert record.poles.dtype == complex and record.poles.dims[:2] == ("seed", "snapshot")
    assert record.W.dims == ("seed", "snapshot", "unit", "unit_from")
    assert notes_of(record) == []
    for name in ("fingerprint", "versions", "device", "dtype", "seconds", "created"):
        assert record.attrs[name]


@pytest.mark.parametrize("step", ["rename", "replace", "fsync"])
def test_nothing_is_half_written(step, tmp_path, monkeypatch):
    Store(tmp_path)

    def killed(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, step, killed)
        try:
            train(experiment(), [0], tmp_path)
        except KeyboardInterrupt:
            pass
    for path in records(tmp_path):
        assert open_record(path).load().loss.shape == (1, 41)
    assert train(experiment(), [0], tmp_path).equals(train(experiment(), [0]))
    assert len(records(tmp_path)) == 1


def test_runs_with_functions_are_not_kept(tmp_path):
    def norm(snapshot):
        return np.linalg.norm(snapshot.params["W"])

    run = train(experiment(recording=Recording(10, (norm,))), [0], tmp_path)
    assert not records(tmp_path)
    with pytest.raises(ValueError, match="Python function"):
        settings_of(run)


def test_what_is_no_store_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises(ValueError, match="is a file; a store is a folder"):
        train(experiment(), [0], file)
    assert file.read_text() == "text"


def test_other_versions_are_refused(tmp_path):
    run = train(experiment(), [0], tmp_path)
    (marker,) = tmp_path.glob("*.json")
    marker.write_text(json.dumps({"schema": 999}))
    with pytest.raises(ValueError, match="version 999"):
        Store(tmp_path)
    with pytest.raises(ValueError, match="version 999"):
        check_schema(run.assign_attrs(schema=999))
