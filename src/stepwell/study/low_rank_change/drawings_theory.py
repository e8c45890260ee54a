"""The figures of the linear theory, which need no records."""

import numpy as np

from stepwell import figure
from stepwell.figure.style import THEORY
from stepwell.study.low_rank_change.protocols import RATES
from stepwell.theory import linear_flow, linear_flow_closure

EFFECTIVE = "effective learning time τ / (1 − g²)²"
CUBIC = {"linestyle": "dashdot", "linewidth": 0.9}


def path(runs, predicted, ax):
    """The one path on which all targets lie, without initial connectivity, until the output diverges."""
    nu_end = linear_flow.divergence(0.0).nuclear_norm
    nu = np.linspace(0, 0.999 * nu_end, 400)
    exact = linear_flow.exact_g0(nu)
    curves = {
        "output": np.where(exact.output < 2.5, exact.output, np.nan),
        "s₁": exact.singular_values[:, 0],
        "s₂": exact.singular_values[:, 1],
        "eigenvalue": exact.eigenvalues[:, 0],
    }
    ax.set_ylim(0, 2.2)
    figure.lines(nu, curves, ax, ("nuclear norm ν of the change", "along the path"))
    ax.plot(nu, exact.A[:, 0, 1], color=figure.colour("muted"), linewidth=0.9)
    ax.plot(nu, exact.A[:, 0, 0], color=figure.colour("muted"), linewidth=0.9, linestyle="dashed")
    ax.plot(nu, exact.A[:, 1, 0], color=figure.colour("muted"), linewidth=0.9, linestyle="dotted")
    for target in (0.5, 1.0, 2.0):
        ax.plot(linear_flow.final_g0(target), target, "o", color=figure.mode_colour(1), markersize=4)
    ax.axvline(nu_end, color=figure.colour("ink"), linewidth=0.8, linestyle="--")
    ax.set_title("grey: A₁₂, A₁₁ (dashed), A₂₁ (dotted)", fontweight="normal", fontsize="small")
    return ax


def density(runs, predicted, ax):
    """The density of squared singular values of I − W₀, a histogram of one draw, and the Gauss nodes."""
    g, N = 0.6, 400
    W = g / np.sqrt(N) * np.random.default_rng(0).standard_normal((N, N))
    squares = np.linalg.svd(np.eye(N) - W, compute_uv=False) ** 2
    low, high = linear_flow_closure.support(g)
    xi, nodes = np.linspace(low, high, 400)[1:-1], linear_flow_closure.gauss_nodes(g)
    ax.hist(squares, bins=40, density=True, color=figure.colour("muted"), alpha=0.35)
    ax.plot(xi, linear_flow_closure.density(g, xi), color=figure.colour("ink"), **THEORY)
    ax.vlines(1 / nodes.values, 0, nodes.weights, color=figure.mode_colour(1))
    ax.plot(1 / nodes.values, nodes.weights, "o", color=figure.mode_colour(1), markersize=3.5)
    ax.set(xlabel="squared singular value of I − W₀, g = 0.6", ylabel="density; weight of Gauss nodes")
    return ax


def cubic_gap(runs, predicted, ax):
    """The output over the target, exact (dashed) and by the cubic series, in the cells of Fig. 3."""
    for k, (g, target) in enumerate(((0.0, 0.5), (0.0, 2.0), (0.6, 0.5), (0.6, 2.0)), 1):
        flow = linear_flow.solve(g, target)
        times = np.linspace(0, flow.time_to(0.05), 200)
        te, ink = times / (1 - g * g) ** 2, figure.mode_colour(k)
        cubic = linear_flow.cubic(g, target, times).output / target
        ax.plot(te, cubic, color=ink, label=f"g = {g:g}, y* = {target:g}", **CUBIC)
        ax.plot(te, flow.at_time(times).output / target, color=ink, **THEORY)
    ax.set(xlabel=EFFECTIVE, ylabel="output / target (dashed: exact)")
    figure.key_above(ax, columns=2)
    return ax


def hierarchy(runs, predicted, ax):
    """The first three singular values of the exact flow against the nuclear norm, with slopes 1, 3 and 5."""
    state = linear_flow.solve(0.6, 2.0).at_output(np.geomspace(0.02, 1.99, 60))
    nu, s = state.nuclear_norm, state.singular_values
    for k in range(3):
        ax.plot(nu, s[:, k], color=figure.mode_colour(k + 1))
        law = s[0, k] * (nu / nu[0]) ** (2 * k + 1)
        ax.plot(nu, law, color=figure.colour("ink"), **THEORY)
    ax.set(xscale="log", yscale="log", xlabel="nuclear norm ν", ylabel="singular values, g = 0.6")
    ax.set_xlim(right=nu[-1])
    figure.log_ticks(ax)
    figure.end_labels(ax, ["s₁", "s₂", "s₃"], s[-1, :3], [figure.mode_colour(k) for k in (1, 2, 3)])
    return ax


def stability_map(runs, predicted, ax):
    """Learning rate times p² of the final state over g and target; beyond 2 plain updates do not converge."""
    g, targets = np.linspace(0, 0.94, 24), np.geomspace(0.4, 2.5, 20)
    # All targets lie on one path per g.
    growth = np.stack([linear_flow.solve(x, 3.0).at_output(targets).growth for x in g], axis=1)
    rates = np.interp(targets, list(RATES), list(RATES.values()))
    products = rates[:, None] * (1 - g[None] ** 2) ** 2 * growth**2
    labels = "strength g of the initial weights", "target y*", "log₁₀(learning rate / largest)"
    figure.heat_map(g, targets, np.log10(products / 2), ax, labels, contours=[0.0])
    cells = np.array([(k / 10, y) for k in range(10) for y in RATES])
    ax.plot(*cells.T, "o", color=figure.colour("ink"), markersize=2.5)
    return ax
