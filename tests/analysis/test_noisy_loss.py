"""Plateaus of noisy losses with known stairs, and of losses without any."""

import numpy as np
import pytest

from stepwell.analysis import noisy_plateaus, smoothed_loss

TIME = np.arange(4000.0)
STAIRS = 0.8 / (1 + np.exp((TIME - 900) / 15)) + 0.15 / (1 + np.exp((TIME - 2500) / 15)) + 0.05


def noise(size, seed):
    return np.exp(size * np.random.default_rng(seed).standard_normal(len(TIME)))


@pytest.mark.parametrize("size", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_levels_and_ends_survive_the_noise(size, seed):
    found = noisy_plateaus(STAIRS * noise(size, seed), 0.01 * TIME)
    # The mean of the logarithm over a plateau has the error size / sqrt(plateau); ends move by the kernel.
    np.testing.assert_allclose([p.level for p in found], [1.0, 0.2], rtol=0.02 + 0.1 * size)
    np.testing.assert_allclose([p.end for p in found], [9.0, 25.0], atol=0.01 * 2 * 40)
    assert found[0].start == 0 and found[1].start == found[0].end
    assert found[0].dwell == pytest.approx(found[0].end)


@pytest.mark.parametrize("seed", range(5))
def test_a_steady_fall_and_a_steady_loss_have_none(seed):
    assert noisy_plateaus(np.exp(-TIME / 500) * noise(0.3, seed)) == []
    assert noisy_plateaus(noise(0.3, seed)) == []


def test_smoothing_keeps_the_mean_of_the_logarithm():
    loss = STAIRS * noise(0.3, 0)
    assert np.log(smoothed_loss(loss, 10)).mean() == pytest.approx(np.log(loss).mean(), rel=1e-12)  # eps


def test_what_has_no_logarithm_is_refused():
    with pytest.raises(ValueError, match="a loss above 0"):
        noisy_plateaus([1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="smoothing=0"):
        noisy_plateaus([1.0, 0.5, 0.2], smoothing=0)
    with pytest.raises(ValueError, match="must increase"):
        noisy_plateaus([1.0, 0.5, 0.2], [0.0, 0.0, 1.0])
