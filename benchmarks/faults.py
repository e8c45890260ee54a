"""Kills at random instants, and what is left of the runs: `python -m benchmarks.faults --kills 200`.

A process trains, sweeps and tends a store; it is killed, and another one goes on where it was, until all is
done. Then every cell must have the bits of an undisturbed store, and must have been brought to its end once.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

from stepwell import NETWORKS, TASKS, Experiment, Optimiser, Recording, Store, open_runs, sweep, train
from stepwell.run import checkpoint, prune, trainer, verify
from stepwell.run.compilation_cache import switch_on
from stepwell.settings import replace

TASK = TASKS["impulse"](poles=(0.5, -0.45), residues=(0.9, 0.7), steps=15)
SHORT = Experiment(
    TASK,
    NETWORKS["linear"](2, sigma0=0.1),
    updates=2000,
    optimiser=Optimiser("adam", 0.01),
    recording=Recording(50),
)
LONG = replace(SHORT, updates=20_000, recording=Recording(500))
GRID = {"network.sigma0": [0.05, 0.1, 0.2, 0.3], "rule": ["bptt", "rflo"]}
SEEDS = range(3)
WRONG = ("unopened", "damaged", "lost", "different", "twice")
"""Stores that did not open, damaged files; cells that were lost, differ, were brought to their end twice."""
SHARE = 0.6
"""Of the time of an undisturbed process, the longest after which one is killed."""


def worked(folder: Path) -> None:
    """All that is to be done in a store, with a line in a log for every cell that was brought to its end."""
    jax.config.update("jax_enable_x64", True)
    switch_on()
    checkpoint.SECONDS_BETWEEN, trainer.CHUNK_SECONDS = 0.0, 0.02
    save = Store.save

    def logged(store, record, block):
        path = save(store, record, block)
        with open(folder.with_suffix(".log"), "a") as log:
            log.writelines(f"{fingerprint} {seed}\n" for fingerprint, seed in block.cells)
        return path

    Store.save = logged
    print("ready", flush=True)
    store = Store(folder)
    train(LONG, SEEDS, store)
    sweep(SHORT, GRID, SEEDS, store, workers=1)
    prune(store)
    open_runs(store, {"rule": "rflo"}).loss.load()


def child(folder: Path) -> "subprocess.Popen[str]":
    """A process that works in a store and has imported all it needs."""
    command = [sys.executable, "-m", "benchmarks.faults", "--work", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def finished(folder: Path) -> float:
    """Let a process do what is left in a store; the seconds that it takes."""
    process, began = child(folder), time.monotonic()
    process.communicate()
    assert process.returncode == 0, f"the work in '{folder}' failed"
    return time.monotonic() - began


def killed(folder: Path, after: float) -> bool:
    """Whether a process was killed in its work before it had finished."""
    process = child(folder)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def bits(folder: Path) -> dict[str, bytes]:
    """The bits of every cell in a store."""
    store, found = Store(folder), {}
    store.index.refresh()
    for fingerprint, rows in store.index.rows.items():
        for record in store.find(fingerprint, rows):
            arrays = [np.asarray(record[name].values) for name in ("loss", "gradient_norm", "W", "b", "c")]
            for row, seed in enumerate(record.seed.values.tolist()):
                found[f"{fingerprint} {seed}"] = b"".join(array[row].tobytes() for array in arrays)
    return found


def counted(folder: Path, kills: int, seed: int, tell: bool = False) -> dict[str, int]:
    """Kill so often, in as many stores as it takes, and compare each with an undisturbed one."""
    draw, undisturbed = random.Random(seed), folder / "undisturbed"
    longest, reference = SHARE * finished(undisturbed), bits(undisturbed)
    count = dict.fromkeys(("kills", "midway", "stores", "resumed", *WRONG), 0)
    while count["kills"] < kills:
        store, before = folder / f"store-{count['stores']}", count["kills"]
        while count["kills"] < kills and killed(store, draw.uniform(0, longest)):
            count["kills"] += 1
            count["midway"] += any(store.glob("partial/*"))
            count["unopened"] += not opens(store)
            if tell:
                print(f"\r{count['kills']} of {kills} kills", end="", file=sys.stderr, flush=True)
        finished(store)
        found, log = bits(store), store.with_suffix(".log").read_text().splitlines()
        different = sum(found[cell] != reference[cell] for cell in reference if cell in found)
        count["stores"] += 1
        count["resumed"] += 0 if different else count["kills"] - before
        count["damaged"] += len(list(verify(store)))
        count["lost"] += len(reference.keys() - found.keys())
        count["different"] += different
        count["twice"] += len(log) - len(set(log))
    return {**count, "cells": len(reference)}


def opens(folder: Path) -> bool:
    """Whether a store can be opened and no file of a finished run in it is damaged."""
    try:
        return not list(verify(Store(folder)))
    except (ValueError, OSError):
        return False


def main() -> None:
    """Kill, count, print; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    parser.add_argument("--work", type=Path, help="do the work in this store and leave")
    options = parser.parse_args()
    if options.work is not None:
        worked(options.work)
        return
    with tempfile.TemporaryDirectory() as folder:
        count = counted(Path(folder), options.kills, options.seed, sys.stderr.isatty())
    print(json.dumps(count))
    sys.exit(any(count[what] for what in WRONG))


if __name__ == "__main__":
    main()
