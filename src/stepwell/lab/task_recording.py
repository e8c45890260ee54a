"""Makes the recorded runs of the page on rank: `python -m stepwell.lab.task_recording`, some minutes on one
core.

Each task is learned without and with random initial weights; what is kept is small enough to travel in the
package.
"""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from stepwell.analysis.truncation import functional_rank, shuffled_loss, truncated, truncated_loss
from stepwell.analysis.weight_change import singular_values
from stepwell.experiment import TABLES, Experiment, Optimiser, Recording
from stepwell.lab import wire
from stepwell.network import NETWORKS
from stepwell.run import train
from stepwell.settings import fingerprint
from stepwell.task import TASKS

HIDDEN = 256
STRENGTHS = (0.0, 0.9)
RANKS = range(26)
VALUES, CURVE, EVALUATED = 11, 150, 512
DIGITS = 3
TASK_UPDATES: dict[str, tuple[dict[str, Any], int]] = {
    "flipflop": ({"other_channel": "zero"}, 600),
    "mante": ({}, 1500),
    "romo": ({}, 4000),
}
"""Settings of each task, and how long it is learned."""


def main() -> None:
    """Train, measure, and write `data/tasks.json`."""
    jax.config.update("jax_enable_x64", True)
    runs: dict[str, list[Any]] = {}
    for name in TASK_UPDATES:
        runs[name] = [_run(_experiment(name, g), g) for g in STRENGTHS]
        print(name, [(run["g"], run["functional"], run["norm"]) for run in runs[name]], flush=True)
        place = Path(__file__).parent / "data" / "tasks.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(wire.plain(runs, DIGITS), allow_nan=False, separators=(",", ":")) + "\n")


def _experiment(name: str, g: float) -> Experiment:
    options, updates = TASK_UPDATES[name]
    task = TASKS[name](**options)
    trials = jax.eval_shape(task.trials, jax.random.key(0))
    return Experiment(
        task=task,
        network=NETWORKS["rate"](
            hidden=HIDDEN, input=trials.inputs.shape[-1], output=trials.targets.shape[-1], g=g
        ),
        optimiser=Optimiser(name="adam", learning_rate=0.05 / HIDDEN),
        updates=updates,
        recording=Recording(every=updates),
        dtype="float32",
    )


def _run(experiment: Experiment, g: float) -> dict[str, Any]:
    """One run, measured: spectrum and norm of the change, losses by rank, outputs of one trial by rank."""
    record = train(experiment, [0])
    start, end = (_parameters(record, place) for place in (0, -1))
    network, task = experiment.network, experiment.task
    trials = task.trials(jax.random.key(1), EVALUATED)
    losses = truncated_loss(end, start, list(RANKS), network, task, trials)
    first = float(task.loss(network.rollout(start, trials), trials))
    shuffled = shuffled_loss(end, start, network, task, trials, jax.random.key(2))
    updates = np.unique(np.geomspace(1, experiment.updates, CURVE).astype(int))
    one = jax.tree.map(lambda a: a[:1] if np.ndim(a) == 3 else a, trials)
    cut = truncated(end["W"], start["W"], list(RANKS))
    return {
        "g": g,
        "fingerprint": fingerprint(experiment, TABLES),
        "updates": updates,
        "loss": record.loss.values[0, updates],
        "singular": singular_values(end["W"], start["W"])[:VALUES],
        "norm": float(np.linalg.norm(end["W"] - start["W"])),
        "initial_norm": float(np.linalg.norm(start["W"])),
        "truncated": losses / first,
        "functional": [int(rank) for rank in functional_rank(losses) if np.isfinite(rank)],
        "shuffled": float(np.mean(shuffled)) / first,
        "target": np.where(one.mask[0] > 0, one.targets[0], np.nan),
        "outputs": [np.asarray(network.rollout({**end, "W": W}, one))[0] for W in cut],
    }


def _parameters(record: xr.Dataset, place: int) -> dict[str, Any]:
    return {name: record[name].values[0, place].astype(float) for name in ("W", "b", "c")}


if __name__ == "__main__":
    main()
