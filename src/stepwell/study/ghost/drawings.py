"""The figures of the networks: records in, one picture out."""

import jax.numpy as jnp
import numpy as np

from stepwell import figure
from stepwell.analysis import abrupt_learning
from stepwell.analysis.fields import latent_field
from stepwell.figure.style import THEORY
from stepwell.run import settings_of
from stepwell.study.ghost.readings import (
    DELAY,
    THRESHOLD,
    counts,
    drops,
    learned,
    nearest_ghost,
    params_at,
    passage,
    points,
    sharpness,
    start_of,
    stuck,
    walk,
)

KAPPA, VELOCITY = "latent variable κ", "velocity f(κ)"


def caption(ax, text):
    """A line over the axes that is no heading."""
    ax.set_title(text, fontweight="normal", fontsize="medium")
    return ax


def velocities(params, places):
    """The latent field of a network at many places."""
    field = latent_field(**params)
    return np.asarray(jnp.stack([field(place) for place in jnp.asarray(places)]))


def fields(runs, predicted, ax):
    """The latent field at the start, at the drop and at the end, with the last fixed points and ghosts."""
    run, places, height = runs[0], np.linspace(-3.2, 5, 301), 1.6
    at_drop = int(np.searchsorted(run.snapshot_update.values, drops(runs[:1])[0, 0]))
    last = params_at(run, 0, -1)
    rests, ghosts = (points(last, kind) for kind in ("fixed", "ghost"))
    ax.set_ylim(-height, height)
    figure.line_field(
        places,
        {"end": velocities(last, places)},
        ax,
        (KAPPA, VELOCITY),
        stable=[p.state for p in rests if p.stable(0.5)],
        unstable=[p.state for p in rests if not p.stable(0.5)],
        ghosts=[(p.state, p.distance) for p in ghosts],
    )
    for (name, i), ink in zip({"start": 0, "drop": at_drop}.items(), ("muted", "target")):
        curve = velocities(params_at(run, 0, i), places)
        low = int(np.argmin(np.abs(curve + 0.8 * height)))
        ax.plot(places, curve, color=figure.colour(ink))
        ax.text(places[low] + 0.1, curve[low], name, color=figure.colour(ink))
    for place in (THRESHOLD, start_of(last)):
        ax.axvline(place, color=figure.colour("muted"), linewidth=0.8, linestyle=":")
    return caption(ax, "dotted: start of a trial, and the threshold")


def abruptness(runs, predicted, ax):
    """The loss of all networks around their drops."""
    run = runs[0]
    for loss, at in zip(run.loss.values, drops(runs)[0]):
        if at >= 0:
            span = slice(max(0, at - 1000), at + 1000)
            ax.plot(
                run["update"].values[span] - at,
                loss[span],
                color=figure.colour("student"),
                alpha=0.4,
                linewidth=0.8,
            )
    largest = np.nanmax(abrupt_learning.abruptness(run.loss.values))
    ax.set(xlabel="update after the drop", ylabel="loss", ylim=(0, 1.05))
    return caption(ax, f"fall from 0.9 to 0.1: at most {100 * largest:.1f} % of the time before")


def shoulder(runs, predicted, ax):
    """The largest slope of the latent field through training, until a little after the drop."""
    run = runs[0].isel(seed=slice(0, 6))
    ends = np.searchsorted(run.snapshot_update.values, drops([run])[0])
    for seed, end in enumerate(ends):
        chosen = np.unique(np.linspace(0, min(end + 20, run.sizes["snapshot"] - 1), 60).astype(int))
        steepest = counts(run, [seed], chosen).steepest[0]
        ax.plot(run.snapshot_update.values[chosen], steepest, color=figure.mode_colour(1 + seed % 5))
        ax.plot(
            run.snapshot_update.values[end], np.interp(end, chosen, steepest), "o", color=figure.colour("ink")
        )
    ax.axhline(0, color=figure.colour("muted"), linewidth=0.8)
    ax.set(xlabel="update", ylabel="largest slope of the field")
    return caption(ax, "dots: the drop; a ghost needs a slope of 0")


