"""Over frequency or index: frequency responses, eigenvalues of Hessians, singular values."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from stepwell.figure.axes import Number, Numbers, band, end_labels, log_ticks, power_of_ten
from stepwell.figure.style import THEORY, colour, mode_colour, named_line, title


def gain(
    frequencies: Numbers,
    responses: Mapping[str, Numbers],
    ax: Axes,
    *,
    target: Numbers | None = None,
    cutoff: Number | None = None,
    first: int = 1,
) -> Axes:
    r"""The modulus $|H|$ of frequency responses, over that of the target.

    Args:
        frequencies: from 0 to pi, in radians per step, [frequency].
        responses: H by name (of the plateau, or of the input it was trained with), complex, [frequency].
        ax: to draw on.
        target: response of the target, complex, [frequency]; a broad grey line.
        cutoff: upper end of the band that the input excites, in radians per step; shaded.
        first: which mode the first response is about, for its colour.
    """
    if cutoff is not None:
        ax.axvspan(0, cutoff, color=colour("muted"), alpha=0.12, linewidth=0)
        ax.text(
            cutoff / 2,
            1.01,
            "passband",
            color=colour("muted"),
            ha="center",
            transform=ax.get_xaxis_transform(),
        )
    curves = {name: np.abs(np.asarray(H)) for name, H in responses.items()}
    inks = [mode_colour(first + i) for i in range(len(curves))]
    if target is not None:
        curves, inks = {"target": np.abs(np.asarray(target)), **curves}, [colour("target"), *inks]
    for (name, curve), ink in zip(curves.items(), inks):
        ax.plot(frequencies, curve, color=ink, **({"linewidth": 5, "alpha": 0.6} if name == "target" else {}))
    ax.set(xlim=(0, np.pi), xlabel="frequency (radians per step)", ylabel="gain |H|")
    ax.set_xticks(np.arange(5) * np.pi / 4, ["0", "π/4", "π/2", "3π/4", "π"])
    ax.set_ylim(bottom=0)
    end_labels(ax, list(curves), [curve[-1] for curve in curves.values()], inks)
    return ax


def hessian_spectra(eigenvalues: Mapping[int, Numbers], escape_rates: Mapping[int, Number], ax: Axes) -> Axes:
    r"""The eigenvalues of the Hessian at saddles 0, 1, ..., ascending; the predicted $\pm s_k$ dashed.

    Args:
        eigenvalues: by k, [parameter].
        escape_rates: by k.
        ax: to draw on.
    """
    reach = max(
        max(escape_rates.values()),
        max(np.abs(values).max() for values in map(np.asarray, eigenvalues.values())),
    )
    for column, (k, values) in enumerate(eigenvalues.items()):
        values = np.sort(np.asarray(values))
        x = column + np.linspace(-0.36, 0.36, len(values))
        negative = values < -1e-3 * escape_rates[k]
        ax.plot(x, values, "o", color=mode_colour(k), markerfacecolor="none", markersize=3.5)
        ax.plot(x[negative], values[negative], "o", color=mode_colour(k), markersize=3.5)
        for sign in (-1, 1):
            ax.plot(
                column + np.array([-0.45, 0.45]), [sign * escape_rates[k]] * 2, color=colour("ink"), **THEORY
            )
        ax.annotate(
            f"{negative.sum()} escape\ns = {escape_rates[k]:.3g}",
            (column - 0.45, -escape_rates[k]),
            (0, -4),
            textcoords="offset points",
            va="top",
            color=mode_colour(k),
        )
    ax.axhline(0, color=colour("grid"), linewidth=0.8, zorder=0)
    ax.set_yscale("symlog", linthresh=min(escape_rates.values()), linscale=1.0)
    ax.set_ylim(-12 * max(escape_rates.values()), 2 * reach)
    ax.yaxis.set_major_formatter(FuncFormatter(power_of_ten))
    ax.set_xticks(range(len(eigenvalues)), [f"saddle {k}" for k in eigenvalues])
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("eigenvalue of the Hessian")
    return ax


def singular_values(values: Mapping[str, Numbers], ax: Axes, *, share: bool = True) -> Axes:
    """Singular values by index, on a logarithmic axis.

    Args:
        values: by name, descending, [index] or [sample, index]. A rule has its own colour and dash.
        ax: to draw on.
        share: whether they are divided by the first.
    """
    ax.set(yscale="log", xlabel="index", ylabel="singular value" + (" / the first" if share else ""))
    inks, ends = [], []
    for i, (name, samples) in enumerate(values.items(), 1):
        look = named_line(name, i)
        samples = np.atleast_2d(np.asarray(samples, float))
        samples = samples / samples[:, :1] if share else samples
        index = np.arange(1, samples.shape[1] + 1)
        mean = band(ax, index, samples, look["color"])
        ax.plot(index, mean, marker="o", markersize=3, **look)
        inks.append(look["color"])
        ends.append(mean[-1])
    log_ticks(ax)
    end_labels(ax, [title(name) for name in values], ends, inks)
    return ax
