"""What a sweep promises: every cell once, whoever works on it, and the same numbers as alone."""

import gc
import json
import math
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import equinox as eqx
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell import NETWORKS, RULES, TASKS, Experiment, Flow, Optimiser, Recording, sweep, train
from stepwell.experiment import experiment_fingerprint
from stepwell.run import Store, Tally, run_all, settings_of, trainer
from stepwell.run import work as work_module
from stepwell.run.block import structure
from stepwell.run.plan import changed, planned, points
from stepwell.run.progress import told

TASK = TASKS["impulse"](poles=(0.5, -0.45), residues=(0.9, 0.7), steps=15)
BASE = Experiment(
    TASK,
    NETWORKS["linear"](hidden=2, sigma0=0.1),
    optimiser=Optimiser("sgd", 0.1),
    updates=40,
    recording=Recording(10),
)
GRID = {"network.sigma0": [0.01, 0.1, 0.3], "rule": ["bptt", "rflo"], "optimiser.learning_rate": [0.1, 0.05]}


def never(*_):
    raise AssertionError("something was trained")


def test_a_cell_is_what_it_is_alone(tmp_path):
    runs = sweep(BASE, GRID, range(3), tmp_path, workers=1)
    assert runs.loss.dims == (*GRID, "seed", "update")
    for path, values in GRID.items():
        assert runs[path].values.tolist() == values
    alone = BASE
    for path, value in {"network.sigma0": 0.3, "rule": "rflo", "optimiser.learning_rate": 0.05}.items():
        alone = changed(alone, path, value)
    expected = train(alone, range(3))
    cell = runs.sel({"network.sigma0": 0.3, "rule": "rflo", "optimiser.learning_rate": 0.05})
    for name in ("loss", "gradient_norm", "W", "b", "c", "feedback"):
        # Another width of the stack: equal to rounding, grown over 40 updates of a stable run.
        np.testing.assert_allclose(cell[name], expected[name], rtol=1e-11, atol=1e-14)
    assert (cell.learning_time == 0.05 * np.arange(41)).all()
    assert (cell.diverged_at == -1).all() and settings_of(runs) == BASE


def test_a_sweep_does_only_what_is_missing(tmp_path, monkeypatch):
    few = sweep(BASE, {"network.sigma0": [0.1, 0.3]}, range(3), tmp_path, workers=1).load()
    trained = []
    train_block = work_module.train_block

    def counted(block, progress):
        trained.extend(block.cells)
        return train_block(block, progress)

    monkeypatch.setattr(work_module, "train_block", counted)
    more = sweep(BASE, {"network.sigma0": [0.1, 0.2, 0.3]}, range(4), tmp_path, workers=1)
    assert (
        len(trained) == len(set(trained)) == 6
    )  # one new point with four seeds, a new seed of the two others
    assert more.sel({"network.sigma0": [0.1, 0.3], "seed": [0, 1, 2]}).loss.equals(few.loss)
    monkeypatch.setattr(work_module, "train_block", never)
    assert sweep(BASE, {"network.sigma0": [0.1, 0.2, 0.3]}, range(4), tmp_path, workers=1).equals(more)


def test_train_and_sweep_share_what_they_keep(tmp_path, monkeypatch):
    alone = train(BASE, [0, 1], tmp_path)
    monkeypatch.setattr(work_module, "train_block", never)
    assert (
        sweep(BASE, {"network.sigma0": [0.1]}, [0, 1], tmp_path).loss[0].values.tolist()
        == alone.loss.values.tolist()
    )


def test_values_of_one_structure_are_one_program(monkeypatch):
    traced = []
    update = trainer._update
    monkeypatch.setattr(trainer, "_update", lambda *a: (traced.append(1), update(*a))[1])
    base = changed(BASE, "updates", 37)  # a length of its own, so that no other test compiled it
    sweep(base, {"network.sigma0": [0.1, 0.2]}, range(8), workers=1)
    once = len(traced)
    sweep(base, {"network.sigma0": [0.3, 0.4, 0.5, 0.6], "optimiser.momentum": [0.9]}, range(8), workers=1)
    assert once > 0 and len(traced) == once


