r"""The expected update of aligned modes: readout a, input b and recurrent weight w against a*, b*, w*.

Where student and teacher share their input, hidden and output axes, BPTT, tBPTT and RFLO let every mode learn
alone, and e-prop does where the hidden axes are the units. Only $\kappa=a^\star b^\star$ of the teacher's
outer weights enters. A rule enters by numbers (`ModeWay`), so that one compiled program serves nearly all.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from stepwell.rule.base import AbstractRule
from stepwell.rule.population import way_back

Mode = tuple[Any, Any, Any]


class ModeWay(NamedTuple):
    r"""The way back of a rule in modes: $k=k_0+k_1w$ for K, $B=B_0+B_1a$, and the number of terms.

    Attributes:
        k0, k1, B0, B1: as above, numbers or arrays of the modes' shape.
        terms: of a rule that looks back several steps, but not all; else None.
    """

    k0: Any
    k1: Any
    B0: Any
    B1: Any
    terms: int | None


def mode_way(rule: AbstractRule, shape: tuple[int, ...], feedback: Any = None, decay: Any = None) -> ModeWay:
    """The way back of a rule in modes of a shape; arguments and errors are those of `way_back`."""
    # K and B of every rule are straight lines in w and a: two points tell them.
    ends = (way_back(rule, x, x, x, feedback, decay) for x in (jnp.zeros(shape), jnp.ones(shape)))
    (k0, B0, terms), (k, B, _) = ends
    if terms == 1:  # one term is all that k = 0 leaves
        return ModeWay(jnp.zeros(shape), jnp.zeros(shape), B0, B - B0, None)
    return ModeWay(k0, k - k0, B0, B - B0, terms)


def mode_update(way: ModeWay, mode: Mode, teacher: Mode, steps: int | None = None) -> Mode:
    r"""The expected update $(\Delta a,\Delta b,\Delta w)$, to be subtracted.

    With $S=1/(1-w^2)$, $Q=1/(1-ww^\star)$, and $E=\sum_j(kw)^j$, $E_\star=\sum_j(kw^\star)^j$ over the terms
    of the rule: $\Delta a=b(abS-\kappa Q)$, $\Delta b=B(abE-\kappa E_\star)$,
    $\Delta w=Bb(abwSE-\kappa w^\star QE_\star)$.

    Args:
        way: of the rule.
        mode, teacher: (a, b, w) and (a*, b*, w*), numbers, or arrays for modes side by side.
        steps: length of the trial, with the loss at its last step; None for an infinite one.

    Source: williams2026, section 3; tBPTT of any lag, e-prop and finite trials are ours.
    """
    (a, b, w), (a_star, b_star, w_star) = mode, teacher
    k, B, target = way.k0 + way.k1 * w, way.B0 + way.B1 * a, a_star * b_star
    if steps is not None:
        return _finite_update((k, B, way.terms), mode, (target, w_star), steps)
    S, Q = 1 / (1 - w**2), 1 / (1 - w * w_star)
    E, E_star = _geometric(k * w, way.terms), _geometric(k * w_star, way.terms)
    return (
        b * (a * b * S - target * Q),
        B * (a * b * E - target * E_star),
        B * b * (a * b * w * S * E - target * w_star * Q * E_star),
    )


@jax.jit
def mode_loss(a: Any, b: Any, w: Any, a_star: Any, b_star: Any, w_star: Any) -> Array:
    r"""The loss of a mode; that of an aligned network is the sum over its modes.

    $\ell=\tfrac12\left(\frac{a^2b^2}{1-w^2}-\frac{2ab\kappa}{1-ww^\star}
    +\frac{\kappa^2}{1-w^{\star2}}\right)$.

    Args:
        a, b, w: readout, input and recurrent weight of the mode, numbers or arrays of one shape.
        a_star, b_star, w_star: the teacher's.

    Example:
        >>> print(f"{float(mode_loss(0.7, 0.4, 0.3, 0.9, 0.6, -0.5)):.6f}")
        0.105999

    Source: williams2026, section 3.
    """
    a, b, w, w_star = (jnp.asarray(x, float) for x in (a, b, w, w_star))
    product, target = a * b, jnp.asarray(a_star, float) * b_star
    student, both, teacher = 1 / (1 - w**2), 1 / (1 - w * w_star), 1 / (1 - w_star**2)
    return 0.5 * (product**2 * student - 2 * product * target * both + target**2 * teacher)


def _finite_update(way: Mode, mode: Mode, teacher: tuple[Any, Any], steps: int) -> Mode:
    r"""$b\sum e_uw^u$, $B\sum e_uk^u$, $Bb\sum e_u\sum_{j<u}k^jw^{u-1-j}$; $e_u=abw^u-\kappa w^{\star u}$."""
    (a, b, w), (target, w_star), (k, B, terms) = mode, teacher, way
    zero = 0 * (a + target * w_star + k + B)

    def advance(carry: tuple, step: Array) -> tuple[tuple, None]:
        (own, taught, back), reached, update = carry
        error = a * b * own - target * taught
        kept = back if terms is None else jnp.where(step < terms, back, 0)
        change = b * own * error, B * kept * error, B * b * reached * error
        powers = own * w, taught * w_star, back * k
        return (powers, w * reached + kept, jax.tree.map(jnp.add, update, change)), None

    start = (zero + 1, zero + 1, zero + 1), zero, (zero, zero, zero)
    return jax.lax.scan(advance, start, jnp.arange(steps))[0][2]


def _geometric(ratio: Array, terms: int | None) -> Array:
    return (1 if terms is None else 1 - ratio**terms) / (1 - ratio)
