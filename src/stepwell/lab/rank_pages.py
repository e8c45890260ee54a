"""Page 9: large random connectivity, and the low rank of what learning adds to it."""

from stepwell.lab.page import Choice, Number, Page

RANK = Page(
    slug="rank",
    link="Rank",
    title="The rank of the weight change",
    source="schuessler2020",
    claim="However large the random connectivity, what learning adds to it is small and of low rank.",
    condition="Above: a linear network that learns a constant output, exact for infinite width. Below: "
    "recorded runs of "
    "networks with 256 units on three tasks.",
    look=(
        r"One singular value grows first, and a second, smaller one follows: the change is of rank two.",
        "Stronger random weights make the change smaller: turn g up, and the norm of the change shrinks.",
        "Move the rank R: with few singular directions the trained network already does the whole task.",
    ),
    formula=(
        r"A_{12}=\tanh\nu,\qquad A_{11}=A_{22}=1-\operatorname{sech}\nu,\qquad A_{21}=\nu-\tanh\nu,\qquad "
        r"z=\frac{\tanh\nu}{1-\nu\tanh\nu}",
        r"s_{1,2}=\tfrac{\nu}{2}\pm\sqrt{\left(\tanh\nu-\tfrac{\nu}{2}\right)^2+(1-\operatorname{sech}\nu)^2}",
    ),
    settings={
        "target": Number(label="target output", default=2.0, low=0.25, high=4.0, log=True, live=True),
        "moment": Number(label="share of the way", default=0.999, low=0.0, high=0.999, live=True),
        "g": Number(label="random weights g", default=0.0, low=0.0, high=0.9, live=True),
        "task": Choice(
            label="task",
            default="flipflop",
            live=True,
            options={
                "flipflop": "flip-flop",
                "mante": "context-dependent decision",
                "romo": "delayed comparison",
            },
        ),
        "rank": Number(label="rank R", default=25, low=0, high=25, whole=True, live=True),
    },
    presets={
        "small target": {"target": 0.5, "g": 0.0},
        "large target": {"target": 2.0, "g": 0.0},
        "strong random weights": {"target": 2.0, "g": 0.6},
        "rank two is enough": {"task": "flipflop", "rank": 2},
    },
    python="""\
from stepwell.theory import linear_flow

flow = linear_flow.solve(g={g}, target={target})
print(flow.learning_time[::20], flow.output[::20], flow.singular_values[::20, :2])
""",
    engine="stepwell.lab.weight_change:WeightChange",
    picture="Output and singular values of the weight change over learning time, its entries, and for three "
    "tasks the loss "
    "and the output when only R directions of the change are kept.",
)

RANK_PAGES = (RANK,)
