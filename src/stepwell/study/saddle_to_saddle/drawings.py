"""The figures of this study: records in, one picture out; what is predicted comes from the settings."""

import numpy as np

from stepwell import analysis, figure, theory
from stepwell.network.linear import realisation
from stepwell.run import settings_of
from stepwell.study.base import params_at, value_of
from stepwell.study.saddle_to_saddle.readings import (
    active_poles,
    coupling_ratio,
    dwells,
    leading,
    meetings,
    model,
    of_plateaus,
    quietest,
    sigma0,
    stairs,
)


def reached(run, count=3):
    """The reached models of degree 0, 1, ... of a record's target."""
    return [theory.reached_poles(*model(settings_of(run)), k) for k in range(count)]


def weights(run, seed=0):
    """W, b, c of one seed through time."""
    return [run[name].values[seed] for name in ("W", "b", "c")]


def staircase(runs, predicted, ax):
    """The loss of the first record, predicted levels and times, and the plateaus of its first run."""
    run = runs[0]
    network, settings = value_of(settings_of(run), "network"), settings_of(run)
    rate = None if hasattr(settings, "experiment") else settings.optimiser.learning_rate
    stair = theory.staircase(*model(settings), network.hidden, sigma0(run), rate)
    return figure.staircase(
        run, ax, levels=stair.levels, transition_times=stair.transition_times, plateaus=stairs(run)[0][:3]
    )


