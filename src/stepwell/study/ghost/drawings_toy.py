"""The figures of the toy model: records in, one picture out; what is predicted comes from the settings."""

import numpy as np

from stepwell import figure
from stepwell.analysis import abrupt_learning
from stepwell.figure.style import THEORY
from stepwell.network import saddle_node_exact as exact
from stepwell.run import settings_of
from stepwell.study.ghost.protocols import T
from stepwell.study.ghost.readings import absorbed, ratio, toy_losses
from stepwell.theory import saddle_node as toy

RATIO = "parameter r / optimum"


def borders(ax, across=False):
    """Lines at the point of no return and at the optimum."""
    line = ax.axhline if across else ax.axvline
    for place in (0.25, 1.0):
        line(place, color=figure.colour("muted"), linewidth=0.8, linestyle=":")


def landscape(runs, predicted, ax):
    """L/T against r: the sharp limit, and by quadrature at several confidences; dots are published Euler
    steps."""
    fine = np.linspace(-1, 2, 600)
    ax.axvspan(-1, 0.25, color=figure.colour("grid"), alpha=0.6, linewidth=0)
    ax.plot(
        fine,
        toy.loss(fine * toy.optimum(T), T) / T,
        color=figure.colour("ink"),
        label="sharp limit",
        **THEORY,
    )
    for k, run in enumerate(runs[1:], 1):
        settings = settings_of(run)
        ink = figure.mode_colour(k)
        ax.plot(
            settings.places, run.loss.values[0] / T, color=ink, label=f"confidence {settings.confidence:g}"
        )
        ax.plot(settings.places, euler_losses(settings), ".", color=ink, markersize=3)
    borders(ax)
    ax.set(xlim=(-1, 2), ylim=(0, 1.05), xlabel=RATIO, ylabel="loss L/T")
    ax.text(0.2, 0.05, "no-learning zone", color=figure.colour("muted"), ha="right")
    figure.key_above(ax)
    return ax


