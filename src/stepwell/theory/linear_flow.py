r"""How a linear network with random initial weights learns a constant output: exact at any g < 1.

A network $h\leftarrow Wh+b$ must bring its fixed-point output $y=\hat c^\top(I-W)^{-1}\hat b$ to a target
$y^*$ by gradient flow on $L=(y^*-y)^2/2$ in W alone, from $W_0$ with independent entries $N(0,g^2/N)$. All
statements are for infinite width; without initial connectivity (g = 0) and with orthogonal $\hat b,\hat c$
they hold at any width.

The path of W does not depend on the target, which only sets the speed and the stopping point.
"""

from typing import NamedTuple

import equinox as eqx
import numpy as np

from stepwell.theory.linear_flow_approximate import cubic, first_order, lazy_output, settling
from stepwell.theory.linear_flow_closure import (
    FOLDS,
    Nodes,
    Numbers,
    Path,
    State,
    check,
    course,
    gauss_nodes,
    path,
)
from stepwell.theory.linear_flow_exact import Exact, exact_g0, final_g0
from stepwell.theory.linear_flow_series import moments, series

__all__ = [
    "Divergence",
    "Exact",
    "Flow",
    "State",
    "cubic",
    "divergence",
    "exact_g0",
    "final_g0",
    "first_order",
    "lazy_output",
    "moments",
    "series",
    "settling",
    "solve",
]

VALUES = 8
"""How many singular values a flow keeps; the rest is below rounding."""


class Flow(eqx.Module):
    r"""The flow towards one target; entries are moments spaced equally in the logarithm of the error.

    Attributes:
        g, target: strength of the initial weights, and the output wanted.
        learning_time: [time].
        output: y, [time].
        nuclear_norm, norm: sum of the singular values of the weight change and root of the sum of squares,
            [time].
        clock: the integral of $y^*-y$ over learning time, [time].
        growth: p, the squared norm of state and adjoint, [time]; the error decays at the rate $p^2$ and the
            norm of the gradient is $|y^*-y|p$.
        singular_values: of the weight change, descending, [time, k].
        final: the state at the end, where the target is reached.
        nodes, path: what it was computed from.
    """

    g: float
    target: float
    learning_time: np.ndarray
    output: np.ndarray
    nuclear_norm: np.ndarray
    norm: np.ndarray
    clock: np.ndarray
    growth: np.ndarray
    singular_values: np.ndarray
    final: State
    nodes: Nodes
    path: Path

    def time_to(self, fraction: float) -> float:
        """The learning time at which the loss is this fraction of its start, in (0, 1]."""
        if not 0 < fraction <= 1:
            raise ValueError(f"fraction={fraction} is no share of the initial loss; give a number in (0, 1].")
        return float(self.path(np.array([-0.5 * np.log(fraction)]))[-1, 0])

    def at_output(self, outputs: Numbers) -> State:
        """The state at given outputs, [moment], from 0 to the target but not the target itself."""
        share = np.asarray(outputs, float) / self.target
        if not ((share >= 0) & (share < 1)).all():
            raise ValueError(
                f"the outputs lie between 0 and the target {self.target}, which they do not reach."
            )
        return self._state(-np.log1p(-share))

    def at_time(self, times: Numbers) -> State:
        """The state at given learning times, [moment]."""
        times = np.asarray(times, float)
        folds = np.interp(times, self.learning_time, -np.log1p(-self.output / self.target))
        for _ in range(8):  # Newton: learning time is a smooth, ever straighter function of the e-foldings
            state = _signed(course(self.nodes, abs(self.target), self.path, folds, 0), self.target)
            folds = np.clip(folds + (times - state.learning_time) * state.growth**2, 0, FOLDS)
        return self._state(folds)._replace(learning_time=times)

    def mean_gradient(self, fraction: float = 0.05) -> float:
        """The mean norm of the gradient until the loss is this fraction of its start."""
        time = self.time_to(fraction)
        return float(self.path(np.array([-0.5 * np.log(fraction)]))[-3, 0]) / time

    @property
    def largest_learning_rate(self) -> float:
        """Plain updates converge to the target if their learning rate is below this, $2/p^2$ at the end."""
        return float(2 / self.final.growth**2)

    def _state(self, folds: np.ndarray) -> State:
        return _signed(course(self.nodes, abs(self.target), self.path, folds, VALUES), self.target)


def solve(g: float, target: float, nodes: int = 8) -> Flow:
    r"""Gradient flow from random initial weights to a target output, for infinite width.

    Args:
        g: strength of the initial weights, in [0, 1).
        target: the output wanted, not 0.
        nodes: Gauss nodes of the spectral density. The error falls below 1e-7 at 4 and to rounding at 6.

    Raises:
        ValueError: for a g out of range (from 1 on there is no stable fixed point), or a target that is 0 or
            not finite.

    Example:
        >>> flow = solve(g=0.6, target=2.0)
        >>> print(round(flow.time_to(0.05), 6), round(float(flow.final.norm), 6))
        0.109454 0.429297

    Source: ours; schuessler2020, eqs. 14-15, is its third-order expansion.
    """
    check(g, target)
    if nodes < 1:
        raise ValueError(f"nodes={nodes} is no number of Gauss nodes; give 1 or more, 8 by default.")
    found = gauss_nodes(g, nodes)
    way = path(found, abs(target))
    states = course(found, abs(target), way, np.append(np.linspace(0, 10, 201), FOLDS), VALUES)
    states = _signed(states, target)
    final = State(*(values[-1] for values in states))._replace(learning_time=np.array(np.inf))
    before = {name: values[:-1] for name, values in states._asdict().items()}
    return Flow(g=float(g), target=float(target), **before, final=final, nodes=found, path=way)


class Divergence(NamedTuple):
    """Where the output diverges, since an eigenvalue of W reaches 1: nuclear norm and clock."""

    nuclear_norm: float
    clock: float


def divergence(g: float) -> Divergence:
    """The end of the path on which all targets lie.

    Args:
        g: strength of the initial weights, in [0, 1).

    Example:
        >>> print(round(divergence(0.0).nuclear_norm, 9))
        1.19967864

    Source: ours.
    """
    check(g, 1.0)
    largest = 1e3 * np.sqrt(1 - g * g)
    flow = solve(g, 2 * largest)
    # Both are smooth functions of 1/y: interpolated at Chebyshev points, and continued to 1/y = 0.
    inverse = (1 + 150 * (1 + np.polynomial.chebyshev.chebpts1(24))) / largest
    states = flow.at_output(1 / inverse)
    ends = (np.polynomial.Chebyshev.fit(inverse, v, 20)(0.0) for v in (states.nuclear_norm, states.clock))
    return Divergence(*map(float, ends))


def _signed(states: State, target: float) -> State:
    """A flow towards a target below 0 mirrors the one towards its modulus: output and clock change sign."""
    sign = np.copysign(1.0, target)
    return states._replace(output=sign * states.output, clock=sign * states.clock)
