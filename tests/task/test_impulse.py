"""The impulse task against direct sums, scipy and sampled inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from stepwell import TASKS
from stepwell.network.linear import realisation
from stepwell.task import sizes
from stepwell.task.impulse import horizon

Impulse = TASKS["impulse"]
KEY = jax.random.key(0)
COMPLEX = {"poles": (0.5, 0.3 + 0.4j, 0.3 - 0.4j), "residues": (1.0, 0.2 - 0.1j, 0.2 + 0.1j)}


def test_the_response_is_the_sum_of_modes():
    task = Impulse(**COMPLEX, steps=30)
    direct = [sum(r * p**s for p, r in zip(task.poles, task.residues)).real for s in range(30)]
    np.testing.assert_allclose(task.response()[:, 0, 0], direct, rtol=1e-13, atol=1e-15)  # rounding


def test_the_response_is_that_of_scipy():
    task = Impulse(**COMPLEX, steps=25)
    W, b, c = realisation(task.poles, task.residues)
    # scipy reads the output before the step, so that its response is one step late.
    _, (response,) = scipy.signal.dimpulse((W, b, c, np.zeros((1, 1)), 1.0), n=26)
    np.testing.assert_allclose(task.response()[:, 0, 0], response[1:, 0], rtol=1e-12, atol=1e-14)  # rounding


def test_a_pole_at_zero_lasts_one_step():
    response = Impulse((0.0, 0.5), (2.0, 1.0), steps=4).response()[:, 0, 0]
    np.testing.assert_allclose(response, [3.0, 0.5, 0.25, 0.125])


@given(st.floats(0.01, 0.999))
def test_the_horizon_is_the_smallest_that_leaves_nothing(pole):
    steps = horizon((pole,))
    assert pole ** (2 * steps) < 1e-16 * (1 + 1e-9) and pole ** (2 * (steps - 1)) > 1e-16 * (1 - 1e-9)


def test_matrices_of_residues_make_channels():
    residues = np.random.default_rng(0).normal(size=(2, 3, 2))
    task = Impulse((0.6, -0.5), residues, steps=12)
    assert sizes(task) == (2, 3, 12, 2)
    trials = task.trials(KEY)
    for channel in range(2):
        assert (
            trials.inputs[channel].tolist() == [[float(i == channel) for i in range(2)]] + [[0.0, 0.0]] * 11
        )
        direct = [0.6**s * residues[0, :, channel] + (-0.5) ** s * residues[1, :, channel] for s in range(12)]
        np.testing.assert_allclose(trials.targets[channel], direct, rtol=1e-13, atol=1e-15)  # rounding
    assert task.trial(KEY).inputs.tolist() == trials.inputs[0].tolist()


@pytest.mark.parametrize(
    ("options", "correlations"),
    [
        ({"input": "impulse"}, lambda lag: float(lag == 0)),
        ({"input": "white", "variance": 2.5}, lambda lag: 2.5 * (lag == 0)),
        ({"input": "coloured", "correlation": -0.5}, lambda lag: (-0.5) ** lag),
        (
            {"input": "band_limited", "cutoff": 0.8},
            lambda lag: np.sin(0.8 * lag) / (0.8 * lag) if lag else 1.0,
        ),
    ],
)
def test_the_loss_weighs_errors_by_the_autocorrelation(options, correlations):
    task = Impulse(**COMPLEX, steps=15, **options)
    R = scipy.linalg.toeplitz([correlations(lag) for lag in range(15)])
    np.testing.assert_allclose(task.autocorrelation(), R, rtol=1e-13, atol=1e-16)  # rounding
    trials, error = task.trials(KEY), np.random.default_rng(1).normal(size=15)
    outputs = trials.targets + jnp.asarray(error)[None, :, None]
    assert task.loss(outputs, trials) == pytest.approx(0.5 * error @ R @ error, rel=1e-12)  # rounding


def test_the_loss_is_the_expected_error_of_an_ongoing_input():
    task = Impulse((0.6,), (1.0,), steps=20, input="coloured", correlation=0.7)
    error = 0.3 * 0.5 ** np.arange(20)
    draw = np.random.default_rng(2)
    x = scipy.signal.lfilter([np.sqrt(1 - 0.49)], [1, -0.7], draw.standard_normal(400_000))[1000:]
    sampled = 0.5 * np.mean(np.convolve(x, error)[20 : len(x)] ** 2)
    trials = task.trials(KEY)
    loss = task.loss(trials.targets + jnp.asarray(error)[None, :, None], trials)
    # 4e5 samples with a correlation time of about 5: a standard error of 0.5 %.
    assert float(loss) == pytest.approx(sampled, rel=0.02)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"poles": (1.0,), "residues": (1.0,)}, r"unstable: \|pole\| = 1; every pole needs modulus below 1"),
        ({"poles": (0.5j,), "residues": (1.0,)}, "has no conjugate partner"),
        ({"poles": (0.5j, -0.5j), "residues": (1.0, 2.0)}, "has no conjugate partner"),
        ({"poles": (0.5,), "residues": (1j,)}, "has no conjugate partner"),
        ({"poles": (), "residues": ()}, "as many residues as poles"),
        ({"poles": (0.5, 0.4), "residues": (1.0,)}, "as many residues as poles"),
        ({"poles": (float("nan"),), "residues": (1.0,)}, "NaN or infinity"),
        ({"poles": (0.5,), "residues": (float("inf"),)}, "NaN or infinity"),
        ({"poles": (0.5,), "residues": (1.0,), "steps": 0}, "steps=0 is no horizon"),
        ({"poles": (0.5,), "residues": (1.0,), "input": "pink"}, "'pink' is unknown"),
        ({"poles": (0.5,), "residues": (1.0,), "correlation": 1.0}, "correlation"),
        ({"poles": (0.5,), "residues": (1.0,), "cutoff": 4.0}, "cutoff"),
    ],
)
def test_what_is_no_target_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Impulse(**settings)


def test_the_number_of_trials_is_that_of_the_inputs():
    with pytest.raises(ValueError, match="1 trials, one per input channel; 4 were asked for"):
        Impulse((0.5,), (1.0,)).trials(KEY, 4)
