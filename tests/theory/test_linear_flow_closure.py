"""Spectral density, its Gauss nodes and moments."""

import numpy as np
import pytest

from stepwell.theory.linear_flow_closure import density, gauss_nodes, support
from stepwell.theory.linear_flow_series import moments


def test_support_holds_the_singular_values_of_a_wide_matrix():
    W0 = 0.5 / np.sqrt(1000) * np.random.default_rng(0).standard_normal((1000, 1000))
    squares = np.linalg.svd(np.eye(1000) - W0, compute_uv=False) ** 2
    np.testing.assert_allclose(support(0.5), [0.1362, 3.0982], atol=5.1e-5)  # printed to 4 decimals
    np.testing.assert_allclose(
        [squares.min(), squares.max()], support(0.5), rtol=0.02
    )  # edges move like N^(-2/3)
    xi = np.linspace(*support(0.5), 4001)
    cumulative = np.cumsum(density(0.5, xi)) * (xi[1] - xi[0])
    middle = np.interp(np.quantile(squares, [0.25, 0.5, 0.75]), xi, cumulative)
    np.testing.assert_allclose(
        middle, [0.25, 0.5, 0.75], atol=5e-3
    )  # eigenvalues are rigid: error of order 1/N


def test_support_near_one_does_not_cancel():
    np.testing.assert_allclose(support(0.6), [0.0709132, 3.6966868], atol=5.1e-8)  # printed to 7 decimals
    low, high = support(0.9999)
    assert 0 < low and low * high == pytest.approx((1 - 0.9999**2) ** 3, rel=1e-14)  # rounding


@pytest.mark.parametrize("g", [0.0, 1e-6, 7e-4, 9e-4, 3e-3, 0.3, 0.6, 0.9, 0.99])
def test_gauss_nodes_have_the_moments_of_the_density(g):
    nodes = gauss_nodes(g, 6)
    wanted = [1, *moments(g * g, 7)]
    found = [nodes.weights @ nodes.values**k for k in range(8)]
    np.testing.assert_allclose(
        found, wanted, rtol=1e-10
    )  # rounding, which the reversion magnifies near g = 1


def test_moments_are_those_of_a_wide_matrix():
    """The mean over draws of c (M0^T M0)^-k c, whose spread is that of a mean over 600 eigenvalues."""
    draw, found = np.random.default_rng(1), []
    for _ in range(8):
        M = np.eye(600) - 0.4 / np.sqrt(600) * draw.standard_normal((600, 600))
        inverse = 1 / np.linalg.svd(M, compute_uv=False) ** 2
        found.append([np.mean(inverse**k) for k in (1, 2, 3)])
    np.testing.assert_allclose(
        np.mean(found, axis=0), moments(0.16, 3), rtol=0.03
    )  # 1/N effects of about 1 %
