"""Settings as JSON, as command-line text, and as fingerprints."""

import json

import equinox as eqx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell import NETWORKS, RULES, TASKS, Experiment, Flow, Optimiser, Recording
from stepwell.experiment import TABLES, experiment_fingerprint
from stepwell.settings import (
    find_type,
    fingerprint,
    from_json,
    overridden,
    override,
    replace,
    setting,
    to_json,
)

TASK = TASKS["impulse"](poles=(0.5, 0.2 + 0.3j, 0.2 - 0.3j), residues=(0.9, 1j, -1j))
EXPERIMENT = Experiment(TASK, NETWORKS["linear"](hidden=3))

positive = st.floats(1e-8, 1e3)
choices = st.fixed_dictionaries(
    {
        "pole": st.floats(-0.99, 0.99),
        "residue": st.floats(-5, 5),
        "sigma0": positive,
        "rate": positive,
        "hidden": st.integers(1, 50),
        "updates": st.integers(0, 10**9),
        "every": st.integers(1, 10**6),
        "trainable": st.sampled_from([None, ("W",), ("b", "c")]),
    }
)


def built(pole, residue, sigma0, rate, hidden, updates, every, trainable):
    return Experiment(
        TASKS["impulse"]((pole,), (residue,), steps=5),
        NETWORKS["linear"](hidden, sigma0=sigma0),
        optimiser=Optimiser("adam", rate, multipliers=(("W", 0.5),)),
        updates=updates,
        recording=Recording(every, ("poles",)),
        trainable=trainable,
    )


class Homemade(eqx.Module):
    """A settings object that stands in no table."""

    size: int = setting(3)


def through_json(value):
    return from_json(json.loads(json.dumps(to_json(value, TABLES))), TABLES)


def changed(path, text, start=EXPERIMENT):
    return override(start, path, text, TABLES)


@given(choices)
def test_json_gives_back_what_it_was_given(chosen):
    experiment = built(**chosen)
    copy = through_json(experiment)
    assert copy == experiment and hash(copy) == hash(experiment)
    assert fingerprint(copy, TABLES) == fingerprint(experiment, TABLES)


def test_json_of_complex_numbers_flows_and_homemade_objects():
    assert through_json(EXPERIMENT).task.poles == (0.5, 0.2 + 0.3j, 0.2 - 0.3j)
    assert through_json(Flow(EXPERIMENT, 3.0)) == Flow(EXPERIMENT, 3.0)
    assert through_json(Homemade(4)) == Homemade(4)
    assert to_json(Homemade(), TABLES)["type"].endswith(":Homemade")


@given(choices, choices, st.sets(st.integers(0, 7)))
def test_equal_settings_have_equal_fingerprints_and_others_others(left, right, taken):
    mixed = {name: (right if at in taken else left)[name] for at, name in enumerate(left)}
    one, other = built(**left), built(**mixed)
    assert (one == other) == (fingerprint(one, TABLES) == fingerprint(other, TABLES))


def test_a_whole_number_is_the_same_setting():
    whole = Experiment(TASK, NETWORKS["linear"](3, sigma0=1), optimiser=Optimiser("sgd", 1))
    decimal = Experiment(TASK, NETWORKS["linear"](3, sigma0=1.0), optimiser=Optimiser("sgd", 1.0))
    assert fingerprint(whole, TABLES) == fingerprint(decimal, TABLES)


def test_minus_zero_is_zero():
    one, other = (
        Experiment(TASKS["impulse"]((zero,), (1.0,), steps=5), EXPERIMENT.network) for zero in (0.0, -0.0)
    )
    assert one == other and fingerprint(one, TABLES) == fingerprint(other, TABLES)


def test_arrays_are_known_by_their_digest():
    x = np.random.default_rng(0).normal(size=(4, 5, 2))
    task, same, other = (TASKS["arrays"](a, a) for a in (x, x.copy(), x + 1e-15))
    assert fingerprint(task, TABLES) == fingerprint(same, TABLES) != fingerprint(other, TABLES)
    with pytest.raises(ValueError, match="only the digest was kept"):
        through_json(task)


def test_a_function_has_no_fingerprint():
    assert (
        experiment_fingerprint(Experiment(TASK, EXPERIMENT.network, recording=Recording(1, (len,)))) is None
    )


