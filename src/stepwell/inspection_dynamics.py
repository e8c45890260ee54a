"""The part of an inspection that looks at the dynamics: rests, their poles, and activity around them."""

from collections.abc import Iterator
from typing import Any

from stepwell.inspection import LARGE, STARTS, Part, _trials

FREE_STEPS, FREE_TRIALS = 50, 24
SHOWN = 12
"""Rests that are listed."""


def dynamics(network: Any, params: Any, task: Any, step: float | None) -> Iterator[Part]:
    """Rests at zero input with their stability and poles, and the activity in its first two components.

    Args:
        network, params: the trained network. task: for activity; None lets the network run freely.
        step: duration of a step in ms, or None.
    """
    import numpy as np

    from stepwell.analysis import fixed_points, network_field

    activity = _activity(network, params, task)
    field = network_field(network, params, 0.0)
    size = activity.shape[-1]
    states, draw = activity.reshape(-1, size), np.random.default_rng(0)
    count = STARTS[size > LARGE]
    starts = states[draw.choice(len(states), min(count, len(states)), replace=False)]
    starts = np.concatenate([starts, np.zeros((1, size))]) + 1e-3 * draw.standard_normal(
        (len(starts) + 1, size)
    )
    found = [point for point in fixed_points(field, starts) if point.kind != "slow"]
    leak = 1 - getattr(network, "leak", 0.0)
    yield Part(
        "Fixed points and ghosts", list(_listed(found, leak, len(starts), step, field.bounds is not None))
    )
    rests = [point for point in found if point.kind == "fixed"]
    yield from _linearised(network, params, rests, leak, step)
    yield _plane(field, activity, found, leak)


def through_training(network: Any, snapshots: dict[float, Any]) -> Part:
    """How many rests and ghosts at zero input the network has at some snapshots.

    Args:
        network: of all snapshots. snapshots: parameters by the time of the snapshot.
    """
    import numpy as np

    from stepwell.analysis import fixed_points, network_field
    from stepwell.figure.inspection import rests_through_training

    leak, lines = 1 - getattr(network, "leak", 0.0), []
    counts: dict[str, list[int]] = {"stable": [], "unstable": [], "ghost": []}
    for time, params in snapshots.items():
        activity = _activity(network, params, None)
        starts = activity[:, -1].reshape(len(activity), -1)
        starts = np.concatenate([starts, activity[:, 0], np.zeros_like(starts[:1])])
        found = [
            _name(p, leak)
            for p in fixed_points(network_field(network, params, 0.0), starts)
            if p.kind != "slow"
        ]
        for name, values in counts.items():
            values.append(found.count(name))
        told = ", ".join(f"{values[-1]} {name}" for name, values in counts.items())
        lines.append(f"update {time:g}: {told}")
    times = np.array(list(snapshots))
    return Part("Fixed points through training", lines, lambda ax: rests_through_training(times, counts, ax))


