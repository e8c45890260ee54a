"""How many stairs a rule goes down, by its lag and the number of outputs."""

import numpy as np

from stepwell.study.across import drawings_local_rules as drawings
from stepwell.study.across.protocols import (
    BPTT,
    EPROP,
    RFLO,
    SEEDS,
    claim,
    flows,
    rule_flow,
    target,
    tbptt,
)
from stepwell.study.across.readings import modes, predicted_modes, resting_level

CASES = {
    "one": [(rule, 1, 3) for rule in (RFLO, tbptt(1), tbptt(2), tbptt(3), EPROP, BPTT)],
    "two": [(RFLO, 2, 4), (tbptt(1), 2, 4), (tbptt(2), 2, 6)],
    "three": [(RFLO, 3, 4), (tbptt(1), 3, 4), (tbptt(2), 3, 7)],
}
SCALES = {"one": "smoke quick full", "two": "quick full", "three": "full"}


STATEMENT = (
    "With {} RFLO learns as many modes as there are outputs and tBPTT lag times as many, up to all of them; "
    "e-prop and BPTT learn all: active modes at learning time 1000."
)

for outputs, cases in CASES.items():
    plural = "output" if outputs == "one" else "outputs"
    claim(
        "item 1",
        flows(cases),
        predict=lambda es: [[predicted_modes(e)] for e in es],
        kind="largest",
        tolerance=0.0,
        scales=SCALES[outputs],
        figure=drawings.modes_against_theory,
        name=f"stairs_{outputs}_{plural}",
        statement=STATEMENT.format(f"{outputs} {plural}"),
    )(lambda runs: [modes(run) for run in runs])


def resting(scale):
    """The flows that stop above the bottom."""
    wanted = CASES["one"][:1] if scale == "smoke" else [*CASES["one"][:3], *CASES["two"]]
    return flows(wanted)(scale)


@claim(
    "item 1",
    resting,
    predict=lambda es: [[resting_level(e)] for e in es],
    kind="largest",
    relative=True,
    tolerance=0.01,
    figure=drawings.losses,
)
def resting_levels(runs):
    """The last stair lies where the best residues for its poles make the first lag errors vanish, or RFLO's
    sum of discounted errors: loss at learning time 1000."""
    return [run.loss.values[:, -1] for run in runs]


@claim(
    "item 1",
    lambda scale: [(rule_flow(tbptt(2), target(6, 2, draw=10), 1e-4, 1000.0), SEEDS[scale])],
    predict=lambda es: float(np.isfinite(resting_level(es[0]))),
    kind="largest",
    tolerance=0.0,
    scales="full",
    figure=drawings.losses,
    note="one target; lag times outputs is no law for every target",
)
def no_rest_no_stair(runs):
    """Towards a target without a model to rest on tBPTT(2) with two outputs is not on stair 4: 1 for a
    start that is."""
    return modes(runs[0]) == 4
