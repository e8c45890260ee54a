"""The pull of a target under band-limited input against quadrature."""

import numpy as np
import pytest
from essay_targets import LP, A, transfer
from scipy.integrate import quad

from stepwell.theory import band_coupling


def by_quadrature(target: tuple, q: complex, cutoff: float) -> float:
    def integrand(omega: float) -> complex:
        z = np.exp(1j * omega)
        return complex(np.conj(1 / (z - q)) * transfer(*target, z))

    value, _ = quad(integrand, -cutoff, cutoff, epsabs=1e-12, limit=500, complex_func=True)
    return abs(value) / (2 * cutoff)


@pytest.mark.parametrize("q", [0.3, -0.9, 0.85 * np.exp(2.4j), 0.0])
@pytest.mark.parametrize("cutoff", [0.1, 0.8, 3.0, np.pi])
@pytest.mark.parametrize("target", [A, LP])
def test_logarithms_are_the_integral(target, q, cutoff):
    assert (
        abs(band_coupling(*target, q, cutoff) - by_quadrature(target, q, cutoff)) < 1e-10
    )  # of the quadrature


@pytest.mark.parametrize(
    ("modulus", "ratio"), [(0.5, 0.451), (0.85, 0.158), (0.95, 0.0563), (0.99, 0.0115), (0.999, 0.00115)]
)
def test_modes_out_of_band_have_the_reference_ratios(modulus, ratio):
    q = modulus * np.exp(2.4j)
    mode = [q, q.conjugate()], [0.25, 0.25]
    measured = band_coupling(*mode, q, 0.8) / band_coupling(*mode, q)
    assert abs(measured / ratio - 1) < 5e-3  # printed to three digits


def test_white_input_sees_the_overlap_of_the_impulse_responses():
    q, steps = 0.6 - 0.3j, np.arange(400)
    overlap = np.sum(np.conj(q) ** steps * (np.array(A[1]) @ np.power.outer(np.array(A[0]), steps)))
    assert abs(band_coupling(*A, q) - abs(overlap)) < 1e-13  # rounding


@pytest.mark.parametrize(("q", "cutoff"), [(1.0, 0.5), (0.5, 0.0), (0.5, 4.0)])
def test_bad_bands_are_refused(q, cutoff):
    with pytest.raises(ValueError, match="cutoff"):
        band_coupling(*A, q, cutoff)