def _activity(network: Any, params: Any, task: Any) -> Any:
    """States of trials, or of free runs from random states, [trial, step, state]."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from stepwell.analysis import states
    from stepwell.task import Trials

    key = jax.random.key(0)
    if task is not None:
        return np.asarray(states(network, params, _trials(task, key)))
    size = getattr(network, "state", network.hidden)
    inputs = np.zeros((1, FREE_STEPS, network.input))
    runs = []
    for h0 in jax.random.normal(key, (FREE_TRIALS, size)):
        empty = np.zeros((1, FREE_STEPS, network.output))
        trials = Trials(jnp.asarray(inputs), jnp.asarray(empty), jnp.asarray(empty), h0)
        runs.append(np.asarray(states(network, params, trials))[0])
    return np.stack(runs)


def _listed(found: Any, leak: float, starts: int, step: float | None, known: bool) -> Iterator[str]:
    import numpy as np

    from stepwell.analysis import time_scales

    # Without a known bound on the second derivative a certificate rests on an estimate, and promises less.
    counts = {name: sum(_name(p, leak) == name for p in found) for name in ("stable", "unstable", "ghost")}
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    yield f"at zero input, from {starts} starts: {told}"
    for point in found[:SHOWN]:
        values = 1 + leak * point.eigenvalues
        leading = values[np.argmax(np.abs(values))]
        scale = time_scales(leading, step)
        units = ("ms", "Hz") if step else ("steps", "per step")
        unstable = int((np.abs(values) > 1).sum())
        text = f"  {_name(point, leak)}: |λ| = {abs(leading):.4f}, {unstable} unstable directions"
        text += f", time constant {abs(scale.time_constant):.4g} {units[0]}"
        if scale.frequency > 0:
            text += f", frequency {scale.frequency:.4g} {units[1]}"
        yield text + (", certified" if known and point.certified else ", converged")
    if len(found) > SHOWN:
        yield f"  and {len(found) - SHOWN} more"


def _name(point: Any, leak: float) -> str:
    if point.kind == "ghost":
        return "ghost"
    return "stable" if point.stable(leak) else "unstable"


def _linearised(network: Any, params: Any, rests: Any, leak: float, step: float | None) -> Iterator[Part]:
    """Poles, and what the largest residues weigh, at the first stable and the first unstable rest."""
    import numpy as np

    from stepwell.analysis import operating_point, time_scales
    from stepwell.figure.inspection import poles_of_points

    chosen: dict[str, Any] = {}
    for point in rests:
        chosen.setdefault(f"{_name(point, leak)} point", point)
    if not chosen:
        return
    lines, poles = [], {}
    units = ("ms", "Hz") if step else ("steps", "per step")
    for name, point in chosen.items():
        system = operating_point(network, params, np.atleast_1d(point.state), 0.0)
        poles[name] = system.poles
        weight = np.linalg.norm(system.residues, axis=(1, 2))
        lines.append(f"{name}: {sum(len(z) for z in system.zeros.values())} finite zeros over all channels")
        upper = [k for k in np.argsort(-np.nan_to_num(weight)) if np.imag(system.poles[k]) >= 0]
        for k in upper[:5]:
            scale = time_scales(system.poles[k], step)
            lines.append(
                f"  pole {_number(complex(system.poles[k]))}, residue {weight[k]:.3g}, time constant "
                f"{scale.time_constant:.4g} {units[0]}, frequency {scale.frequency:.4g} {units[1]}"
            )
    yield Part("Poles of the linearised network", lines, lambda ax: poles_of_points(poles, ax))


def _number(pole: complex) -> str:
    """A real pole, or a pair."""
    return f"{pole.real:.4g} ± {pole.imag:.4g}i" if pole.imag else f"{pole.real:.4g}"


def _plane(field: Any, activity: Any, found: Any, leak: float) -> Part:
    """Activity, flow and rests in the plane of the first two principal components."""
    import jax
    import numpy as np

    from stepwell.analysis import principal_components
    from stepwell.figure.inspection import activity_plane

    components = principal_components(activity, 2)
    if components.directions.shape[1] < 2:
        return Part("Activity", ["a single unit has no plane."])
    path = components.project(activity)
    low, high = path.min((0, 1)), path.max((0, 1))
    grid = np.stack(
        np.meshgrid(*(np.linspace(a, b, 14) for a, b in zip(low, high, strict=True))), -1
    ).reshape(-1, 2)
    velocity = (
        np.asarray(jax.vmap(field)(components.mean + grid @ components.directions.T)) @ components.directions
    )
    rests = np.reshape([components.project(np.atleast_1d(p.state)) for p in found], (-1, 2))
    unstable = []
    for number, point in enumerate(found):
        values, vectors = np.linalg.eig(point.jacobian)
        unstable += [
            (number, np.real(vectors[:, k]) @ components.directions)
            for k in np.flatnonzero(np.abs(1 + leak * values) > 1)
        ]
    share = components.variances.sum() / max(float(np.var(activity, axis=(0, 1)).sum()), 1e-300)
    stable = [_name(point, leak) == "stable" for point in found]
    return Part(
        "Activity, flow and rests",
        [f"the first two principal components hold {100 * share:.3g} % of the variance"],
        lambda ax: activity_plane(path, rests, stable, ax, flow=(grid, velocity), unstable=unstable),
    )
