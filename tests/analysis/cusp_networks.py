r"""Networks whose rests and ghosts are known in closed form: N equal units, $f=-\kappa+\nu\tanh(m\kappa+b)$.

The left fold lies at $b=b_{SN}$. At any b the field has a critical point at known r and with one a.
"""

import numpy as np

NU, M = 2.0, 1.0
FOLD = -np.sqrt(1 - 1 / (NU * M))
B_FOLD = np.arctanh(FOLD) - M * NU * FOLD
KAPPA_FOLD = NU * FOLD
CURVATURE = -M * FOLD


def units(b, hidden=5):
    """m, n, b of equal units, [hidden]."""
    return np.full(hidden, M), np.full(hidden, NU / hidden), np.full(hidden, b)


def drive(r):
    """The b at which the critical point is at distance r."""
    return B_FOLD + M * r


def ghost(r):
    """Place of the critical point at distance r."""
    return (np.arctanh(FOLD) - drive(r)) / M


def mixed_units(b, hidden, seed):
    """Units with other weights and the same field: signs flipped, strengths drawn anew."""
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1.0, 1.0], hidden)
    share = rng.dirichlet(np.full(hidden, 5.0))
    return sign * M, sign * NU * share, sign * b
