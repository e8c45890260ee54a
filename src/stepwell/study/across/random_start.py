"""RFLO from random recurrent weights: what it can reach beyond its stair."""

import time
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy.stats import spearmanr

from stepwell import theory
from stepwell.network import Linear
from stepwell.run import settings_of
from stepwell.run.block import Block
from stepwell.run.record import dataset
from stepwell.run.store import checked_seeds, recall
from stepwell.settings import number, setting
from stepwell.study.across import drawings_local_rules as drawings
from stepwell.study.across.protocols import RFLO, claim, model_of, target
from stepwell.task import Impulse

STRENGTHS = {"smoke": (0.0,), "quick": (0.0, 0.45, 0.9), "full": (0.0, 0.2, 0.4, 0.6, 0.75, 0.9)}
RATE, SIGMA0, STEPS = 0.1, 1e-3, 60


class RandomStart(eqx.Module):
    r"""RFLO in a linear network with one output: W from $N(0,g^2/\mathrm{hidden})$, b and c as good as zero.

    Attributes:
        g: strength of the initial recurrent weights.
        degree: of the target.
        hidden: units.
        updates: plain steps on the exact expected update.
    """

    g: float = number()
    degree: int = setting(3)
    hidden: int = setting(64)
    updates: int = setting(1000)

    def run(self, seeds: Sequence[int], store: Any = None) -> xr.Dataset:
        """The losses of every seed."""
        return recall(self, checked_seeds(seeds), store, len(seeds), lambda block: _descend(self, block))


def _descend(settings: RandomStart, block: Block) -> xr.Dataset:
    began, n = time.monotonic(), settings.hidden
    rows = [_start(n, settings.g, np.random.default_rng(seed)) for seed in block.seeds]
    starts, feedback = jax.tree.map(lambda *parts: jnp.asarray(np.stack(parts)), *rows)
    poles, residues = model_of(target(settings.degree))
    task = Impulse(poles, residues[:, 0], steps=STEPS)
    loss, norm = (np.asarray(x) for x in _losses(Linear(n), task, starts, feedback, settings.updates))
    updates = np.arange(settings.updates + 1)
    axes = {"update": updates, "learning_time": RATE * updates}
    axes |= {f"snapshot_{name}": values[:1] for name, values in axes.items()}
    curves = {"loss": loss, "gradient_norm": norm}
    return dataset(settings, block.seeds, curves, {}, axes, time.monotonic() - began)


def _start(n: int, g: float, draw: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    W, b, c, F = (draw.standard_normal(size) for size in ((n, n), (n, 1), (1, n), (n, 1)))
    return {"W": g / np.sqrt(n) * W, "b": SIGMA0 * b, "c": SIGMA0 * c}, F / np.sqrt(n)


@eqx.filter_jit
def _losses(network: Linear, task: Impulse, starts: Any, feedback: Any, updates: int) -> Any:
    """Loss and norm of the update, [seed, update]."""
    trials = task.trials(jax.random.key(0))

    def alone(start: Any, F: Any) -> Any:
        def step(params: Any, _: Any) -> Any:
            loss, change, _ = RFLO.gradient(network, task, params, trials, {"feedback": F})
            size = jnp.sqrt(sum(jnp.sum(part**2) for part in change.values()))
            return {name: params[name] - RATE * change[name] for name in params}, (loss, size)

        return jax.lax.scan(step, start, None, updates + 1)[1]

    return jax.vmap(alone)(starts, feedback)


def strengths(scale):
    """Random starts of rising strength, towards targets of degree 3 and, at `full`, 4."""
    seeds = range({"smoke": 3, "quick": 8, "full": 20}[scale])
    return [
        (RandomStart(g, degree), seeds)
        for degree in ((3, 4) if scale == "full" else (3,))
        for g in STRENGTHS[scale]
    ]


def final_losses(runs, degree=3):
    """The last loss of every seed, a row per strength, [strength, seed]."""
    return np.stack([run.loss.values[:, -1] for run in runs if settings_of(run).degree == degree])


@claim(
    "item 3",
    strengths,
    predict=lambda es: theory.local_rule_level(*_siso(target(3)), RFLO.decay).loss,
    kind="mean",
    relative=True,
    tolerance=0.01,
    figure=drawings.loss_by_strength,
)
def without_random_weights(runs):
    """Without random recurrent weights RFLO with one output ends on its first stair: loss at time 100."""
    return final_losses(runs)[0]


def _siso(task):
    poles, residues = model_of(task)
    return poles, residues[:, 0]


@claim(
    "item 3",
    strengths,
    predict=-1.0,
    kind="mean",
    tolerance=0.05,
    scales="quick full",
    figure=drawings.loss_by_strength,
)
def random_weights_lift(runs):
    """The stronger the random weights, the lower the final loss: rank correlation, seed by seed."""
    degrees = sorted({settings_of(run).degree for run in runs})
    rows = np.concatenate([final_losses(runs, degree) for degree in degrees], axis=1).T
    g = sorted({settings_of(run).g for run in runs})
    return [spearmanr(g, row)[0] for row in rows]


@claim(
    "item 3",
    strengths,
    predict=None,
    kind="mean",
    tolerance=0.0,
    scales="quick full",
    note="decades below the first stair",
    figure=drawings.loss_by_strength,
)
def random_weights_effect(runs):
    """How far random weights of strength 0.9 take RFLO below its first stair: decades of the loss."""
    rows = final_losses(runs)
    return np.log10(rows[0] / rows[-1])
