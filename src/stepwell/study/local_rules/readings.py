"""What the claims of this study read off records."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from stepwell import analysis, theory
from stepwell.rule import RULES
from stepwell.rule.base import AbstractRule
from stepwell.run import settings_of
from stepwell.run.reduced_modes import ModeFlow, PopulationDescent, population_starts
from stepwell.study.base import value_of


def mode_of(settings: Any) -> tuple[float, float, float]:
    """a*, b* and w* of a flow of one mode."""
    return settings.a_star[0], settings.b_star[0], settings.w_star[0]


def rule_name(settings: Any) -> str:
    """The rule of an experiment as figures and pairs call it."""
    return name_of(value_of(settings, "rule"))


def name_of(rule: AbstractRule) -> str:
    """The name of a rule, and whether it has the true readout in place of feedback."""
    name = next(name for name, kind in RULES.items() if isinstance(rule, kind))
    return f"{name}, true readout" if getattr(rule, "feedback", None) == "symmetric" else name


def crossing(x: np.ndarray, y: np.ndarray, level: float = 0.0) -> float:
    """Where a curve first crosses a level, by straight lines; NaN if it does not."""
    sides = np.flatnonzero(np.diff(np.sign(y - level)))
    if not len(sides):
        return float("nan")
    i = sides[0]
    return float(x[i] + (level - y[i]) * (x[i + 1] - x[i]) / (y[i + 1] - y[i]))


def slow_rates(run: xr.Dataset) -> np.ndarray:
    """The smaller rate of approach at every place of a scan, from the Jacobian; real part."""
    trace, determinant = run.trace.values[0], run.determinant.values[0]
    return ((trace - np.sqrt(trace**2 - 4 * determinant + 0j)) / 2).real


def time_to(run: xr.Dataset, share: float) -> float:
    """When the loss of the first seed has fallen to a share of its start."""
    loss = run.loss.values[0]
    return crossing(run.learning_time.values, loss / loss[0], share)


def per_decade(runs: Sequence[xr.Dataset]) -> float:
    """By how much the time to 95 % of the loss grows per decade of smaller weights, at the two smallest."""
    ends = sorted(runs, key=lambda run: settings_of(run).start[0])[:2]
    decades = np.log10(settings_of(ends[1]).start[0] / settings_of(ends[0]).start[0])
    return (time_to(ends[0], 0.95) - time_to(ends[1], 0.95)) / decades


def changes(run: xr.Dataset) -> np.ndarray:
    """The change of the recurrent weights, [seed, unit, unit_from]."""
    return run.W.values[:, -1] - run.W.values[:, 0]


def ranks(run: xr.Dataset, cut: float = 1e-10) -> np.ndarray:
    """The rank of the change of every seed, at a cut relative to its first singular value."""
    values = analysis.singular_values(run.W.values[:, -1], run.W.values[:, 0])
    return np.asarray(analysis.numerical_rank(values, cut))


def beyond_outputs(runs: Sequence[xr.Dataset]) -> list[np.ndarray]:
    """The rank of the change minus the number of outputs."""
    return [ranks(run) - run.sizes["output"] for run in runs]


def residuals(runs: Sequence[xr.Dataset]) -> list[np.ndarray]:
    """The share of the change outside the columns of the feedback."""
    return [np.asarray(analysis.feedback_residual(changes(run), run.feedback.values[:, 0])) for run in runs]


def decades(run: xr.Dataset) -> np.ndarray:
    """How many decades the loss has fallen, [seed]."""
    return -np.log10(run.loss.values[:, -1] / run.loss.values[:, 0])


def succeeded(run: xr.Dataset) -> np.ndarray:
    """Whether the loss was halved by a network that is still stable, [seed]."""
    stable = np.abs(np.linalg.eigvals(run.W.values[:, -1])).max(axis=-1) < 1
    return stable & np.isfinite(run.loss.values[:, -1]) & (decades(run) > np.log10(2))


def paired(
    runs: Sequence[xr.Dataset], more: str, less: str, reading: Callable[[xr.Dataset], np.ndarray]
) -> np.ndarray:
    """Differences of a reading between two rules on the same draws, where both succeed."""
    by_rule = {name: [r for r in runs if rule_name(settings_of(r)) == name] for name in (more, less)}
    pairs = zip(by_rule[more], by_rule[less], strict=True)
    return np.concatenate(
        [(reading(one) - reading(two))[succeeded(one) & succeeded(two)] for one, two in pairs]
    )


def drift(run: xr.Dataset) -> np.ndarray:
    """How far the conserved quantity of a rule has moved by learning time 8, [seed]."""
    settings = settings_of(run)
    rule, at = value_of(settings, "rule"), round(8 / value_of(settings, "optimiser__learning_rate") / 400)
    feedback = run.feedback.values[:, 0] if "feedback" in run else [None] * run.sizes["seed"]

    def invariant(seed: int, snapshot: int) -> np.ndarray:
        W, b, c = (run[name].values[seed, snapshot] for name in ("W", "b", "c"))
        return np.asarray(theory.matrix_invariant(rule, W, b, c, feedback[seed]))

    return np.array([np.linalg.norm(invariant(i, at) - invariant(i, 0)) for i in range(run.sizes["seed"])])


def cosines(run: xr.Dataset, names: Sequence[str] = ("W", "b")) -> np.ndarray:
    """The cosine between the rule's direction and the gradient, [seed, snapshot]; NaN after diverging."""
    pair = directions(run)
    finite = np.all([np.isfinite(d[name]).all(axis=(-2, -1)) for d in pair for name in names], axis=0)
    kept = [{name: np.where(finite[..., None, None], d[name], 1.0) for name in names} for d in pair]
    return np.where(finite, np.asarray(analysis.direction_cosine(*kept, names=names)), np.nan)


