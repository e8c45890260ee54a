"""Stairs of local rules: conditions of rest against sums over lags, and what is refused."""

import numpy as np
import pytest

from stepwell.rule import RULES
from stepwell.rule.population import population_update
from stepwell.theory import local_rule_level, resting_models, stairs

POLES, RESIDUES = (0.5, -0.45, -0.75), (0.9, 0.7, -0.65)
TWO = (0.8, 0.35, -0.3, -0.75), ((0.6, 0.8), (-1.0, 0.1), (0.3, -0.9), (0.7, 0.7))


@pytest.mark.parametrize(
    ("target", "rule", "feedback"),
    [
        ((POLES, RESIDUES), RULES["tbptt"](2), None),
        ((POLES, RESIDUES), RULES["rflo"](0.3), 1),
        (TWO, RULES["tbptt"](1), None),
        (TWO, RULES["rflo"](0.4), 2),
    ],
)
def test_the_expected_update_vanishes_on_a_resting_model(target, rule, feedback):
    lag, decay = getattr(rule, "lag", 1), getattr(rule, "decay", 0.0)
    model = resting_models(target[0], target[1], lag, decay)[0]
    residues = np.reshape(target[1], (len(target[0]), -1))
    teacher = np.diag(target[0]), np.ones((len(residues), 1)), residues.T
    assert np.isreal(model.poles).all()
    student = np.diag(np.real(model.poles)), np.ones((len(model.poles), 1)), np.real(model.residues).T
    F = None if feedback is None else np.random.default_rng(0).standard_normal((len(model.poles), feedback))
    loss, update = population_update(rule, student, teacher, F)
    # Powell's method stops at steps of 1e-13; residues near 1 and poles up to 0.92 magnify that.
    assert max(np.abs(part).max() for part in update) < 1e-9
    assert float(loss) == pytest.approx(model.loss, rel=1e-9)  # as above


@pytest.mark.parametrize(("decay", "level"), [(0.3, 0.0996732), (0.6, 0.0995717), (0.0, 0.1015939)])
def test_with_one_output_both_ways_lead_to_the_same_level(decay, level):
    assert local_rule_level(POLES, RESIDUES, decay).loss == pytest.approx(level, abs=5e-8)  # printed digits
    (model,) = resting_models(POLES, RESIDUES, decay=decay)
    assert model.loss == pytest.approx(level, abs=5e-8)  # printed digits


@pytest.mark.parametrize(
    ("rule", "outputs", "degree", "options", "expected"),
    [
        ("rflo", 1, 3, {}, 1),
        ("rflo", 4, 3, {}, 3),
        ("bptt", 2, 4, {}, 4),
        ("eprop", 1, 3, {}, 3),
        ("tbptt", 1, 3, {}, 1),
        ("tbptt", 2, 7, {"lag": 3}, 6),
        (RULES["tbptt"](2), 1, 3, {}, 2),
        (RULES["rflo"]((0.3, 0.3)), 2, 5, {}, 2),
    ],
)
def test_the_number_of_stairs(rule, outputs, degree, options, expected):
    assert stairs(rule, outputs, degree, **options) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((RULES["rflo"](0.3, "symmetric"), 1, 3), "turns with what it learns"),
        ((RULES["rflo"]((0.3, 0.2)), 1, 3), "unequal decays"),
        (("rflo", 1, 3, 2), "belongs to tbptt"),
        (("bptt", 0, 3), "outputs=0"),
        (("rflow", 1, 3), "rflo"),
    ],
)
def test_what_is_not_known_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        stairs(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lag": 3}, "there is no rest"),
        ({"lag": 2, "decay": 0.3}, "with lag 1"),
        ({"decay": 1.0}, "decay=1.0"),
    ],
)
def test_what_has_no_resting_model_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        resting_models(POLES, RESIDUES, **options)
