"""Targets and flows of rules that the claims of this study share."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stepwell.experiment import Experiment
from stepwell.network import Linear
from stepwell.rule import RULES
from stepwell.rule.base import AbstractRule
from stepwell.study.across.rule_flow import RuleFlow
from stepwell.study.base import Claims, Run
from stepwell.task import Impulse, WhiteNoise

claim = Claims("stepwell2026")

MEASURED: dict[str, Any] = {"predict": None, "kind": "mean", "tolerance": 0.0, "scales": "full"}
"""Words of claims that nobody can predict, unless they say otherwise."""

POLES, RESIDUES = (0.5, -0.45, -0.75), (0.9, 0.7, -0.65)
"""Target A, the one with three poles of which the others are variations."""
POLES_BY_DEGREE = {
    1: (0.6,),
    2: (0.6, -0.6),
    3: POLES,
    4: (0.8, 0.35, -0.3, -0.75),
    6: (0.88, 0.6, 0.25, -0.2, -0.55, -0.85),
    7: (0.9, 0.7, 0.4, 0.05, -0.3, -0.6, -0.88),
}
SEEDS = {"smoke": range(2), "quick": range(10), "full": range(10)}
BPTT, EPROP, RFLO, SYMMETRIC = (
    RULES["bptt"](),
    RULES["eprop"](),
    RULES["rflo"](0.3),
    RULES["rflo"](0.3, "symmetric"),
)


def tbptt(lag: int) -> AbstractRule:
    """One-step truncated backpropagation for lag 1, and so on."""
    return RULES["tbptt"](lag)


def target(degree: int, outputs: int = 1, draw: int = 12) -> WhiteNoise:
    """A target with one input; target A for degree 3 and one output, else unit residue vectors, drawn."""
    poles = POLES_BY_DEGREE[degree]
    if (degree, outputs) == (3, 1):
        residues = np.array([RESIDUES])
    else:
        residues = np.random.default_rng(draw).standard_normal((degree, outputs)).T
        residues = residues / np.linalg.norm(residues, axis=0) if outputs > 1 else np.abs(residues) + 0.3
    return WhiteNoise(teacher=(np.diag(poles), np.ones((degree, 1)), residues))


def response(task: WhiteNoise, steps: int | None = None) -> Impulse:
    """The target as an impulse response: what a rule does there is what it expects under white inputs."""
    poles, residues = model_of(task)
    return Impulse(poles, residues[:, :, None], steps)


def model_of(task: WhiteNoise | Impulse) -> tuple[np.ndarray, np.ndarray]:
    """Poles [pole] and residues [pole, output] of a target with one input."""
    if isinstance(task, Impulse):
        return np.asarray(task.poles), np.asarray(task.residues)[:, :, 0]
    W, b, c = (np.asarray(part) for part in task.system())
    return np.diag(W), c.T * b


def rule_flow(
    rule: AbstractRule,
    task: WhiteNoise,
    sigma0: float,
    duration: float,
    hidden: int | None = None,
    **ends: Any,
) -> RuleFlow:
    """The flow of a rule from small weights, with as many units as the target has poles unless said."""
    network = Linear(hidden or len(task.teacher[0]), 1, task.output, sigma0=sigma0)
    return RuleFlow(Experiment(task, network, rule), duration, **ends)


def flows(
    cases: Sequence[tuple[AbstractRule, int, int]], sigma0: float = 1e-4, duration: float = 1000.0
) -> Callable[[str], list[Run]]:
    """One flow for every rule, number of outputs and degree of the target; at `smoke` the first alone."""
    return lambda scale: [
        (rule_flow(rule, target(degree, outputs), sigma0, duration), SEEDS[scale])
        for rule, outputs, degree in (cases[:1] if scale == "smoke" else cases)
    ]
