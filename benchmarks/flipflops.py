"""The fixed points of networks that were trained to remember bits, against a search in PyTorch.

Every pattern of the bits should be a stable fixed point. The reference descends on half the squared speed
with Adam, at a learning rate of 0.01, from all starts in one batch, until it is below 1e-12 everywhere or
5 000 iterations are done.
"""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import baselines
from benchmarks.suites import TORCH, Suite
from benchmarks.timing import Gate, Variant, alternate, speed_up
from stepwell import NETWORKS, TASKS, Experiment, Optimiser, train
from stepwell.analysis import fixed_points, network_field, states

UNITS, STARTS = 48, 1024


def flipflop(bits: int, updates: int = 2000) -> Experiment:
    """A network that learns to remember bits."""
    return Experiment(
        task=TASKS["flipflop"](bits=bits, variant="sparse", steps=120, onset=0.03),
        network=NETWORKS["rate"](hidden=UNITS, input=bits, output=bits, scaling="standard"),
        optimiser=Optimiser("adam", 3e-3, clip=1.0),
        updates=updates,
    )


def search(rounds: int, bits: tuple[int, ...] = (2, 3, 4)) -> list[Suite]:
    """F2: all stable fixed points of trained flip-flops."""
    return [_suite(count, rounds) for count in bits]


def derivative_bounds(W: np.ndarray) -> tuple[float, float]:
    r"""Bounds on the second and third derivative of $W\tanh h-h$: those of tanh times the norm of W."""
    norm = float(np.linalg.norm(W, 2))
    return 4 / (3 * np.sqrt(3)) * norm, 2 * norm


def starts_at_work(settings: Experiment, params: dict[str, np.ndarray]) -> np.ndarray:
    """States of the network at work, drawn at random."""
    draw = np.random.default_rng(0)
    arrays = {name: jnp.asarray(value) for name, value in params.items()}
    active = np.asarray(states(settings.network, arrays, settings.task.trials(jax.random.key(1), 64)))
    active = active[:, 15:].reshape(-1, UNITS)
    return active[draw.choice(len(active), STARTS, replace=False)] + 0.1 * draw.standard_normal(
        (STARTS, UNITS)
    )


def _suite(bits: int, rounds: int) -> Suite:
    settings = flipflop(bits)
    trained = train(settings, [0])
    params = {k: trained[k].values[0, -1] for k in ("W", "b", "c")}
    starts = starts_at_work(settings, params)
    field, bounds = network_field(settings.network, params, np.zeros(bits)), derivative_bounds(params["W"])
    name, reference = "stepwell", "torch search"
    title = f"flip-flop of {bits} bits  N={UNITS}, {STARTS} starts  float64"
    if not TORCH:
        gate = Gate(f"F2 {bits} bits", f">= 20 x {reference}", 20, True, [], "torch is not installed")
        return Suite(title, {}, [gate])
    found: dict[str, int] = {}

    def ours() -> None:
        points = [point for point in fixed_points(field, starts, None, bounds) if point.kind == "fixed"]
        found[name] = sum(point.stable(1 - settings.network.leak) for point in points)

    def theirs() -> None:
        points = baselines.distinct(baselines.torch_rests(params["W"], starts))
        found[reference] = _stable(points, params["W"], settings.network.leak)

    times = alternate([Variant(reference, theirs, 1), Variant(name, ours, 1)], rounds)
    told = f"{found[name]} stable points of {2**bits}, {found[reference]} by the reference"
    ratios = speed_up(times, name, reference) if found[name] == 2**bits else []
    gate = Gate(f"F2 {bits} bits", f">= 20 x {reference}", 20, True, ratios, told)
    return Suite(f"{title}; {told}", times, [gate])


def _stable(points: list[np.ndarray], W: np.ndarray, leak: float) -> int:
    """How many fixed points are stable."""
    steps = [leak * np.eye(UNITS) + (1 - leak) * W * (1 - np.tanh(state) ** 2) for state in points]
    return sum(np.abs(np.linalg.eigvals(J)).max() < 1 for J in steps)
