"""The dimension of a linear task is its degree: the functional rank of what learning changes."""

from stepwell.study.across import drawings_local_rules as drawings
from stepwell.study.across.protocols import BPTT, RFLO, SEEDS, claim, rule_flow, target
from stepwell.study.across.readings import functional_ranks, predicted_modes

UNITS, TINY = 4, 1e-6


def descents(rule, outputs):
    """Flows of four units towards targets of degree 1 to 4, with W from as good as zero."""

    def runs(scale):
        return [
            (rule_flow(rule, target(k, outputs), TINY, 3000.0, UNITS), SEEDS[scale]) for k in (1, 2, 3, 4)
        ]

    return runs


for name, rule, outputs, scales, law in (
    ("task_dimension_bptt", BPTT, 1, "quick full", "the degree of the target"),
    ("task_dimension_rflo", RFLO, 1, "full", "one"),
    ("task_dimension_rflo_two", RFLO, 2, "quick full", "the degree of the target, but two at most"),
):
    claim(
        "item 5",
        descents(rule, outputs),
        predict=lambda es: [[predicted_modes(e)] for e in es],
        kind="largest",
        tolerance=0.0,
        scales=scales,
        figure=drawings.ranks_by_degree,
        name=name,
        statement=f"From W = 0 {'BPTT' if rule == BPTT else 'RFLO'} with {outputs} output"
        f"{'' if outputs == 1 else 's'} changes W by a functional rank of {law}, for degrees 1 to 4.",
    )(lambda runs: [functional_ranks(run) for run in runs])
