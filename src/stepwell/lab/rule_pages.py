"""Pages 10 and 11: what truncating the gradient does to solutions, and to the rank of what is learned."""

from stepwell.lab.page import Choice, Number, Page

RULES = Page(
    slug="rules",
    link="Rules",
    title="Learning rules as flows",
    source="williams2026, section 3",
    claim="Truncating the gradient changes which solutions are stable, and how fast they are reached.",
    condition="One aligned mode with readout a, input b and recurrent weight w. Arrows are projections: "
    "except a = b for BPTT "
    "no slice is invariant.",
    look=(
        r"From the same start BPTT goes straight to a solution; RFLO first climbs, and ends on the other "
        r"branch.",
        r"The line a = b = 0 holds BPTT and tBPTT(1) fast: a saddle. RFLO has no such line.",
        r"Move the point on RFLO's curve: it is stable where $\hat a s>0$, and in a small window beyond.",
    ),
    formula=(
        r"S=\frac1{1-w^2},\quad Q=\frac1{1-ww^*},\quad E=\frac1{1-\hat w w},\quad "
        r"\mathcal L=\tfrac12\left(a^2b^2S-2ab\kappa Q+\frac{\kappa^2}{1-w^{*2}}\right)",
        r"\text{BPTT: }\dot a=-b(abS-\kappa Q),\quad \dot b=-a(abS-\kappa Q),\quad \dot w=-ab(abwS^2-\kappa "
        r"w^*Q^2)",
        r"\text{RFLO: }\dot a=-b(abS-\kappa Q),\quad \dot b=-\hat a(abE-\kappa E^*),\quad "
        r"\dot w=-\hat a b(abwSE-\kappa w^*QE^*)",
    ),
    settings={
        "a": Number(label="start a", default=1.0, low=-1.8, high=1.8),
        "b": Number(label="start b", default=1.0, low=-1.8, high=1.8),
        "w": Number(label="start w", default=0.6, low=-0.95, high=0.95),
        "kappa": Number(label="teacher κ", default=0.5, low=-1.0, high=1.0),
        "goal": Number(label="teacher w*", default=0.7, low=-0.9, high=0.9),
        "feedback": Number(label="feedback â", default=-0.2, low=-1.0, high=1.0),
        "decay": Number(label="decay ŵ", default=0.3, low=0.0, high=0.9),
        "s": Number(label="point s on the curve", default=0.7, low=-1.8, high=1.8),
    },
    presets={
        "a detour": {
            "a": 1.0,
            "b": 1.0,
            "w": 0.6,
            "kappa": 0.5,
            "goal": 0.7,
            "feedback": -0.2,
            "decay": 0.3,
            "s": 0.7,
        },
        "the other sign": {"kappa": -0.5},
        "right-handed feedback": {"feedback": 0.2, "kappa": 0.5},
        "the odd window": {"kappa": 0.1, "goal": 0.7, "decay": 0.3, "feedback": 0.2, "s": -0.39},
    },
    python="""\
import jax

jax.config.update("jax_enable_x64", True)
from scipy.integrate import solve_ivp
from stepwell import RULES
from stepwell.theory.mode_dynamics import mode_flow, mode_loss

teacher = dict(a_star={kappa}, b_star=1.0, w_star={goal})
for name, options in [("bptt", {}), ("tbptt", {}), ("rflo", dict(feedback={feedback}, decay={decay}))]:
    rule = RULES[name]()
    velocity = jax.jit(lambda x: mode_flow(rule, *x, **teacher, **options))
    start = [{a}, {b}, {w}]
    flow = solve_ivp(lambda t, x: [float(v) for v in velocity(x)], (0, 100), start, rtol=1e-6, atol=1e-9)
    print(name, flow.y[:, -1], float(mode_loss(*flow.y[:, -1], **teacher)))
""",
    picture="Three phase portraits in two slices each, with trajectories from one start, a view in three "
    "dimensions, and "
    "weights and loss over time.",
)

RULE_RANK = Page(
    slug="rule-rank",
    link="Rule rank",
    title="The rank of learning rules",
    source="williams2026, sections 4 and 5",
    claim="With fixed feedback the change of W has at most as many dimensions as there are outputs.",
    condition="For RFLO with plain steps in a linear network. Under Adam, in a tanh network, or with the "
    "symmetric feedback the "
    "bound does not hold.",
    look=(
        "The singular values of RFLO fall off a cliff after as many as there are outputs.",
        "The others use nearly all dimensions, in the order tBPTT(1), e-prop, BPTT: the more exact, the "
        "more.",
        "Switch to Adam: it works on each weight alone, and the cliff is gone.",
    ),
    formula=(
        r"\Delta W=\sum_{\text{updates}}F\,\varepsilon\,p^\top\quad\text{lies in the span of the columns of "
        r"}F",
    ),
    settings={
        "outputs": Choice(label="outputs", default="1", options={"1": "1", "2": "2", "4": "4"}),
        "optimiser": Choice(label="optimiser", default="sgd", options={"sgd": "plain steps", "adam": "Adam"}),
        "network": Choice(label="network", default="linear", options={"linear": "linear", "tanh": "tanh"}),
        "feedback": Choice(
            label="feedback",
            default="random",
            options={"random": "random, fixed", "symmetric": "symmetric"},
        ),
        "speed": Number(label="updates/frame", default=10, low=1, high=500, log=True, whole=True, live=True),
        "seed": Number(label="seed", default=0, low=0, high=999_999, whole=True, more=True),
    },
    presets={
        "one output": {"outputs": "1", "optimiser": "sgd", "network": "linear", "feedback": "random"},
        "two outputs": {"outputs": "2", "optimiser": "sgd", "network": "linear", "feedback": "random"},
        "four outputs": {"outputs": "4", "optimiser": "sgd", "network": "linear", "feedback": "random"},
        "Adam": {"outputs": "2", "optimiser": "adam", "network": "linear", "feedback": "random"},
    },
    python="""\
import jax

jax.config.update("jax_enable_x64", True)
from stepwell.lab.rule_rank import RuleRank

run = RuleRank(outputs={outputs}, feedback={feedback}, optimiser={optimiser}, network={network}, seed={seed})
state, frame = run.begin()
state, frame = run.advance(state, 1500)
print(frame.picture["losses"], frame.picture["ranks"])
""",
    engine="stepwell.lab.rule_rank:RuleRank",
    streams=True,
    rate=15,
    picture="The singular values of the weight change under four learning rules, and their losses over "
    "updates.",
)

RULE_PAGES = (RULES, RULE_RANK)
