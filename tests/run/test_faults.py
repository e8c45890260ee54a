"""Faults of every kind: nothing that was finished is lost, nothing damaged is taken for whole."""

import contextlib
import datetime
import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import equinox as eqx
import numpy as np
import pytest
import xarray as xr
from zarr.storage import ZipStore

from benchmarks import faults
from stepwell import NETWORKS, TASKS, Experiment, Optimiser, Recording, open_runs, sweep, train
from stepwell.run import Store, archive, checkpoint, listed, locks, open_record, prune, verify
from stepwell.run import campaign as campaign_module
from stepwell.run import trainer as trainer_module
from stepwell.run.index import Index
from stepwell.run.locks import locked
from stepwell.run.plan import changed
from stepwell.settings import setting

KILLS = 3
"""How often the harness kills; `python -m benchmarks.faults --kills 200` is the full measure."""
TASK = TASKS["impulse"](poles=(0.5, -0.45), residues=(0.9, 0.7), steps=15)
BASE = Experiment(
    TASK,
    NETWORKS["linear"](hidden=2, sigma0=0.1),
    optimiser=Optimiser("sgd", 0.1),
    updates=40,
    recording=Recording(10),
)
GRID = {"network.sigma0": [0.1, 0.2]}


class Treacherous(eqx.Module):
    """Settings whose run kills its own process, the first time or always."""

    experiment: Experiment
    folder: str = setting()
    always: bool = setting()

    def run(self, seeds, store=None):
        """A record, or the end."""
        mark = Path(self.folder) / f"killed-{min(seeds)}"
        if self.always or not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.experiment.run(seeds, None)


def test_kills_at_random_instants_lose_nothing(tmp_path):
    count = faults.counted(tmp_path, KILLS, seed=0)
    assert count["kills"] == count["resumed"] == KILLS and count["cells"] == 27
    assert [count[what] for what in faults.WRONG] == [0] * len(faults.WRONG)


def test_a_lost_worker_is_replaced_and_its_block_made(tmp_path):
    base = Treacherous(BASE, str(tmp_path), False)
    runs = sweep(base, GRID, [0, 1], tmp_path / "store", workers=2)
    assert np.isfinite(runs.loss).all()
    assert (runs.loss[0].values == train(BASE, [0, 1]).loss.values).all()


def test_a_block_that_kills_its_workers_is_given_up_and_the_rest_made(tmp_path, monkeypatch):
    sweep(changed(BASE, "updates", 30), GRID, [0], tmp_path / "store", workers=1)
    base = Treacherous(BASE, str(tmp_path), True)
    monkeypatch.setattr(campaign_module, "ATTEMPTS", 2)
    with pytest.raises(ValueError, match="the worker was lost: killed, or out of memory"):
        sweep(base, {"updates": [20, 30]}, [0], tmp_path / "store", workers=2)
    notes = [json.loads(path.read_bytes()) for path in (tmp_path / "store").glob("failed/*.json")]
    assert {note["attempts"] for note in notes} == {campaign_module.ATTEMPTS} and len(notes) == 2
    assert len(listed(tmp_path / "store")) == 2


