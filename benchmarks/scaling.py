"""What a sweep costs beyond its training, and how far that carries: `python -m benchmarks.scaling`.

Measured on this machine: the overhead per block in this process, in worker processes and on a local dask
cluster; the throughput of two workers against one; the time in which a catalogue of 10 000 runs answers.
Projected, with the assumptions in print: the efficiency for 10², 10⁴ and 10⁶ cells.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import jax

from benchmarks import workloads
from stepwell import NETWORKS, TASKS, Experiment, Optimiser, Recording
from stepwell.experiment import TABLES, experiment_fingerprint
from stepwell.run import Store, listed, run_all
from stepwell.run.index import FILE, Index, line
from stepwell.settings import to_json

ROWS = 32
MOST_MS, LEAST_GAIN, MOST_SECONDS = 15.0, 1.5, 2.0
"""Gates: overhead per block on a local cluster, throughput of two workers over one, answer of a catalogue."""
FEW, MANY = 20, 100
LONG_SECONDS = 10.0


def workload(sigma0: float, updates: int) -> Experiment:
    """A: a linear network of five units on a hundred steps."""
    return Experiment(
        TASKS["impulse"](poles=workloads.POLES, residues=workloads.RESIDUES, steps=100),
        NETWORKS["linear"](hidden=5, sigma0=sigma0),
        optimiser=Optimiser("sgd", workloads.LEARNING_RATES["A"]),
        updates=updates,
        recording=Recording(50),
    )


def worked(blocks: int, updates: int, listen: Any = None, **where: Any) -> tuple[float, list[float]]:
    """Wall seconds of so many blocks, and the seconds that each trained."""
    runs = [(workload(0.1 / (1 + number), updates), range(ROWS)) for number in range(blocks)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        run_all(runs, folder, progress=listen, **where)
        wall, index = time.monotonic() - began, Index(Path(folder))
        index.refresh()
        seconds = {entry["fingerprints"][0]: entry["seconds"] for entry in index.entries.values()}
        return wall, [seconds[str(experiment_fingerprint(settings))] for settings, _ in runs]


def overhead(workers: int, **where: Any) -> float:
    """Milliseconds per block beyond its training, once every worker has imported and compiled."""
    marks: list[tuple[int, float]] = []
    _, trained = worked(
        FEW + MANY,
        50,
        lambda tally: marks.append((tally.done // ROWS, time.monotonic())),
        workers=workers,
        **where,
    )
    first, began = next(mark for mark in marks if mark[0] >= FEW)
    last, ended = marks[-1]
    return 1e3 * (workers * (ended - began) / (last - first) - sum(trained[first:]) / len(trained[first:]))


def gain() -> float | None:
    """Throughput of two workers over that of one on blocks of 10 s or more; None if the machine is busy."""
    if os.getloadavg()[0] > 1.5 or (os.cpu_count() or 1) < 2:
        return None
    worked(1, 1000, workers=1)  # compiles
    _, (trained,) = worked(1, 20_000, workers=1)
    updates = int(20_000 * LONG_SECONDS / trained * 1.1)
    # The start of the workers cancels in the difference.
    walls = [worked(4, updates, workers=n)[0] - worked(2, updates, workers=n)[0] for n in (1, 2)]
    return walls[0] / walls[1]


def answer(runs: int = 10_000) -> tuple[float, float]:
    """Seconds in which a fresh process's catalogue of so many runs answers, and the bytes of it per run."""
    with tempfile.TemporaryDirectory() as folder:
        store, index, data = Store(folder), Index(Path(folder)), to_json(workload(0.1, 1), TABLES)
        with open(store.path / FILE, "wb") as file:
            for number in range(runs):
                name, settings = f"{number:020x}", {**data, "updates": number}
                index.file(name).parent.mkdir(parents=True, exist_ok=True)
                index.file(name).touch()
                entry = {"block": name, "fingerprints": [name], "settings": [settings], "runs": [[0, 0]]}
                file.write(line({**entry, "diverged_at": [-1], "created": ""}))
        size = (store.path / FILE).stat().st_size / runs
        began = time.monotonic()
        assert len(listed(folder, {"updates": 7, "rule": "bptt"})) == 1
        return time.monotonic() - began, size


def projected(per_block: float, seconds: float, per_run: float, size: float) -> list[dict[str, Any]]:
    """Efficiency for many cells on many workers.

    Args:
        per_block: overhead in ms. seconds: that a block trains.
        per_run: seconds in which the catalogue takes in a run. size: its bytes per run.
    """
    rows = []
    for cells, workers in ((10**2, 4), (10**4, 64), (10**6, 1000)):
        blocks = -(-cells // ROWS)
        rounds = -(-blocks // workers)
        # One scheduler hands out a block in the time that this machine needs for one, at worst.
        wall = max(rounds * (seconds + per_block / 1e3), blocks * per_block / 1e3)
        efficiency = cells / ROWS * seconds / (wall * min(workers, blocks))
        catalogue = {"catalogue_seconds": blocks * per_run, "catalogue_MB": blocks * size / 1e6}
        rows.append(
            {"cells": cells, "blocks": blocks, "workers": workers, "efficiency": efficiency, **catalogue}
        )
    return rows


def main() -> None:
    """Measure, project, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    jax.config.update("jax_enable_x64", True)
    options, load = parser.parse_args(), os.getloadavg()[0]
    found: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    found["overhead_ms"] = {
        "here": overhead(1),
        "processes": overhead(2),
        "local": overhead(1, scheduler="local"),  # which leaves a core to the scheduler, as a cluster does
    }
    found["gain_of_two"], (seconds, size) = gain(), answer()
    found |= {"catalogue_seconds": seconds, "load": [load, os.getloadavg()[0]]}
    per_block = found["overhead_ms"]["local"]
    found["projected"] = projected(per_block, LONG_SECONDS, seconds / 10_000, size)
    report(found)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1))


def report(found: dict[str, Any]) -> None:
    """Print the numbers with their gates."""
    idle = max(found["load"]) <= 1.5
    print(f"{found['cores']} cores, load {found['load'][0]:.1f} before and {found['load'][1]:.1f} after")
    for where, milliseconds in found["overhead_ms"].items():
        print(f"overhead per block, {where:10} {milliseconds:8.1f} ms")
    gates = [
        ("overhead on a local cluster, ms", found["overhead_ms"]["local"], "<", MOST_MS, idle),
        (
            "throughput of two workers over one",
            found["gain_of_two"],
            ">=",
            LEAST_GAIN,
            found["gain_of_two"] is not None,
        ),
        ("10 000 runs answer, s", found["catalogue_seconds"], "<", MOST_SECONDS, True),
    ]
    for what, value, sign, bound, valid in gates:
        held = valid and (value < bound if sign == "<" else value >= bound)
        told = "–" if value is None else f"{value:.2f}"
        print(
            f"gate {what:36} {told:>8}  {sign} {bound:<5} {'PASS' if held else 'FAIL' if valid else 'VOID'}"
        )
    print(
        f"projected: blocks of {ROWS} cells that train {LONG_SECONDS:.0f} s; overhead as on the cluster here;"
    )
    print("  one scheduler, which needs as long per block; equal workers; a file system that keeps up")
    for row in found["projected"]:
        print(
            f"  {row['cells']:>8} cells, {row['workers']:>5} workers: efficiency {row['efficiency']:.3f}, "
            f"catalogue {row['catalogue_seconds']:.2g} s and {row['catalogue_MB']:.2g} MB"
        )


if __name__ == "__main__":
    main()
