"""tanh units on their plateaus: poles and residues of the linearisation at the origin.

There the amplitude of the pulse cancels between drive and readout, so that the linearisation is (W, b, c).
"""

from functools import partial

import numpy as np

from stepwell import analysis, theory
from stepwell.run import settings_of
from stepwell.study.across import drawings_nonlinear_units as drawings
from stepwell.study.across.protocols import POLES, RESIDUES, claim
from stepwell.study.across.protocols_nonlinear_units import AMPLITUDES, SCALES, pulses
from stepwell.study.base import params_at, value_of
from stepwell.study.saddle_to_saddle.readings import quietest, slopes


def amplitude(run):
    """The amplitude of a record."""
    return value_of(settings_of(run), "network__amplitude")


def strongest(params, k):
    """Poles and residues of the k modes with the strongest responses, the poles ascending, [2, mode]."""
    modes = np.array([analysis.poles(params["W"]), analysis.residues(**params)[:, 0, 0]])
    modes = modes[:, np.argsort(-analysis.mode_norms(**params))[:k]]
    return modes[:, np.argsort(modes[0].real)]


def best(k):
    """Those of the model that a linear network reaches on plateau k."""
    model = theory.reached_poles(POLES, RESIDUES, k)
    modes = np.array([model.poles, model.residues])
    return modes[:, np.argsort(modes[0].real)]


def gaps(run, k):
    """The largest distance of a pole or residue on plateau k from the best linear model, [seed]."""
    return np.array([np.abs(strongest(params, k) - best(k)).max() for params in quietest(run, k)])


for k in (1, 2):
    claim(
        "item 8",
        pulses(AMPLITUDES[:4], SCALES[-1:]),
        kind="largest",
        tolerance=0.01,
        scales="quick full",
        name=f"tanh_model_{k}",
        statement=f"On plateau {k} poles and residues of the linearisation at the origin are those of the "
        "best linear model, up to an amplitude of 0.1.",
        figure=drawings.models,
    )(partial(lambda runs, k: [gaps(run, k) for run in runs], k=k))
    claim(
        "item 8",
        pulses(AMPLITUDES[2:5], SCALES[-1:]),
        predict=2.0,
        kind="mean",
        tolerance=0.1,
        scales="quick full",
        name=f"tanh_model_{k}_departs",
        statement=f"They depart from it on plateau {k} with the square of the amplitude: exponent between "
        "0.03 and 0.3.",
        figure=drawings.models,
    )(partial(lambda runs, k: slopes(np.log(AMPLITUDES[2:5]), np.log([gaps(r, k) for r in runs]).T), k=k))


for row, name in enumerate(("poles", "residues")):
    claim(
        "item 8",
        pulses((0.3,), SCALES[-1:]),
        predict=None,
        kind="mean",
        tolerance=0.01,
        scales="quick full",
        name=f"tanh_{name}",
        statement=f"The linearisation at the origin at the end of learning: largest distance of its {name} "
        "from the target's, at an amplitude of 0.3.",
        figure=drawings.models,
    )(partial(lambda runs, row: [end_gaps(runs[0], i)[row] for i in range(runs[0].sizes["seed"])], row=row))


def end_gaps(run, seed):
    """The largest distances of poles and of residues from the target's at the end."""
    target = best(len(POLES))
    return np.abs(strongest(params_at(run, seed, -1), len(POLES)) - target).max(axis=1)