def test_a_dead_scheduler_is_told_and_what_was_done_is_kept(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("stepwell.run.cluster.PATIENCE", 2.0)
    script = "\n".join(
        [
            "import time",
            "from distributed import LocalCluster",
            "if __name__ == '__main__':",
            "    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=':0')",
            "    print(cluster.scheduler_address, flush=True)",
            "    time.sleep(600)",
        ]
    )
    (tmp_path / "scheduler.py").write_text(script)
    with subprocess.Popen(
        [sys.executable, tmp_path / "scheduler.py"], stdout=subprocess.PIPE, text=True
    ) as process:
        address = process.stdout.readline().strip()
        base = changed(BASE, "updates", 2000)
        grid = {"network.sigma0": np.linspace(0.1, 0.3, 64).tolist()}

        def listen(tally):
            if tally.done:
                process.kill()

        with pytest.raises(ConnectionError, match="scheduler .* is gone; [0-9]+ of 256 cells are in"):
            sweep(base, grid, range(4), tmp_path / "store", scheduler=address, progress=listen)
    assert 0 < sum(len(run.seeds) for run in listed(tmp_path / "store")) <= 256
    assert list(verify(tmp_path / "store")) == []


def parts(block):
    """The members of an archive: name -> first byte, size."""
    with zipfile.ZipFile(block) as members:
        return {m.filename: (m.header_offset + 30 + len(m.filename), m.file_size) for m in members.infolist()}


def flipped(whole, bit):
    """The same bytes but for a bit."""
    changed = bytearray(whole)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_other_programs_read_a_block(tmp_path):
    run = train(BASE, [0, 1], tmp_path)
    (block,) = tmp_path.rglob("*.zarr.zip")
    with ZipStore(block, mode="r") as store:
        record = xr.open_dataset(store, engine="zarr", chunks=None).load()
    assert record.equals(run)


def test_every_flipped_bit_is_found_and_its_place_named(tmp_path):
    train(BASE, [0, 1], tmp_path)
    (block,) = tmp_path.rglob("*.zarr.zip")
    whole, draw = block.read_bytes(), random.Random(0)
    inside = {name: (8 * start, 8 * size) for name, (start, size) in parts(block).items()}
    for name, (start, size) in inside.items():
        block.write_bytes(flipped(whole, start + draw.randrange(size)))
        assert [found.path for found in verify(tmp_path)] == [block / name]
    covered = {bit // 8 for start, size in inside.values() for bit in range(start, start + size, 8)}
    for byte in sorted(set(range(len(whole))) - covered)[::17]:  # the frame, up to the seal at its end
        block.write_bytes(flipped(whole, 8 * byte + draw.randrange(8)))
        (found,) = verify(tmp_path)
        assert found.path in (block, block / "zarr.json")
    block.write_bytes(whole)
    assert list(verify(tmp_path)) == []


def test_a_file_that_is_cut_keeps_what_is_before_the_cut(tmp_path):
    run = train(BASE, [0, 1], tmp_path)
    (block,) = tmp_path.rglob("*.zarr.zip")
    whole, places = block.read_bytes(), parts(block)
    for name in ("W/c.0.0.0.0", "loss/c.0.0", "gradient_norm/c.0.0"):
        block.write_bytes(whole[: sum(places[name]) - 1])
        lost = [block / other for other, (start, _) in places.items() if start >= places[name][0]]
        assert [found.path for found in verify(tmp_path)] == lost
    whole_ones = {name.split("/")[0] for name in places} - {path.parent.name for path in lost} - {"zarr.json"}
    record = open_record(block)
    assert "loss" in whole_ones and all(record[name].load().equals(run[name]) for name in whole_ones)
    block.write_bytes(whole[:100])
    assert [found.path for found in verify(tmp_path)] == [block / "zarr.json"]


def test_a_damaged_chunk_stops_only_those_who_read_it(tmp_path):
    sweep(BASE, GRID, [0, 1], tmp_path, workers=1)
    train(changed(BASE, "updates", 30), [0], tmp_path)
    sizes = {block: parts(block)["loss/c.0.0"] for block in tmp_path.rglob("*.zarr.zip")}
    (block,) = [block for block, (_, size) in sizes.items() if size == 4 * 41 * 8]
    block.write_bytes(flipped(block.read_bytes(), 8 * sizes[block][0]))
    runs = open_runs(tmp_path, {"updates": 40})
    assert np.isfinite(runs.W).all() and np.isfinite(runs.gradient_norm).all()
    with pytest.raises(ValueError, match="loss/c.0.0' is damaged: it is not what was written"):
        runs.loss.load()
    assert np.isfinite(open_runs(tmp_path, {"updates": 30}).loss).all()
    assert prune(tmp_path, damaged=True) == [block] and list(verify(tmp_path)) == []
    assert np.isfinite(sweep(BASE, GRID, [0, 1], tmp_path, workers=1).loss).all()


def test_a_block_with_a_damaged_root_is_named_when_it_is_wanted(tmp_path):
    train(BASE, [0], tmp_path)
    (block,) = tmp_path.rglob("*.zarr.zip")
    block.write_bytes(b"{}")
    with pytest.raises(ValueError, match="zarr.json' is damaged"):
        train(BASE, [0], tmp_path)


def test_a_line_that_names_a_folder_elsewhere_is_damaged(tmp_path):
    train(BASE, [0], tmp_path)
    index = Index(tmp_path)
    index.refresh()
    (entry,) = index.entries.values()
    index.add({**entry, "block": "../../elsewhere"})
    assert [found.reason for found in verify(tmp_path)] == ["line 2 is not what was written; prune mends it"]
    assert len(listed(tmp_path)) == 1 and np.isfinite(train(BASE, [0], tmp_path).loss).all()


def test_checkpoints_that_are_damaged_are_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 0.0)
    base = changed(BASE, "updates", 400)
    expected = train(base, [0])

    def stop(now):
        if now.done > 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(base, [0], tmp_path, stop)
    newest = sorted(tmp_path.glob("partial/*/carry-*.npz"))[-1]
    newest.write_bytes(newest.read_bytes()[:100])
    begun = []
    assert train(base, [0], tmp_path, lambda now: begun.append(now.done)).equals(expected)
    assert begun[0] > 32  # not from the start


def test_a_run_that_was_stopped_between_its_last_update_and_its_record_has_every_entry_once(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    expected = train(BASE, [0])

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "save", stopped)
        train(BASE, [0], tmp_path)
    assert train(BASE, [0], tmp_path).equals(expected)


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(trainer_module, "CHUNK_SECONDS", 0.0)
    base, draw = changed(BASE, "updates", 400), random.Random(0)
    expected = train(base, [0])

    class Jumping(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime(draw.randrange(1970, 2100), 1, 1, tzinfo=tz)

    monkeypatch.setattr(time, "time", lambda: draw.uniform(0, 4e9))
    monkeypatch.setattr(datetime, "datetime", Jumping)

    def stop(now):
        for path in tmp_path.rglob("*.npz"):  # the newest checkpoint may seem to be the oldest
            os.utime(path, (at := draw.uniform(0, 4e9), at))
        if now.done > 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(base, [0], tmp_path, stop)
    begun = []
    assert train(base, [0], tmp_path, lambda now: begun.append(now.done)).equals(expected)
    assert begun[0] > 160  # from the last checkpoint, or the one before it
    assert (
        sweep(base, GRID, [0], tmp_path, workers=1).loss[0].values.tolist() == expected.loss.values.tolist()
    )


@contextlib.contextmanager
def small_files(size):
    """A disk that takes no more than so many bytes of a file: the error of a full one without filling it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_the_keeping_and_not_the_run(tmp_path):
    expected = train(BASE, [0, 1])
    Store(tmp_path)
    with small_files(600), pytest.warns(UserWarning, match="could not keep a record: File too large"):
        assert train(BASE, [0, 1], tmp_path).equals(expected)
    assert list(verify(tmp_path)) == [] and listed(tmp_path) == []
    assert train(BASE, [0, 1], tmp_path).equals(expected) and len(listed(tmp_path)) == 1


def test_a_full_disk_is_the_reason_of_a_sweep_that_fails(tmp_path):
    sweep(BASE, {"network.sigma0": [0.1]}, [0], tmp_path, workers=1)
    with small_files(600), pytest.warns(UserWarning, match="1 of 2 cells failed .*File too large"):
        runs = sweep(BASE, GRID, [0], tmp_path, workers=1)
    assert np.isfinite(runs.loss[0]).all() and np.isnan(runs.loss[1]).all()
    assert (
        np.isfinite(sweep(BASE, GRID, [0], tmp_path, workers=1).loss).all() and list(verify(tmp_path)) == []
    )


def test_a_checkpoint_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    write = checkpoint.write_durably

    def full(path, data):
        if path.suffix == ".npz":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, data)

    monkeypatch.setattr(checkpoint, "write_durably", full)
    with pytest.warns(UserWarning, match="no checkpoint could be written"):
        run = train(changed(BASE, "updates", 400), [0], tmp_path)
    assert np.isfinite(run.loss).all() and len(listed(tmp_path)) == 1


@contextlib.contextmanager
def as_nobody():
    """Without the rights of the administrator, who may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_store_that_cannot_be_written_can_be_read():
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        before = train(BASE, [0], folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with as_nobody():
            assert train(BASE, [0], folder).equals(before) and open_runs(folder).loss.equals(
                open_runs(folder).loss
            )
            with pytest.raises(ValueError, match="cannot be written .*Permission denied"):
                train(BASE, [1], folder)
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_two_writers_never_train_the_same_cell(tmp_path):
    script = "\n".join(
        [
            "import sys, json, jax",
            "jax.config.update('jax_enable_x64', True)",
            "from stepwell import sweep",
            "from stepwell.run import work, trainer",
            "from test_faults import BASE",
            "from stepwell.run.plan import changed",
            "made, inner = [], work.train_block",
            "def train_block(block, progress):",
            "    made.extend(block.cells)",
            "    return inner(block, progress)",
            "work.train_block = train_block",
            "grid = {'network.sigma0': [0.1 + 0.01 * i for i in range(16)]}",
            "base, seeds = changed(BASE, 'updates', 3000), range(*map(int, sys.argv[2:]))",
            "sweep(base, grid, seeds, sys.argv[1], workers=1)",
            "print(json.dumps(made))",
        ]
    )
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, tmp_path, *seeds],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )
        for seeds in (("0", "4"), ("2", "6"))
    ]
    made = [tuple(cell) for process in both for cell in json.loads(process.communicate(timeout=300)[0])]
    assert len(made) == len(set(made)) == 16 * 6
    assert sum(len(run.seeds) for run in listed(tmp_path)) == 16 * 6 and list(verify(tmp_path)) == []


