"""What a run promises whatever its speed: equal bits however it is cut, no program for a new number."""

import tempfile
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import equinox as eqx
import xarray as xr

from benchmarks import experiments
from benchmarks.suites import Suite
from benchmarks.timing import Gate
from stepwell import NETWORKS, TASKS, Experiment, Optimiser, Recording, train
from stepwell.run import checkpoint, trainer

SEEDS = range(3)


class _Stopped(Exception):
    pass


def promises(rounds: int) -> list[Suite]:
    """R2, R3 and R4 on A, B and C, and S2; `rounds` is not needed."""
    workloads = {
        "A": experiments.linear(3, 30, len(SEEDS), 400, every=20),
        "B": experiments.low_rank(1, len(SEEDS), 120, every=20),
        "C": experiments.rate(64, 40),
    }
    gates = []
    for name, settings in workloads.items():
        whole = train(settings, SEEDS)
        gates += [
            _promise(f"R2 {name}", "same bits in chunks", _same(whole, _in_chunks(settings))),
            _promise(f"R3 {name}", "same bits after a stop", _same(whole, _resumed(settings))),
        ]
    whole, watched = (train(_recording(workloads["A"], what), SEEDS) for what in ((), ("poles", "conserved")))
    gates.append(_promise("R4 A", "same bits with readings", _same(whole, watched[list(whole.data_vars)])))
    gates.append(_promise("S2 A", "one program for three values of sigma0", _one_program()))
    return [Suite("promises", {}, gates)]


def _promise(name: str, sentence: str, kept: bool) -> Gate:
    return Gate(name, sentence, 1.0, True, [float(kept)])


def _same(one: xr.Dataset, other: xr.Dataset) -> bool:
    return xr.Dataset.equals(one.drop_attrs(), other.drop_attrs())


def _in_chunks(settings: Experiment) -> xr.Dataset:
    with patch.object(trainer, "CHUNK_SECONDS", 1e-9):  # so short that chunks shrink to single updates
        return train(settings, SEEDS)


def _resumed(settings: Experiment) -> xr.Dataset:
    def stop(now: trainer.Progress) -> None:
        if now.done >= settings.updates // 2:
            raise _Stopped

    with tempfile.TemporaryDirectory() as folder, patch.object(checkpoint, "SECONDS_BETWEEN", 0.0):
        try:
            train(settings, SEEDS, folder, stop)
        except _Stopped:
            return train(settings, SEEDS, folder).load()
    raise RuntimeError("the run ended before it was stopped")


def _recording(settings: Experiment, what: tuple[str, ...]) -> Experiment:
    return eqx.tree_at(lambda e: e.recording, settings, Recording(settings.recording.every, what))


def _one_program() -> bool:
    """Whether three values of sigma0 need no more programs than the first."""
    update: Callable[..., Any] = trainer._update
    traced: list[int] = []

    def counted(*given: Any) -> Any:
        traced.append(1)
        return update(*given)

    task = TASKS["impulse"](poles=(0.8, 0.3), residues=(1.0, -0.5), steps=17)
    slowly = {"optimiser": Optimiser("sgd", 1e-3), "updates": 3}
    with patch.object(trainer, "_update", counted):
        counts = []
        for sigma0 in (1e-3, 1e-2, 1e-1):
            train(Experiment(task, NETWORKS["linear"](hidden=2, sigma0=sigma0), **slowly), [0])
            counts.append(len(traced))
    return counts[0] == counts[-1]