def poles(runs, predicted, ax):
    """Poles and zeros of one run in the plane, with the poles of the target and of the best models."""
    run, W = runs[0], runs[0].W.values[0]
    every = max(1, len(W) // 400)
    branches = analysis.pole_branches(np.linalg.eigvals(W[::every]))
    models = {k: each.poles for k, each in enumerate(reached(run), 0) if k}
    return figure.poles_in_plane(
        run.snapshot_learning_time.values[::every],
        branches,
        ax,
        target_poles=model(settings_of(run))[0],
        models=models,
    )


def poles_and_zeros(runs, predicted, ax):
    """Real parts of poles and zeros through time: a pair comes apart at each step."""
    run, (W, b, c) = runs[0], weights(runs[0])
    every = max(1, len(W) // 400)
    branches = analysis.pole_branches(np.linalg.eigvals(W[::every]))
    zeros = [analysis.zeros(*each) for each in zip(W[::every], b[::every], c[::every])]
    places = np.full((len(zeros), W.shape[1] - 1), np.nan, complex)
    for row, found in zip(places, zeros):
        row[: len(found)] = found
    rests = [(p.start, p.end, each.poles) for p, each in zip(stairs(run)[0], reached(run)) if len(each.poles)]
    times = run.snapshot_learning_time.values[::every]
    return figure.poles_through_time(
        times, branches, ax, zeros=places, target_poles=model(settings_of(run))[0], models=rests
    )


def dwell(runs, predicted, ax):
    """Dwell times of all plateaus against ln(1/sigma0), with the predicted slopes."""
    task = value_of(settings_of(runs[0]), "task")
    same = [run for run in runs if value_of(settings_of(run), "task") == task]
    count = 2 if task.correlation else 3  # so far the rates are known
    rates = [theory.escape_rate(task.poles, task.residues, k, task.correlation) for k in range(count)]
    values = np.stack([dwells(same, k).T for k in range(count)], axis=-1)
    return figure.dwell_times([sigma0(run) for run in same], values, rates, ax)


def level_errors(runs, predicted, ax):
    """Relative errors of the levels against sigma0, with the predicted exponents."""
    losses, settings = [each.loss for each in reached(runs[0])], settings_of(runs[0])
    errors = {
        f"plateau {k}": np.stack([np.abs(of_plateaus(r, "level")[:, k] / losses[k] - 1) for r in runs], 1)
        for k in range(3)
    }
    exponents = [2.0, *(theory.plateau_error_exponent(*model(settings), k) for k in (1, 2))]
    labels = "initial scale σ₀", "relative error of the level"
    return figure.power_laws([sigma0(r) for r in runs], errors, ax, labels, exponents=exponents, first=0)


def pair_gaps(runs, predicted, ax):
    """The widest gap of a silent pair on plateaus 1 and 2 against sigma0, with the predicted exponents."""
    settings = settings_of(runs[0])
    gaps = {
        f"plateau {k}": np.array(
            [[np.sort(analysis.pair_gaps(**p))[-k - 1] for p in quietest(r, k)] for r in runs]
        ).T
        for k in (1, 2)
    }
    exponents = [theory.plateau_error_exponent(*model(settings), k) for k in (1, 2)]
    labels = "initial scale σ₀", "gap of the silent pairs"
    return figure.power_laws([sigma0(r) for r in runs], gaps, ax, labels, exponents=exponents)


def spectra(runs, predicted, ax):
    """Hessian spectra at the exact saddles of the smallest network among the records."""
    size = min(value_of(settings_of(run), "network__hidden") for run in runs)
    chosen = [run for run in runs if value_of(settings_of(run), "network__hidden") == size]
    values, rates = {}, {}
    for run in chosen:
        saddle = settings_of(run)
        params = params_at(run, 0, 0)
        values[saddle.modes] = analysis.hessian_spectrum(saddle.experiment, params)
        rates[saddle.modes] = theory.escape_rate(*model(saddle), saddle.modes)
    return figure.hessian_spectra(values, rates, ax)


def first_gradients(runs, predicted, ax):
    """Norms of the three gradients at the start against sigma0."""
    norms = {
        name: np.stack(
            [np.linalg.norm(run[f"direction_{name}"].values[:, 0], axis=(-2, -1)) for run in runs], 1
        )
        for name in ("c", "b", "W")
    }
    labels = "initial scale σ₀", "norm of the gradient at the start"
    return figure.power_laws([sigma0(r) for r in runs], norms, ax, labels, exponents=[1, 1, 2])


def sign_flip(runs, predicted, ax):
    """c b, the eigenvalues and the zeros of a start with the wrong sign, on a compactified axis.

    The zeros pass through infinity within a time of about sigma0, far below the spacing of the records.
    """
    run = next(run for run in runs if run.sizes["unit"] > 1)
    overlap = np.einsum("stoi,stij->st", run.c.values, run.b.values)
    seed = int(np.flatnonzero(np.diff(np.sign(overlap), axis=1).any(axis=1))[0])
    moment = np.interp(0, *sorted_pair(overlap[seed], run.learning_time.values))
    times = moment + np.linspace(-6, 6, 601) * sigma0(run)
    W, b, c = (interpolated(run.learning_time.values, weight, times) for weight in weights(run, seed))
    zeros = np.full((len(times), W.shape[1] - 1), np.nan, complex)
    for row, each in zip(zeros, zip(W, b, c)):
        found = analysis.zeros(*each)
        row[: len(found)] = found
    product = (c @ b).ravel()
    branches = analysis.pole_branches(np.linalg.eigvals(W))
    return figure.sign_flip(times, product / np.abs(product).max(), branches, zeros, ax)


def sorted_pair(values, times):
    """The two records around the first change of sign, as increasing values and their times."""
    i = int(np.flatnonzero(np.diff(np.sign(values)))[0])
    order = np.argsort(values[i : i + 2])
    return values[i : i + 2][order], times[i : i + 2][order]


def interpolated(times, values, wanted):
    """Values [time, ...] at other times, by straight lines."""
    i = np.clip(np.searchsorted(times, wanted) - 1, 0, len(times) - 2)
    share = ((wanted - times[i]) / (times[i + 1] - times[i])).reshape(-1, *[1] * (values.ndim - 1))
    return values[i] + share * (values[i + 1] - values[i])


def band(runs, predicted, ax):
    """What is left of the gradient of a mode outside the passband, against its damping."""

    damping = np.geomspace(1e-3, 0.5, 12)
    ratios = [coupling_ratio(1 - d) for d in damping]
    labels = "damping 1 − |pole|", "low-pass gradient / white gradient"
    return figure.power_laws(
        damping, {"ratio": ratios}, ax, labels, exponents=[1.0], prefactors=[ratios[0] / damping[0]]
    )


def gains(runs, predicted, ax):
    """Gains of the networks trained on white and on low-pass input."""
    frequencies, task = np.linspace(0, np.pi, 300), value_of(settings_of(runs[0]), "task")
    names = ("white input", "low-pass input")
    responses = {
        name: analysis.frequency_response(*(w[-1] for w in weights(run)), frequencies=frequencies)[:, 0, 0]
        for name, run in zip(names, runs)
    }
    goal = analysis.frequency_response(*realisation(task.poles, task.residues), frequencies)[:, 0, 0]
    return figure.gain(
        frequencies, responses, ax, target=goal, cutoff=value_of(settings_of(runs[1]), "task__cutoff")
    )


def counter_example(runs, predicted, ax):
    """The best loss of one pole against its place, both minima, and the way that the student takes."""
    settings, run = settings_of(runs[0]), runs[0]
    places = np.linspace(-0.97, 0.97, 400)
    losses = [float(theory.profiled_loss([p], *model(settings))) for p in places]
    minima = [(m.poles[0].real, m.loss) for m in theory.best_poles(*model(settings), 1).local_minima]
    until = int(np.flatnonzero(run.learning_time.values <= stairs(run)[0][1].place)[-1])
    rows = [params_at(run, 0, i) for i in range(0, until, 2)]
    path = [active_poles(p, 1)[0].real for p in rows], run.loss.values[0, 0:until:2]
    return figure.one_pole_landscape(places, losses, ax, minima=minima, path=path)


def rivals(runs, predicted, ax):
    """The measured levels of plateaus 1 and 2 against what other reductions would give."""
    settings = settings_of(runs[0])
    found = {k: theory.rival_models(*model(settings), k) for k in (1, 2)}
    losses = {"best": [each.loss for each in reached(runs[0])[1:]]}
    losses |= {name: [found[k][name].loss for k in (1, 2)] for name in found[1]}
    return figure.rivals(losses, of_plateaus(runs[0], "level").mean(axis=0)[1:], ax)


def residues(runs, predicted, ax):
    """Residues of the modes in the order of their strength, and the best residues for the same poles."""
    run, settings = runs[0], settings_of(runs[0])
    every = max(1, run.sizes["snapshot"] // 300)
    found = np.full((len(range(0, run.sizes["snapshot"], every)), 3), np.nan)
    best, ends = found.copy(), [p.end for p in stairs(run)[0]]
    for row, i in enumerate(range(0, run.sizes["snapshot"], every)):
        params = params_at(run, 0, i)
        k = min(3, 1 + sum(run.snapshot_learning_time.values[i] > end + 2 for end in ends[1:]))
        order = np.argsort(-analysis.mode_norms(**params))[:k]
        found[row, :k] = np.real(analysis.residues(**params)[order, 0, 0])
        fitted = theory.profiled_residues(analysis.poles(params["W"])[order], *model(settings))
        best[row, :k] = np.real(fitted)
    return figure.residues_through_time(run.snapshot_learning_time.values[::every], found, ax, predicted=best)


def ramp(runs, predicted, ax):
    """The imaginary part of the pair after the collision, on double logarithmic axes."""

    run = next(run for run in runs if run.sizes["unit"] == 2)
    rows, since = [], np.geomspace(2e-2, 0.5, 20)
    for seed, meeting in enumerate(meetings(run)):
        imaginary = np.abs(leading(run)[seed].imag).max(axis=1)
        rows.append(np.interp(meeting.time + since, run.learning_time.values, imaginary))
    amplitude = np.mean([0.5 * np.sqrt(-meeting.slope) for meeting in meetings(run)])
    labels = "learning time since the collision", "imaginary part of the pole"
    return figure.power_laws(since, {"pair": rows}, ax, labels, exponents=[0.5], prefactors=[amplitude])


def collision(runs, predicted, ax):
    """Two real poles meet and leave the real axis."""

    run, meeting = runs[0], meetings(runs[0])[0]
    times = run.learning_time.values
    near = np.flatnonzero((times > meeting.time - 3) & (times < meeting.time + 6))[::4]
    branches = analysis.pole_branches(leading(run)[0, near])
    return figure.collision(times[near], branches, ax, time=meeting.time, place=meeting.place)