@pytest.mark.parametrize("bytewise", sorted({False, locks.BYTEWISE}))
def test_a_lock_is_held_by_one_at_a_time(bytewise, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "BYTEWISE", bytewise)
    inside, most = [], []

    def enter():
        for _ in range(50):
            with locked(tmp_path, ["one", "other"]):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 200
    with locked(tmp_path, ["a", "b"]) as held, locked(tmp_path, ["b", "c"], wait=False) as other:
        assert held and not other
        with locked(tmp_path, ["c"], wait=False) as free, locked(tmp_path, None, wait=False) as alone:
            assert free and not alone
    with locked(tmp_path, None, wait=False) as alone, locked(tmp_path, ["a"], wait=False) as other:
        assert alone and not other


def test_a_store_is_not_pruned_under_those_who_work(tmp_path):
    train(BASE, [0], tmp_path)
    with locked(tmp_path / "locks", ["something"]), pytest.raises(ValueError, match="somebody is at work"):
        prune(tmp_path)


def test_what_stopped_processes_leave_behind_is_removed(tmp_path):
    train(BASE, [0], tmp_path)
    (tmp_path / "partial" / "0123.tmp").touch()
    (tmp_path / "partial" / ("0" * 20)).mkdir()
    assert [path.name for path in prune(tmp_path)] == ["0123.tmp"]
    assert [path.name for path in prune(tmp_path, unfinished=True)] == ["0" * 20]
    assert len(listed(tmp_path)) == 1 and list(verify(tmp_path)) == []


def test_another_schema_is_refused_by_its_number(tmp_path):
    train(BASE, [0], tmp_path)
    (block,) = tmp_path.rglob("*.zarr.zip")
    record = open_record(block).load().assign_attrs(schema=99)
    archive.write(block, record, archive.root(block)["attributes"]["entry"])
    with pytest.raises(ValueError, match="schema version 99"):
        open_record(block)
    assert [found.reason for found in verify(tmp_path)] == [
        "it has schema version 99, this stepwell reads version 2"
    ]
    (tmp_path / "stepwell-store.json").write_text('{"schema": 99}')
    with pytest.raises(ValueError, match="schema version 99"):
        sweep(BASE, GRID, [0], tmp_path)
    (tmp_path / "stepwell-store.json").write_text("{")
    with pytest.raises(ValueError, match="stepwell-store.json' is damaged"):
        Store(tmp_path)
