"""A run that is looked at while it goes on is the run that `train` makes."""

import logging

import jax
import numpy as np
import pytest

from stepwell import NETWORKS, TASKS, Experiment, Optimiser, train
from stepwell.run.watched import begun, further, parameters
from stepwell.settings import replace

TARGET = TASKS["impulse"]((0.5, -0.4), (0.9, 0.3), steps=20)
EXPERIMENT = Experiment(
    TARGET, NETWORKS["linear"](hidden=2), optimiser=Optimiser(learning_rate=0.05), updates=40
)


def test_pieces_of_any_length_give_the_losses_of_train():
    record = train(EXPERIMENT, [3])
    carry, losses = begun(EXPERIMENT, 3), []
    for piece in (1, 7, 0, 32):
        carry, curves = further(EXPERIMENT, carry, piece)
        losses += curves.loss[:-1].tolist()
        assert len(curves.loss) == len(curves.gradient_norm) == piece + 1
    # One program of another buffer length: the same operations on the same numbers.
    np.testing.assert_allclose([*losses, curves.loss[-1]], record.loss.values[0], rtol=1e-13)
    np.testing.assert_allclose(parameters(carry)["W"], record.W.values[0, -1], rtol=1e-12)


def test_a_new_learning_rate_compiles_nothing_and_changes_the_run(caplog):
    carry, _ = further(EXPERIMENT, begun(EXPERIMENT, 0), 5)
    faster = replace(EXPERIMENT, optimiser=Optimiser(learning_rate=0.08))
    slow, _ = further(EXPERIMENT, carry, 5)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        fast, _ = further(faster, carry, 6)
    assert not [line for line in caplog.messages if "_advance" in line]
    assert not np.allclose(parameters(fast)["b"], parameters(slow)["b"], rtol=1e-3)


@pytest.mark.parametrize("updates", [-1, 2001])
def test_a_number_of_updates_out_of_range_is_refused(updates):
    with pytest.raises(ValueError, match="from 0 to 2000"):
        further(EXPERIMENT, begun(EXPERIMENT, 0), updates)