def directions(run: xr.Dataset) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The direction of the rule and the gradient at every snapshot, by name, [seed, snapshot, ...]."""
    settings = settings_of(run)
    students = tuple(jnp.asarray(run[name].values) for name in ("W", "b", "c"))
    _, teachers, _ = population_starts(settings, run.seed.values.tolist())
    feedback = jnp.asarray(run.feedback.values) if "feedback" in run else None
    rule = value_of(settings, "rule")
    found = (
        _directions(rule, students, teachers, feedback),
        _directions(RULES["bptt"](), students, teachers, None),
    )
    names = ("W", "b", "c")
    return tuple(dict(zip(names, map(np.asarray, changes))) for changes in found)  # type: ignore[return-value]


@eqx.filter_jit
def _directions(rule: Any, students: Any, teachers: Any, feedback: Any) -> Any:
    def along(students: Any, teacher: Any, feedback: Any) -> Any:
        return jax.vmap(lambda student, F: theory.population_update(rule, student, teacher, F)[1])(
            students, feedback
        )

    return jax.vmap(along)(students, teachers, feedback)


def modes(run: xr.Dataset) -> analysis.Modes:
    """The modes of a network that is not aligned, [seed, snapshot, mode]."""
    return analysis.mode_readout(*_in_axes(run))


def alignments(run: xr.Dataset) -> dict[str, Any]:
    """Its alignment, [seed, snapshot] by name."""
    return analysis.mode_alignment(*_in_axes(run))


def _in_axes(run: xr.Dataset) -> tuple[np.ndarray, ...]:
    settings = settings_of(run)
    weights = [run[name].values for name in ("W", "b", "c")]
    F = run.feedback.values if "feedback" in run else np.swapaxes(weights[2], -1, -2)
    return *weights, F, *(np.asarray(axes) for axes in value_of(settings, "task").axes())


def theory_errors(run: xr.Dataset, snapshot: int) -> np.ndarray:
    """The relative distance between modes and their equations from a snapshot on, [seed, mode]."""
    measured = np.stack(modes(run)[:3], axis=2)
    wanted = [theory_course(run, seed, snapshot) for seed in range(run.sizes["seed"])]
    later = measured[:, snapshot:]
    gaps = np.sum((np.stack(wanted) - later) ** 2, axis=2).mean(axis=1)
    return np.sqrt(gaps / np.sum(later**2, axis=2).mean(axis=1))


def theory_course(run: xr.Dataset, seed: int, snapshot: int) -> np.ndarray:
    """What the mode equations make of a run from a snapshot on, [snapshot, weight, mode]."""
    settings, found, times = settings_of(run), modes(run), run.snapshot_learning_time.values
    task = value_of(settings, "task")
    start: Any = tuple(tuple(values[seed, snapshot].tolist()) for values in found[:3])
    teacher = tuple(task.a_star), tuple(task.b_star), tuple(task.w_star)
    feedback = tuple(found.feedback[seed, snapshot].tolist())
    flow = ModeFlow(
        value_of(settings, "rule"), *teacher, feedback, start, None, float(times[-1]), len(times)
    ).run([0])
    count = len(times) - snapshot
    return np.stack([flow[name].values[0, :count] for name in "abw"], axis=1)


def one_pole(run: xr.Dataset, time: float) -> np.ndarray:
    """The loss of every seed at a learning time."""
    return run.loss.values[:, int(np.argmin(np.abs(run.learning_time.values - time)))]


def level_of(settings: PopulationDescent) -> float:
    """The level that two-point interpolation gives the rule of an experiment with one output."""
    task, rule = value_of(settings, "task"), value_of(settings, "rule")
    W, b, c = (np.asarray(part) for part in task.teacher)
    return theory.local_rule_level(np.diag(W), c[0] * b[:, 0], getattr(rule, "decay", 0.0)).loss


def rests(settings: PopulationDescent) -> bool:
    """Whether a rule stays on the first stair with one output: RFLO and tBPTT(1), and no BPTT between."""
    rule = value_of(settings, "rule")
    return (
        not settings.exact_every and rule_name(settings) in ("rflo", "tbptt") and getattr(rule, "lag", 1) == 1
    )
