"""The figures of this study: records in, one picture out; what is predicted comes from the settings."""

import numpy as np

from stepwell import analysis, figure, theory
from stepwell.rule import RULES
from stepwell.run import settings_of
from stepwell.study.base import value_of
from stepwell.study.local_rules.closed_forms import FIRST
from stepwell.study.local_rules.readings import (
    alignments,
    decades,
    directions,
    drift,
    level_of,
    rule_name,
    succeeded,
    theory_errors,
)

PLACE = {name: FIRST[name] for name in ("a_star", "b_star", "w_star", "feedback")}


def vector_field(runs, predicted, ax):
    """RFLO's flow in the slice w = w*, projected on it (Fig. 2), with the optimal curve (Fig. 1)."""
    side = np.linspace(-0.97, 0.97, 20)
    a, b = np.meshgrid(side, side)
    rule, kappa = settings_of(runs[0]).rule, FIRST["a_star"] * FIRST["b_star"]
    da, db, _ = theory.mode_flow(rule, a, b, np.full(a.shape, FIRST["w_star"]), **PLACE)
    labels = "readout a", "input weight b"
    figure.plane_field(side, side, np.asarray(da), np.asarray(db), ax, labels)
    for branch in (np.linspace(-1, -kappa, 100), np.linspace(kappa, 1, 100)):
        ax.plot(branch, kappa / branch, color=figure.colour("target"))
    return ax


def eigenvalues(runs, predicted, ax):
    """The slow rate of approach along the optimum by rule (Fig. 3), and BPTT's slowest place, dashed."""
    s = np.geomspace(0.03, 3, 300)
    rules = {"bptt": RULES["bptt"](), "tbptt": RULES["tbptt"](1), "rflo": RULES["rflo"](FIRST["decay"])}
    rates = {name: theory.mode_rates(rule, s, **PLACE)[:, 0].real for name, rule in rules.items()}
    ax.set(xscale="log", yscale="log")
    figure.lines(s, rates, ax, ("readout s at the optimum", "slow rate of approach"))
    ax.axvline(predicted, color=figure.colour("muted"), linestyle="--", linewidth=0.8)
    return ax


def stability_map(runs, predicted, ax):
    """Where RFLO's optimum is stable on the wrong-sign branch: the slower rate over w* and s."""
    s, w = np.linspace(-0.6, -0.2, 161), np.linspace(-0.95, 0.95, 153)
    rule, place = settings_of(runs[0]).rule, {**PLACE, "w_star": w[:, None]}
    slow = theory.mode_rates(rule, s[None], **place)[..., 0].real
    labels = "readout s at the optimum", "teacher's recurrent weight w*", "slower rate (blue unstable)"
    return figure.heat_map(s, w, np.clip(slow, -0.02, 0.02), ax, labels, contours=[0.0], centre=0.0)


def trajectories(runs, predicted, ax):
    """The paths of Fig. 4 in the plane of readout and input weight; stars where they are predicted to end."""
    kappa = settings_of(runs[0]).a_star[0] * settings_of(runs[0]).b_star[0]
    for branch in (np.linspace(-1.5, -0.3, 100), np.linspace(0.3, 1.5, 100)):
        ax.plot(branch, kappa / branch, color=figure.colour("muted"), linewidth=0.8)
    for run in runs:
        settings = settings_of(run)
        target = settings.a_star[0], settings.b_star[0], settings.w_star[0]
        end = theory.mode_end(settings.rule, *settings.start, *target, settings.feedback[0])
        name, (a, b) = rule_name(settings), (run[x].values[0, :, 0] for x in "ab")
        ax.plot(a, b, label=name, **figure.rule_line(name))
        ax.plot(end.a, end.b, "*", color=figure.rule_line(name)["color"], markersize=9)
    ax.set(xlabel="readout a", ylabel="input weight b", xlim=(-1.5, 1.5), ylim=(-1.7, 1.7))
    figure.key_above(ax)
    return ax


def limit_cycle(runs, predicted, ax):
    """The cycle beside the Hopf point, late in the run: readout against recurrent weight."""
    for k, run in enumerate(runs, 1):
        late = slice(-1000, None)
        start = settings_of(run).start[0]
        ax.plot(
            run.a.values[0, late, 0],
            run.w.values[0, late, 0],
            color=figure.mode_colour(k),
            label=f"from s = {start:.3f}",
        )
    ax.set(xlabel="readout a", ylabel="recurrent weight w")
    figure.key_above(ax)
    return ax


def drifts(runs, predicted, ax):
    """How far conserved quantities move against the learning rate, with slope 1."""
    rates = sorted({value_of(settings_of(run), "optimiser__learning_rate") for run in runs}, reverse=True)
    moved = {}
    for run in runs:
        moved.setdefault(rule_name(settings_of(run)), []).append(drift(run))
    samples = {name: np.stack(values, axis=1) for name, values in moved.items()}
    labels = "learning rate", "drift of the conserved quantity"
    return figure.power_laws(rates, samples, ax, labels, exponents=[1.0] * len(samples))


