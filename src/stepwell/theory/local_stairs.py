r"""How many stairs a rule goes down from small weights, and the models on which truncated rules rest.

With $E(q)=\sum_se_sq^s$ the error of the model and k of its poles $p_i$, a rule that sends its error back
`lag` steps rests on models of degree k = lag × outputs with $E(p_i)=0$, from the readout, and
$e_0=\dots=e_{\mathrm{lag}-1}=0$, from the columns of W and b; RFLO, with lag 1, has $E(d)=0$ in place of
$e_0=0$. There, silent units feel nothing to first order. On fewer poles the conditions exceed the unknowns.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import root

from stepwell.network.linear import Numbers
from stepwell.rule import BPTT, RFLO, RTRL, RULES, TBPTT, AbstractRule, EProp
from stepwell.task.impulse import check_target
from stepwell.theory.profiled import denominator

STARTS = 64


class RestingModel(NamedTuple):
    """A model on which a local rule rests: poles [k], residues [k, output], and its loss (factor 1/2)."""

    poles: np.ndarray
    residues: np.ndarray
    loss: float


def stairs(rule: AbstractRule | str, outputs: int, degree: int, lag: int | None = None) -> int:
    r"""The number of stairs that a rule goes down from vanishing weights, that is the modes that it learns.

    For a target with simple poles and plain steps: all of them for BPTT, RTRL and e-prop; at most as many as
    there are outputs for RFLO, whose W and b keep their columns in those of the feedback; and lag × outputs
    for tBPTT. That is a bound for lag 1. For longer lags it is where silent units cease to grow, and some
    targets let a rule go past it. At a finite scale of the weights RFLO and tBPTT leave the last stair in the
    end, after a time that is a power of that scale.

    Args:
        rule: an object from `RULES`, or its name, with the settings it has by itself.
        outputs: number of outputs.
        degree: of the target.
        lag: of "tbptt"; None takes the rule's own.

    Raises:
        ValueError: for numbers below 1, and where nothing is known: RFLO with the true readout or unequal
            decays, and rules that are not the library's.

    Example:
        >>> stairs("rflo", 1, 3), stairs("bptt", 2, 4), stairs("tbptt", 2, 7, lag=3)
        (1, 4, 6)

    Source: ours; the columns of RFLO's change: williams2026, core claim.
    """
    chosen: AbstractRule = RULES[rule]() if isinstance(rule, str) else rule
    if lag is not None:
        if not isinstance(chosen, TBPTT):
            raise ValueError(f"lag={lag} belongs to tbptt; {type(chosen).__name__} has none, leave it out.")
        chosen = TBPTT(lag)
    for name, number in (("outputs", outputs), ("degree", degree)):
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
            raise ValueError(f"{name}={number!r} is no count; it must be a whole number, 1 or above.")
    if isinstance(chosen, (BPTT, RTRL, EProp)):
        return int(degree)
    if not isinstance(chosen, TBPTT):
        _check_columns(chosen)
    return int(min(getattr(chosen, "lag", 1) * outputs, degree))


def _check_columns(rule: AbstractRule) -> None:
    """Refuse all but RFLO whose columns are those of a fixed feedback."""
    if not isinstance(rule, RFLO):
        raise ValueError(f"nothing is known about the stairs of {type(rule).__name__}; measure them.")
    if rule.feedback != "random":
        raise ValueError(
            "the stairs of RFLO with the true readout are not known: its feedback turns with what it learns, "
            "and it leaves a stair after a time like sigma0^(-2/3)."
        )
    if isinstance(rule.decay, tuple) and len(set(rule.decay)) > 1:
        raise ValueError(
            "the stairs of RFLO with unequal decays are not known: every group of equal decays brings "
            "columns of its own."
        )


def resting_models(
    poles: Numbers, residues: Numbers, lag: int = 1, decay: float = 0.0
) -> tuple[RestingModel, ...]:
    r"""The models of degree lag × outputs on which tBPTT can rest, or with `decay` and lag 1 RFLO.

    Given the poles $p_i$, the residues follow from $E(p_i)=0$: they are the best ones for these poles. The
    poles are the roots of what is left, found from 64 fixed starts by Powell's method. Where there are
    several, the theory does not say which one is reached; where there is none the rule does not rest.

    Args:
        poles: of the target, with one input, [pole].
        residues: [pole] or [pole, output].
        lag: of tBPTT; 1 for RFLO.
        decay: d of RFLO in [0, 1).

    Returns:
        All that were found, by rising loss.

    Raises:
        ValueError: for what is no target, for a degree that the target does not exceed, or a decay beside a
            lag.

    Example:
        >>> (model,) = resting_models([0.5, -0.45, -0.75], [0.9, 0.7, -0.65], decay=0.3)
        >>> print(f"{model.poles[0].real:.6f} {model.loss:.7f}")
        0.502524 0.0996732

    Source: ours.
    """
    p, R = np.asarray(poles, complex), np.asarray(residues, complex)
    check_target(list(p), list(R if R.ndim == 1 else R.reshape(len(p), -1, 1)))
    R = R.reshape(len(p), -1)
    k = lag * R.shape[1]
    if not (lag >= 1 and 0 <= decay < 1 and (decay == 0 or lag == 1)):
        raise ValueError(
            f"lag={lag}, decay={decay}: give a lag of 1 or more, or a decay in [0, 1) with lag 1."
        )
    if k >= len(p):
        raise ValueError(f"a target of degree {len(p)} is learned by models of degree {k}; there is no rest.")
    found: list[RestingModel] = []
    for start in np.random.default_rng(0).uniform(-0.9, 0.9, (STARTS, k)):
        with np.errstate(all="ignore"):
            end = root(_remainder, denominator(start)[0], (p, R, lag, decay), tol=1e-13)
        model = _model(end.x, p, R, lag, decay) if np.abs(end.fun).max() < 1e-9 else None
        if model and not any(np.isclose(model.loss, other.loss, rtol=1e-6) for other in found):
            found.append(model)
    return tuple(sorted(found, key=lambda model: model.loss))


def _remainder(a: np.ndarray, p: np.ndarray, R: np.ndarray, lag: int, decay: float) -> np.ndarray:
    r"""$e_0..e_{\mathrm{lag}-1}$, or $E(d)$, of the model with denominator a and its best residues."""
    q, r = _fitted(a, p, R)
    if decay:
        rest = (1 / (1 - decay * q)) @ r - (1 / (1 - decay * p)) @ R
    else:
        rest = np.concatenate([q**s @ r - p**s @ R for s in range(lag)])
    return np.real(rest)


def _fitted(a: np.ndarray, p: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poles [k] of a denominator, and the residues [k, output] of the best model with these poles."""
    q = np.roots(np.append(1.0, a))
    return q, np.linalg.solve(1 / (1 - np.outer(q, q)), (1 / (1 - np.outer(q, p))) @ R)


def _model(a: np.ndarray, p: np.ndarray, R: np.ndarray, lag: int, decay: float) -> RestingModel | None:
    """The model with a denominator; None if it is unstable, or if W is not at rest there.

    A pole at d meets the condition at d by itself, and W moves on.
    """
    q, r = _fitted(a, p, R)
    if not np.abs(q).max() < 1:
        return None
    both, errors = np.append(p, q), np.concatenate([R, -r])
    gram = 1 / (1 - np.outer(both, both))
    seen = gram[len(p) :] * (both**lag / (1 - decay * both))
    if np.abs(seen @ errors).max() > 1e-6:
        return None
    return RestingModel(q, r, float(np.einsum("io,ij,jo->", errors, gram, errors).real / 2))