def test_unequal_sizes_are_filled_up():
    runs = sweep(BASE, {"network.hidden": [2, 3], "updates": [20, 40]}, [0], workers=1)
    short = runs.sel({"network.hidden": 2, "updates": 20}).squeeze("seed")
    assert np.isfinite(short.loss[:21]).all() and np.isnan(short.loss[21:]).all()
    assert np.isfinite(short.W[:3, :2, :2]).all() and np.isnan(short.W[:, 2]).all()
    assert short.snapshot_update.values.tolist() == [0, 10, 20, -1, -1]
    assert runs["update"].values.tolist() == list(range(41))


def test_what_is_opened_is_read_when_it_is_used(tmp_path):
    sweep(BASE, GRID, range(2), tmp_path, workers=1)
    runs = sweep(BASE, GRID, range(2), tmp_path, workers=1)
    for path in tmp_path.rglob("*.zarr.zip"):
        path.unlink()
    assert runs.sizes["seed"] == 2
    with pytest.raises(ValueError, match=r"is damaged: it cannot be read \(No such file"):
        runs.loss.load()


def test_a_part_is_the_part_of_the_whole(tmp_path):
    runs = sweep(BASE, GRID, range(3), tmp_path, workers=1)
    whole = runs.loss.values
    picked = {"network.sigma0": [2, 0], "rule": 1, "seed": slice(None, None, 2), "update": slice(5, 30, 7)}
    assert (runs.loss.isel(picked).values == whole[[2, 0]][:, 1][:, :, ::2, 5:30:7]).all()
    assert float(runs.loss[1, 0, 1, 2, 3]) == whole[1, 0, 1, 2, 3]
    points = xr.DataArray([0, 2], dims="point")
    assert (
        runs.loss.isel({"network.sigma0": points, "seed": points}).values == whole[[0, 2], :, :, [0, 2]]
    ).all()


def test_flows_are_swept_by_the_paths_of_their_experiment(tmp_path):
    flow = Flow(BASE, duration=2.0, every=0.5)
    runs = sweep(flow, {"network.sigma0": [0.1, 0.2], "rtol": [1e-6]}, [0, 1], tmp_path, workers=1)
    assert runs.sizes["update"] == 5
    assert runs.loss.sel({"network.sigma0": 0.1, "rtol": 1e-6}).equals(
        flow.run([0, 1]).loss.drop_vars("rtol", errors="ignore").assign_coords(runs.loss[0, 0].coords)
    )


@pytest.mark.parametrize("where", [{"workers": 2}, {"workers": 2, "scheduler": "local"}], ids=str)
def test_numbers_do_not_depend_on_who_computes(where, tmp_path):
    if "scheduler" in where:
        pytest.importorskip("distributed")
    here = sweep(BASE, GRID, range(3), tmp_path / "here", workers=1)
    there = sweep(BASE, GRID, range(3), tmp_path / "there", **where)
    assert here.load().equals(there.load())


def test_the_result_keeps_its_temporary_store_alive():
    runs = sweep(BASE, {"network.sigma0": [0.1]}, [0], workers=1)
    folder = runs.loss.variable._data.array.cells.held.path
    gc.collect()
    assert np.isfinite(runs.loss).all() and folder.exists()
    del runs
    gc.collect()
    assert not folder.exists()


def test_progress_counts_cells(tmp_path):
    seen: list[Tally] = []
    sweep(BASE, {"network.sigma0": [0.1]}, range(2), tmp_path, workers=1)
    sweep(
        BASE,
        {"network.sigma0": [0.1, 0.2], "rule": ["bptt", "rflo"]},
        range(8),
        tmp_path,
        1,
        progress=seen.append,
    )
    assert {tally.wanted for tally in seen} == {32}
    assert (
        seen[0].done == 2
        and seen[0].running > 0
        and seen[0].seconds_left is None
        and seen[-1] == Tally(32, 0, 0, 32, 0.0)
    )
    assert [tally.done for tally in seen] == sorted(tally.done for tally in seen)
    assert all(tally.done + tally.failed + tally.running <= tally.wanted for tally in seen)


def test_a_tally_is_a_line():
    assert told(Tally(0, 0, 8, 60, None)) == "0 of 60 cells done, 8 running"
    assert told(Tally(60, 0, 0, 60, 0.0)) == "60 of 60 cells done"
    assert told(Tally(4, 0, 0, 60, None)) == "4 of 60 cells done, waiting for workers"
    assert told(Tally(30, 2, 8, 60, 3e5)) == "30 of 60 cells done, 2 failed, 8 running, about 83 h left"


