"""Escape rates, dwell times and the staircase: reference values, closed forms, and where theory abstains."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from essay_targets import CE, FIVE, G0, A, B, C, R, drawn, response
from scipy.linalg import toeplitz

from stepwell.theory import (
    active_curvatures,
    best_poles,
    dwell_time,
    escape_rate,
    largest_learning_rate,
    plateau_error_exponent,
    reached_one_pole,
    staircase,
    update_lag,
)


def precise_first_rate(target: tuple) -> Decimal:
    """The rate at saddle 1 in 40-digit arithmetic, by bisection of the slope of the profiled loss."""
    with localcontext(prec=40):
        p, r = ([Decimal(str(x)) for x in values] for values in target)
        near = Decimal(float(reached_one_pole(*target).poles[0]))
        low, high = near - Decimal("1e-6"), near + Decimal("1e-6")
        for _ in range(110):
            q = (low + high) / 2
            d, slope = (
                sum(b / (1 - a * q) for a, b in zip(p, r)),
                sum(a * b / (1 - a * q) ** 2 for a, b in zip(p, r)),
            )
            low, high = (q, high) if ((1 - q * q) * slope - q * d) * d > 0 else (low, q)
        residue = (1 - q * q) * d
        return abs(residue - sum(r)) * (1 + abs(residue) / q**2)


@pytest.mark.parametrize(
    ("target", "rates"),
    [(A, [0.95, 0.144516539, 0.153654]), (C, [1.0, 0.669512]), (R, [0.58, 0.093362, 0.269810])],
)
def test_rates_have_the_reference_values(target, rates):
    measured = [escape_rate(*target, k) for k in range(len(rates))]
    np.testing.assert_allclose(measured, rates, rtol=5e-6)  # printed to six decimals


@pytest.mark.parametrize("target", [A, B, CE, R, FIVE, drawn(0), drawn(1)])
def test_first_rate_in_forty_digits(target):
    expected = float(precise_first_rate(target))
    assert abs(escape_rate(*target, 1) / expected - 1) < 1e-11  # the conditioning of a small difference


@pytest.mark.parametrize(("k", "slope"), [(2, 4.8716), (3, 19.4243)])
def test_degree_five_has_the_reference_slopes(k, slope):
    assert abs(1 / escape_rate(*FIVE, k) - slope) < 5e-5  # as printed


@pytest.mark.parametrize(("rho", "slopes"), [(-0.5, (1.7146, 3.8781)), (0.7, (0.6708, 42.895))])
def test_coloured_input_has_the_reference_slopes(rho, slopes):
    measured = np.array([1 / escape_rate(*A, k, correlation=rho) for k in (0, 1)])
    np.testing.assert_allclose(measured, slopes, rtol=2e-4)  # printed to four or five digits
    weighted = toeplitz(rho ** np.arange(200)) @ response(*A, 200)
    assert abs(escape_rate(*A, 0, correlation=rho) - abs(weighted[0])) < 1e-14
    with pytest.raises(ValueError, match="coloured input"):
        escape_rate(*A, 2, correlation=rho)


def test_uncorrelated_noise_is_an_impulse():
    for k in (0, 1):
        assert abs(escape_rate(*A, k, correlation=1e-12) - escape_rate(*A, k)) < 1e-10


def test_scaling_the_target_scales_the_rate_at_the_origin_but_not_at_the_first_saddle():
    scaled = A[0], (2 * np.array(A[1])).tolist()
    assert abs(escape_rate(*scaled, 0) - 2 * escape_rate(*A, 0)) < 1e-14
    model = reached_one_pole(*A)
    r, p = model.residues[0], model.poles[0]
    expected = 2 * abs(r - 0.95) * (1 + 2 * r / p**2)
    assert abs(escape_rate(*scaled, 1) - expected) < 1e-12


def test_a_learned_target_is_not_escaped():
    assert escape_rate(*A, 3) == 0


def test_dwell_times_of_the_flow_and_of_updates():
    sigma0, rate, step = 1e-5, 0.3, 0.1
    assert abs(sigma0 * np.exp(rate * dwell_time(rate, sigma0)) - 1) < 1e-12  # rounding of the exponent
    updates = dwell_time(rate, sigma0, step) / step
    assert abs(sigma0 * (1 + step * rate) ** updates - 1) < 1e-12
    lag = dwell_time(rate, sigma0, 1e-4) - dwell_time(rate, sigma0)
    assert abs(lag / update_lag(sigma0, 1e-4) - 1) < 1e-4  # the lag is of first order in the learning rate


def test_updates_of_target_a_have_the_reference_slopes():
    slopes = [dwell_time(escape_rate(*A, k), 1e-4, 0.1) / np.log(1e4) for k in range(3)]
    assert np.abs(np.array(slopes) - [1.1019, 6.9695, 6.5580]).max() < 5e-5 + 1e-6  # as printed


@pytest.mark.parametrize(("k", "exponent"), [(0, 2.0), (1, 1.830), (2, 1.785)])
def test_level_errors_have_the_reference_exponents(k, exponent):
    assert abs(plateau_error_exponent(*A, k) - exponent) < 5e-4  # as printed


def test_staircase_of_a():
    stairs = staircase(*A, units=3, sigma0=1e-4)
    assert np.abs(stairs.levels - [best_poles(*A, k).loss for k in range(3)]).max() < 1e-14
    assert stairs.escape_rates.tolist() == [escape_rate(*A, k) for k in range(3)]
    np.testing.assert_allclose(stairs.dwell_times, np.log(1e4) / stairs.escape_rates, rtol=1e-14)
    np.testing.assert_allclose(np.diff(stairs.transition_times), stairs.dwell_times[1:], rtol=1e-13)
    assert stairs.certified == stairs.tested == (True, True, True)
    assert stairs.notes == ()


def test_staircase_of_a_complex_pair_has_two_plateaus():
    stairs = staircase(*C, units=4, sigma0=1e-4)
    assert np.abs(stairs.levels - [0.9864421743, 0.281997829358]).max() < 1e-10  # as printed
    assert stairs.notes == ()


def test_updates_last_longer_than_the_flow():
    flow, updates = (staircase(*A, 3, 1e-6, learning_rate=step) for step in (None, 0.1))
    assert (updates.dwell_times > flow.dwell_times).all()
    np.testing.assert_array_equal(updates.levels, flow.levels)


@pytest.mark.parametrize("units", [1, 2])
def test_too_few_units_rest_on_their_best_plateau(units):
    stairs = staircase(*A, units, 1e-4)
    assert len(stairs.levels) == units + 1
    assert stairs.levels[-1] == best_poles(*A, units).loss
    assert (stairs.escape_rates[-1], stairs.dwell_times[-1], stairs.transition_times[-1]) == (
        0,
        np.inf,
        np.inf,
    )
    assert f"ends on plateau {units}" in stairs.notes[0]


def test_a_degenerate_start_is_not_predicted():
    stairs = staircase(*G0, units=2, sigma0=1e-3)
    assert (stairs.levels[0], stairs.escape_rates[0]) == (best_poles(*G0, 0).loss, 0)
    assert np.isnan(stairs.levels[1])
    assert np.isnan(stairs.transition_times).all()
    assert "No prediction from plateau 0 on" in stairs.notes[0]
    assert "1/sigma0" in stairs.notes[0]


def test_a_way_that_is_not_determined_ends_the_prediction():
    stairs = staircase([0.9, -0.9], [1.0, 1.0], units=2, sigma0=1e-3)
    assert np.isfinite(stairs.transition_times[0])
    assert np.isnan(stairs.levels[1])
    assert "no side" in stairs.notes[0]


def test_limits_of_the_prediction_are_said():
    stairs = staircase(*FIVE, units=5, sigma0=0.05, learning_rate=0.1)
    assert stairs.certified == (True, True, False, False, False)
    assert stairs.tested == (True, True, True, True, False)
    text = " ".join(stairs.notes)
    for words in ("following the flow", "Plateaus above 3", "sigma0=0.05 is large", "exceeds 2/lambda_max"):
        assert words in text


@pytest.mark.parametrize("units", [1, 2, 3, 4])
def test_the_largest_learning_rate_is_set_by_the_sharpest_stair(units):
    sharpest = max(active_curvatures(*A, k)[-1] for k in range(1, min(units, 3) + 1))
    assert largest_learning_rate(*A, units) == 2 / sharpest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma0": 0.0}, "sigma0=0.0"),
        ({"sigma0": 1.0}, "sigma0=1.0"),
        ({"sigma0": np.nan}, "sigma0=nan"),
        ({"learning_rate": -0.1}, "learning_rate=-0.1"),
        ({"units": 0}, "units=0"),
        ({"poles": (0.5, 1.45, -0.75)}, "unstable"),
        ({"residues": (0.5, 0.2)}, "as many residues as poles"),
    ],
)
def test_bad_settings_are_refused(change, message):
    settings = {"poles": A[0], "residues": A[1], "units": 3, "sigma0": 1e-3, "learning_rate": None}
    with pytest.raises(ValueError, match=message):
        staircase(**{**settings, **change})


def test_no_rate_means_no_dwell_time():
    with pytest.raises(ValueError, match="quadratic escape"):
        dwell_time(0.0, 1e-3)
