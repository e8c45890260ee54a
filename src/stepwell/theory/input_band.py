"""What a band-limited input lets a silent mode feel of the target."""

import numpy as np

from stepwell.network.linear import Numbers
from stepwell.theory.target import siso_target


def band_coupling(
    poles: Numbers, residues: Numbers, mode_pole: complex | float, cutoff: float = np.pi
) -> float:
    r"""The pull of a target on a silent mode under band-limited input.

    $|J|=\big|\frac1{2\pi}\int\overline F\,H^*S\,d\omega\big|$ with $F=1/(z-q)$ on $z=e^{i\omega}$. The input
    has the power $S=\pi/\omega_c$ at frequencies $|\omega|<\omega_c$ and none beyond, which is unit power in
    all. A mode outside the band feels $J\propto1-|q|$: nothing without damping, something at any finite one.
    The integral is a sum of logarithms.

    Args:
        poles, residues: the target, [pole].
        mode_pole: q, of modulus below 1.
        cutoff: $\omega_c$ in radians per step, up to pi, which is white input.

    Raises:
        ValueError: for an unstable mode, a cutoff out of range, or what is no target.

    Example:
        >>> q = 0.95 * np.exp(2.4j)
        >>> target = [q, q.conjugate()], [0.25, 0.25]
        >>> round(band_coupling(*target, q, cutoff=0.8) / band_coupling(*target, q), 4)
        0.0563

    Source: essay2026, section 8.3.
    """
    if not (abs(mode_pole) < 1 and 0 < cutoff <= np.pi):
        raise ValueError(
            f"mode_pole={mode_pole} needs modulus below 1, and cutoff={cutoff} must be in (0, pi]."
        )
    p, r = map(np.array, siso_target(poles, residues))
    q = np.conj(mode_pole)
    omega = np.array([[-cutoff], [cutoff]])
    z = np.exp(1j * omega)
    # ln z + ln(1 - p/z) is ln(z - p) without its jump: |p/z| < 1 keeps the second term on one branch.
    primitive = 1j * omega + np.log(1 - p / z) - np.log(1 - q * z)
    return float(abs(r @ ((primitive[1] - primitive[0]) / (1 - q * p))) / (2 * cutoff))