@given(st.integers(1, 40), st.integers(1, 70), st.sampled_from([["bptt"], ["bptt", "rflo"]]))
@settings(max_examples=25, deadline=None)
def test_a_plan_has_every_cell_once_in_equal_blocks(values, seeds, rules):
    grid = {"network.sigma0": np.linspace(0.1, 0.2, values), "rule": rules}
    blocks = planned(list(points(BASE, grid)[1].flat), range(seeds))
    cells = [cell for block in blocks for cell in block.cells]
    assert len(cells) == len(set(cells)) == values * seeds * len(rules)
    for rule in (RULES[name] for name in rules):
        own = [block for block in blocks if isinstance(block.settings[0].rule, rule)]
        assert len({len(block.runs) for block in own}) == 1
        assert len({structure(each) for block in own for each in block.settings}) == 1
        assert math.ceil(values * seeds / 32) <= len(own) and len(own[0].runs) <= 32
    for block in blocks:
        assert set(block.runs) == set(block.wanted)


@pytest.mark.parametrize(
    "grid, sentence",
    [
        ({}, "the grid is empty"),
        ({"network.sigma0": []}, "no value of network.sigma0"),
        ({"network.sigma0": 0.1}, r"give a list of values, such as \[0.1\]"),
        ({"network.sigma0": "0.1"}, "give a list of values"),
        ({"network.sigma0": [0.1, "rflo"]}, "mixed kinds"),
        ({"network.sigma0": ["rflo"]}, "needs a number, got 'rflo'"),
        ({"network.sigma0": [(0.1, 0.2)]}, "needs a number, got"),
        ({"network.sigma0": [0.1, 0.1]}, "twice"),
        ({"network.sigma_0": [0.1]}, "did you mean 'sigma0'"),
        ({"network.hidden": [2.5]}, "needs a whole number, got 2.5"),
        ({"rule": ["rflow"]}, "did you mean 'rflo'"),
        ({"rule.decay": [0.5]}, "BPTT has no setting 'decay'"),
        ({"network.input": [2]}, "the task has 1 inputs"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_in_a_sentence(grid, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        sweep(BASE, grid, [0], tmp_path / "store")
    assert not list(tmp_path.rglob("*.zarr.zip"))


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"workers": 0}, "workers=0 is no number of workers"),
        ({"scheduler": "nowhere"}, "there is no scheduler 'nowhere'"),
        ({"scheduler": "slurm"}, "say how many workers slurm is to start"),
        ({"scheduler": "slurm:no-such", "workers": 2}, "no profile 'jobqueue.no-such'"),
        ({"seeds": [0, 0]}, "names a seed twice"),
        ({"store": __file__}, "is a file; a store is a folder"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(options, sentence):
    if "scheduler" in options:
        pytest.importorskip("distributed")
    with pytest.raises(ValueError, match=sentence):
        sweep(BASE, {"network.sigma0": [0.1]}, **{"seeds": [0], **options})


def test_a_scheduler_that_is_not_there_is_named(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("stepwell.run.cluster.PATIENCE", 1.0)
    with pytest.raises(ValueError, match="the scheduler 'tcp://127.0.0.1:9' cannot be reached"):
        sweep(BASE, {"network.sigma0": [0.1]}, [0], scheduler="tcp://127.0.0.1:9")


@pytest.mark.skipif(find_spec("dask_jobqueue") is None, reason="needs dask-jobqueue")
def test_the_jobs_of_a_queue_compute_on_one_thread_each(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("dask_jobqueue")]:
        monkeypatch.delitem(sys.modules, name)
    heard = signal.getsignal(signal.SIGINT)
    import dask
    import yaml

    from stepwell.run.cluster import queue

    page = (Path(__file__).parents[2] / "docs" / "clusters.md").read_text()
    profile = yaml.safe_load(page.partition("```yaml")[2].partition("```")[0])["jobqueue"]["long"]
    with dask.config.set({"jobqueue.long": {**profile, "log-directory": None}}):
        cluster = queue("slurm", "long", 0)
        script = cluster.job_script()
    cluster.close()
    assert type(cluster).__name__ == "SLURMCluster"
    assert signal.getsignal(signal.SIGINT) is heard  # which the package would take for itself
    for line in (
        "#SBATCH -p long",
        "#SBATCH -t 24:00:00",
        "#SBATCH --constraint=avx512",
        "export OMP_NUM_THREADS='1'",
        "export JAX_ENABLE_X64='1'",
        "--nthreads 1 --memory-limit 3.73GiB",
        "--lifetime 23h",
    ):
        assert line in script


@pytest.mark.skipif(find_spec("dask_jobqueue") is None, reason="needs dask-jobqueue")
@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        ({"cores": 1, "memory": "2GB"}, "there is no command 'sbatch' here"),
        ({"memory": "2GB"}, "profile 'jobqueue.mine' cannot be used .You must specify how much cores"),
        ({"cores": 1, "memory": "2GB", "quue": "long"}, "cannot be used .*quue"),
    ],
)
def test_a_queue_that_cannot_be_is_refused_in_a_sentence(profile, sentence, monkeypatch):
    import dask

    from stepwell.run import cluster

    found = None if "sbatch" in sentence else "/usr/bin/sbatch"
    monkeypatch.setattr(cluster.shutil, "which", lambda command: found)
    with dask.config.set({"jobqueue.mine": profile}), pytest.raises(ValueError, match=sentence):
        cluster.queue("slurm", "mine", 2)


def test_a_reading_without_a_name_is_refused():
    base = changed(BASE, "recording", Recording(10, (lambda snapshot: snapshot.params["W"],)))
    with pytest.raises(ValueError, match="hold a Python function"):
        sweep(base, {"network.sigma0": [0.1]}, [0])


def test_failures_are_told_with_their_reason(tmp_path, monkeypatch):
    train_block = work_module.train_block

    def sometimes(block, progress):
        if any(getattr(each.network, "hidden", 0) == 3 for each in block.settings):
            raise RuntimeError("no such luck")
        return train_block(block, progress)

    monkeypatch.setattr(work_module, "train_block", sometimes)
    with pytest.warns(UserWarning, match=r"2 of 4 cells failed \(RuntimeError: no such luck"):
        runs = sweep(BASE, {"network.hidden": [2, 3]}, [0, 1], tmp_path, workers=1)
    assert np.isfinite(runs.loss[0]).all() and np.isnan(runs.loss[1]).all()
    (failure,) = json.loads(runs.attrs["failures"])
    assert len(failure["runs"]) == 2 and "no such luck" in failure["reason"]
    assert len(list(tmp_path.glob("failed/*.json"))) == 1
    monkeypatch.setattr(work_module, "train_block", train_block)
    assert np.isfinite(sweep(BASE, {"network.hidden": [2, 3]}, [0, 1], tmp_path, workers=1).loss).all()
    assert not list(tmp_path.glob("failed/*.json"))


def test_a_lack_of_memory_is_tried_again(tmp_path, monkeypatch):
    attempts = []
    train_block = work_module.train_block

    def third_time(block, progress):
        attempts.append(1)
        if len(attempts) < 3:
            raise MemoryError
        return train_block(block, progress)

    monkeypatch.setattr(work_module, "train_block", third_time)
    assert np.isfinite(sweep(BASE, {"network.sigma0": [0.1]}, [0], tmp_path, workers=1).loss).all()
    assert len(attempts) == 3


def test_a_store_may_be_given_open(tmp_path):
    store = Store(tmp_path)
    assert sweep(BASE, {"network.sigma0": [0.1]}, [0], store).equals(
        sweep(BASE, {"network.sigma0": [0.1]}, [0], store)
    )


class WithoutTheFirst(eqx.Module):
    """A record that leaves a seed out, like one of the networks that learned."""

    experiment: Experiment

    def run(self, seeds, store=None):
        return self.experiment.run(seeds, store).isel(seed=slice(1, None))


def test_a_record_with_fewer_seeds_is_no_failure(tmp_path):
    assert run_all([(WithoutTheFirst(BASE), (0, 1, 2))], tmp_path, workers=1) == {}
    (kept,) = Store(tmp_path).find(experiment_fingerprint(BASE), {0, 1, 2})
    assert kept.seed.values.tolist() == [0, 1, 2]
