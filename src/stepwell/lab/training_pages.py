"""Pages 4 to 6: training, the plateaus, and how long they last."""

from stepwell.lab.page import Choice, Number, Numbers, Page, Points, Switch

RUN = """\
import jax

jax.config.update("jax_enable_x64", True)
from stepwell import NETWORKS, RULES, TASKS, Experiment, Optimiser, train

task = TASKS["impulse"](poles={poles}, residues={residues}, steps={steps}, input={input}, cutoff={cutoff})
experiment = Experiment(
    task=task,
    network=NETWORKS["linear"](hidden={hidden}, sigma0={sigma0}),
    rule={rule},
    optimiser=Optimiser(learning_rate={learning_rate}),
    updates=4000,
)
record = train(experiment, seeds=[{seed}])
print(record.loss.values[0, ::100])
"""

THREE_STAIRS = {
    "poles": ((0.9, 0.0), (0.3, 0.0), (-0.8, 0.0)),
    "residues": (0.3, 1.0, 0.25),
    "hidden": 3,
    "steps": 40,
    "learning_rate": 0.02,
}
LOCAL_MINIMUM = {
    "poles": ((0.95, 0.0), (0.2, 0.0), (-0.7, 0.0)),
    "residues": (0.12, 1.2, 0.35),
    "hidden": 3,
    "steps": 40,
    "learning_rate": 0.02,
}
FREE = {"input": "impulse", "cutoff": 3.14, "rule": "bptt", "sigma0": 0.01, "speed": 10}
RULES_IN_WORDS = {
    "bptt": "BPTT",
    "eprop": "e-prop",
    "tbptt": "tBPTT(1)",
    "rflo": "RFLO, decay 0",
    "rflo3": "RFLO, decay 0.3",
}
RULES_IN_PYTHON = {
    "bptt": 'RULES["bptt"]()',
    "eprop": 'RULES["eprop"]()',
    "tbptt": 'RULES["tbptt"](lag=1)',
    "rflo": 'RULES["rflo"](decay=0.0)',
    "rflo3": 'RULES["rflo"](decay=0.3)',
}


def _target() -> dict[str, Points | Numbers]:
    return {
        "poles": Points(label="target poles", default=THREE_STAIRS["poles"], least=1, most=6, reach=0.99),
        "residues": Numbers(
            label="target residues", default=THREE_STAIRS["residues"], low=-3.0, high=3.0, beside="poles"
        ),
    }


def _network(more: bool = False) -> dict[str, Number]:
    return {
        "sigma0": Number(label="initial scale σ₀", default=0.01, low=1e-4, high=0.5, log=True),
        "learning_rate": Number(label="learning rate", default=0.02, low=1e-3, high=0.1, log=True, live=True),
        "hidden": Number(label="hidden units", default=3, low=1, high=6, whole=True, more=True),
        "steps": Number(label="trial length T", default=40, low=20, high=100, whole=True, more=True),
        "seed": Number(label="seed", default=0, low=0, high=999_999, whole=True, more=True),
        "speed": Number(
            label="updates/frame", default=10, low=1, high=1000, log=True, whole=True, live=True, more=more
        ),
    }


TRAINING = Page(
    slug="training",
    link="Training",
    title="The staircase",
    source="essay2026, sections 6 and 8",
    claim="The loss goes down in stairs, and at every stair one pole-zero pair separates.",
    condition="From small weights, under the full gradient. RFLO and tBPTT(1) with one output stay on the "
    "first stair for a "
    "time that grows about as a power of $1/\\sigma_0$; e-prop goes down all of them.",
    look=(
        "A cross and a circle that sit on each other part ways at the moment the loss drops.",
        "On a plateau each silent pole has found a zero; closeness is relative to their size.",
        "Half of all starts have the wrong sign of $c\\,b$: a zero then runs off to infinity and comes back.",
    ),
    formula=(
        r"L=\tfrac12\sum_{s=0}^{T-1}(g_s-g^*_s)^2,\qquad g_s=c\,W^s\,b,\qquad g^*_s=\sum_k r^*_k\,(p^*_k)^s",
    ),
    settings={
        **_network(),
        "rule": Choice(label="rule", default="bptt", options=RULES_IN_WORDS, python=RULES_IN_PYTHON),
        **_target(),
        "input": Choice(
            label="input",
            default="impulse",
            options={"impulse": "impulse", "white": "white noise", "band_limited": "low-passed noise"},
            more=True,
        ),
        "cutoff": Number(label="cut-off of the low-pass", default=3.14, low=0.1, high=3.14, more=True),
        "lines": Switch(label="best losses with fewer poles", default=False, live=True, more=True),
    },
    presets={
        "three stairs": {**FREE, **THREE_STAIRS},
        "oscillation": {
            **FREE,
            **THREE_STAIRS,
            "poles": ((0.5284, 0.6658), (0.5, 0.0)),
            "residues": (0.5, 0.4),
        },
        "local minimum": {**FREE, **LOCAL_MINIMUM, "lines": True},
        "too fast": {
            **FREE,
            **THREE_STAIRS,
            "poles": ((0.9, 0.0), (-0.7, 0.0), (0.5, 0.0)),
            "residues": (0.6, 0.25, 0.3),
            "speed": 25,
        },
        "nearly invisible mode": {
            **FREE,
            **THREE_STAIRS,
            "poles": ((0.8, 0.0), (-0.6268, 0.5741)),
            "residues": (1.0, 0.25),
            "steps": 80,
            "input": "band_limited",
            "cutoff": 0.8,
            "learning_rate": 0.01,
            "speed": 100,
        },
        "target A": {
            **FREE,
            **THREE_STAIRS,
            "poles": ((0.5, 0.0), (-0.45, 0.0), (-0.75, 0.0)),
            "residues": (0.9, 0.7, -0.65),
            "steps": 100,
            "learning_rate": 0.1,
        },
        "target B": {
            **FREE,
            **THREE_STAIRS,
            "poles": ((0.83, 0.0), (0.03, 0.0), (-0.62, 0.0)),
            "residues": (-0.42, 0.55, 0.95),
            "steps": 100,
            "learning_rate": 0.1,
        },
    },
    python=RUN,
    engine="stepwell.lab.training:Training",
    streams=True,
    picture="Poles and zeros of the network in the plane, the loss in double logarithmic axes, the impulse "
    "response of network "
    "and target, and the activity of each mode.",
)

