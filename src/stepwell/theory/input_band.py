"""What a band-limited input lets a silent mode feel of the target."""

import numpy as np
from numpy.typing import ArrayLike

from stepwell.theory.target import siso_target


def band_coupling(poles: ArrayLike, residues: ArrayLike, mode_pole: complex, cutoff: float = np.pi) -> float:
    r"""$|J|=\big|\frac1{2\pi}\int\overline{F}\,H^*S\,d\omega\big|$ of a silent mode $F=1/(z-q)$ with the target, on $z=e^{i\omega}$.

    The input has unit power in the band: $S=\pi/\omega_c$ for $|\omega|<\omega_c$, else 0. Undamped modes
    outside the band feel nothing in the limit, $J\propto1-|q|$; at any finite damping they feel something.
    The integral is a sum of logarithms.

    Args:
        poles, residues: the target, [pole].
        mode_pole: q, of modulus below 1.
        cutoff: $\omega_c$ in radians per step, up to pi, which is white input.

    Example:
        >>> q = 0.95 * np.exp(2.4j)
        >>> target = [q, q.conjugate()], [0.25, 0.25]
        >>> round(band_coupling(*target, q, cutoff=0.8) / band_coupling(*target, q), 4)
        0.0563

    Source: essay2026, section 8.3.
    """
    if not (abs(mode_pole) < 1 and 0 < cutoff <= np.pi):
        raise ValueError(f"mode_pole={mode_pole} needs modulus below 1, cutoff={cutoff} a value in (0, pi].")
    p, r = map(np.array, siso_target(poles, residues))
    conjugate = np.conj(mode_pole)
    omega = np.array([[-cutoff], [cutoff]])
    z = np.exp(1j * omega)
    # ln z + ln(1 - p/z) is ln(z - p) without its jump: |p/z| < 1 keeps the second term on the principal branch.
    primitive = 1j * omega + np.log(1 - p / z) - np.log(1 - conjugate * z)
    integrals = (primitive[1] - primitive[0]) / 1j / (1 - conjugate * p)
    return float(abs(r @ integrals) / (2 * cutoff))
