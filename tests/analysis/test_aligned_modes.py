"""Modes read from networks that are aligned by construction."""

import numpy as np
import pytest

from stepwell.analysis import mode_alignment, mode_readout


@pytest.fixture
def aligned() -> tuple[np.ndarray, ...]:
    """W, b, c, feedback, U, V of a network with three modes in five units, three inputs and three outputs."""
    draw = np.random.default_rng(0)
    U, V, P = (np.linalg.qr(draw.standard_normal((n, 3)))[0] for n in (3, 3, 5))
    W, b = P @ np.diag([0.8, -0.5, 0.2]) @ P.T, P @ np.diag([1, 0.7, 0.4]) @ V.T
    c, F = U @ np.diag([0.9, -0.6, 0.3]) @ P.T, P @ np.diag([0.5, 0.4, -0.3]) @ U.T
    return W, b, c, F, U, V


def test_modes_of_an_aligned_network_are_its_diagonals(aligned):
    modes = mode_readout(*aligned)
    wanted = ([0.9, -0.6, 0.3], [1, 0.7, 0.4], [0.8, -0.5, 0.2], [0.5, 0.4, -0.3])
    for found, values in zip(modes, wanted):
        np.testing.assert_allclose(found, values, atol=1e-14)  # rounding
    for share in mode_alignment(*aligned).values():
        assert share == pytest.approx(1, abs=1e-14)


def test_a_hidden_rotation_changes_no_mode(aligned):
    W, b, c, F, U, V = aligned
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((5, 5)))[0]
    turned = mode_readout(Q @ W @ Q.T, Q @ b, c @ Q.T, Q @ F, U, V)
    np.testing.assert_allclose(turned, mode_readout(*aligned), atol=1e-14)  # rounding


def test_stacked_snapshots_are_read_one_by_one(aligned):
    W, b, c, F, U, V = aligned
    scales = np.arange(1.0, 4)[:, None, None]
    modes = mode_readout(scales * W, scales * b, c[None].repeat(3, 0), F[None].repeat(3, 0), U, V)
    np.testing.assert_allclose(modes.w, scales[:, :, 0] * [0.8, -0.5, 0.2], atol=1e-14)  # rounding
    np.testing.assert_allclose(modes.a, np.tile([0.9, -0.6, 0.3], (3, 1)), atol=1e-14)


def test_weights_outside_the_modes_lower_the_alignment(aligned):
    W, b, c, F, U, V = aligned
    P = b @ V @ np.diag(1 / np.array([1, 0.7, 0.4]))
    off = W + P @ np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]]) @ P.T
    size = 0.8**2 + 0.5**2 + 0.2**2
    assert mode_alignment(off, b, c, F, U, V)["recurrent"] == pytest.approx(size / (size + 1), rel=1e-13)
