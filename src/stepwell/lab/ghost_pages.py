"""Pages 7 and 8: the ghost of a saddle-node, in one parameter and in a rank-one network."""

from stepwell.lab.page import Number, Page, Switch

GHOST = Page(
    slug="ghost",
    link="Ghost",
    title="A learning rate beyond return",
    source="ghost2025, the one-parameter model",
    claim="Above a critical learning rate learning succeeds and is then lost for good.",
    condition="The threshold is sharp from below. Between it and 1.029 times it some runs survive for ever "
    "on a cycle of "
    "three points: the pale band.",
    look=(
        r"The loss has a kink at $r^*$: descent cannot rest there, and jumps to and fro.",
        r"A jump that lands below $r^*/4$ is the last one: the state no longer escapes in time, and the "
        r"slope is 0.",
        r"Half a per cent above the critical rate the run may live on a cycle; a tenth above it is lost.",
    ),
    formula=(
        r"\dot x=x^2+r,\quad x(0)=0,\qquad L(r)=\left|T-\frac{\pi}{2\sqrt r}\right|\ \text{ for } "
        r"r\ge\frac{r^*}{4},"
        r"\qquad L=T\ \text{ below}",
        r"r^*=\frac{\pi^2}{4T^2},\qquad \alpha^*=\frac{3\pi^4}{32\,T^5}",
    ),
    settings={
        "rate": Number(label="learning rate α/α*", default=1.09504, low=0.01, high=3.0, log=True),
        "start": Number(label="start r/r*", default=10.0, low=0.26, high=20.0, log=True),
        "delay": Number(label="delay T", default=100.0, low=20.0, high=200.0, whole=True),
        "confidence": Number(
            label="confidence γ", default=10.0, low=0.01, high=10.0, log=True, endless=True, more=True
        ),
    },
    presets={
        "learned and lost": {"rate": 1.09504, "start": 10.0, "delay": 100},
        "oscillates for ever": {"rate": 0.1095, "start": 10.0, "delay": 100},
        "caught by a cycle": {"rate": 1.0074, "start": 10.0, "delay": 100},
    },
    python="""\
import numpy as np
from stepwell.theory import saddle_node

T = {delay}
alpha = {rate} * saddle_node.critical_learning_rate(T)
r = [{start} * saddle_node.optimum(T)]
for _ in range(2000):
    r.append(r[-1] - alpha * saddle_node.gradient(r[-1], T))
losses = saddle_node.loss(np.array(r), T)
print(losses[::50], r[-1] / saddle_node.optimum(T))
""",
    engine="stepwell.lab.saddle_node:SaddleNode",
    picture="The parabola with its fixed points, the loss over the parameter with the path of descent, and "
    "the loss over "
    "updates.",
)

LATENT = Page(
    slug="latent",
    link="Latent",
    title="The field that learns",
    source="ghost2025, rank-one network",
    claim="A network with one latent variable κ: watch the field that moves it while it learns.",
    condition="At this delay and start the first drop is a stable fixed point that slides through the "
    "threshold; the ghost "
    "comes later, and before the collapse. Trained networks hold a ghost, whose passage time is the delay.",
    look=(
        "The fixed point slides to the right; where it passes the threshold, the loss drops.",
        "A ghost is a place where the field nearly touches zero: the state passes it slowly, and that is "
        "the delay.",
        "At a high rate one step too many makes two fixed points; the output stays 0, and the gradient is "
        "gone.",
    ),
    formula=(
        r"\kappa_{t+1}=\tfrac12\kappa_t+\tfrac12\,n^\top\tanh(m\kappa_t+b),\qquad "
        r"y_t=\sigma\big(\gamma(\kappa_{t+1}-1)\big)",
        r"f(\kappa)=-\kappa+n^\top\tanh(m\kappa+b)",
    ),
    settings={
        "learning_rate": Number(label="learning rate", default=0.02, low=1e-3, high=0.1, log=True, live=True),
        "confidence": Number(label="confidence γ", default=10.0, low=0.01, high=20.0, log=True, live=True),
        "speed": Number(label="updates/frame", default=50, low=1, high=2000, log=True, whole=True, live=True),
        "anneal": Switch(label="anneal the confidence from 1", default=False),
        "seed": Number(label="seed", default=4, low=0, high=999_999, whole=True, more=True),
    },
    presets={
        "high rate": {"learning_rate": 0.02, "confidence": 10.0, "speed": 50, "seed": 4, "anneal": False},
        "low rate": {"learning_rate": 0.003, "confidence": 10.0, "speed": 1000, "seed": 4, "anneal": False},
        "start with low confidence": {
            "learning_rate": 0.02,
            "confidence": 1.0,
            "speed": 5,
            "seed": 4,
            "anneal": False,
        },
        "anneal from 1 to 10": {
            "learning_rate": 0.02,
            "confidence": 10.0,
            "speed": 10,
            "seed": 4,
            "anneal": True,
        },
        "lower the confidence now": {"confidence": 0.8},
        "raise it again": {"confidence": 10.0},
    },
    python="""\
import jax

jax.config.update("jax_enable_x64", True)
from stepwell import NETWORKS, TASKS, Experiment, Optimiser, train

experiment = Experiment(
    task=TASKS["delayed_activation"](),
    network=NETWORKS["low_rank"](confidence={confidence}),
    optimiser=Optimiser(learning_rate={learning_rate}),
    updates=6000,
)
record = train(experiment, seeds=[{seed}])
print(record.loss.values[0, ::200])
""",
    engine="stepwell.lab.latent:Latent",
    streams=True,
    rate=15,
    picture="The field of the latent variable with fixed points and ghosts, the loss and its gradient over "
    "updates, and the "
    "output over a trial.",
)

GHOST_PAGES = (GHOST, LATENT)
