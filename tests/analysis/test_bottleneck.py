"""Normal forms and passage times, against closed forms, integration, and changes of coordinates."""

import cusp_networks as cusp
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from stepwell.analysis.bottleneck import exact_passage, normal_form, partial_passage
from stepwell.analysis.fields import latent_field, lifted


def test_ghost_of_the_cusp_family():
    form = normal_form(latent_field(*cusp.units(cusp.drive(0.1))), cusp.ghost(0.1))
    assert (form.distance, form.curvature) == pytest.approx((0.1, cusp.CURVATURE), rel=1e-12)
    assert form.tilt == pytest.approx(0, abs=1e-14)
    assert form.passage_time == pytest.approx(np.pi / np.sqrt(0.1 * cusp.CURVATURE), rel=1e-12)
    assert form.half_width == pytest.approx(np.sqrt(0.1 / cusp.CURVATURE), rel=1e-12)


def test_product_survives_the_lift_and_a_change_of_coordinates():
    r, hidden = 0.02, 12
    m, n, b = cusp.mixed_units(cusp.drive(r), hidden, 0)
    W, b = jnp.asarray(np.outer(m, n)), jnp.asarray(b)
    state = lifted(m, n, b, cusp.ghost(r))
    form = normal_form(lambda h: jnp.tanh(W @ h + b) - h, state)
    assert n @ state == pytest.approx(cusp.ghost(r), rel=1e-13)
    assert form.distance * form.curvature == pytest.approx(r * cusp.CURVATURE, rel=1e-10)
    slope = (1 - np.tanh(m * cusp.ghost(r) + np.asarray(b)) ** 2) * m
    assert abs(form.distance) == pytest.approx(np.linalg.norm(slope) * r, rel=1e-10)
    assert abs(form.curvature) == pytest.approx(cusp.CURVATURE / np.linalg.norm(slope), rel=1e-10)


def test_tilt_lengthens_the_passage_until_rests_appear():
    # z' = r + g z + a z² has no rest for g² < 4 r a, and then passes in pi / sqrt(r a - g²/4).
    form = normal_form(lambda z: 0.04 + 0.2 * z + z**2, 0.0)
    assert form.tilt == pytest.approx(0.2, rel=1e-14)
    assert form.passage_time == pytest.approx(np.pi / np.sqrt(0.03), rel=1e-12)
    assert normal_form(lambda z: 0.01 + 0.3 * z + z**2, 0.0).passage_time == np.inf


def test_several_null_vectors_are_followed_along_the_velocity():
    # Two independent bottlenecks at once: along F the speed is |F| and the curvature that of both.
    form = normal_form(lambda h: jnp.array([0.03, 0.04]) + h**2, np.zeros(2))
    np.testing.assert_allclose(form.direction, [0.6, 0.8], atol=1e-14)
    assert form.distance == pytest.approx(0.05, rel=1e-14)
    assert form.curvature == pytest.approx(0.6**3 + 0.8**3, rel=1e-14)


@pytest.mark.parametrize("sign", [1, -1])
def test_passages_of_a_parabola(sign):
    r, a, start, end = 0.02, 0.7, -0.5, 1.3
    passed = partial_passage(sign * r, sign * a, sign * start, sign * end)
    integrated = exact_passage(lambda z: sign * (r + a * z**2), sign * start, sign * end)
    crossing = lambda t, z: z[0] - end  # noqa: E731
    crossing.terminal = True
    flow = solve_ivp(lambda t, z: r + a * z**2, (0, 1e3), [start], events=crossing, rtol=1e-11, atol=1e-12)
    assert passed == pytest.approx(flow.t[-1], rel=1e-8)  # of the integrator
    assert integrated == pytest.approx(passed, rel=1e-8)  # of the quadrature, which asks for 1.5e-8
    assert partial_passage(r, a, -1e9, 1e9) == pytest.approx(np.pi / np.sqrt(r * a), rel=1e-8)


def test_a_rest_on_the_way_is_never_passed():
    assert exact_passage(lambda z: z**2 - 0.01, -0.5, 0.5) == np.inf
    assert exact_passage(lambda z: -1 - z**2, -0.5, 0.5) == np.inf
    with pytest.raises(ValueError, match="not above 0"):
        partial_passage(-0.1, 1.0, -1.0, 1.0)
