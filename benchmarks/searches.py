"""Analyses against what one would use instead: truncated losses, and the search for fixed points."""

import jax
import numpy as np

from benchmarks import baselines, experiments, workloads
from benchmarks.ceilings import product_floor
from benchmarks.suites import TORCH, Suite
from benchmarks.timing import Gate, Variant, alternate, speed_up
from stepwell import NETWORKS, TASKS, train
from stepwell.analysis import fixed_points, network_field, truncated_loss

RANKS, TRIALS = 26, 512
UNITS, STARTS, PATTERNS = 100, 64, 3


def truncation(rounds: int) -> list[Suite]:
    """T1: the losses at all ranks, against their products alone and against updates of C."""
    network = NETWORKS["rate"](hidden=256, input=2, output=2)
    start, trained = workloads.rate_start(0), workloads.rate_start(1)
    task = TASKS["arrays"](*workloads.pulses(trials=TRIALS))
    trials = jax.tree.map(lambda a: np.asarray(a, "float32"), task.trials(jax.random.key(0)))
    settings = experiments.rate(256, 20)
    name, products, updates = f"losses at {RANKS} ranks", f"products of {RANKS} passes", "180 updates of C"
    variants = [
        Variant(products, product_floor(256, TRIALS, 100 * RANKS), 1),
        Variant(updates, lambda: train(settings, [0]), 20 / 180),
        Variant(name, lambda: truncated_loss(trained, start, range(RANKS), network, task, trials), 1),
    ]
    times = alternate(variants, rounds)
    gates = []
    for label, reference, limit in (("T1 products", products, 1.3), ("T1 updates", updates, 1.0)):
        cost = [1 / ratio for ratio in speed_up(times, name, reference)]
        gates.append(Gate(label, f"<= {limit} x {reference}", limit, False, cost))
    return [Suite(f"truncation  N=256 T=100, {TRIALS} trials  float32, one call", times, gates)]


def search(rounds: int) -> list[Suite]:
    """F1: the fixed points of a network with a few stored patterns, from random starts."""
    W, starts = _patterns()
    network = NETWORKS["rate"](hidden=UNITS)
    params = {"W": W, "b": np.zeros((UNITS, 1)), "c": np.zeros((1, UNITS))}
    field, title = network_field(network, params, np.zeros(1)), f"search  N={UNITS}, {STARTS} starts  float64"
    name, reference = "stepwell", "torch search"
    sentence = f">= 20 x {reference}"
    if not TORCH:
        return [Suite(title, {}, [Gate("F1", sentence, 20, True, [], "torch is not installed")])]
    found: dict[str, int] = {}

    def ours() -> None:
        found[name] = sum(point.kind == "fixed" for point in fixed_points(field, starts))

    def theirs() -> None:
        found[reference] = len(baselines.distinct(baselines.torch_rests(W, starts)))

    times = alternate([Variant(reference, theirs, 1), Variant(name, ours, 1)], rounds)
    told = f"{found[name]} points found, {found[reference]} by the reference"
    judged = found[name] >= found[reference] > 0
    ratios = speed_up(times, name, reference) if judged else []
    return [Suite(f"{title}; {told}", times, [Gate("F1", sentence, 20, True, ratios, told)])]


def _patterns() -> tuple[np.ndarray, np.ndarray]:
    """Recurrent weights that store a few random patterns, and starts: noisy mixtures of these."""
    draw = np.random.default_rng(0)
    patterns = draw.choice([-1.0, 1.0], (PATTERNS, UNITS))
    starts = draw.standard_normal((STARTS, PATTERNS)) @ patterns
    return 1.5 * patterns.T @ patterns / UNITS, starts + 0.1 * draw.standard_normal((STARTS, UNITS))
