"""Tables of times and gates, in fixed width and as JSON."""

import datetime
import importlib.metadata
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.suites import FLOOR, JIT, LOOP, Suite
from benchmarks.timing import Gate, Timing, speed_up

LIBRARIES = ("numpy", "jax", "jaxlib", "torch")
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")


def header() -> dict[str, Any]:
    """What a ratio depends on: the machine, the versions, and how busy it is."""
    told = Path("/proc/cpuinfo")
    rows = [line.partition(":") for line in told.read_text().splitlines()] if told.exists() else []
    cpu = {name.strip(): value.strip() for name, _, value in rows}
    return {
        "date": datetime.date.today().isoformat(),
        "processor": cpu.get("model name", platform.processor()),
        "instructions": " ".join(flag for flag in FLAGS if flag in cpu.get("flags", "").split()),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "threads": 1,
        "load before": os.getloadavg()[0],
    }


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def heading(head: dict[str, Any]) -> str:
    """The header in one paragraph."""
    return "\n".join(f"{name:<14}{value}" for name, value in head.items())


def table(suite: Suite) -> str:
    """A block: one line per variant, then its gates."""
    columns = [name for name in (LOOP, JIT, FLOOR) if name in suite.times] or list(suite.times)[:1]
    lines = ["", suite.title]
    if suite.times:
        lines[-1] += "    CPU us per update and network, 1 thread"
        heads = "".join(f"{'x ' + name:>26}" for name in columns)
        lines.append(f"{'variant':<36}{'median':>12}{'min':>12}{heads}{'compile s':>12}")
    lines += [_line(suite.times, name, columns) for name in suite.times]
    lines += [
        f"WRONG: {name} does not give the losses of the others; it was not timed" for name in suite.wrong
    ]
    return "\n".join([*lines, *map(gate_line, suite.gates)])


def _line(times: dict[str, Timing], name: str, columns: Sequence[str]) -> str:
    micro = [1e6 * seconds for seconds in times[name].cpu]
    ratios = [statistics.median(speed_up(times, name, other)) for other in columns]
    shown = "".join(f"{three_digits(ratio):>26}" for ratio in ratios)
    spent = f"{times[name].compilation:.1f}"
    times_shown = "".join(f"{three_digits(value):>12}" for value in (statistics.median(micro), min(micro)))
    return f"{name:<36}{times_shown}{shown}{spent:>12}"


def gate_line(gate: Gate) -> str:
    """A gate with its median ratio, the least and the most over the rounds, and the verdict."""
    start = f"gate {gate.name:<16}{gate.sentence:<44}"
    if not gate.ratios:
        return f"{start}{gate.verdict}: {gate.reason}"
    spread = f"[{three_digits(min(gate.ratios))} ... {three_digits(max(gate.ratios))}]"
    return f"{start}{three_digits(gate.value):>8}  {spread:<22}{gate.verdict}"


def three_digits(value: float) -> str:
    """A number with three digits, without an exponent."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):.0f}"
    return f"{value:#.3g}".rstrip(".")


def summary(head: dict[str, Any], gates: Sequence[Gate]) -> str:
    """How many gates passed, failed or could not be judged."""
    counts = {word: sum(g.verdict == word for g in gates) for word in ("PASS", "FAIL", "VOID", "NOT RUN")}
    told = ", ".join(f"{count} {word}" for word, count in counts.items())
    return f"\nload before {head['load before']:.1f}, after {head['load after']:.1f}\ngates: {told}"


def as_json(head: dict[str, Any], suites: Sequence[Suite]) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        "header": head,
        "suites": [
            {
                "title": suite.title,
                "times": {name: timing._asdict() for name, timing in suite.times.items()},
                "wrong": suite.wrong,
                "gates": [{**gate._asdict(), "verdict": gate.verdict} for gate in suite.gates],
            }
            for suite in suites
        ],
    }
