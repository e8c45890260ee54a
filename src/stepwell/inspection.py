"""What `stepwell inspect` says and draws about a network through its training."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from stepwell.interop.histories import History

MOST_SPECTRA, MOST_SEARCHES, MOST_RANKS, MOST_TRIALS = 40, 8, 26, 64
"""Snapshots whose spectra are taken and whose rests are sought, ranks that are tried, trials of a loss."""
STARTS, LARGE = (64, 12), 100
"""Starts of the search for rests; the second number for a state longer than `LARGE`."""
GATES = {"gru": ("reset", "update", "new"), "lstm": ("input", "forget", "cell", "output")}


class Options(NamedTuple):
    """What the user told: a task or None, duration of a step in ms or None, smoothing in updates or None."""

    task: Any = None
    step: float | None = None
    smoothing: float | None = None


class Part(NamedTuple):
    """One part of a report: a title, lines of text, and perhaps a figure as a function of axes."""

    title: str
    lines: list[str]
    draw: Callable[[Any], Any] | None = None


def parts(history: "History", options: Options) -> Iterator[Part]:
    """The parts of a report on one network; one that fails says so and the others go on."""
    yield _sizes(history)
    for part in (_loss, _spectra, _change, _functional_rank, _rests):
        try:
            yield from part(history, options)
        except (ValueError, TypeError, FloatingPointError) as error:
            title = part.__name__.strip("_").replace("_", " ")
            yield Part(title.capitalize(), [f"not shown: {error}"])


def matrices(history: "History") -> dict[str, "np.ndarray"]:
    """The recurrent matrices through training, [snapshot, rows, columns], gate by gate."""
    import numpy as np

    kind = getattr(history.network, "kind", "lstm" if "weight_hh_l0" in history.weights else "")
    found: dict[str, np.ndarray] = {}
    for name, values in history.weights.items():
        recurrent = name == "W" or "weight_hh" in name
        unknown = history.network is None and values.ndim == 3 and values.shape[1] == values.shape[2]
        gates = GATES.get(kind, ()) if recurrent else ()
        if gates and values.shape[1] == len(gates) * values.shape[2]:
            blocks = np.split(values, len(gates), axis=1)
            found |= {f"{name} {gate}": block for gate, block in zip(gates, blocks, strict=True)}
        elif values.ndim == 3 and (recurrent or unknown):
            found[name] = values
    if {"m", "n"} <= set(history.weights):
        found["m nᵀ"] = history.weights["m"] @ np.swapaxes(history.weights["n"], 1, 2)
    return found


def _sizes(history: "History") -> Part:
    import numpy as np

    lines = [f"{name} {' × '.join(map(str, v.shape[1:])) or 'number'}" for name, v in history.weights.items()]
    network, count = history.network, sum(int(np.prod(v.shape[1:])) for v in history.weights.values())
    if network is not None:
        state = getattr(network, "state", network.hidden)
        what = f"{getattr(network, 'kind', type(network).__name__)} network"
        lines.insert(0, f"{what}: {network.input} inputs, state of {state}, {network.output} outputs")
    lines.append(f"{count} parameters, {len(history.updates)} snapshots")
    if len(history.updates) > 1:
        lines[-1] += f" from {history.updates[0]:g} to {history.updates[-1]:g}"
    return Part("Sizes", [*lines, *history.notes])


def _loss(history: "History", options: Options) -> Iterator[Part]:
    if len(history.loss) < 2:
        return
    from stepwell.analysis import noisy_plateaus, smoothed_loss
    from stepwell.figure.inspection import noisy_loss

    times, loss = history.loss_times, history.loss
    lines = [f"from {loss[0]:.4g} to {loss[-1]:.4g}, least {loss.min():.4g}"]
    if not (loss > 0).all():
        yield Part("Loss", [*lines, "it is not above 0 everywhere, so plateaus are not looked for."])
        return
    width = options.smoothing or max(1.0, 0.01 * len(loss))
    found = noisy_plateaus(loss, times, width)
    lines.append(f"{len(found)} plateaus followed by a fall (ln L smoothed over {width:g} entries)")
    lines += [f"  plateau at {p.level:.4g} from {p.start:.6g} to {p.end:.6g}" for p in found]
    smooth = smoothed_loss(loss, width)
    yield Part("Loss", lines, lambda ax: noisy_loss(times, loss, smooth, ax, plateaus=found))


def _spectra(history: "History", options: Options) -> Iterator[Part]:
    import numpy as np

    from stepwell.analysis import participation_ratio
    from stepwell.figure import eigenvalues, singular_values

    values = {
        name: np.linalg.svd(each[-1].astype(float), compute_uv=False)
        for name, each in matrices(history).items()
    }
    if not values:
        return
    lines = [
        f"{name}: largest singular value {s[0]:.4g}, participation ratio {participation_ratio(s):.3g} of "
        f"{len(s)}"
        for name, s in values.items()
    ]
    yield Part("Spectra of the weights", lines, lambda ax: singular_values(_first(values), ax, share=False))
    for name, each in matrices(history).items():
        if name in ("W", "m nᵀ"):
            before, after = (np.linalg.eigvals(each[i].astype(float)) for i in (0, -1))
            radius = float(np.abs(before).max())
            told = f"spectral radius {np.abs(after).max():.4g}, at the first snapshot {radius:.4g}"
            draw = partial(eigenvalues, before, after, radius=radius or 1.0)
            yield Part(f"Eigenvalues of {name}", [told], draw)


def _change(history: "History", options: Options) -> Iterator[Part]:
    if len(history.updates) < 2:
        return
    import numpy as np

    from stepwell.analysis import numerical_rank, participation_ratio, singular_values
    from stepwell.figure.inspection import change_through_time

    chosen = np.unique(np.linspace(0, len(history.updates) - 1, MOST_SPECTRA).round().astype(int))
    lines, curves = [], {}
    for name, each in matrices(history).items():
        curves[name] = singular_values(each[chosen], each[:1])
        s = curves[name][-1]
        if not s[0] > 0:
            lines.append(f"{name}: unchanged")
            continue
        norm = np.linalg.norm(s) / max(float(np.linalg.norm(each[0])), 1e-300)
        lines.append(
            f"{name}: changed by {norm:.3g} of its norm, participation ratio {participation_ratio(s):.3g}, "
            f"{numerical_rank(s, 0.1)} singular values above a tenth of the largest"
        )
    if len(chosen) < len(history.updates):
        lines.append(f"through training: {len(chosen)} of {len(history.updates)} snapshots")
    if curves:
        times = history.updates[chosen]
        yield Part("Change of the weights", lines, lambda ax: change_through_time(times, _first(curves), ax))


def _functional_rank(history: "History", options: Options) -> Iterator[Part]:
    task = options.task or history.task
    if task is None or history.network is None:
        return
    import jax
    import numpy as np

    from stepwell.analysis import functional_rank, truncated_loss
    from stepwell.analysis.truncation import recurrent_names
    from stepwell.figure import lines as drawn

    params, start = _params(history, -1), _params(history, 0)
    alone = len(history.updates) == 1
    start = {name: 0 * value for name, value in start.items()} if alone else start
    names = [name for name in recurrent_names(params) if "ih" not in name]
    most = min(min(np.shape(params[name])) for name in names)
    ranks = range(min(most, MOST_RANKS) + 1)
    trials = _trials(task, jax.random.key(0))
    losses = truncated_loss(params, start, ranks, history.network, task, trials, names)
    first, last = functional_rank(losses)
    what = "weights themselves" if alone else "change since the first snapshot"
    told = (
        f"more than {ranks[-1]}"
        if np.isnan(first)
        else f"{first:g}" + (f" to {last:g}" if last != first else "")
    )
    lines = [f"functional rank of the {what}: {told} (loss below 5 % of that at rank 0)"]
    lines.append(f"loss at rank 0: {losses[0]:.4g}, at rank {ranks[-1]}: {losses[-1]:.4g}")

    def draw(ax: Any) -> Any:
        ax.set_yscale("log")
        labels = (f"rank of the {what}", "loss")
        return drawn(np.array(ranks), {"truncated": losses}, ax, labels)

    yield Part("Functional rank", lines, draw)


def _rests(history: "History", options: Options) -> Iterator[Part]:
    network = history.network
    if network is None:
        return
    import numpy as np

    from stepwell.inspection_dynamics import dynamics, through_training

    task = options.task or history.task
    yield from dynamics(network, _params(history, -1), task, options.step)
    if len(history.updates) > 1 and getattr(network, "state", network.hidden) <= LARGE:
        chosen = np.unique(np.linspace(0, len(history.updates) - 1, MOST_SEARCHES).round().astype(int))
        yield through_training(
            network, {float(history.updates[i]): _params(history, i) for i in chosen.tolist()}
        )


def _params(history: "History", snapshot: int) -> dict[str, Any]:
    """The parameters of the network at one snapshot, in float64."""
    import jax
    import jax.numpy as jnp

    needed = jax.eval_shape(history.network.init, jax.random.key(0))
    missing = sorted(set(needed) - set(history.weights))
    if missing:
        raise ValueError(f"the weights lack {', '.join(missing)}.")
    return {name: jnp.asarray(history.weights[name][snapshot], float) for name in needed}


def _trials(task: Any, key: Any) -> Any:
    """Not too many trials of a task, in float64."""
    return task.trials(key, min(task.batch, MOST_TRIALS))


def _first(values: Mapping[str, Any]) -> dict[str, Any]:
    """As many of the matrices as have colours of their own."""
    return dict(list(values.items())[:5])
