"""Measured numbers beside predicted ones: dwell times, power laws, rows of samples, rival models."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from stepwell.figure.axes import Numbers, end_labels, log_ticks, power_of_ten
from stepwell.figure.style import THEORY, colour, mode_colour, named_line, title


def dwell_times(sigma0: Numbers, dwells: Numbers, escape_rates: Numbers, ax: Axes, law: str = "1/s") -> Axes:
    r"""How long each plateau lasts against $\ln(1/\sigma_0)$; its slope should be one over its escape rate.

    Args:
        sigma0: initial scales, [scale].
        dwells: in learning time, [scale, seed, plateau]; NaN where a run has no such plateau.
        escape_rates: predicted, [plateau]. They give slopes; a line goes through the mean of its dots.
        ax: to draw on.
        law: what the slope is called.
    """
    sigma0, dwells = np.asarray(sigma0, float), np.asarray(dwells, float)
    x = np.log(1 / sigma0)
    ends, names, inks = [], [], []
    for k, rate in enumerate(np.asarray(escape_rates, float)):
        dots, ink = dwells[:, :, k], mode_colour(k)
        if np.isnan(dots).all():
            continue
        ax.plot(x, dots, ".", color=ink, markersize=5, alpha=0.8)
        line = np.nanmean(dots - x[:, None] / rate) + x / rate
        ax.plot(x, line, color=ink, **THEORY)
        ends.append(line[np.argmax(x)])
        names.append(f"plateau {k}: {law} = {1 / rate:.3g}")
        inks.append(ink)
    ax.set(xlabel="ln(1/σ₀)", ylabel="dwell (learning time)")
    ax.set_ylim(bottom=0)
    end_labels(ax, names, ends, inks)
    _scales_above(ax, np.unique(sigma0))
    return ax


def power_laws(
    x: Numbers,
    measured: Mapping[str, Numbers],
    ax: Axes,
    labels: tuple[str, str],
    *,
    exponents: Numbers = (),
    prefactors: Numbers = (),
    first: int = 1,
) -> Axes:
    """Quantities on double logarithmic axes, with dashed lines of the predicted exponents.

    Args:
        x: above 0, [x].
        measured: by name, [x] or [sample, x]; values that are not above 0 are left out.
        ax: to draw on.
        labels: of the axes, with units.
        exponents: predicted, one per name.
        prefactors: predicted, one per name; where there is none the line goes through the mean of the dots.
        first: which mode the first name is about, for its colour.
    """
    x, exponents, prefactors = (np.asarray(values, float) for values in (x, exponents, prefactors))
    ax.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1])
    ends, names, inks = [], [], []
    for i, (name, values) in enumerate(measured.items()):
        samples = np.atleast_2d(np.asarray(values, float))
        samples = np.where(samples > 0, samples, np.nan)
        inks.append(colour(name) if name in ("W", "b", "c") else mode_colour(first + i))
        ax.plot(x, samples.T, ".", color=inks[-1], alpha=0.8)
        law = x ** exponents[i] if i < len(exponents) else np.nan * x
        law = law * (prefactors[i] if i < len(prefactors) else _geometric_mean(samples / law))
        ax.plot(x, law, color=inks[-1], **THEORY)
        end = law if i < len(exponents) else samples
        ends.append(_geometric_mean(end[..., np.argmax(x)]))
        names.append(f"{name}: slope {exponents[i]:.3g}" if i < len(exponents) else name)
    log_ticks(ax)
    end_labels(ax, names, ends, inks)
    return ax


def forest(
    samples: Mapping[str, Numbers],
    predicted: Numbers,
    ax: Axes,
    label: str,
    *,
    tolerance: Numbers | None = None,
) -> Axes:
    """One row per name: samples, their mean ± two standard errors, the prediction dashed in its tolerance.

    Args:
        samples: by name, [sample].
        predicted: one number, or one per row.
        ax: to draw on.
        label: of the axis of values, with its unit.
        tolerance: one number, or one per row, in the unit of the prediction; shaded.
    """
    heights = np.arange(len(samples))[::-1]
    predicted = np.broadcast_to(np.asarray(predicted, float), heights.shape)
    allowed = None if tolerance is None else np.broadcast_to(np.asarray(tolerance, float), heights.shape)
    for i, (height, (name, values)) in enumerate(zip(heights, samples.items())):
        ink = named_line(name, 1)["color"]
        dots = np.asarray(values, float).ravel()
        dots = dots[np.isfinite(dots)]
        if allowed is not None:
            span = (predicted[i] - allowed[i], predicted[i] + allowed[i])
            ax.fill_betweenx(
                height + np.array([-0.4, 0.4]), *span, color=colour("muted"), alpha=0.15, linewidth=0
            )
        ax.vlines(predicted[i], height - 0.4, height + 0.4, color=colour("ink"), **THEORY)
        ax.plot(dots, np.full(len(dots), height), "o", color=ink, markersize=2.5, alpha=0.45)
        if len(dots):
            error = 2 * dots.std(ddof=1) / np.sqrt(len(dots)) if len(dots) > 1 else 0.0
            ax.errorbar(dots.mean(), height, xerr=error, fmt="D", color=ink, markersize=4, elinewidth=1.4)
    ax.set(
        yticks=heights,
        yticklabels=[title(name) for name in samples],
        ylim=(-0.7, len(samples) - 0.3),
        xlabel=label,
    )
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def agreement(predicted: Numbers, measured: Numbers, ax: Axes, labels: tuple[str, str]) -> Axes:
    """Measured against predicted, one dot per case ± two standard errors, and the line where they agree.

    Args:
        predicted: [case]. measured: [case] or [case, sample].
        ax: to draw on.
        labels: of the axes, with units.
    """
    predicted, samples = np.asarray(predicted, float), np.asarray(measured, float)
    samples = samples.reshape(len(predicted), -1)
    count = samples.shape[1]
    error = 2 * samples.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else None
    both = np.concatenate([predicted, samples.ravel()])
    ends = np.array([np.nanmin(both), np.nanmax(both)])
    ends = ends + 0.06 * np.ptp(ends) * np.array([-1, 1])
    ax.plot(ends, ends, color=colour("ink"), **THEORY)
    ax.errorbar(predicted, samples.mean(axis=1), yerr=error, fmt="o", color=colour("student"), markersize=4)
    ax.set(xlim=ends, ylim=ends, aspect="equal", xlabel=labels[0], ylabel=labels[1])
    return ax


def rivals(losses: Mapping[str, Numbers], level: Numbers, ax: Axes) -> Axes:
    """The loss of candidate models as multiples of the level at which plateaus 1, 2, ... were measured.

    Args:
        losses: by name of the candidate, [plateau].
        level: measured, [plateau].
        ax: to draw on.
    """
    ratios = np.array([np.asarray(values, float) for values in losses.values()]) / np.asarray(level, float)
    heights = np.arange(len(losses))[::-1]
    ax.axvline(1, color=colour("student"))
    ax.text(1, 1.01, "measured", color=colour("student"), transform=ax.get_xaxis_transform(), ha="center")
    for k, column in enumerate(ratios.T, 1):
        offset = 0.16 * ((ratios.shape[1] + 1) / 2 - k)
        marker: dict[str, Any] = {
            "marker": "osD^v"[(k - 1) % 5],
            "linestyle": "none",
            "color": mode_colour(k),
        }
        ax.plot(column, heights + offset, label=f"plateau {k}", **marker)
    ax.set(
        xscale="log", yticks=heights, yticklabels=list(losses), xlabel="loss of the model / measured level"
    )
    ax.set(xlim=(0.9, 1.25 * ratios.max()), ylim=(-0.6, len(losses) - 0.4))
    log_ticks(ax)
    ax.legend(loc="lower right", handletextpad=0.1)
    ax.tick_params(axis="y", length=0)
    return ax


def _geometric_mean(values: np.ndarray) -> float:
    """Of what there is; NaN if there is nothing."""
    logarithms = np.log(values[np.isfinite(values)])
    return float(np.exp(logarithms.mean())) if logarithms.size else np.nan


def _scales_above(ax: Axes, sigma0: np.ndarray) -> None:
    """The initial scales themselves, as ticks of a second axis on top."""
    top = ax.secondary_xaxis("top")
    top.set_xticks(np.log(1 / sigma0), [power_of_ten(scale) for scale in sigma0])
    top.set_xlabel("σ₀")
    top.spines["top"].set_visible(False)
    top.tick_params(length=0, pad=1)
