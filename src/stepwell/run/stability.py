"""The largest learning rate with which plain gradient steps can settle on a linear problem's solution."""

import warnings

import numpy as np

from stepwell.experiment import Experiment
from stepwell.network.linear import Linear, balanced, realisation
from stepwell.rule import BPTT
from stepwell.task.impulse import Impulse


def warn_if_unstable(experiment: Experiment) -> None:
    """Warn, with the bound, of a learning rate that cannot settle on the solution."""
    rate, bound = experiment.optimiser.learning_rate, largest_stable_rate(experiment)
    if bound is not None and rate > bound:
        warnings.warn(
            f"learning rate {rate:g} is above the stability bound 2/lambda_max = {bound:.4g}; the run will "
            f"oscillate or diverge. Choose less than {bound:.4g}.",
            stacklevel=3,
        )


def largest_stable_rate(experiment: Experiment) -> float | None:
    r"""$2/\lambda_{\max}$ of the Hessian at the norm-balanced solution; None where it is not known before.

    At zero loss the Hessian is $J^\top R J$ with $J$ the Jacobian of the impulse response. Known for plain
    exact gradient steps of a linear network without leak, at least as large as its target.
    """
    task, network = experiment.task, experiment.network
    if not (isinstance(task, Impulse) and isinstance(network, Linear) and isinstance(experiment.rule, BPTT)):
        return None
    if experiment.optimiser.name != "sgd" or experiment.optimiser.clip is not None or network.leak:
        return None
    W, b, c = balanced(*realisation(task.poles, task.residues))
    if len(W) > network.hidden:
        return None
    J = _response_jacobian(W, b, c, task.steps)
    R = np.asarray(task.autocorrelation())
    return float(2 / np.linalg.eigvalsh(np.einsum("soip,st,toiq->pq", J, R, J, optimize=True))[-1])


def _response_jacobian(W: np.ndarray, b: np.ndarray, c: np.ndarray, steps: int) -> np.ndarray:
    """The derivative of c W^s b by (W, b, c), [step, output, input, parameter]."""
    n, inputs, outputs = len(W), b.shape[1], len(c)
    into, out = np.zeros((steps, n, inputs)), np.zeros((steps, outputs, n))
    into[0], out[0] = b, c
    for s in range(1, steps):
        into[s], out[s] = W @ into[s - 1], out[s - 1] @ W
    dW = np.zeros((steps, outputs, inputs, n, n))
    for s in range(1, steps):
        dW[s] = np.einsum("jou,jvi->oiuv", out[:s], into[s - 1 :: -1][:s], optimize=True)
    db = np.einsum("sou,ij->soiuj", out, np.eye(inputs))
    dc = np.einsum("svi,oj->soijv", into, np.eye(outputs))
    return np.concatenate([a.reshape(steps, outputs, inputs, -1) for a in (dW, db, dc)], axis=-1)
