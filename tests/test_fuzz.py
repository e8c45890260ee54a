"""Settings, overrides and command lines that nobody thought of: a result, or one sentence and exit code 2."""

import contextlib
import io
import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwell import NETWORKS, RULES, STUDIES, TASKS, Experiment
from stepwell.cli import main
from stepwell.cli_sweep import values
from stepwell.experiment import TABLES, experiment_fingerprint
from stepwell.run.catalogue import leaves
from stepwell.run.plan import planned, points
from stepwell.settings import from_json, override, to_json

EXAMPLES = int(os.environ.get("STEPWELL_FUZZ", "60"))
"""How many of each; 10 000 is the full measure."""
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

BASE = Experiment(
    TASKS["impulse"](poles=(0.5, -0.45), residues=(0.9, 0.7), steps=15), NETWORKS["linear"](hidden=2)
)
PATHS = [path for path, _ in leaves(to_json(BASE, TABLES))]
odd = st.text(st.characters(exclude_characters="/"), max_size=8) | st.sampled_from(
    [
        "",
        ".",
        "..",
        "../x",
        "/proc/x",
        "=",
        ",",
        "[",
        "nan",
        "inf",
        "-0",
        "1e999",
        "9" * 400,
        "∞",
        "\0",
        "\ud800",
    ]
)
path = (
    st.sampled_from([*PATHS, "network."])
    | odd
    | st.builds(lambda a, b: f"{a}.{b}", st.sampled_from(PATHS), odd)
)
word = st.sampled_from(
    [
        *RULES,
        *NETWORKS,
        *TASKS,
        "none",
        "true",
        "sgd",
        "adam",
        "float32",
        "[0.5,-0.4]",
        "[[0.1,2]]",
        '{"type":1}',
    ]
)
value = word | odd | st.integers().map(str) | st.floats().map(str)
change = st.builds(
    lambda path, values: f"{path}={','.join(values)}", path, st.lists(value, min_size=1, max_size=3)
)
OPTIONS = (
    "--seeds --store --json --scale --claim --workers --scheduler --plot --damaged --unfinished -x".split()
)
PLACES = [
    *STUDIES,
    "saddle_to_saddle/staircase",
    "saddle_to_saddle/staircase_flow",
    "ghost/x",
    "saddle_to_saddle/",
]
COMMANDS = ["list", "list runs", "show", "run", "sweep", "check", "store", "store verify", "store prune"]
COMMANDS += [
    "store export",
    "store export x.csv",
    "sweep saddle_to_saddle",
    "run saddle_to_saddle",
    "show impulse",
]
COMMANDS += [
    f"{command} {study}" for command in ("run", "sweep", "check", "list claims") for study in STUDIES
]
argument = (
    st.sampled_from([*OPTIONS, *PLACES, *RULES, *TASKS, "-1", "0", "1", "smoke", "runs"]) | change | odd
)
line = st.builds(
    lambda command, words: [*command.split(), *words],
    st.sampled_from(COMMANDS) | odd,
    st.lists(change, max_size=3) | st.lists(argument, max_size=5),
)


def sentence(error):
    """Whether an error is told in one paragraph that begins and ends like a sentence."""
    told = str(error)
    return bool(told.strip()) and len(told) < 3000 and "Traceback" not in told


@given(path, value)
@fuzzed
def test_an_override_gives_settings_or_a_sentence(path, value):
    try:
        changed = override(BASE, path, value, TABLES)
    except ValueError as error:
        assert sentence(error)
        return
    assert from_json(to_json(changed, TABLES), TABLES) == changed or re.search("nan", value, re.I)
    assert experiment_fingerprint(changed)


@given(st.dictionaries(path, st.lists(value, max_size=3), max_size=3), st.integers(1, 20))
@fuzzed
def test_a_grid_gives_a_plan_or_a_sentence(grid, seeds):
    try:
        blocks = planned(list(points(BASE, grid)[1].flat), range(seeds))
    except ValueError as error:
        assert sentence(error)
        return
    cells = [cell for block in blocks for cell in block.cells]
    assert len(cells) == len(set(cells)) and len(cells) % seeds == 0


@given(st.text(max_size=30))
@fuzzed
def test_a_list_of_values_keeps_every_letter_but_commas_and_blanks(text):
    assert re.sub(r"[,\s]", "", "".join(values(text))) == re.sub(r"[,\s]", "", text)


@pytest.fixture(scope="module")
def nothing_runs(tmp_path_factory):
    """Commands go as far as they can without training, in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(tmp_path_factory.mktemp("fuzz")):

        def stop(*_, **__):
            raise ValueError("here something would run.")

        for place in (
            "run.grid.settled",
            "cli_run._record",
            "cli_check._findings",
            "cli_check.made_beforehand",
        ):
            patch.setattr(f"stepwell.{place}", stop)
        yield


@given(line)
@fuzzed
def test_a_command_line_works_or_is_refused_in_a_sentence(nothing_runs, words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(words)
    code, told = int(left.value.code or 0), err.getvalue()
    assert code in (0, 1, 2) and "Traceback" not in told
    if code == 2 and told:
        *before, last = told.splitlines()
        assert last.startswith("stepwell: ") and sentence(last), told
        assert all(line.startswith("stepwell: ") for line in before), told
