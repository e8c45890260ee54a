"""The figures of modes: records in, one picture out; what is predicted comes from the settings."""

from typing import Any

import numpy as np

from stepwell import figure, theory
from stepwell.figure.style import title
from stepwell.rule import RULES
from stepwell.run import settings_of
from stepwell.study.local_rules.closed_forms import FIRST
from stepwell.study.local_rules.readings import mode_of, name_of, rule_name, time_to

PLACE: Any = {name: FIRST[name] for name in ("a_star", "b_star", "w_star", "feedback")}
COLUMNS = RULES["bptt"](), RULES["tbptt"](lag=1), RULES["rflo"]()
KAPPA = FIRST["a_star"] * FIRST["b_star"]


def vector_field(runs, predicted, ax):
    """The flows of three rules in the slice w = w*, projected on it (Fig. 2), the optimal curve and, as a
    ring, the line a = b = 0 where it is stationary (Fig. 1)."""
    across, up = np.linspace(-0.97, 0.97, 9), np.linspace(-0.97, 0.97, 15)
    a, b = np.meshgrid(across, up)
    for rule, panel in zip(COLUMNS, figure.columns(ax, len(COLUMNS), gap=0.12)):
        da, db, _ = theory.mode_flow(rule, a, b, np.full(a.shape, FIRST["w_star"]), **PLACE)
        _field(rule, across, up, np.asarray(da), np.asarray(db), panel, ("readout a", "input weight b"))
        for branch in (np.linspace(-1, -KAPPA, 100), np.linspace(KAPPA, 1, 100)):
            panel.plot(branch, KAPPA / branch, color=figure.colour("target"))
    return ax


def diagonal_field(runs, predicted, ax):
    """The flows of three rules in the slice a = b, projected on it (Fig. 2); only BPTT stays within."""
    along, w = np.linspace(-0.97, 0.97, 9), np.linspace(-0.9, 0.9, 15)
    place, recurrent = np.meshgrid(along, w)
    labels = "(a + b) / √2", "recurrent weight w"
    for rule, panel in zip(COLUMNS, figure.columns(ax, len(COLUMNS), gap=0.12)):
        da, db, dw = theory.mode_flow(rule, place / np.sqrt(2), place / np.sqrt(2), recurrent, **PLACE)
        _field(rule, along, w, np.asarray(da + db) / np.sqrt(2), np.asarray(dw), panel, labels)
        for end in (-np.sqrt(2 * KAPPA), np.sqrt(2 * KAPPA)):
            panel.plot(end, FIRST["w_star"], "*", color=figure.colour("target"), markersize=9)
    return ax


def _field(rule, x, y, dx, dy, ax, labels):
    figure.plane_field(x, y, dx, dy, ax, labels, span=(-2.5, 0.5), ramp=rule is COLUMNS[-1])
    if rule is not COLUMNS[0]:
        ax.set_ylabel("")
        ax.tick_params(labelleft=False)
    if name_of(rule) != "rflo":
        places = [0.0] if labels[1] == "input weight b" else y
        ax.plot(np.zeros(len(places)), places, "o", mfc="none", color=figure.colour("target"), markersize=5)
    ax.set_title(written(name_of(rule)), fontsize="medium")


def eigenvalues(runs, predicted, ax):
    """The slow rate of approach along the optimum by rule (Fig. 3), and BPTT's slowest place, dashed."""
    s = np.geomspace(0.03, 3, 300)
    rules = {"bptt": RULES["bptt"](), "tbptt": RULES["tbptt"](1), "rflo": RULES["rflo"](FIRST["decay"])}
    rates = {name: np.real(theory.mode_rates(rule, s, **PLACE)[:, 0]) for name, rule in rules.items()}
    ax.set(xscale="log", yscale="log")
    figure.lines(s, rates, ax, ("readout s at the optimum", "slow rate of approach"))
    ax.axvline(predicted, color=figure.colour("muted"), linestyle="--", linewidth=0.8)
    return ax


def stability_map(runs, predicted, ax):
    """Where RFLO's optimum is stable on the wrong-sign branch: the slower rate over w* and s."""
    s, w = np.linspace(-0.6, -0.2, 161), np.linspace(-0.95, 0.95, 153)
    rule, place = settings_of(runs[0]).rule, {**PLACE, "w_star": w[:, None]}
    slow = np.real(theory.mode_rates(rule, s[None], **place)[..., 0])
    labels = "readout s at the optimum", "teacher's recurrent weight w*", "slower rate (blue unstable)"
    return figure.heat_map(s, w, np.clip(slow, -0.02, 0.02), ax, labels, contours=[0.0], centre=0.0)


