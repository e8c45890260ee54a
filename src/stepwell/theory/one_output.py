r"""Where local rules rest when the network has one output: the first stair, and its level.

Under fixed feedback F [hidden, 1] a small start gives W and b columns along F alone, so that the learned
model has one pole; more outputs, more poles. With $e_s=rp^s-g^\star_s$ and $E(q)=\sum_se_sq^s$ the updates
vanish where $E(d)=E(p)=0$: the model interpolates $G(q)=\sum_sg^\star_sq^s$ at the decay and at its own
pole. The best one-pole model matches value and slope at its pole instead.
"""

from typing import NamedTuple

import numpy as np
from numpy.polynomial import polynomial as P

from stepwell.network.linear import Numbers
from stepwell.theory.target import siso_target


class LocalRuleLevel(NamedTuple):
    """The model on which a local rule with one output rests, and its loss (impulse, factor 1/2)."""

    pole: float
    residue: float
    loss: float


def local_rule_level(poles: Numbers, residues: Numbers, decay: float = 0.0) -> LocalRuleLevel:
    r"""The one-pole model on which RFLO rests with one input and one output; that of tBPTT(1) for `decay=0`.

    $r=G(d)(1-pd)$ and $G(d)(1-pd)=G(p)(1-p^2)$, without the root p = d. Where several roots lie within the
    unit circle it is the first that p meets from 0, going where $\dot p\propto-rE(p)/(p-d)$ sends it;
    feedback of a norm above 1 may then choose another.

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
        raise ValueError(f"decay={decay} is out of range; it is the share of a trace kept, in [0, 1).")
    p, r = (np.asarray(x) for x in siso_target(poles, residues))
    numerator, denominator = _generating_function(p, r)
    at_decay = float(np.sum(r / (1 - p * decay)).real)
    # E(q) (1 - q^2) times the denominator of G. One of its roots is d, which is divided out.
    interpolation = at_decay * P.polymul([1, -decay], denominator)
    condition = P.polysub(interpolation, P.polymul([1, 0, -1], numerator))
    rest = P.polydiv(condition, [-decay, 1])[0]
    pole = _first_root(rest, float(-np.sign(at_decay) * np.sign(rest[0])))
    residue = at_decay * (1 - pole * decay)
    all_poles, all_residues = np.append(p, pole), np.append(r, -residue)
    gram = np.outer(all_residues, all_residues) / (1 - np.outer(all_poles, all_poles))
    return LocalRuleLevel(pole, residue, float(gram.sum().real / 2))


def _generating_function(poles: np.ndarray, residues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numerator, of one degree less, and denominator of G, real coefficients in rising powers of q."""
    denominator = np.ones(1, complex)
    for pole in poles:
        denominator = P.polymul(denominator, [1, -pole])
    terms = [residue * P.polydiv(denominator, [1, -pole])[0] for pole, residue in zip(poles, residues)]
    padded = [np.append(term, np.zeros(len(poles) - len(term))) for term in terms]
    return np.real(np.sum(padded, axis=0)), np.real(denominator)


def _first_root(polynomial: np.ndarray, direction: float) -> float:
    """The real root within the unit circle that is nearest to 0 in one direction."""
    roots = P.polyroots(polynomial)
    real = np.real(roots[(np.abs(roots.imag) < 1e-9) & (np.abs(roots) < 1)])
    ahead = real[real * direction >= 0]
    return float(ahead[np.argmin(np.abs(ahead))])