def slide(runs, predicted, ax):
    """The last state of a trial through training, around the drop, against the threshold."""
    close = runs[1]
    moments = np.flatnonzero(np.abs(close.snapshot_update.values) <= 200)[::5]
    for seed in range(close.sizes["seed"]):
        ends = [walk(params_at(close, seed, i))[-1] for i in moments]
        ax.plot(close.snapshot_update.values[moments], ends, color=figure.mode_colour(1 + seed % 5))
    ax.axhline(THRESHOLD, color=figure.colour("ink"), **THEORY)
    ax.axvline(0, color=figure.colour("muted"), linewidth=0.8)
    ax.set(xlabel="update after the drop", ylabel="last state of a trial")
    return caption(ax, "dashed: the threshold")


def edge(runs, predicted, ax):
    """Sharpness through the oscillation, of the first four networks."""
    return _sharpnesses(runs[0].isel(seed=slice(0, 4)), (0, 10000, 20000, 30000, 40000, 50000, 60000), ax)


def long_edge(runs, predicted, ax):
    """Sharpness through the long runs, up to the escape."""
    return _sharpnesses(runs[0], runs[0].snapshot_update.values[::2], ax)


def _sharpnesses(run, updates, ax):
    at = np.searchsorted(run.snapshot_update.values, updates)
    for seed in range(run.sizes["seed"]):
        values = [sharpness(run, seed, place) for place in at]
        ax.plot(
            updates, values, "o-", color=figure.mode_colour(seed + 1), label=f"seed {run.seed.values[seed]}"
        )
    ax.axhline(2, color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="update", ylabel="learning rate × largest curvature of the loss", ylim=(0, 2.6))
    figure.key_above(ax, columns=4)
    return ax


def passages(runs, predicted, ax):
    """Steps from start to threshold by the exact integral, against a full passage of the ghost."""
    states = [params_at(runs[0], seed, -1) for seed in range(min(20, runs[0].sizes["seed"]))]
    exact, ghosts = [passage(params) for params in states], [nearest_ghost(params)[0] for params in states]
    full = [np.nan if ghost is None else 2 * ghost.passage_time for ghost in ghosts]
    ax.plot(full, exact, "o", color=figure.colour("student"))
    ax.axhline(DELAY, color=figure.colour("ink"), **THEORY)
    ax.set(xlabel="full passage of the ghost, steps", ylabel="start to threshold, steps", ylim=(0, 30))
    return caption(ax, "dashed: the delay; the state starts inside the bottleneck")


def order(runs, predicted, ax):
    """When the first ghost, the first saddle-node and the entry into the zone come after the drop, per
    network."""
    close = runs[1]
    found, since = counts(close), close.snapshot_update.values
    looks = (
        ("first ghost", found.ghosts > 0, "D", "zero"),
        ("saddle-node", found.rests >= 3, "s", "student"),
    )
    rows = np.argsort(np.array([np.argmax(row) if row.any() else len(row) for row in found.ghosts > 0]))
    for name, there, marker, ink in looks:
        first = np.array([since[np.argmax(row)] if row.any() else np.nan for row in there[rows]])
        ax.plot(first, np.arange(len(rows)), marker, color=figure.colour(ink), label=name)
    ax.axvline(0, color=figure.colour("ink"), label="drop")
    ax.set(xlabel="update after the drop", ylabel="network", xlim=(-25, since[-1] + 5))
    figure.key_above(ax)
    return ax


def saddle_node(runs, predicted, ax):
    """The latent field before, at and after the first saddle-node of a network."""
    close, places = runs[1], np.linspace(-5, 8, 201)
    split = counts(close).rests >= 3
    if not split.any():
        return caption(ax, "no saddle-node in this window")
    seed = int(np.flatnonzero(split.any(axis=1))[0])
    at = int(np.argmax(split[seed]))
    moments = {"before": max(at - 10, 0), "just before": at - 1, "after": at}
    courses = {name: velocities(params_at(close, seed, i), places) for name, i in moments.items()}
    last = params_at(close, seed, at)
    rests = points(last, "fixed")
    return figure.line_field(
        places,
        courses,
        ax,
        (KAPPA, VELOCITY),
        stable=[p.state for p in rests if p.stable(0.5)],
        unstable=[p.state for p in rests if not p.stable(0.5)],
    )


