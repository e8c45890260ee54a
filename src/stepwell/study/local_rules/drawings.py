"""The figures of networks: records in, one picture out; what is predicted comes from the settings."""

import numpy as np

from stepwell import analysis, figure, theory
from stepwell.figure.style import title
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.local_rules.readings import (
    alignments,
    cosines,
    decades,
    drift,
    level_of,
    modes,
    rests,
    rule_name,
    succeeded,
    theory_course,
    theory_errors,
)

DIALS = "decay", "lag"


def drifts(runs, predicted, ax):
    """How far conserved quantities move against the learning rate, by rule; dashed, in proportion."""
    moved = {}
    for run in runs:
        rate = value_of(settings_of(run), "optimiser__learning_rate")
        moved.setdefault(rule_name(settings_of(run)), {})[rate] = drift(run)
    rates = np.array(sorted(next(iter(moved.values()))))
    samples = {name: np.stack([by_rate[rate] for rate in rates], axis=1) for name, by_rate in moved.items()}
    laws = {name: values.mean(axis=0)[-1] * rates / rates[-1] for name, values in samples.items()}
    ax.set(xscale="log", yscale="log")
    return figure.lines(
        rates, samples, ax, ("learning rate", "drift of the conserved quantity"), predicted=laws
    )


def spectra(runs, predicted, ax):
    """Singular values of the change of W by index, by rule, divided by the first (Fig. 6), a panel per number
    of outputs."""
    outputs = sorted({run.sizes["output"] for run in runs})
    panels = figure.columns(ax, len(outputs)) if len(outputs) > 1 else [ax]
    for count, panel in zip(outputs, panels):
        values = {}
        for run in (run for run in runs if run.sizes["output"] == count):
            good = np.isfinite(run.loss.values[:, -1])
            found = analysis.singular_values(run.W.values[good, -1], run.W.values[good, 0])
            values[rule_name(settings_of(run))] = np.exp(np.log(np.maximum(found, 1e-17)).mean(axis=0))
        figure.singular_values(values, panel)
        if len(outputs) > 1:
            panel.set_title(f"{count} output{'' if count == 1 else 's'}", fontsize="medium")
    return ax


def gates(runs, predicted, ax):
    """Singular values of the change of W, with and without the gate."""
    names = ("ungated", "gated")
    found = [analysis.singular_values(run.W.values[:, -1], run.W.values[:, 0]) for run in runs]
    return figure.singular_values({name: np.maximum(v, 1e-17) for name, v in zip(names, found)}, ax)


def performance(runs, predicted, ax):
    """Decades by which the loss falls, by rule (Fig. 10)."""
    output = runs[0].sizes["output"]
    same = [run for run in runs if run.sizes["output"] == output]
    samples = {rule_name(settings_of(run)): decades(run)[succeeded(run)] for run in same}
    return figure.forest(samples, np.nan, ax, "decades by which the loss falls")


def theory_errors_by_start(runs, predicted, ax):
    """The error of the mode equations against the update from which they are integrated (Fig. 5 A); as an
    inset the readouts of one run, and dashed the equations from update 50 (Fig. 5 C)."""
    starts = [0, 1, 2, 4, 8, 16, 32]
    errors = {}
    for run in runs[:2]:
        found = [theory_errors(run, start).mean(axis=1) for start in starts]
        errors[rule_name(settings_of(run))] = np.stack(found, axis=1)
    ax.set(yscale="log")
    updates = runs[0].snapshot_update.values
    labels = "update of the start", "relative error of the mode equations"
    figure.lines(updates[starts], errors, ax, labels)
    inset, wanted = ax.inset_axes((0.42, 0.5, 0.56, 0.46)), theory_course(runs[0], 0, 1)
    for k, measured in enumerate(modes(runs[0]).a[0].T, 1):
        inset.plot(updates, measured, color=figure.mode_colour(k), linewidth=1)
        inset.plot(updates[1:], wanted[:, 0, k - 1], "--", color=figure.colour("ink"), linewidth=0.7)
    inset.set(xlim=(0, 1000), xlabel="update")
    inset.set_title("readout of every mode", fontsize="small")
    return ax