def spectra(runs, predicted, ax):
    """Singular values of the change of W by index, by rule, divided by the first (Fig. 6)."""
    values = {}
    for run in runs:
        if run.sizes["output"] == runs[-1].sizes["output"]:
            good = np.isfinite(run.loss.values[:, -1])
            found = analysis.singular_values(run.W.values[good, -1], run.W.values[good, 0])
            values[rule_name(settings_of(run))] = np.maximum(found, 1e-17)
    return figure.singular_values({name: np.exp(np.log(v).mean(axis=0)) for name, v in values.items()}, ax)


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
    """The error of the mode equations against the update from which they are integrated (Fig. 5 A)."""
    starts = [0, 1, 2, 4, 8, 16, 32]
    errors = {}
    for run in runs[:2]:
        found = [theory_errors(run, start).mean(axis=1) for start in starts]
        errors[rule_name(settings_of(run))] = np.stack(found, axis=1)
    ax.set(yscale="log")
    updates = runs[0].snapshot_update.values[starts]
    return figure.lines(updates, errors, ax, ("update of the start", "relative error of the mode equations"))


def alignment_through_time(runs, predicted, ax):
    """The four alignments of the first record against the update (Fig. 5 B)."""
    shares = {name: np.asarray(share) for name, share in alignments(runs[0]).items()}
    updates = runs[0].snapshot_update.values[:21]
    return figure.lines(updates, {k: v[:, :21] for k, v in shares.items()}, ax, ("update", "alignment"))


def first_plateaus(runs, predicted, ax):
    """The loss from the smallest and the largest start, by rule, on a logarithmic time axis."""
    ax.set(xscale="log", yscale="log")
    chosen = [run for run in runs if settings_of(run).start[0] in _ends(runs)]
    for run in chosen:
        name, size = rule_name(settings_of(run)), settings_of(run).start[0]
        ax.plot(
            run.learning_time.values[1:],
            run.loss.values[0, 1:],
            label=f"{name}, {size:.0e}",
            alpha=1.0 if size == _ends(runs)[0] else 0.5,
            **figure.rule_line(name),
        )
    ax.set(xlabel="learning time", ylabel="loss", ylim=(1e-4, 2))
    figure.key_above(ax, 2)
    return ax


def _ends(runs):
    sizes = sorted(settings_of(run).start[0] for run in runs)
    return sizes[0], sizes[-1]


def stairs(runs, predicted, ax):
    """The loss with one output, by rule, and the predicted level of each."""
    ax.set(yscale="log")
    for k, run in enumerate(runs[:3], 1):
        settings = settings_of(run)
        rule = value_of(settings, "rule")
        name = f"{rule_name(settings)}, decay {getattr(rule, 'decay', 0.0)}"
        ink = figure.mode_colour(k)
        ax.plot(run.learning_time.values, run.loss.values.T, color=ink, linewidth=0.8, label=name)
        ax.axhline(level_of(settings), color=ink, linestyle="--", linewidth=0.8)
    handles, names = ax.get_legend_handles_labels()
    kept = dict(zip(names, handles))
    ax.legend(kept.values(), kept.keys(), frameon=False, fontsize="small")
    ax.set(xlabel="learning time", ylabel="loss", xlim=(0, 100), ylim=(0.09, 0.9))
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


def angles(runs, predicted, ax):
    """The cosine between each rule's direction and the gradient along its own run."""
    cosines = {
        rule_name(settings_of(run)): np.asarray(analysis.direction_cosine(*directions(run))) for run in runs
    }
    times = runs[0].snapshot_learning_time.values
    labels = "learning time", "cosine to the gradient, W and b"
    return figure.lines(times, {name: np.nanmean(v, axis=0) for name, v in cosines.items()}, ax, labels)


def conserved_sum(runs, predicted, ax):
    """The terms of RFLO's conserved quantity through time: alignment grows as the input weights do."""
    run = next(run for run in runs if rule_name(settings_of(run)) == "rflo")
    settings, (a, b, w) = settings_of(run), (run[name].values[0, :, 0] for name in "abw")
    terms = {
        "2 â a": 2 * settings.feedback[0] * a,
        "−b²": -(b**2),
        "−(w − ŵ)²": -((w - settings.rule.decay) ** 2),
    }
    terms["sum"] = sum(terms.values())
    early = run.learning_time.values <= 10
    shown = {name: values[early] for name, values in terms.items()}
    labels = "learning time", "terms of the conserved sum"
    return figure.lines(run.learning_time.values[early], shown, ax, labels)
