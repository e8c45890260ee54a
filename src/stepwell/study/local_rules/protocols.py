"""Experiments that the claims of this study share, by scale."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import Linear, Rate
from stepwell.rule import RULES
from stepwell.rule.base import AbstractRule
from stepwell.run.reduced_modes import ModeFlow, PopulationDescent
from stepwell.study.base import Claims, Run
from stepwell.study.local_rules.closed_forms import FIRST, Aligned, Linearised, OneUpdate
from stepwell.task import DataAligned, FlipFlop, WhiteNoise

claim = Claims("williams2026")

BPTT, TBPTT, EPROP = RULES["bptt"](), RULES["tbptt"](1), RULES["eprop"]()
RFLO, SYMMETRIC = RULES["rflo"](FIRST["decay"]), RULES["rflo"](FIRST["decay"], "symmetric")
RFLO_SPECTRA = RULES["rflo"](0.4)
POLES, RESIDUES = (0.5, -0.45, -0.75), (0.9, 0.7, -0.65)
"""The target with one output."""
SCALES_OF_START = {"smoke": (1e-2, 1e-4), "quick": (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)}
SCALES_OF_START["full"] = SCALES_OF_START["quick"]


def one_update(*rules: AbstractRule, linear: bool = False) -> Callable[[str], list[Run]]:
    """One direction of each rule at a random start: linear and leaky tanh units."""
    task = WhiteNoise(hidden=4, output=2, steps=15, batch=4)
    leaky = Rate(hidden=5, input=3, output=2, leak=0.7, form="rate", scaling="standard")
    networks = (Linear(5, 3, 2, sigma0=0.4),) + (() if linear else (leaky,))
    return lambda scale: [
        (OneUpdate(task, network, rule), range(1 if scale == "smoke" else 5))
        for network in networks
        for rule in rules
    ]


def aligned(*rules: AbstractRule, axes: bool = False) -> Callable[[str], list[Run]]:
    """Aligned networks with random modes."""
    return lambda scale: [(Aligned(rule, axes), range(1 if scale == "smoke" else 5)) for rule in rules]


def scan(rules: Sequence[AbstractRule], low: float, high: float, where: str = "optimum") -> list[Run]:
    """Places along the fixed points of Fig. 1."""
    return [(Linearised(rule, where, 400, (low, high)), (0,)) for rule in rules]


def ensemble(*rules: AbstractRule, where: str = "optimum") -> Callable[[str], list[Run]]:
    """Drawn parameters and places."""
    return lambda scale: [
        (Linearised(rule, where, 5000 if scale == "smoke" else 200_000), (0,)) for rule in rules
    ]


def trajectories(*rules: AbstractRule, sign: float = 1.0) -> list[Run]:
    """The start of Fig. 4, whose caption fixes the square of a* b* alone."""
    mode, start = ((1.0,), (0.5 * sign,), (0.7,)), (1.0, 1.0, 0.6)
    return [(ModeFlow(rule, *mode, (-0.2,), start, samples=2001), (0,)) for rule in rules]


def scattered(*rules: AbstractRule, spreads: tuple[float, ...] = (0.1, 0.7)) -> Callable[[str], list[Run]]:
    """Random starts of one mode, followed for a long time."""

    def runs(scale: str) -> list[Run]:
        wide = (*spreads, 0.3, 1.2, 2.0) if scale == "full" and len(spreads) > 1 else spreads
        count, time = (300 if scale == "full" else 60), {"duration": 3000.0, "samples": 201}
        mode = (1.0,), (0.5,), (0.7,)
        return [(ModeFlow(rule, *mode, spread=s, **time), range(count)) for rule in rules for s in wide]

    return runs


def circling(scale: str) -> list[Run]:
    """Starts beside the wrong-sign branch, just beyond its Hopf point."""
    kappa, mode = (
        FIRST["a_star"] * FIRST["b_star"],
        tuple((FIRST[x],) for x in ("a_star", "b_star", "w_star")),
    )
    places = (-0.395, -0.393, -0.4) if scale == "full" else (-0.395,)
    starts = [(1.0001 * s, kappa / s, FIRST["w_star"]) for s in places]
    time = {"duration": 4e4, "samples": 4001, "rtol": 1e-11}
    flow = partial(ModeFlow, RFLO, *mode, (FIRST["feedback"],))
    return [(flow(start, **time), (0,)) for start in starts]


def small_starts(*rules: AbstractRule) -> Callable[[str], list[Run]]:
    """Three modes from small and smaller weights: as many outputs as modes."""
    modes = (1.0, 0.6, 0.3), (1.0, 0.5, 0.3), (0.7, 0.6, 0.5), (0.5, 0.5, 0.5)
    time = {"duration": 300.0, "samples": 2001, "first": 0.01}
    return lambda scale: [
        (ModeFlow(rule, *modes, (e, e, 0.0), **time), (0,)) for rule in rules for e in SCALES_OF_START[scale]
    ]


def unaligned(
    *rules: AbstractRule, seeds: Sequence[int] | None = None, hidden: int | None = None, **settings: Any
) -> Callable[[str], list[Run]]:
    """A student that is not aligned with its teacher of four modes."""
    task = DataAligned((1, 0.9, 0.8, 0.7), (1, 0.7, 0.5, 0.35), (0.8, 0.65, 0.5, 0.35))

    def runs(scale: str) -> list[Run]:
        sizes = (hidden,) if hidden else {"smoke": (8,), "quick": (12,), "full": (8, 16, 40)}[scale]
        chosen = seeds or range({"smoke": 3, "quick": 4, "full": 6}[scale])
        updates = 1000 if scale == "smoke" else 4000
        return [
            (
                descent(
                    task,
                    Linear(n, 4, 4, sigma0=0.1 / math.sqrt(n)),
                    rule,
                    **({"learning_rate": 0.02, "updates": updates, "every": 50} | settings),
                ),
                chosen,
            )
            for n in sizes
            for rule in rules
        ]

    return runs


def descent(
    task: Any,
    network: Linear,
    rule: AbstractRule,
    learning_rate: float,
    updates: int,
    every: int,
    **options: Any,
) -> PopulationDescent:
    """Descent on expected updates."""
    optimiser, recording = Optimiser("sgd", learning_rate), Recording(every)
    return PopulationDescent(Experiment(task, network, rule, optimiser, updates, recording), **options)


def spectra(
    *rules: AbstractRule,
    outputs: tuple[int, ...] = (1, 2),
    seeds: Sequence[int] = range(24),
    updates: int = 1500,
    rates: tuple[float, ...] | None = None,
) -> Callable[[str], list[Run]]:
    """A Gaussian teacher and a student of ordinary initial weights, both drawn by the seed."""

    def runs(scale: str) -> list[Run]:
        n, m, units = (12, 2, 4) if scale == "smoke" else (24, 3, 6)
        start = 0.5 / math.sqrt(n), 1 / math.sqrt(m), 1 / math.sqrt(n)
        steps, chosen = (400, range(3)) if scale == "smoke" else (updates, seeds)
        every = min(50, steps) or 1
        return [
            (
                descent(
                    WhiteNoise(m, o, units, 0.85, 1 / math.sqrt(3)),
                    Linear(n, m, o),
                    rule,
                    rate,
                    steps,
                    every,
                    start=start,
                    own_teacher=True,
                ),
                chosen,
            )
            for o in (outputs if scale == "full" else outputs[:1])
            for rate in (rates or (0.05 if o == 1 else 0.02,))
            for rule in rules
        ]

    return runs


def noisy(*rules: AbstractRule, tanh: bool = False) -> Callable[[str], list[Run]]:
    """Descent on drawn trials of white inputs."""

    def runs(scale: str) -> list[Run]:
        outputs = (2,) if scale == "smoke" or tanh else (1, 2, 3) if scale == "quick" else (1, 2, 4)
        steps, updates = (10, 100) if scale == "smoke" else (25, 300)
        network = (
            (lambda o: Rate(20, 3, o, g=0.5, leak=0.5, scaling="standard", form="rate"))
            if tanh
            else (lambda o: Linear(20, 3, o, sigma0=0.15))
        )
        return [
            (
                Experiment(
                    WhiteNoise(output=o, steps=steps),
                    network(o),
                    rule,
                    Optimiser("sgd", 0.003),
                    updates,
                    Recording(updates),
                ),
                (0,),
            )
            for o in outputs
            for rule in rules
        ]

    return runs


def flip_flop(*rules: AbstractRule, optimiser: str = "momentum") -> Callable[[str], list[Run]]:
    """A non-linear network in the current form on the sparse flip-flop."""
    rate = {"momentum": 0.05, "adam": 0.003}[optimiser]

    def runs(scale: str) -> list[Run]:
        hidden, updates = (24, 40) if scale == "smoke" else (64, 300)
        network = Rate(hidden, 2, 2, g=0.8, leak=0.8, scaling="standard")
        steps = Optimiser(optimiser, rate, clip=1.0 if optimiser == "momentum" else None)
        seeds = range(2 if scale == "full" else 1)
        return [
            (Experiment(FlipFlop(variant="sparse"), network, rule, steps, updates, Recording(updates)), seeds)
            for rule in rules
        ]

    return runs


def drifting(*rules: AbstractRule) -> Callable[[str], list[Run]]:
    """The same descent with steps of halved size."""
    draw = np.random.default_rng(0)
    b, c = 0.6 * draw.standard_normal((3, 2)), 0.6 * draw.standard_normal((2, 3))
    task, options = WhiteNoise(teacher=(np.diag([0.7, 0.5, -0.3]), b, c)), {"feedback": 0.4}

    def runs(scale: str) -> list[Run]:
        rates = (0.02, 0.01) if scale == "smoke" else (0.02, 0.01, 0.005)
        chosen = rules[:1] if scale == "smoke" else rules
        return [
            (
                descent(task, Linear(6, 2, 2), rule, r, 1600, 400, start=(0.15, 0.25, 0.25), **options),
                range(3),
            )
            for rule in chosen
            for r in rates
        ]

    return runs


def one_output(*rules: AbstractRule, until: float = 1200.0, **options: Any) -> Callable[[str], list[Run]]:
    """The target with one output, from very small weights."""
    task = WhiteNoise(teacher=(np.diag(POLES), np.ones((3, 1)), np.array([RESIDUES])))

    def runs(scale: str) -> list[Run]:
        sizes = {"smoke": (3,), "quick": (6,), "full": (3, 6)}[scale]
        seeds, time = range({"smoke": 3, "quick": 6, "full": 24}[scale]), 50.0 if scale == "smoke" else until
        return [
            (descent(task, Linear(n, sigma0=1e-3), rule, 0.1, round(10 * time), 100, **options), seeds)
            for n in sizes
            for rule in (rules[:1] if scale == "smoke" else rules)
        ]

    return runs
