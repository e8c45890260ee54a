"""What is timed against what, for each workload, and the gates on the ratios."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import baselines, experiments, workloads
from benchmarks.ceilings import product_floor
from benchmarks.timing import Gate, Timing, Variant, alternate, speed_up
from stepwell import RULES, Experiment, train
from stepwell.run.block import as_arrays
from stepwell.settings import replace

TORCH = importlib.util.find_spec("torch") is not None
LOOP, TOGETHER, JIT, FLOOR = "torch loop", "torch batched", "JAX jitted update", "product floor"


class Suite(NamedTuple):
    """A table of times and its gates.

    Attributes:
        title: what was run.
        times: by variant.
        gates: on their ratios.
        wrong: variants that did not give the losses of the first one, and were not timed.
    """

    title: str
    times: dict[str, Timing]
    gates: list[Gate]
    wrong: tuple[str, ...] = ()


class Candidate(NamedTuple):
    """A variant with the losses by which it shows that it does what the others do.

    Attributes:
        name: in the table.
        losses: updates -> the losses of the first network before each of them.
        updates: of one call when it is timed.
        networks: that are trained at once.
    """

    name: str
    losses: Callable[[int], Sequence[float]]
    updates: int
    networks: int = 1


def linear(rounds: int) -> list[Suite]:
    """A, in two sizes."""
    small = _linear(3, 30, {1: ("A3", 200), 100: ("A4", 1000)}, 400_000, rounds)
    large = _linear(5, 100, {1: ("A1", 80), 128: ("A2", 400)}, 60_000, rounds)
    return [small, large]


def _linear(n: int, steps: int, limits: dict[int, tuple[str, float]], work: int, rounds: int) -> Suite:
    start, rate = workloads.linear_start(0, n), workloads.LEARNING_RATES["A"]
    jitted = baselines.jax_loop(start, baselines.jax_linear(steps), optax.sgd(rate), "float64")
    candidates = [Candidate(JIT, jitted, work // 20)]
    if TORCH:
        count = max(limits)
        alone = baselines.torch_loop(start, baselines.torch_linear(steps), "SGD", rate, "float64")
        stacked = _stacked([workloads.linear_start(seed, n) for seed in range(count)])
        together = baselines.torch_linear_together(steps)
        batched = baselines.torch_loop(stacked, together, "SGD", rate, "float64")
        candidates = [
            Candidate(LOOP, alone, work // 1000),
            Candidate(TOGETHER, batched, work // 2000, count),
            *candidates,
        ]
    for count in limits:
        settings = _settings(experiments.linear, n, steps, count)
        candidates.append(_library(_networks(count), settings, count, work // (1 if count == 1 else 10)))
    times, wrong = _timed(candidates, rounds, 1e-12, 1e-10)
    gates = [_faster(times, *limit, _networks(count), LOOP) for count, limit in limits.items()]
    return Suite(f"A  n={n} T={steps}  float64", times, gates, wrong)


def low_rank(rounds: int) -> list[Suite]:
    """B, rank one: what one would write is float32, as it is published."""
    start, rate = workloads.low_rank_start(0, 1), workloads.LEARNING_RATES["B"]
    jitted = baselines.jax_loop(start, baselines.jax_low_rank(), optax.sgd(rate), "float32")
    candidates = [Candidate(JIT, jitted, 1000)]
    if TORCH:
        alone = baselines.torch_loop(start, baselines.torch_low_rank(), "SGD", rate, "float32")
        stacked = _stacked([workloads.low_rank_start(seed, 1) for seed in range(100)])
        together = baselines.torch_low_rank_together()
        batched = baselines.torch_loop(stacked, together, "SGD", rate, "float32")
        candidates = [Candidate(LOOP, alone, 100), Candidate(TOGETHER, batched, 30, 100), *candidates]
    for dtype in ("float32", "float64"):
        settings = _settings(experiments.low_rank, 1, 100, dtype=dtype)
        candidates.append(_library(f"{_networks(100)}, {dtype}", settings, 100, 600))
    times, wrong = _timed(candidates, rounds, 1e-5, 1e-4)
    single, double = (f"{_networks(100)}, {dtype}" for dtype in ("float32", "float64"))
    gates = [
        _faster(times, "B1", 400, single, LOOP),
        _faster(times, "B2", 10, single, TOGETHER),
        _faster(times, "B3", 200, double, LOOP),
    ]
    return [Suite("B  N=100 K=1 T=40", times, gates, wrong)]


def rate(rounds: int) -> list[Suite]:
    """C, and the same with 64 units."""
    large, floor = _rate(256, 20, rounds), product_floor()
    suites = [large._replace(gates=large.gates[:2]), _rate(64, 60, rounds)]
    name = _networks(1)
    settings = experiments.rate(256, 100)
    variants = [Variant(FLOOR, floor, 1), Variant(name, lambda: train(settings, [0]), 100)]
    times = alternate(variants, rounds)
    distance = [1 / ratio for ratio in speed_up(times, name, FLOOR)]
    gates = [Gate("C3", f"<= 1.5 x {FLOOR}", 1.5, False, distance)]
    suites[1] = suites[1]._replace(gates=[_faster(suites[1].times, "C5", 3.0, name, LOOP)])
    return [suites[0], Suite("C  N=256, against the products alone", times, gates), suites[1]]


def _rate(units: int, updates: int, rounds: int) -> Suite:
    start, batch, step = workloads.rate_start(0, units), workloads.pulses(), 0.05 / units
    jitted = baselines.jax_loop(start, baselines.jax_rate(batch), optax.adam(step), "float32")
    candidates = [Candidate(JIT, jitted, updates)]
    if TORCH:
        alone = baselines.torch_loop(start, baselines.torch_rate(batch), "Adam", step, "float32")
        candidates.insert(0, Candidate(LOOP, alone, updates // 2))
    candidates.append(_library(_networks(1), _settings(experiments.rate, units), 1, updates))
    times, wrong = _timed(candidates, rounds, 1e-5, 1e-4)
    gates = [_faster(times, "C1", 1.8, _networks(1), LOOP), _faster(times, "C2", 1.05, _networks(1), JIT)]
    return Suite(f"C  N={units} T=100 B=32  float32", times, gates, wrong)


def rules(rounds: int) -> list[Suite]:
    """The gradient of every rule on the network of C."""
    settings, variants = experiments.rate(256, 1), []
    chosen = {
        "bptt": RULES["bptt"](),
        "rflo, one decay": RULES["rflo"](decay=0.5),
        "rflo": RULES["rflo"](),
        "eprop": RULES["eprop"](),
        "tbptt(1)": RULES["tbptt"](lag=1),
    }
    for name, rule in chosen.items():
        variants.append(Variant(name, _gradient(settings, rule), 1))
    feedback = np.random.default_rng(0).standard_normal((256, 2)).astype("float32") / 16
    traces = baselines.numpy_traces(workloads.rate_start(0), workloads.pulses(), feedback)
    variants.append(Variant("rflo, traces in NumPy", traces, 1))
    times = alternate(variants, rounds)
    gates = []
    for name in chosen:
        cost = [1 / ratio for ratio in speed_up(times, name, "bptt")]
        limit = {"rflo, one decay": ("L1", 0.85)}.get(name, (f"L2 {name}", 1.5))
        if name != "bptt":
            gates.append(Gate(limit[0], f"<= {limit[1]} x bptt", limit[1], False, cost))
    return [Suite("rules  gradient alone, N=256 T=100 B=32  float32", times, gates)]


def _gradient(settings: Experiment, rule: Any) -> Callable[[], Any]:
    """One gradient of a rule, compiled."""
    key, given = jax.random.key(0), settings.network
    params = jax.tree.map(lambda a: jnp.asarray(a, "float32"), given.init(key))
    # Local rules ask for synapses apart from units, which a network with a given start does not show.
    settings = replace(settings, network=getattr(given, "network", given))
    traced = as_arrays(settings, "float32")
    state = jax.tree.map(lambda a: jnp.asarray(a, "float32"), rule.init(settings.network, key))
    trials = jax.tree.map(lambda a: jnp.asarray(a, "float32"), traced.task.trials(key))
    rule = as_arrays(rule, "float32")
    compiled = jax.jit(lambda p, t, s: rule.gradient(traced.network, traced.task, p, t, s)[:2])
    return lambda: jax.block_until_ready(compiled(params, trials, state))


def recording(rounds: int) -> list[Suite]:
    """R1: A with its snapshots, against `train` without; the bare loop shows the cost of the layers."""
    return [_recording(seeds, updates, rounds) for seeds, updates in ((100, 40_000), (1, 400_000))]


def _recording(seeds: int, updates: int, rounds: int) -> Suite:
    kept, thrown = (experiments.linear(3, 30, seeds, updates, every) for every in (50, updates))
    bare = _bare(experiments.linear(3, 30, seeds, 1), range(seeds), updates)
    loss, shots = "train, loss only", "train, snapshots every 50"
    variants = [
        Variant("bare loop, loss only", bare, updates * seeds),
        Variant(loss, lambda: train(thrown, range(seeds)), updates * seeds),
        Variant(shots, lambda: train(kept, range(seeds)), updates * seeds),
    ]
    times = alternate(variants, rounds)
    cost = [1 / ratio for ratio in speed_up(times, shots, loss)]
    gate = Gate(f"R1 {seeds}", f"<= 1.1 x {loss}", 1.1, False, cost)
    return Suite(f"recording  A n=3 T=30, {_networks(seeds)[10:]}  float64", times, [gate])


def _bare(settings: Experiment, seeds: Sequence[int], updates: int) -> Callable[[], Any]:
    """Plain steps of many networks in one compiled loop, with the losses as its only output."""
    traced, rate = as_arrays(settings, "float64"), settings.optimiser.learning_rate
    starts = [settings.network.init(jax.random.key(seed)) for seed in seeds]
    params = jax.tree.map(lambda *rows: jnp.stack(rows), *starts)
    trials = traced.task.trials(jax.random.key(0))

    def step(params: Any) -> Any:
        loss, direction, _ = traced.rule.gradient(traced.network, traced.task, params, trials, {})
        return jax.tree.map(lambda p, d: p - rate * d, params, direction), loss

    loop = jax.jit(lambda params: jax.lax.scan(lambda p, _: jax.vmap(step)(p), params, None, updates))
    return lambda: jax.block_until_ready(loop(params))


def _library(name: str, settings: Callable[[int], Experiment], seeds: int, updates: int) -> Candidate:
    """`train`, as a user calls it."""

    def losses(updates: int) -> Sequence[float]:
        return train(settings(updates), range(seeds)).loss.values[0]

    return Candidate(name, losses, updates, seeds)


def _settings(make: Callable[..., Experiment], *sizes: Any, **options: Any) -> Callable[[int], Experiment]:
    return lambda updates: make(*sizes, updates, **options)


def _networks(count: int) -> str:
    return f"stepwell, {count} {'network' if count == 1 else 'networks'}"


def _stacked(starts: Sequence[workloads.Start]) -> workloads.Start:
    return {name: np.stack([start[name] for start in starts]) for name in starts[0]}


def _timed(
    candidates: Sequence[Candidate], rounds: int, first: float, tenth: float
) -> tuple[dict[str, Timing], tuple[str, ...]]:
    """The times of those that give the losses of the first one, at update 0 and after 10, and the names of
    the rest."""
    losses = {each.name: np.asarray(each.losses(11))[[0, 10]] for each in candidates}
    reference = losses[candidates[0].name]
    right = {name: (abs(found / reference - 1) <= [first, tenth]).all() for name, found in losses.items()}
    variants = [
        Variant(each.name, lambda each=each: each.losses(each.updates), each.updates * each.networks)
        for each in candidates
        if right[each.name]
    ]
    return alternate(variants, rounds), tuple(name for name, same in right.items() if not same)


def _faster(times: dict[str, Timing], gate: str, limit: float, name: str, reference: str) -> Gate:
    reason = "" if TORCH or "torch" not in reference else "torch is not installed"
    return Gate(gate, f">= {limit:g} x {reference}", limit, True, speed_up(times, name, reference), reason)
