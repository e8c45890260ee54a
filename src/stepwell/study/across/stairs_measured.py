"""How many stairs a rule goes down under Adam, and with tanh units: measured, not predicted."""

from functools import partial

import numpy as np

from stepwell import analysis
from stepwell.experiment import Experiment, Optimiser, Recording
from stepwell.network import Linear
from stepwell.run import settings_of
from stepwell.study.across import drawings_local_rules as drawings
from stepwell.study.across.protocols import BPTT, EPROP, MEASURED, RFLO, claim, response, target, tbptt
from stepwell.study.across.readings import modes, predicted_modes, resting_level
from stepwell.study.across.tanh_units import TanhUnits

CASES = {
    "one output": [(RFLO, 1, 3), (tbptt(1), 1, 3), (tbptt(2), 1, 3), (EPROP, 1, 3), (BPTT, 1, 3)],
    "two outputs": [(RFLO, 2, 4), (tbptt(1), 2, 4), (tbptt(2), 2, 6), (EPROP, 2, 4), (BPTT, 2, 4)],
}
"""Rules, outputs and degrees of the target."""
LOCAL = {"rflo": "RFLO", "tbptt_1": "tBPTT(1)", "tbptt_2": "tBPTT(2)"}
measured = partial(claim, "item 1", **MEASURED)
WAYS = {"adam": "Under Adam", "tanh": "With tanh units"}
SIGMA0, UPDATES = 1e-4, 20_000


def trained(way, *outputs):
    """Every rule from small weights; at `quick` RFLO with one output alone."""

    def runs(scale):
        cases = [case for each in outputs for case in CASES[each]]
        cases, seeds = (cases, 10) if scale == "full" else (cases[:1], 4)
        return [(descent(way, *case), range(seeds)) for case in cases]

    return runs


def descent(way, rule, outputs, degree):
    """Adam on a linear network, or plain steps on tanh units that see the pulse in its full size."""
    network, optimiser = {
        "adam": (Linear(degree, 1, outputs, SIGMA0), Optimiser("adam", 0.001)),
        "tanh": (TanhUnits(degree, SIGMA0, 1.0, output=outputs), Optimiser("sgd", 0.02)),
    }[way]
    task = response(target(degree, outputs))
    return Experiment(task, network, rule, optimiser, UPDATES, Recording(UPDATES))


def below(run):
    """Whether a rule is below nine tenths of the level on which its flow rests, [seed]."""
    return run.loss.values[:, -1] < 0.9 * resting_level(settings_of(run))


def complete(run):
    """Whether a rule has as many modes as its flow, [seed]."""
    return modes(run) == predicted_modes(settings_of(run))


def outside(run, columns=lambda F: F):
    """The share of the change of W and b outside the columns of the feedback, or of its image, [seed]."""
    changes = [run[name].values[:, -1] - run[name].values[:, 0] for name in "Wb"]
    return analysis.feedback_residual(np.concatenate(changes, axis=2), columns(run.feedback.values[:, 0]))


def local_rule(way, outputs, place):
    """The claims about one of the rules that stop."""
    name, rule = list(LOCAL.items())[place]
    ending, runs = f"{name}_{outputs.split()[0]}", trained(way, outputs)
    said = f"{WAYS[way]}, {rule} with {outputs} after {UPDATES} updates: {{}}."
    measured(
        runs,
        name=f"{way}_modes_{ending}",
        statement=said.format("active modes"),
        scales="quick full" if ending == "rflo_one" else "full",
        figure=drawings.ends if name == "rflo" else None,
    )(lambda runs: modes(runs[place]))
    measured(
        runs,
        name=f"{way}_below_{ending}",
        statement=said.format("share of runs below nine tenths of the level on which its flow rests"),
        kind="fraction",
    )(lambda runs: below(runs[place]))


for way, said in WAYS.items():
    for outputs in CASES:
        for place in range(len(LOCAL)):
            local_rule(way, outputs, place)
    measured(
        trained(way, *CASES),
        name=f"{way}_complete",
        statement=f"{said}, e-prop and BPTT with one and two outputs after {UPDATES} updates: share of runs "
        "with all modes.",
        kind="fraction",
    )(lambda runs: [complete(run) for run in (*runs[3:5], *runs[8:])])
    measured(
        trained(way, *CASES),
        name=f"{way}_outside_feedback",
        statement=f"{said}, RFLO with one and two outputs: share of its change of W and b outside the "
        "columns of its feedback.",
    )(lambda runs: [outside(run) for run in (runs[0], runs[5])])


@claim(
    "item 1",
    trained("adam", "one output"),
    kind="largest",
    tolerance=0.02,
    scales="quick full",
    note="exact but for Adam's epsilon",
)
def adam_signs_of_feedback(runs):
    """Under Adam with one output RFLO's change of W and b lies in the column of the signs of its feedback:
    share outside."""
    return outside(runs[0], np.sign)