def test_a_stored_name_runs_no_code():
    with pytest.raises(ValueError, match="import the module that defines it first"):
        find_type("antigravity:fly", TABLES)
    with pytest.raises(ValueError, match="in no table"):
        find_type("os:system", TABLES)  # there, but no class


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("network.sigma0", "1e-4", 1e-4),
        ("network.sigma0", "1", 1.0),
        ("network.hidden", "7", 7),
        ("updates", "12", 12),
        ("optimiser.name", "adam", "adam"),
        ("optimiser.clip", "2", 2.0),
        ("optimiser.clip", "none", None),
        ("optimiser.multipliers", '[["W", 2.0]]', (("W", 2.0),)),
        ("trainable", '["W"]', ("W",)),
        ("recording.what", '["poles"]', ("poles",)),
        ("task.poles", "[0.5, [0.1, 0.2], [0.1, -0.2]]", (0.5, 0.1 + 0.2j, 0.1 - 0.2j)),
        ("task.steps", "9", 9),
    ],
)
def test_a_text_becomes_the_kind_of_its_setting(path, text, value):
    found = changed(path, text)
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("path", "text", "sentence"),
    [
        ("network.sigma_0", "1", "Linear has no setting 'sigma_0'; did you mean 'sigma0'? It has: hidden,"),
        ("netwrok.sigma0", "1", "Experiment has no setting 'netwrok'; did you mean 'network'"),
        ("network.sigma0.x", "1", "'sigma0' of Linear is a plain value and has no setting 'x'"),
        ("network.sigma0", "small", "Linear.sigma0 needs a number, got 'small'"),
        ("network.sigma0", "nan", "Linear.sigma0 needs a number, got 'nan'"),
        ("network.hidden", "3.5", "Linear.hidden needs a whole number, got '3.5'"),
        ("network.hidden", "0", "at least one unit"),
        ("optimiser.clip", "big", "Optimiser.clip needs a number or none, got 'big'"),
        ("optimiser.name", "sgdd", "no optimiser 'sgdd'; did you mean 'sgd'"),
        ("trainable", "W", "Experiment.trainable needs a list such as"),
        ("task.poles", "[1.5, 0.1, 0.2]", "the target is unstable"),
        ("rule", "bpt", "no rule 'bpt'; did you mean 'bptt'"),
        ("task", "arrays", "task=arrays needs inputs, targets, which Impulse does not have"),
    ],
)
def test_a_wrong_text_gets_its_sentence(path, text, sentence):
    with pytest.raises(ValueError) as refusal:
        changed(path, text)
    assert sentence in str(refusal.value)


@settings(max_examples=300)
@given(
    st.sampled_from(
        ["task", "task.poles", "task.steps", "network", "network.hidden", "rule", "updates", "dtype"]
    )
    | st.sampled_from(
        ["optimiser.clip", "optimiser.multipliers", "recording.what", "trainable", "", ".", "a.b"]
    ),
    st.text(max_size=12)
    | st.sampled_from(["[]", "{}", "[[]]", "[null]", "true", "1e400", "-1", '["W"]', "[1]"]),
)
def test_any_text_is_taken_or_refused(path, text):
    try:
        assert isinstance(changed(path, text), Experiment)
    except (ValueError, TypeError) as refusal:
        assert str(refusal)


def test_an_entry_of_a_table_by_name():
    rate = changed("network", "rate")
    assert rate.network == NETWORKS["rate"](hidden=3)  # what has no default is that of the old network
    assert changed("rule", "rflo").rule == RULES["rflo"]()
    assert changed("rule", RULES["rflo"](decay=0.3)).rule.decay == 0.3


def test_settings_that_make_sense_together_are_changed_at_once():
    both = overridden(EXPERIMENT, {"task.poles": "[0.4]", "task.residues": "[2.0]"}, TABLES)
    assert both.task == TASKS["impulse"]((0.4,), (2.0,))
    named = overridden(EXPERIMENT, {"rule.decay": "0.3", "rule": "rflo", "updates": 3}, TABLES)
    assert named.rule == RULES["rflo"](decay=0.3) and named.updates == 3


def test_automatic_settings_follow_what_they_are_derived_from():
    slow = replace(TASK, poles=(0.9, 0.2 + 0.3j, 0.2 - 0.3j))
    assert slow.steps > TASK.steps
    fixed = replace(TASK, steps=12)
    assert replace(fixed, poles=slow.poles).steps == 12
    assert changed("task.steps", "none", Experiment(fixed, EXPERIMENT.network)).task.steps == TASK.steps


def test_a_name_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"no network 'linar'; did you mean 'linear'\?"):
        NETWORKS["linar"]
    with pytest.raises(TypeError, match=r"Linear has no setting 'hiden'; did you mean 'hidden'\?"):
        NETWORKS["linear"](hiden=3)