def collapse(runs, predicted, ax):
    """The gradient norm of networks that end in the no-learning zone, and of those that do not."""
    run = runs[0]
    lost, kept = stuck(run), learned(run) & ~stuck(run)
    for chosen, ink, name in ((kept, "student", "still learning"), (lost, "vermillion", "no-learning zone")):
        for row in np.flatnonzero(chosen)[:12]:
            curve = np.maximum(run.gradient_norm.values[row, ::10], 1e-20)
            ax.plot(run["update"].values[::10], curve, color=figure.colour(ink), alpha=0.5, linewidth=0.7)
        ax.plot([], [], color=figure.colour(ink), label=name)
    ax.set(yscale="log", xlabel="update", ylabel="gradient norm (0 drawn at 1e-20)")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def zone_population(runs, predicted, ax):
    """The loss of all networks through training, a row each: late learners above early ones, the lost on
    top."""
    run = runs[0]
    lost, knew = stuck(run), learned(run)
    order = np.lexsort((run.onset.values[:, -1], lost, knew))
    updates = run["update"].values[::20]
    values = run.loss.values[order, ::20].clip(max=1)
    figure.heat_map(updates, np.arange(len(order)), values, ax, ("update", "network", "loss"))
    for border, name in (
        (0, f"{(~knew).sum()} not yet"),
        ((~knew).sum(), f"{(knew & ~lost).sum()} at work"),
        ((~lost).sum(), f"{lost.sum()} lost"),
    ):
        ax.axhline(border - 0.5, color=figure.colour("ink"), linewidth=0.8)
        ax.text(2550, border + 2, name)
    ax.set_xlim(2500, updates[-1])
    return caption(ax, f"{knew.sum()} of {len(lost)} learn, {lost.sum()} of them end in the no-learning zone")


def recovery(runs, predicted, ax):
    """Accuracy after 100 more updates against the confidence, and how many networks came back."""
    run = runs[0]
    gammas, accuracy = np.array(settings_of(run).confidences), run.accuracy.values
    error = accuracy.std(axis=0, ddof=1) / np.sqrt(len(accuracy))
    ax.errorbar(
        gammas, accuracy.mean(axis=0), yerr=error, fmt="o-", color=figure.colour("student"), markersize=3
    )
    back = (accuracy > 0.5).sum(axis=0)
    for gamma, count in list(zip(gammas, back))[::5]:
        ax.text(gamma, 1.02, str(count), ha="center", fontsize="small", color=figure.colour("muted"))
    ax.set(xscale="log", ylim=(0.45, 1.0), xlabel="confidence", ylabel="accuracy after 100 updates")
    ax.axhline(0.5, color=figure.colour("muted"), linewidth=0.8, linestyle=":")
    caption(ax, f"above: networks of {len(accuracy)} that came back\n")
    figure.log_ticks(ax)
    return ax


def remedies(runs, predicted, ax):
    """How many networks learn and how many end in the zone, with and without the remedy."""
    for k, run in enumerate(runs):
        settings = settings_of(run)
        name = "trained" if settings.network.trained_confidence else settings.rule.course
        values = learned(run).mean(), stuck(run).mean()
        for bar, (value, ink) in enumerate(zip(values, ("student", "vermillion"))):
            ax.bar(k + 0.35 * bar, value, 0.32, color=figure.colour(ink))
        ax.text(k + 0.175, -0.04, f"{name}\nconfidence", ha="center", va="top")
    for ink, name in (("student", "learned at some point"), ("vermillion", "no-learning zone at the end")):
        ax.bar([0], [0], color=figure.colour(ink), label=name)
    ax.set(ylim=(0, 1.02), xticks=[], ylabel="share of networks")
    figure.key_above(ax)
    return ax
