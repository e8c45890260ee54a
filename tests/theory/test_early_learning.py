"""The first steps under fixed feedback, and the stair on which one output rests, against learning itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.network.linear import realisation
from stepwell.rule import BPTT, RFLO, TBPTT, EProp
from stepwell.rule.population import population_update
from stepwell.theory import (
    best_poles,
    departure_time,
    early_cosine,
    local_rule_level,
    mode_flow,
    mode_loss,
)

MODES = np.array([1.0, 0.6, 0.3]), np.array([1.0, 0.5, 0.3]), np.array([0.7, 0.6, 0.5])


@pytest.mark.parametrize("rule", [RFLO(0.3), EProp()], ids=str)
def test_the_loss_falls_when_the_small_time_law_says(rule):
    predicted = departure_time(rule, *MODES, feedback=0.5)
    step = 1e-3

    @jax.jit
    def losses(start):
        def advance(place, _):
            middle = place + step / 2 * jnp.stack(mode_flow(rule, *place, *MODES, 0.5))
            place = place + step * jnp.stack(mode_flow(rule, *middle, *MODES, 0.5))
            return place, jnp.sum(mode_loss(*place, *MODES))

        return jax.lax.scan(advance, start, None, length=1500)[1]

    start = jnp.full((3, 3), 1e-6).at[2].set(0.0)
    loss = np.asarray(losses(start))
    total = float(np.sum(mode_loss(*np.zeros((3, 3)), *MODES)))
    measured = step * (1 + np.flatnonzero(loss < 0.95 * total)[0])
    assert measured == pytest.approx(predicted, rel=0.01)  # the law leaves out higher powers of time
    with pytest.raises(ValueError, match="zero weights are a saddle"):
        departure_time(BPTT(), *MODES, feedback=0.5)


def cosine(one, two):
    return float(np.sum(one * two) / np.linalg.norm(one) / np.linalg.norm(two))


def test_the_angle_after_feedback_has_written_itself_into_the_readout():
    rng, hidden = np.random.default_rng(0), 64
    modes = [np.diag(x) for x in ([0.8, 0.65, 0.5, 0.35], [1, 0.7, 0.5, 0.35], [1, 0.9, 0.8, 0.7])]
    rotations = [np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(2)]
    teacher = modes[0], modes[1] @ rotations[0], rotations[1] @ modes[2]
    F = rng.normal(size=(hidden, 4)) / np.sqrt(hidden)
    small = 1e-4 / np.sqrt(hidden)
    shapes = (hidden, hidden), (hidden, 4), (4, hidden)
    start = tuple(jnp.asarray(small * rng.normal(size=shape)) for shape in shapes)

    @jax.jit
    def early(student):
        def step(_, student):
            change = population_update(RFLO(0.3), student, teacher, jnp.asarray(F))[1]
            return tuple(p - 0.002 * d for p, d in zip(student, change))

        return jax.lax.fori_loop(0, 50, step, student)

    student = early(start)
    ours, exact = (population_update(rule, student, teacher, F)[1][1] for rule in (RFLO(0.3), BPTT()))
    predicted = early_cosine(teacher, 0.3, F)
    assert cosine(ours, exact) == pytest.approx(predicted, abs=3e-3)  # corrections of order of the time, 0.1
    assert early_cosine(teacher, 0.3) == pytest.approx(0.91548, abs=5e-6)
    one = tuple(np.array([[x]]) for x in (0.5, 1.0, 1.0))
    assert early_cosine(one, 0.3) == pytest.approx(1, abs=1e-14)


TARGET = (0.5, -0.45, -0.75), (0.9, 0.7, -0.65)


@pytest.mark.parametrize(
    "rule, decay, pole, loss",
    [
        (RFLO(0.3), 0.3, 0.502524, 0.0996732),
        (RFLO(0.6), 0.6, 0.489470, 0.0995717),
        (TBPTT(), 0.0, 0.533209, 0.1015939),
    ],
    ids=str,
)
def test_one_output_rests_on_its_first_stair(rule, decay, pole, loss):
    level = local_rule_level(*TARGET, decay)
    assert level.pole == pytest.approx(pole, abs=1e-6) and level.loss == pytest.approx(loss, abs=1e-7)
    teacher = realisation(*TARGET)
    rng = np.random.default_rng(0)
    F = jnp.asarray(rng.normal(size=(3, 1)) / np.sqrt(3))
    start = tuple(jnp.asarray(1e-3 * rng.normal(size=shape)) for shape in ((3, 3), (3, 1), (1, 3)))

    @jax.jit
    def learn(student):
        def step(_, student):
            change = population_update(rule, student, teacher, F)[1]
            return tuple(p - 0.1 * d for p, d in zip(student, change))

        return jax.lax.fori_loop(0, 1000, step, student)

    reached = population_update(rule, learn(start), teacher, F)[0]
    # At this initial size runs rest within 3e-4 of the level; that of the best model is 1e-3 away.
    assert float(reached) == pytest.approx(level.loss, rel=8e-4)
    assert level.loss > best_poles(*TARGET, 1).loss


def test_the_level_interpolates_the_target_at_the_decay_and_at_its_pole():
    rng = np.random.default_rng(1)
    for _ in range(50):
        poles, residues = rng.uniform(-0.9, 0.9, 3), rng.normal(size=3)
        decay = rng.uniform(0, 0.9)
        level = local_rule_level(poles, residues, decay)
        for q in (decay, level.pole):
            target = np.sum(residues / (1 - poles * q))
            # The root of a polynomial of degree 4, sometimes nearly double.
            assert level.residue / (1 - level.pole * q) == pytest.approx(target, abs=1e-6)


def test_a_target_of_one_pole_is_learned():
    level = local_rule_level([0.6], [1.5], 0.3)
    np.testing.assert_allclose(level, [0.6, 1.5, 0], atol=1e-12)  # rounding
    with pytest.raises(ValueError, match="decay=1.0"):
        local_rule_level([0.6], [1.5], 1.0)
