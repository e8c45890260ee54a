"""A process that trains, sweeps and tends a store in children of its own, and kills them at random instants.

python killing.py FOLDER KILLS SEED prints, as JSON, how often it killed and what came of it. It computes
nothing itself, so that its children can be forks: they begin at once, with everything imported.
"""

import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from stepwell import NETWORKS, TASKS, Experiment, Flow, Optimiser, Recording, open_runs, sweep, train
from stepwell.run import Store, checkpoint, prune, trainer, verify
from stepwell.run.compilation_cache import switch_on

TASK = TASKS["impulse"](poles=(0.5, -0.45), residues=(0.9, 0.7), steps=15)
NETWORK = NETWORKS["linear"](hidden=2, sigma0=0.1)
SHORT = Experiment(TASK, NETWORK, optimiser=Optimiser("adam", 0.01), updates=400, recording=Recording(50))
LONG = Experiment(TASK, NETWORK, optimiser=Optimiser("adam", 0.01), updates=60_000, recording=Recording(500))
FLOW = Flow(SHORT, duration=3.0)
GRID = {"network.sigma0": [0.05, 0.1, 0.2, 0.3], "rule": ["bptt", "rflo"]}
SEEDS = range(3)


def work(folder: Path) -> None:
    """All that is to be done in a store; what is there already costs little."""
    store = Store(folder)
    train(LONG, SEEDS, store)
    sweep(SHORT, GRID, SEEDS, store, workers=1)
    sweep(FLOW, {"network.sigma0": [0.1, 0.2]}, SEEDS, store, workers=1)
    prune(store)
    open_runs(store, {"rule": "rflo"}).loss.load()


def child(folder: Path) -> int:
    """Start the work in a process of its own, which logs every block that it brings to its end."""
    sys.stdout.flush()
    number = os.fork()
    if number:
        return number
    import jax

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
    try:
        work(folder)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        os._exit(1)
    os._exit(0)


def digest(folder: Path) -> dict[str, str]:
    """The bits of every run in a store."""
    store = Store(folder)
    store.index.refresh()
    found = {}
    for fingerprint, rows in store.index.rows.items():
        for record in store.find(fingerprint, rows):
            for seed in record.seed.values.tolist():
                row = record.sel(seed=seed)
                arrays = (row[name].values for name in ("loss", "gradient_norm", "W", "b", "c"))
                found[f"{fingerprint} {seed}"] = " ".join(np.asarray(a).tobytes().hex() for a in arrays)
    return found


def killed(folder: Path, draw: random.Random, longest: float) -> bool:
    """Whether a child was killed before it had finished."""
    number = child(folder)
    until = time.monotonic() + draw.uniform(0, longest)
    while time.monotonic() < until:
        if os.waitpid(number, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    os.kill(number, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(number, 0)[1])


def main(folder: Path, kills: int, seed: int) -> None:
    """Kill so often, in as many stores as it takes, and compare each with an undisturbed one."""
    draw, began = random.Random(seed), time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(child(folder / "undisturbed"), 0)[1]) == 0
    reference, longest = digest(folder / "undisturbed"), 1.2 * (time.monotonic() - began)
    count = {"kills": 0, "rounds": 0, "damaged": 0, "lost": 0, "different": 0, "twice": 0}
    while count["kills"] < kills:
        store = folder / f"round-{count['rounds']}"
        count["rounds"] += 1
        while count["kills"] < kills and killed(store, draw, longest):
            count["kills"] += 1
            if (store / "stepwell-store.json").exists():
                count["damaged"] += len(list(verify(store)))
        assert os.waitstatus_to_exitcode(os.waitpid(child(store), 0)[1]) == 0
        found, log = digest(store), store.with_suffix(".log").read_text().splitlines()
        count["damaged"] += len(list(verify(store)))
        count["lost"] += len(reference.keys() - found.keys())
        count["different"] += sum(found[cell] != bits for cell, bits in reference.items() if cell in found)
        count["twice"] += len(log) - len(set(log))
    print(json.dumps({**count, "cells": len(reference)}))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="os.fork")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
