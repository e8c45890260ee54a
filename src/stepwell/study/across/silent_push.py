"""What pushes the silent weights off a saddle that a linear network has and a tanh network has not."""

import numpy as np

from stepwell import analysis
from stepwell.experiment import Experiment

DIRECTIONS = 32


def silent_push(experiment: Experiment, pole: float, residue: float) -> float:
    r"""The gradient along the ways down from the saddle of a linear model with one pole.

    One direction u of the units carries the model with the weights $b_1,c_1=\sqrt r$; what is across it is
    silent. The loss falls along $c-\tfrac{c_1}pu^\top W$ and $b-\tfrac{b_1}pWu$ across u. Small weights draw
    u at random: the geometric mean over directions is taken.

    Args:
        experiment: of a network of three units or more, whose `W`, `b`, `c` are those of a linear one.
        pole, residue: of the model, residue > 0.
    """
    random = np.random.default_rng(0).standard_normal((DIRECTIONS, experiment.network.hidden))
    pushes = [_push(experiment, pole, np.sqrt(residue), u / np.linalg.norm(u)) for u in random]
    return float(np.exp(np.mean(np.log(pushes))))


def _push(experiment, pole, root, u):
    params = {"W": pole * np.outer(u, u), "b": root * u[:, None], "c": root * u[None]}
    W, b, c = (analysis.gradient(experiment, params)[1][name] for name in ("W", "b", "c"))
    ways = np.stack([c[0] - root / pole * u @ W, b[:, 0] - root / pole * W @ u])
    return np.linalg.norm(ways - np.outer(ways @ u, u))
