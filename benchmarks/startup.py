"""What a process costs before it does anything, and what a second one gains."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.suites import TORCH, Suite
from benchmarks.timing import Gate

COMMANDS = (["--help"], ["--version"], ["list"], ["check", "saddle_to_sadle"], ["learn"])
"""Command lines that answer without importing what computes; the last two are refused."""
SLOW = ("jax", "equinox", "xarray", "matplotlib")
UPDATES = 200

_QUICK = f"""
import sys
from stepwell.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.exit(bool({set(SLOW)} & set(sys.modules)))
"""
_OURS = f"""
from benchmarks import experiments
from stepwell import train
import time
settings = experiments.rate(256, {UPDATES})
train(settings, [0])
print("ready", flush=True)
input()
began = time.perf_counter()
train(settings, [0])
print(time.perf_counter() - began)
"""
_THEIRS = f"""
import time, torch
from benchmarks import baselines, workloads
torch.set_num_threads(2)
loop = baselines.torch_loop(
    workloads.rate_start(0), baselines.torch_rate(workloads.pulses()), "Adam", 0.05 / 256, "float32"
)
loop(3)
print("ready", flush=True)
input()
began = time.perf_counter()
loop({UPDATES})
print(time.perf_counter() - began)
"""


def startup(rounds: int) -> list[Suite]:
    """S1: processor seconds of the quick commands, and whether they import what is slow."""
    gates = []
    for command in COMMANDS:
        used, clean = zip(*(_used([sys.executable, "-c", _QUICK, *command]) for _ in range(rounds)))
        name = f"S1 {command[0]}"
        gates.append(Gate(name, "<= 0.5 s of processor time", 0.5, False, list(used)))
        gates.append(Gate(name, f"without {', '.join(SLOW)}", 1.0, True, [float(all(clean))]))
    return [Suite("startup", {}, gates)]


def _used(command: Sequence[str]) -> tuple[float, bool]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, done.returncode == 0


def workers(rounds: int, cores: set[int]) -> list[Suite]:
    """C4: two processes with one thread each against a torch loop with two threads, in wall time."""
    title, sentence = "workers  C N=256, both cores, wall time", ">= 2.5 x torch loop with two threads"
    if len(cores) < 2 or not TORCH:
        reason = "torch is not installed" if not TORCH else "needs two cores"
        return [Suite(title, {}, [Gate("C4", sentence, 2.5, True, [], reason)])]
    os.sched_setaffinity(0, cores)
    time.sleep(5)
    before, ratios = os.getloadavg()[0], []
    if before < 1.5:
        for _ in range(rounds):
            ratios.append(2 * _wall([_THEIRS], 2) / _wall([_OURS, _OURS], 1))
    reason = "" if ratios else f"VOID: the machine is busy (load {before:.1f}, needs 1.5)"
    return [Suite(title, {}, [Gate("C4", sentence, 2.5, True, ratios, reason)])]


def _wall(scripts: Sequence[str], threads: int) -> float:
    """Seconds until all of some processes are done that begin together, imports and compilation left out."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for script in scripts
    ]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in running:
        process.wait()
    return time.perf_counter() - began