PLATEAUS = Page(
    slug="plateaus",
    link="Plateaus",
    title="What a plateau has learned",
    source="essay2026, section 7",
    claim="At each plateau the network is nearly a stationary model with so many poles, mostly the best one.",
    condition="Mostly: with target *local minimum* it rests on another stationary model, which the dotted "
    "line shows.",
    look=(
        "The dashed lines are drawn before learning begins; the loss comes to rest on them.",
        "Drag the scrubber to a plateau: the response there lies on that of the best model with as many "
        "poles.",
        "The active pole rolls into a valley of the profiled loss, and waits there until the next one wakes.",
    ),
    formula=(
        r"L^*_1(p)=\tfrac12\left(\sum_s (g^*_s)^2-(1-p^2)\left(\sum_i\frac{r^*_i}{1-p^*_i p}\right)^2\right)",
        r"\text{updates on plateau }k\approx\frac{\ln(1/\sigma_0)}{\ln(1+\eta s_k)}",
    ),
    settings={**_network(more=True), **_target()},
    presets={
        "three stairs": {**THREE_STAIRS, "sigma0": 0.01, "speed": 10},
        "local minimum": {**LOCAL_MINIMUM, "sigma0": 0.01, "speed": 10},
        "two stairs": {
            **THREE_STAIRS,
            "poles": ((0.85, 0.0), (-0.6, 0.0)),
            "residues": (0.6, 0.5),
            "hidden": 2,
            "sigma0": 0.001,
            "speed": 5,
        },
    },
    python=RUN.replace("{input}", '"impulse"')
    .replace(", cutoff={cutoff}", "")
    .replace("{rule}", 'RULES["bptt"]()')
    + """
from stepwell import theory

for k in range(3):
    print(k, theory.best_poles({poles}, {residues}, k).loss)
print(theory.staircase({poles}, {residues}, {hidden}, {sigma0}, {learning_rate}))
""",
    engine="stepwell.lab.plateaus:Plateaus",
    streams=True,
    picture="The loss with the losses of the best models as lines, the profiled loss of one and of two "
    "poles, and the impulse "
    "response beside that of the best model.",
)

DWELL = Page(
    slug="dwell",
    link="Dwell time",
    title="How long a plateau lasts",
    source="essay2026, section 8.6",
    claim="A plateau lasts longer by the same time for every factor in the initial scale.",
    condition=r"The law is generic. Its exception is a target with $g^*_0=0$, where the time grows as "
    r"$1/\sigma_0$.",
    look=(
        "The points of each plateau lie on a line: the time grows with the logarithm of $1/\\sigma_0$.",
        "The slope is predicted from the target alone, before any run: the dashed line.",
        "The order of the plateaus, and their heights, do not change with the scale: only the waiting does.",
    ),
    formula=(
        r"\text{slope of plateau }k=\frac{1}{\ln(1+\eta s_k)}\quad\text{updates per unit of }\ln(1/\sigma_0)",
        r"s_0=|g^*_0|,\qquad s_1=|r_1-g^*_0|\left(1+\frac{|r_1|}{p_1^2}\right)",
    ),
    settings={
        **_target(),
        "learning_rate": Number(label="learning rate", default=0.02, low=0.005, high=0.1, log=True),
        "seed": Number(label="seed", default=0, low=0, high=999_999, whole=True),
    },
    presets={
        "three stairs": {"poles": THREE_STAIRS["poles"], "residues": THREE_STAIRS["residues"]},
        "no first response": {"poles": ((0.7, 0.0), (-0.5, 0.0)), "residues": (1.0, -1.0)},
    },
    python="""\
import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
from stepwell import NETWORKS, TASKS, Experiment, Optimiser, theory, train

poles, residues, rate = {poles}, {residues}, {learning_rate}
task = TASKS["impulse"](poles=poles, residues=residues, steps=40)
for sigma0 in np.geomspace(1e-2, 1e-4, 5):
    network = NETWORKS["linear"](hidden=len(poles), sigma0=float(sigma0))
    record = train(Experiment(task, network, optimiser=Optimiser(learning_rate=rate), updates=6000), [{seed}])
    print(sigma0, record.loss.values[0, ::500])
print([1 / np.log1p(rate * theory.escape_rate(poles, residues, k)) for k in range(len(poles))])
""",
    engine="stepwell.lab.dwell:Dwell",
    picture="The time spent on each plateau against the logarithm of the inverse initial scale, with "
    "predicted slopes.",
)

TRAINING_PAGES = (TRAINING, PLATEAUS, DWELL)
