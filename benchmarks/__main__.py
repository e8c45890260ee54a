"""Speed against what one would use instead: `python -m benchmarks [SUITE ...] [--rounds 7] [--json FILE]`.

The exit status is 1 if a gate fails. A gate that cannot be judged here is printed as VOID or NOT RUN, never
as a pass.
"""

import argparse
import json
import os
import sys
from pathlib import Path

ALONE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}
SUITES = (
    *("A", "B", "C", "rules", "recording", "truncation", "search", "flipflops", "recorder"),
    *("promises", "startup", "workers"),
)


def main() -> int:
    """The suites that were named, one after the other."""
    given = _arguments()
    # Before numpy and jax are imported: with one thread on one core, processor time is a fair measure.
    os.environ.update(ALONE)
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {min(cores)})

    import jax

    jax.config.update("jax_enable_x64", True)
    from benchmarks import flipflops, following, printing, promises, searches, startup, suites

    run = {
        "A": suites.linear,
        "B": suites.low_rank,
        "C": suites.rate,
        "rules": suites.rules,
        "recording": suites.recording,
        "truncation": searches.truncation,
        "search": searches.search,
        "flipflops": flipflops.search,
        "recorder": following.recorder,
        "promises": promises.promises,
        "startup": startup.startup,
        "workers": lambda rounds: startup.workers(rounds, cores),
    }
    chosen = [name for name in SUITES if name != "workers"] if "all" in given.suites else given.suites
    head, found = printing.header(), []
    print(printing.heading(head))
    for name in chosen:
        for suite in run[name](given.rounds):
            print(printing.table(suite), flush=True)
            found.append(suite)
    head["load after"] = os.getloadavg()[0]
    gates = [gate for suite in found for gate in suite.gates]
    print(printing.summary(head, gates))
    if given.json:
        given.json.write_text(json.dumps(printing.as_json(head, found), indent=1))
    return int(any(gate.verdict == "FAIL" for gate in gates) or any(suite.wrong for suite in found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("suites", nargs="*", default=["all"], choices=["all", *SUITES], metavar="SUITE")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every variant, 7 unless told")
    parser.add_argument("--json", type=Path, help="every round of every variant, and the gates")
    parser.epilog = f"suites: all (without workers), {', '.join(SUITES)}"
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
