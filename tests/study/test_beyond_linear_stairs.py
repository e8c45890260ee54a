"""What the study across the sources reads off drops, cut networks, tanh units and linearised flows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.experiment import Experiment
from stepwell.network import Linear
from stepwell.network.linear import realisation
from stepwell.study import STUDIES
from stepwell.study.across.cut_networks import cut_losses, cut_trial, end_and_start, loss_of
from stepwell.study.across.drops import Drop, changes, ends_of
from stepwell.study.across.linearised import outputs
from stepwell.study.across.protocols_many_channels import TARGETS
from stepwell.study.across.tanh_units import TanhUnits
from stepwell.study.base import varied
from stepwell.study.ghost.protocols import full_rank
from stepwell.task import Impulse
from stepwell.theory import best_models

TASK = Impulse((0.5, -0.45), (0.9, 0.7), steps=12)


def test_a_drop_holds_the_events_between_its_ends():
    times = np.arange(6.0)
    events = changes(np.array([1, 1, 3, 3, 3, 1]), times)
    assert events.tolist() == [2.0, 5.0]
    assert Drop(1.0, 3.0, events).holds_event and not Drop(2.5, 4.0, events).holds_event
    assert Drop(1.0, 3.0, events).places.tolist() == [0.5, 2.0]


def test_a_drop_goes_from_90_to_10_percent_of_the_whole_fall():
    times = np.arange(0, 2001.0)
    start, end = ends_of(1 / (1 + np.exp((times - 1000) / 50)) + 0.5, times)
    assert abs(start - (1000 - 50 * np.log(9))) <= 1  # the spacing of the records
    assert abs(end - (1000 + 50 * np.log(9))) <= 1


def test_tanh_units_become_linear_with_the_square_of_the_amplitude():
    trials, key = TASK.trials(jax.random.key(0)), jax.random.key(3)
    params = TanhUnits(3, 0.5).init(key)
    linear = Linear(3).rollout(params, trials)
    gaps = [
        float(jnp.abs(TanhUnits(3, amplitude=a).rollout(params, trials) - linear).max()) for a in (1e-2, 1e-3)
    ]
    assert abs(gaps[0] / gaps[1] - 100) < 1  # the next order of the odd function is 1e-4 below


def test_the_first_step_of_tanh_units_is_a_tanh_of_the_pulse():
    network = TanhUnits(2, amplitude=2.0)
    params = {"W": jnp.zeros((2, 2)), "b": jnp.array([[0.3], [-0.8]]), "c": jnp.array([[1.0, 0.5]])}
    shown = network.rollout(params, TASK.trials(jax.random.key(0)))[0, :, 0]
    expected = (np.tanh(0.6) + 0.5 * np.tanh(-1.6)) / 2
    assert np.abs(np.asarray(shown) - [expected, *[0.0] * 11]).max() < 1e-15


@pytest.fixture(scope="module")
def short():
    experiment, _ = full_rank("quick")[0]
    return varied(experiment, updates=20, recording__every=20, network__hidden=20).run([0, 1])


def test_a_cut_at_full_rank_cuts_nothing(short):
    for one, other in zip(cut_trial(short, 0, 20), cut_trial(short, 0, None)):
        assert np.abs(one - other).max() < 1e-12  # rounding of a singular value decomposition


def test_a_cut_at_rank_zero_keeps_the_initial_weights(short):
    end, start = end_and_start(short, 1)
    assert abs(cut_losses(short)[1, 0] - loss_of(short, {**end, "W": start["W"]})) < 1e-12


def test_the_linearised_flow_lacks_the_third_order():
    """Over the target the output is t - t^2/2 + (1 + 8 y^2/(1 - g^2)) t^3/6; 1 - exp(-t) has no target."""
    times, exact, linear = outputs(0.6, 0.5)
    early = (times > 0.005) & (times < 0.02)
    third = (exact - linear)[early] / times[early] ** 3
    assert early.any() and np.abs(third / (8 * 0.25 / 0.64 / 6) - 1).max() < 0.05  # the fourth order


@pytest.mark.parametrize("name", TARGETS)
def test_targets_with_many_channels_have_the_degree_of_their_poles(name):
    poles, residues = TARGETS[name]
    target = realisation(poles, residues)
    assert best_models(target, len(poles)).loss == 0
    with pytest.raises(ValueError, match="degrees 0 to"):
        best_models(target, len(poles) + 1)


def test_every_claim_can_be_set_up():
    for claim in STUDIES["across"].claims:
        for scale in set(claim.scales) - {"full"}:
            for experiment in claim.experiments(scale):
                assert isinstance(getattr(experiment, "experiment", experiment), Experiment) or hasattr(
                    experiment, "run"
                )
