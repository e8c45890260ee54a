r"""Where local rules rest when the network has one output: the first stair, and its level.

Under fixed feedback F [hidden, 1] a small start gives W and b columns along F alone, so that the learned
model has
one pole: more outputs, more poles. With $e_s=rp^s-g^\star_s$ and $E(q)=\sum_se_sq^s$ the updates vanish where
$E(d)=E(p)=0$: the model interpolates $G(q)=\sum_sg^\star_sq^s$ at the decay and at its own pole, where the
best one-pole model matches value and slope at its pole.
"""

from typing import NamedTuple

import numpy as np
from numpy.polynomial import polynomial as P
from numpy.typing import ArrayLike

from stepwell.theory.target import siso_target


class LocalRuleLevel(NamedTuple):
    """The model on which a local rule with one output rests, and its loss (impulse, factor 1/2)."""

    pole: float
    residue: float
    loss: float


def local_rule_level(poles: ArrayLike, residues: ArrayLike, decay: float = 0.0) -> LocalRuleLevel:
    r"""The one-pole model on which RFLO rests with one input and one output; `decay=0` gives that of tBPTT(1).

    $r=G(d)(1-pd)$ and $G(d)(1-pd)=G(p)(1-p^2)$, the root p = d left out. Where several roots lie within the
    unit circle it is the first that p meets from 0, going where $\dot p\propto-rE(p)/(p-d)$ sends it.

    Args:
        poles, residues: the target, [pole].
        decay: d in [0, 1).

    Raises:
        ValueError: for what is no target, or a decay out of range.

    Example:
        >>> level = local_rule_level([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], decay=0.3)
        >>> print(f"{level.pole:.6f} {level.loss:.7f}")
        0.502524 0.0996732

    Source: ours.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"decay={decay} is out of range; it is the share of a trace kept per step, in [0, 1).")
    p, r = (np.asarray(x) for x in siso_target(poles, residues))
    at_decay = np.sum(r / (1 - p * decay)).real
    denominator = np.array([1.0 + 0j])
    for pole in p:
        denominator = P.polymul(denominator, [1, -pole])
    numerator = sum(
        (P.polydiv(denominator, [1, -pole])[0] * residue for pole, residue in zip(p, r)), np.zeros(1)
    )
    # E(q)(1 - q^2) times the denominator of G; q = d is a root, which is divided out.
    condition = P.polysub(at_decay * P.polymul([1, -decay], denominator), P.polymul([1, 0, -1],
    numerator)).real rest = P.polydiv(condition, [-decay, 1])[0] pole = _first_root(rest, -np.sign(at_decay) *
    np.sign(P.polyval(0, rest))) residue = float(at_decay * (1 - pole * decay)) all_poles, all_residues =
    np.append(p, pole), np.append(r, -residue) gram = np.outer(all_residues, all_residues) / (1 -
    np.outer(all_poles, all_poles)) return LocalRuleLevel(pole, residue, float(gram.sum().real / 2))


def _first_root(polynomial: np.ndarray, direction: float) -> float:
    """The real root within the unit circle that is nearest to 0 in one direction."""
    roots = P.polyroots(polynomial)
    real = roots[(np.abs(roots.imag) < 1e-9) & (np.abs(roots) < 1)].real
    ahead = real[real * direction >= 0]
    return float(ahead[np.argmin(np.abs(ahead))])
