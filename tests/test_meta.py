"""What holds for every name and every entry of the tables, also for those that come later."""

import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stepwell
from stepwell import NETWORKS, RULES, STUDIES, TASKS, Experiment, Optimiser, names, train
from stepwell.experiment import TABLES
from stepwell.network import AbstractNetwork
from stepwell.rule import BPTT, AbstractRule
from stepwell.run import trainer
from stepwell.settings import from_json, setting, to_json
from stepwell.task import AbstractTask, Trials, draw, sizes

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent.name for path in (ROOT / "src" / "stepwell").glob("*/__init__.py"))

NEEDED = {
    "impulse": {"poles": (0.5, -0.4), "residues": (0.9, 0.7), "steps": 8},
    "arrays": {"inputs": np.ones((2, 4, 1)), "targets": np.ones((2, 4, 2))},
    "linear": {"hidden": 3},
    "rate": {"hidden": 3},
    "lstm": {"hidden": 3},
    "low_rank": {"hidden": 20},
}
"""What an entry must be told, or is told so that it is small; all others have defaults."""


def entry(table, name, **settings):
    kind = table[name]
    given = {key: value for key, value in settings.items() if key in inspect.signature(kind).parameters}
    return kind(**{**NEEDED.get(name, {}), **given})


def experiment(task="impulse", network="rate", rule="bptt", **settings):
    """Two updates of small entries whose channels fit."""
    chosen = entry(TASKS, task)
    channels = sizes(chosen)
    fitting = entry(NETWORKS, network, input=channels.input, output=channels.output)
    return Experiment(chosen, fitting, entry(RULES, rule), updates=2, **settings)


EXPERIMENTS = [
    *({"task": name} for name in TASKS),
    *({"network": name} for name in NETWORKS),
    *({"rule": name} for name in RULES),
]


def public():
    """Every public function and class, by its dotted name."""
    for package in PACKAGES:
        module = importlib.import_module(f"stepwell.{package}")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{package}.{name}", value


PUBLIC = dict(public())


def test_the_names_that_start_quickly_are_those_of_the_tables():
    tables = {"studies": STUDIES, "tasks": TASKS, "networks": NETWORKS, "rules": RULES}
    assert {table: list(names.names(table)) for table in names.TABLES} == {
        k: list(v) for k, v in tables.items()
    }


def test_all_names_are_there():
    for name in stepwell.__all__:
        assert getattr(stepwell, name) is not None
    assert set(stepwell.__all__) <= set(dir(stepwell))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        stepwell.trian  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_hides_a_module(package):
    module = importlib.import_module(f"stepwell.{package}")
    modules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    functions = {name for name in module.__all__ if not inspect.ismodule(getattr(module, name))}
    assert not modules & functions


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name):
    value = PUBLIC[name]
    if not value.__module__.startswith("stepwell"):
        return
    summary = (inspect.getdoc(value) or "").partition("\n\n")[0]
    assert summary and not summary.startswith(f"{value.__name__}("), "no docstring of its own"
    for method in vars(value).values() if inspect.isclass(value) else ():
        if inspect.isfunction(method) and not method.__name__.startswith("_"):
            assert method.__doc__, f"{method.__name__} has no docstring"


def test_public_functions_of_analysis_and_theory_have_an_example():
    functions = {name: value for name, value in PUBLIC.items() if inspect.isfunction(value)}
    own = {
        k: f
        for k, f in functions.items()
        if f.__module__.startswith(("stepwell.analysis", "stepwell.theory"))
    }
    assert [name for name, function in own.items() if ">>>" not in function.__doc__] == []


def test_sources_are_in_the_bibliography():
    keys = set(re.findall(r"@\w+\{(\w+),", (ROOT / "references.bib").read_text()))
    for path in sorted((ROOT / "src").rglob("*.py")):
        for line in re.findall(r"^ *Source: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            for key in re.findall(r"\b[a-z]+20\d\d\b", line):
                assert key in keys, f"{path} cites {key}"
    for study in STUDIES.values():
        assert {claim.source.partition(",")[0] for claim in study.claims} <= keys


@pytest.mark.parametrize("chosen", EXPERIMENTS, ids=lambda chosen: "-".join(chosen.values()))
def test_every_entry_round_trips_and_trains(chosen, monkeypatch):
    settings = experiment(**chosen)
    data = json.loads(json.dumps(to_json(settings, TABLES)))
    if chosen != {"task": "arrays"}:  # of which only the digest is kept
        assert from_json(data, TABLES) == settings
    run = train(settings, [0, 1])
    assert np.isfinite(run.loss).all() and run.loss.shape == (2, 3)
    first, last = run.isel(snapshot=0), run.isel(snapshot=-1)
    assert any((first[name] != last[name]).any() for name in settings.network.init(jax.random.key(0)))

    def untraced(*given):
        raise AssertionError("a new learning rate compiled a program")

    monkeypatch.setattr(trainer, "_update", untraced)
    train(experiment(**chosen, optimiser=Optimiser("sgd", 0.05)), [0, 1])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_rule_trains_a_network_or_says_why_not(rule, network):
    try:
        run = train(experiment(network=network, rule=rule), [0])
    except TypeError as refusal:
        assert NETWORKS[network].__name__ in str(refusal) and "; use " in str(refusal)
    else:
        assert np.isfinite(run.loss).all()


def code(document, index):
    """The Python block of a document."""
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)[index]


def test_the_example_of_the_readme_runs(capsys):
    found = {}
    exec(code("README.md", 0), found)
    predicted, levels = found["stairs"].levels, [plateau.level for plateau in found["found"]]
    # sigma0 = 1e-3 leaves an error of up to a per cent on the last plateau.
    np.testing.assert_allclose(levels[: len(predicted)], predicted, rtol=0.01)
    assert str(predicted) in capsys.readouterr().out


def test_the_examples_of_the_contributing_guide_run():
    given = {"jax": jax, "jnp": jnp, "setting": setting, "Trials": Trials, "draw": draw, "BPTT": BPTT}
    given |= {"AbstractTask": AbstractTask, "AbstractRule": AbstractRule, "AbstractNetwork": AbstractNetwork}
    for index in (0, 1):
        exec(code("CONTRIBUTING.md", index), given)
    run = train(
        Experiment(given["Echo"](), NETWORKS["linear"](hidden=4), given["SignedGradient"](), updates=2), [0]
    )
    # Plain steps along signs change every weight by the learning rate, 0.1.
    np.testing.assert_allclose(abs(run.W[0, -1] - run.W[0, 0]).max(), 0.2, rtol=1e-12)