def alignment_through_time(runs, predicted, ax):
    """The four alignments of the first record against the update (Fig. 5 B)."""
    shares = {name: np.asarray(share) for name, share in alignments(runs[0]).items()}
    updates = runs[0].snapshot_update.values[:21]
    return figure.lines(updates, {k: v[:, :21] for k, v in shares.items()}, ax, ("update", "alignment"))


def stairs(runs, predicted, ax):
    """The loss with one output, by rule, one line per seed; dashed, the level at which a local rule rests."""
    ax.set(xscale="log", yscale="log")
    seen = set()
    for run in runs:
        settings, rule = settings_of(run), value_of(settings_of(run), "rule")
        kind, options = rule_name(settings), [f"{w} {getattr(rule, w)}" for w in DIALS if hasattr(rule, w)]
        ink = figure.colour("ochre") if settings.exact_every else figure.rule_line(kind)["color"]
        pale = 0.4 if kind in seen and not settings.exact_every else 1.0
        name = ", ".join([title(kind), *options]) + (" and BPTT" if settings.exact_every else "")
        times = run.learning_time.values[1:]
        ax.plot(times, run.loss.values.T[1:], color=ink, linewidth=0.8, alpha=pale)
        ax.plot([], [], color=ink, alpha=pale, label=name)
        if rests(settings):
            ax.axhline(level_of(settings), color=ink, linestyle="--", linewidth=0.8)
        seen.add(kind)
    ax.set(xlabel="learning time", ylabel="loss", xlim=(0.1, 1200), ylim=(1e-5, 1))
    figure.key_above(ax, 2)
    return ax


def interpolation(runs, predicted, ax):
    """The generating functions of the target and of the model, which meet at the decay and at its pole."""
    settings, q = settings_of(runs[0]), np.linspace(-0.2, 0.9, 200)
    W, _, c = (np.asarray(part) for part in value_of(settings, "task__teacher"))
    poles, residues, decay = np.diag(W), c[0], value_of(settings, "rule").decay
    level = theory.local_rule_level(poles, residues, decay)
    target = np.sum(residues / (1 - np.outer(q, poles)), axis=1)
    model = level.residue / (1 - q * level.pole)
    figure.lines(q, {"target": target, "model": model}, ax, ("q", "generating function G(q)"))
    for place in (decay, level.pole):
        ax.axvline(place, color=figure.colour("muted"), linestyle="--", linewidth=0.8)
    return ax


def early_angle(runs, predicted, ax):
    """The cosine between RFLO's direction in b and the gradient soon after a small start; dashed, where the
    feedback has written itself into the readout."""
    run = runs[0]
    times = run.snapshot_learning_time.values
    ax.plot(times, cosines(run, ["b"]).T, color=figure.rule_line("rflo")["color"], alpha=0.6)
    ax.axhline(predicted, color=figure.colour("ink"), linestyle="--", linewidth=0.8)
    ax.set(xlabel="learning time", ylabel="cosine to the gradient, b", ylim=(-1, 1.05))
    return ax


def angles(runs, predicted, ax):
    """The cosine between each rule's direction and the gradient along its own run, until the mean loss is a
    thousandth of its start."""
    for run in runs:
        name, cosine = rule_name(settings_of(run)), cosines(run)
        if name == "bptt":
            continue
        loss = np.nanmean(np.where(np.isfinite(run.loss), run.loss, np.nan), axis=0)[
            run.snapshot_update.values
        ]
        kept = (loss > 1e-3 * loss[0]) & (run.snapshot_update.values > 0)
        mean = np.nanmean(cosine, axis=0)[kept]
        error = np.nanstd(cosine, axis=0)[kept] / np.sqrt(run.sizes["seed"])
        times, look = run.snapshot_learning_time.values[kept], figure.rule_line(name)
        ax.plot(times, mean, label=title(name), **look)
        ax.fill_between(times, mean - error, mean + error, color=look["color"], alpha=0.15, linewidth=0)
    ax.axhline(0, color=figure.colour("muted"), linewidth=0.8)
    ax.set(xscale="log", xlabel="learning time", ylabel="cosine to the gradient, W and b")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax
