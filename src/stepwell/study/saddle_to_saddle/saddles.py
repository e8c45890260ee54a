"""The geometry of the saddles: exact critical points, their spectra, and what is silent there."""

import numpy as np

from stepwell import analysis, theory
from stepwell.run import settings_of
from stepwell.study.saddle_to_saddle import drawings
from stepwell.study.saddle_to_saddle.protocols import claim, flows, saddles
from stepwell.study.saddle_to_saddle.readings import model, quietest


def sizes(scale):
    """Network sizes at which the exact saddles are looked at."""
    return (3,) if scale == "smoke" else (3, 5)


def params_of(run):
    """The parameters of a record with one network and one snapshot."""
    return {name: run[name].values[0, 0].copy() for name in ("W", "b", "c")}


def spectrum(run):
    """The Hessian spectrum at the only snapshot of a saddle's record."""
    return analysis.hessian_spectrum(settings_of(run).experiment, params_of(run))


def signs(eigenvalues, rate):
    """Numbers of negative, positive and vanishing eigenvalues, told apart at a hundredth of the escape
    rate."""
    threshold = 0.01 * rate
    below, above = np.sum(eigenvalues < -threshold), np.sum(eigenvalues > threshold)
    return [below, above, len(eigenvalues) - below - above]


def expected_signs(saddle):
    """The counts that the theory gives: n - k ways down, n - k + 2k up, the rest flat."""
    below, flat, above = theory.hessian_counts(saddle.experiment.network.hidden, saddle.modes)
    return [below, above, flat]


@claim(
    "section 5",
    lambda scale: saddles("A", range(3), sizes(scale)),
    predict=lambda es: [[*expected_signs(e), 0.0] for e in es],
    kind="largest",
    tolerance=0.0,
    reading="intended",
    figure=drawings.spectra,
)
def exact_saddle(runs):
    """A best model in k units with the others neither driven nor read is a critical point with n - k ways
    down."""
    return [
        [
            *signs(spectrum(run), theory.escape_rate(*model(settings_of(run)), settings_of(run).modes)),
            still(run),
        ]
        for run in runs
    ]


def still(run):
    """0 if the gradient of a saddle's record vanishes to rounding, else its norm."""
    norm = float(run.gradient_norm.values[0, 0])
    return 0.0 if norm < 1e-12 else norm


@claim(
    "section 5",
    lambda scale: saddles("A", range(3), sizes(scale)),
    kind="largest",
    tolerance=1e-6,
    figure=drawings.spectra,
)
def equal_rates(runs):
    """All ways down from one saddle have the same rate: there is no race decided by rates."""
    falling = [[value for value in spectrum(run) if value < -1e-3] for run in runs]
    return [np.ptp(values) / np.abs(values).max() for values in falling]


SILENT = 0.3


@claim(
    "section 5, box",
    saddles("A", (1,), silent_poles=(SILENT,)),
    predict=lambda es: abs(theory.mode_coupling(*model(es[0]), 1, SILENT)),
    tolerance=1e-9,
)
def one_sided_cancellation(runs):
    """A zero on a pole is not enough: a driven mode that nobody reads is silent, but the gradient of its
    readout is J."""
    params = params_of(runs[0])
    params["b"][1, 0] = 1.0
    return abs(analysis.gradient(settings_of(runs[0]).experiment, params)[1]["c"][0, 1])


@claim(
    "section 5",
    lambda scale: [run for q in (0.0, 0.3, -0.6) for run in saddles("A", (1,), silent_poles=(q,))],
    predict=lambda es: [signed_block(e) for e in es],
    kind="largest",
    tolerance=1e-7,
    reading="intended",
)
def two_by_two_block(runs):
    """In the plane of a silent mode's drive and readout the Hessian has J off the diagonal and 0 on it."""
    blocks = []
    for run in runs:
        hessian = analysis.hessian(settings_of(run).experiment, params_of(run))
        drive, read = 9 + 1, 9 + 3 + 1  # packing of three units: W (9), b (3), c (3)
        blocks.append(hessian[np.ix_([drive, read], [drive, read])])
    return blocks


def signed_block(saddle):
    """The 2 x 2 block that the theory gives."""
    J = theory.mode_coupling(*model(saddle), 1, saddle.silent_poles[0])
    return [[0.0, J], [J, 0.0]]


@claim(
    "section 8.6",
    saddles("A", (1,)),
    predict=lambda es: theory.escape_rate(*model(es[0]), 1) / abs(theory.mode_coupling(*model(es[0]), 1)),
    tolerance=1e-5,
    note="the recurrent weights between silent and active units take part",
)
def rate_exceeds_block(runs):
    """The natural candidate for the escape rate, the drive-readout coupling of a silent mode, is smaller than
    the rate."""
    settings, params = settings_of(runs[0]), params_of(runs[0])
    hessian = analysis.hessian(settings.experiment, params)
    n = settings.experiment.network.hidden
    return -np.linalg.eigvalsh(hessian)[0] / abs(hessian[n * n + n - 1, n * n + 2 * n - 1])


@claim(
    "section 5",
    flows("A", 1e-4, seeds=range(2)),
    kind="largest",
    tolerance=0.0,
    reading="intended",
    scales="quick full",
    figure=drawings.staircase,
)
def index_on_trajectory(runs):
    """Trajectories pass saddles of index 3, 2, 1: negative directions at the quietest moments, beyond 0.01 of
    the rate."""
    experiment = settings_of(runs[0]).experiment
    counts = [
        [
            analysis.index(
                analysis.hessian_spectrum(experiment, p), 0.01 * theory.escape_rate(*model(experiment), k)
            )
            for p in quietest(runs[0], k)
        ]
        for k in range(3)
    ]
    return np.array(counts) - np.array([[3], [2], [1]])


@claim("section 2", saddles("A", (1,)), kind="largest", tolerance=1e-12, reading="intended", scope="source")
def not_eigenvalues(runs):
    """What is learned is not the eigenvalues: the one of a silent unit may move from -0.5 to 0.5 and the loss
    stays."""
    experiment, params = settings_of(runs[0]).experiment, params_of(runs[0])
    losses = []
    for q in np.linspace(-0.5, 0.5, 11):
        params["W"][1, 1] = q
        losses.append(analysis.gradient(experiment, params)[0])
    return np.ptp(losses)


@claim("section 2", saddles("A", (2,)), kind="largest", tolerance=1e-10, reading="intended", scope="source")
def not_singular_values(runs):
    """Nor the singular values of W: changes of basis that alter one by more than 10 % leave the loss
    alone."""
    experiment, params, random = settings_of(runs[0]).experiment, params_of(runs[0]), np.random.default_rng(0)
    before = np.linalg.svd(params["W"], compute_uv=False)
    losses = []
    while len(losses) < 20:
        S = np.eye(3) + 0.5 * random.standard_normal((3, 3))
        moved = {
            "W": S @ params["W"] @ np.linalg.inv(S),
            "b": S @ params["b"],
            "c": params["c"] @ np.linalg.inv(S),
        }
        change = np.abs(np.linalg.svd(moved["W"], compute_uv=False) - before) / before.max()
        if change.max() > 0.1 and np.linalg.cond(S) < 20:
            losses.append(analysis.gradient(experiment, moved)[0])
    return np.array(losses) - analysis.gradient(experiment, params)[0]