def euler_losses(settings, dt=0.1):
    """L/T by the published Euler steps."""
    r = np.array(settings.places) * toy.optimum(T)
    x, steps = np.zeros_like(r), round(2 * T / dt)
    total = np.zeros_like(r)
    for j in range(1, steps + 1):
        x = np.minimum(x + dt * (x**2 + r), 1e6)
        total += dt * (exact.logistic(settings.confidence * (x - 10.0)) - (j > steps // 2)) ** 2
    return total / T


def slopes(runs, predicted, ax):
    """The slope of the loss against r at several confidences: at low ones the zone is not flat."""
    places = np.linspace(-1, 2, 301)
    for k, run in enumerate(runs, 1):
        gamma = settings_of(run).confidence
        slope = np.abs(exact.finite_gradient(places * toy.optimum(T), T, gamma))
        ax.plot(places, slope, color=figure.mode_colour(k), label=f"γ = {gamma:g}")
        ax.plot(0, abs(run.slope.values[0, 0]), "o", color=figure.mode_colour(k), markersize=4)
        ax.plot(0, abs(predicted[k - 1]), "+", color=figure.colour("ink"), markersize=9)
    borders(ax)
    ax.set(yscale="log", ylim=(1e-6, 1e6), xlim=(-1, 2), xlabel=RATIO, ylabel="size of the slope |dL/dr|")
    figure.log_ticks(ax)
    figure.key_above(ax, columns=3)
    return ax


def descent(runs, predicted, ax):
    """L/T through descent, and the predicted length of the plateau."""
    return _descent(runs, ax, toy_losses(runs[0])[:, 0, 0], "loss L/T", predicted)


def descent_ratio(runs, predicted, ax):
    """r through descent, towards the optimum and never to 0."""
    start = settings_of(runs[0]).rho0 * toy.optimum(T)
    ax.set_yscale("log")
    borders(ax, across=True)
    return _descent(runs, ax, ratio(runs[0])[:, 0], RATIO, toy.plateau_updates(start, 1e-10, T))


def _descent(runs, ax, curve, label, length):
    ax.plot(runs[0].snapshot_update.values, curve, color=figure.colour("student"))
    ax.axvline(length, color=figure.colour("ink"), **THEORY)
    ax.set(xlim=(0, 2000), xlabel="update", ylabel=label)
    ax.set_title(
        "learning rate 1e-10; dashed: predicted end of the plateau", fontweight="normal", fontsize="medium"
    )
    return ax


def abruptness(runs, predicted, ax):
    """The loss around its drop, in units of the time to the drop, from starts at several distances."""
    for k, (run, expected) in enumerate(zip(runs, predicted), 1):
        loss = run.loss.values[0] / run.loss.values[0, 0]
        first = int(np.argmax(loss <= 0.9))
        share = run["update"].values / first
        measured = abrupt_learning.abruptness(loss)
        name = f"start {settings_of(run).rho0:g}: A = {measured:.3f} ({expected:.3f})"
        ax.plot(share, loss, color=figure.mode_colour(k), label=name)
    ax.set(xlim=(0, 2), ylim=(0, 1.05), xlabel="updates / updates until 0.9", ylabel="loss / first loss")
    ax.legend(loc="lower left")
    return ax


def absorption(runs, predicted, ax):
    """The share of starts that end in the no-learning zone against the learning rate."""
    shares = {rate: lost.mean() for rate, lost in absorbed(runs[0]).items()}
    low, high = toy.cycle().window
    ax.axvspan(1, high, color=figure.colour("vermillion"), alpha=0.15, linewidth=0)
    ax.axvline(1, color=figure.colour("ink"), **THEORY)
    ax.axvline(high, color=figure.colour("ink"), **THEORY)
    ax.plot(list(shares), list(shares.values()), "o-", color=figure.colour("student"))
    ax.set(xlim=(0.97, 1.11), ylim=(-0.03, 1.03))
    ax.set(xlabel="learning rate / critical rate", ylabel="share of starts that are lost")
    ax.set_title("shaded: the 3-cycle lives beyond the critical rate", fontweight="normal", fontsize="medium")
    return ax


def cobweb(runs, predicted, ax):
    """The map of descent around the optimum at 1.003 critical rates, and a start that lands on its
    3-cycle."""
    rate, u = 1.003, toy.cycle().points * 1.003**0.4
    left, right, flat = np.linspace(0.25, 1, 200), np.linspace(1.0001, 3, 200), np.linspace(0, 0.25, 2)
    ax.plot(left, left + 0.75 * rate * left**-1.5, color=figure.colour("student"))
    ax.plot(right, right - 0.75 * rate * right**-1.5, color=figure.colour("student"))
    ax.plot(flat, flat, color=figure.colour("vermillion"), linewidth=2)
    ax.plot([0, 3], [0, 3], color=figure.colour("muted"), linewidth=0.8)
    around = np.append(u, u[0])
    for here, there in zip(around, around[1:]):
        ax.plot([here, here, there], [here, there, there], color=figure.colour("ink"), linewidth=1)
    ax.plot(u, u, "o", color=figure.colour("ink"), markersize=4)
    borders(ax)
    ax.set(xlim=(0, 3), ylim=(0, 3), xlabel=RATIO, ylabel="the same, one update later")
    ax.set_title("1.003 critical rates: a stable 3-cycle", fontweight="normal", fontsize="medium")
    return ax


def rate_scan(runs, predicted, ax):
    """Mean L/T ± standard error against the learning rate, at several updates."""
    run, settings = runs[0], settings_of(runs[0])
    rates, losses = np.array(settings.betas), toy_losses(run)
    for k, u in enumerate((200, 1000, 3000, 10000), 1):
        at = losses[u // settings.every]
        mean, error = at.mean(axis=1), at.std(axis=1, ddof=1) / np.sqrt(at.shape[1])
        ax.fill_between(
            rates, mean - error, mean + error, color=figure.mode_colour(k), alpha=0.2, linewidth=0
        )
        ax.plot(rates, mean, color=figure.mode_colour(k), label=f"{u} updates")
    for border in (1.0, toy.cycle().window[1]):
        ax.axvline(border, color=figure.colour("ink"), **THEORY)
    ax.set(xscale="log", xlabel="learning rate / critical rate", ylabel="mean loss L/T", ylim=(0, 1.05))
    figure.log_ticks(ax)
    figure.key_above(ax, columns=2)
    return ax


def curvatures(runs, predicted, ax):
    """The share of starts lost just below and just above the critical rate, for several curvatures."""
    shares = [[lost.mean() for lost in absorbed(run).values()] for run in runs]
    curvature = [settings_of(run).curvature for run in runs]
    for k, (name, column) in enumerate(zip(settings_of(runs[0]).betas, zip(*shares)), 1):
        ax.plot(curvature, column, "o-", color=figure.mode_colour(k), label=f"{name:g} critical rates")
    ax.set(xscale="log", ylim=(-0.05, 1.05), xlabel="curvature a", ylabel="share of starts that are lost")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def two_rates(runs, predicted, ax):
    """The local critical rate against the confidence: quadrature, formula, and the global one at 1."""
    gammas = np.array([settings_of(run).confidence for run in runs])
    slopes = np.array([np.diff(run.slope.values[0])[0] for run in runs])
    gaps = np.array([np.diff(settings_of(run).places)[0] for run in runs]) * toy.optimum(T)
    critical = toy.critical_learning_rate(T)
    fine = np.geomspace(gammas.min() / 2, gammas.max() * 2, 50)
    local = [toy.local_learning_rate(T, g) / critical for g in fine]
    ax.plot(fine, local, color=figure.colour("ink"), label="onset of oscillation, formula", **THEORY)
    ax.plot(gammas, 2 * gaps / slopes / critical, "o", color=figure.colour("student"), label="quadrature")
    ax.axhline(1, color=figure.colour("vermillion"), label="no-learning zone")
    ax.set(xscale="log", yscale="log", xlabel="confidence", ylabel="critical rates / that of the sharp limit")
    figure.log_ticks(ax)
    ax.legend(loc="center right")
    return ax


def local_descent(runs, predicted, ax):
    """The distance from the smooth optimum in two descents, below and above the local critical rate."""
    away = np.abs(runs[0].r.values[0, :, :, 0] - toy.smooth_optimum(T) / toy.optimum(T))
    for k, name in enumerate(("0.9 local rates", "1.1 local rates")):
        ax.plot(away[:, k], color=figure.mode_colour(k + 1), label=name)
    ax.set(yscale="log", xlabel="update", ylabel="distance from the smooth optimum / r*")
    figure.log_ticks(ax)
    figure.key_above(ax)
    return ax


def planted(runs, predicted, ax):
    """Half the squared speed of planted ghosts against their distance from a saddle-node, and what finders
    say."""
    for k, run in enumerate(runs, 1):
        settings = settings_of(run)
        r = np.array([d for d in settings.distances if d > 0])
        q = (r * (np.sqrt(settings.hidden) / 2 if settings.hidden > 1 else 1.0)) ** 2 / 2
        ink, face = figure.mode_colour(k), figure.mode_colour(k) if k == 1 else "none"
        name = f"{settings.hidden} dimension{'s' * (k > 1)}"
        ax.plot(r, q, "D", color=ink, markerfacecolor=face, markersize=3 + 3 * k, label=name)
    ax.axhline(1e-12, color=figure.colour("ink"), **THEORY)
    ax.fill_between([5e-9, 2e-2], 1e-18, 1e-12, color=figure.colour("vermillion"), alpha=0.12, linewidth=0)
    ax.set(xscale="log", yscale="log", xlim=(5e-9, 2e-2), ylim=(1e-18, 1e-3))
    ax.set(xlabel="distance from the saddle-node", ylabel="half squared speed of the ghost")
    ax.set_title("shaded: ghosts that a threshold calls rests", fontweight="normal", fontsize="medium")
    figure.log_ticks(ax)
    ax.legend(loc="upper left")
    return ax
