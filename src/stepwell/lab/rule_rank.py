"""Four learning rules side by side, and how many directions of W each of them changes."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stepwell import analysis
from stepwell.analysis.weight_change import numerical_rank, singular_values
from stepwell.experiment import Experiment, Optimiser
from stepwell.lab.engine import AbstractRun, Frame
from stepwell.network import NETWORKS
from stepwell.rule import RULES
from stepwell.run.trainer import Carry
from stepwell.run.watched import begun, further, parameters
from stepwell.task import TASKS

HIDDEN, INPUTS, TEACHER, STEPS = 24, 3, 6, 40
RADIUS, STRENGTH, DECAY = 0.85, 0.5, 0.4
RATES = {1: 0.01, 2: 0.005, 4: 0.0025}
ADAM_RATE = 0.003
MOST_UPDATES = 6000
CUT = 1e-10
SHOWN = ("bptt", "eprop", "tbptt", "rflo")


class RuleRank(AbstractRun):
    """One target, one start, four rules.

    Attributes:
        outputs: "1", "2" or "4".
        feedback: "random" or "symmetric", of e-prop and RFLO.
        optimiser: "sgd" or "adam".
        network: "linear" or "tanh".
        seed: of target and networks.
    """

    outputs: str
    feedback: str
    optimiser: str
    network: str
    seed: int

    def scene(self) -> dict[str, Any]:
        """The rules, and the number of outputs."""
        return {"rules": list(SHOWN), "outputs": int(self.outputs), "hidden": HIDDEN}

    def slow(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        """Nothing."""
        return ()

    def begin(self) -> tuple[dict[str, tuple[Carry, np.ndarray]], Frame]:
        """All four networks before their first update, each with the weights that it starts from."""
        state = {}
        for name in SHOWN:
            carry = begun(self._experiment(name), self.seed)
            state[name] = carry, parameters(carry)["W"]
        return self.advance(state, 0)

    def advance(self, state: Any, updates: int) -> tuple[dict[str, tuple[Carry, np.ndarray]], Frame]:
        """The same updates of all four."""
        new, losses, values, ranks = {}, {}, {}, {}
        for name, (carry, start) in state.items():
            carry, curves = further(self._experiment(name), carry, updates)
            W = parameters(carry)["W"]
            new[name] = carry, start
            losses[name] = float(curves.loss[-1])
            values[name] = singular_values(W, start) if np.isfinite(W).all() else np.zeros(0)
            ranks[name] = int(numerical_rank(values[name], CUT)) if values[name].any() else 0
        update = int(new["bptt"][0].update)
        picture = {
            "update": update,
            "loss": [losses["bptt"]],
            "losses": losses,
            "values": values,
            "ranks": ranks,
        }
        if not np.isfinite(list(losses.values())).any():
            return new, Frame(picture, done="diverged")
        return new, Frame(picture, done="limit" if update >= MOST_UPDATES else None)

    def _experiment(self, rule: str) -> Experiment:
        outputs = int(self.outputs)
        options: dict[str, dict[str, Any]] = {
            "eprop": {"feedback": self.feedback},
            "rflo": {"feedback": self.feedback, "decay": DECAY},
        }
        rate = ADAM_RATE if self.optimiser == "adam" else RATES[outputs]
        return Experiment(
            task=_target(outputs, self.seed),
            network=NETWORKS["rate"](
                hidden=HIDDEN,
                input=INPUTS,
                output=outputs,
                g=STRENGTH,
                leak=0.0,
                scaling="standard",
                phi="tanh" if self.network == "tanh" else "identity",
            ),
            rule=RULES[rule](**options.get(rule, {})),
            optimiser=Optimiser(name=self.optimiser, learning_rate=rate),
        )


def _target(outputs: int, seed: int) -> Any:
    """The impulse response of a Gaussian linear teacher."""
    draw = np.random.default_rng(seed).standard_normal
    W = draw((TEACHER, TEACHER))
    W *= RADIUS / np.abs(analysis.poles(W)).max()
    b, c = draw((TEACHER, INPUTS)) / np.sqrt(INPUTS), draw((outputs, TEACHER)) / np.sqrt(TEACHER)
    return TASKS["impulse"](analysis.poles(W), analysis.residues(W, b, c), steps=STEPS)