def wrong_sign_branch(runs, predicted, ax):
    """Growth along the wrong-sign branch (Fig. 3): real parts of both eigenvalues, with the fold and the Hopf
    point, dashed, and the stable window between them, shaded."""
    s, rule = np.linspace(-0.6, -0.3, 601), settings_of(runs[0]).rule
    growth = -np.real(theory.mode_rates(rule, s, **PLACE))
    for k, label in enumerate(("of the slower rate", "of the faster rate")):
        ax.plot(s, growth[:, k], color=figure.mode_colour(k + 1), label=label)
    window: Any = theory.stable_window(rule, **PLACE)
    ax.axvspan(*window, color=figure.colour("muted"), alpha=0.25, linewidth=0)
    for edge, name in zip(window, ("Hopf point", "fold")):
        ax.axvline(edge, color=figure.colour("muted"), linestyle="--", linewidth=0.8)
        ax.annotate(name, (edge, 0.97), xycoords=("data", "axes fraction"), rotation=90, ha="right", va="top")
    ax.axhline(0, color=figure.colour("muted"), linewidth=0.8)
    ax.set(xlabel="readout s at the optimum", ylabel="growth rate", xlim=(-0.6, -0.3), ylim=(-0.1, 0.1))
    figure.key_above(ax, 2)
    return ax


def trajectories(runs, predicted, ax):
    """The paths of Fig. 4 in the plane of readout and input weight, with stars where they are predicted to
    end (on both branches where the sign is not); the losses in time as an inset."""
    kappa = settings_of(runs[0]).a_star[0] * settings_of(runs[0]).b_star[0]
    inset = ax.inset_axes((0.66, 0.1, 0.32, 0.3))
    inset.set(xscale="log", yscale="log", xlim=(0.1, 100), ylim=(1e-8, 1))
    inset.set_title("loss against learning time", fontsize="small")
    for branch in (np.linspace(-1.5, -0.3, 100), np.linspace(0.3, 1.5, 100)):
        ax.plot(branch, kappa / branch, color=figure.colour("muted"), linewidth=0.8)
    for run in runs:
        settings = settings_of(run)
        a, b, w = settings.start
        end = theory.mode_end(settings.rule, a, b, w, *mode_of(settings), settings.feedback[0])
        name, (a, b) = rule_name(settings), (run[x].values[0, :, 0] for x in "ab")
        look = figure.rule_line(name)
        ax.plot(a, b, label=written(name), **look)
        places = np.array([end.magnitude, -end.magnitude]) if np.isnan(end.a) else np.array([end.a])
        ax.plot(places, kappa / places, "*", color=look["color"], markersize=9)
        inset.plot(run.learning_time.values[1:], run.loss.values[0, 1:], **look)
    ax.set(xlabel="readout a", ylabel="input weight b", xlim=(-1.5, 1.5), ylim=(-1.7, 1.7))
    figure.key_above(ax)
    return ax


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


def first_plateaus(runs, predicted, ax):
    """The loss by rule on a logarithmic time axis, from small weights and, paler, from larger ones."""
    ax.set(xscale="log")
    sizes = sorted({settings_of(run).start[0] for run in runs})
    for run in runs:
        name, size = rule_name(settings_of(run)), settings_of(run).start[0]
        if size in (sizes[0], sizes[-1]):
            ax.plot(
                run.learning_time.values[1:],
                run.loss.values[0, 1:],
                label=f"{written(name)}, {figure.power_of_ten(size)}",
                alpha=1.0 if size == sizes[0] else 0.45,
                **look(name),
            )
    ax.set(xlabel="learning time", ylabel="loss", xlim=(0.1, 300), ylim=(0, None))
    figure.key_above(ax, 3)
    return ax


def waiting_times(runs, predicted, ax):
    """When the loss has fallen to 95 % against the size of initial weights; dashed, the growth per decade."""
    waits = {}
    for run in runs:
        settings = settings_of(run)
        waits.setdefault(rule_name(settings), {})[settings.start[0]] = time_to(run, 0.95)
    for k, (name, times) in enumerate(waits.items()):
        sizes, ink = np.array(sorted(times)), look(name)["color"]
        waited = np.array([times[size] for size in sizes])
        # Rings of two sizes, since BPTT and tBPTT wait alike.
        ax.plot(sizes, waited, "o", mfc="none", markersize=8 - 2.5 * k, color=ink, label=written(name))
        if k < len(predicted):
            law = waited[0] - predicted[k] * np.log10(sizes / sizes[0])
            ax.plot(sizes, law, color=ink, linestyle="--", linewidth=1)
    ax.set(xscale="log", xlabel="size of initial weights", ylabel="learning time to 95 % of the loss")
    figure.key_above(ax)
    return ax


def look(name):
    """Colour and dash of a rule; dotted with the true readout."""
    rule = name.partition(",")[0]
    return figure.rule_line(rule) | ({} if rule == name else {"linestyle": ":"})


def written(name):
    """The name of a rule as figures write it."""
    rule, comma, rest = name.partition(",")
    return title(rule) + comma + rest
