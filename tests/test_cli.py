"""The command line as its users meet it: what it prints, how it leaves, and what it does not wait for."""

import dataclasses
import json
import subprocess
import sys
import time
import typing
import warnings

import pytest

from stepwell import NETWORKS, RULES, STUDIES, TASKS, __version__
from stepwell.cli import main
from stepwell.cli_check import check
from stepwell.cli_plot import PLOTS
from stepwell.run import open_record
from stepwell.study.base import SCALES

FAST = "zero_lag_point"
"""A claim that follows from algebra and runs nothing."""


@pytest.fixture
def stepwell(capsys, monkeypatch):
    """A command line -> exit code, standard output, standard error."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def test_quick_commands_wait_for_nothing():
    lines = [
        ["--help"],
        ["--version"],
        ["list"],
        ["list", "tasks", "--json"],
        ["chek"],
        ["check", "--scale", "tiny"],
        ["check", "saddle"],
        ["check", "--help"],
        ["run", "saddle/staircase"],
        ["run", "saddle_to_saddle", "updates"],
        ["run", "saddle_to_saddle", "--plot", "pole"],
        ["run", "saddle_to_saddle", "--seeds", "0"],
        ["show", "impuls"],
        ["list", "planets"],
    ]
    script = f"""
import sys
import time
from stepwell.cli import main
for line in {lines}:
    try:
        main(line)
    except SystemExit as left:
        print("code", left.code or 0)
print("slow", sorted({{"jax", "equinox", "xarray", "matplotlib", "numpy"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    codes = [line for line in done.stdout.splitlines() if line.startswith("code")]
    assert codes == ["code 0"] * 4 + ["code 2"] * 3 + ["code 0"] + ["code 2"] * 6, done.stderr
    assert "slow []" in done.stdout
    refusals = done.stderr.splitlines()
    assert len(refusals) == 9 and all(line.startswith("stepwell: ") for line in refusals)


def test_python_m_stepwell():
    done = subprocess.run([sys.executable, "-m", "stepwell", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


def test_list(stepwell):
    code, out, _ = stepwell("list", "--json")
    tables = {"studies": STUDIES, "tasks": TASKS, "networks": NETWORKS, "rules": RULES}
    assert code == 0 and json.loads(out) == {name: list(table) for name, table in tables.items()}
    assert stepwell("list", "rules")[1].split() == list(RULES)
    claims = json.loads(stepwell("list", "claims", "saddle_to_saddle", "--json")[1])
    assert claims == {"saddle_to_saddle": [claim.id for claim in STUDIES["saddle_to_saddle"].claims]}
    experiments = json.loads(stepwell("list", "experiments", "--json")[1])
    assert experiments == {name: list(study.experiments) for name, study in STUDIES.items()}


def test_the_scales_and_plots_of_the_help_are_those_there_are(stepwell):
    hints = typing.get_type_hints(check)
    assert typing.get_args(hints["scale"]) == SCALES
    assert all(plot in stepwell("run", "--help")[1] for plot in PLOTS)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["chek"], "No such command 'chek'. Did you mean 'check'?"),
        (["check", "sadle_to"], "there is no study 'sadle_to'; did you mean 'saddle_to_saddle'?"),
        (["check", "--claim", "zero_lag_poin"], f"there is no claim 'zero_lag_poin'; did you mean '{FAST}'?"),
        (["check", "--scale", "smoke", "--claim", "plateau_levels"], "it has no row at smoke"),
        (["check", "--json", "no/such/folder.json"], "cannot be written"),
        (["run", "saddle_to_saddle/stairs"], "no experiment or claim 'stairs'; did you mean 'staircase'?"),
        (["run", "saddle_to_saddle", "network.sigma_0=1"], "did you mean 'sigma0'?"),
        (["run", "saddle_to_saddle", "network.hidden=0"], "at least one unit"),
        (["run", "saddle_to_saddle", "network.input=2"], "set network.input=1"),
        (["run", "saddle_to_saddle", "--store", __file__], "is a file; a store is a folder"),
        (["run", "saddle_to_saddle", "--plot", "loss", "--out", "no/such/folder.svg"], "cannot be written"),
        (["show", "impulsive"], "no study, task, network, rule or file 'impulsive'; did you mean 'impulse'?"),
        (["show", "saddle_to_saddle/stairs"], "did you mean 'staircase'?"),
        (["show", "impulse", "poles=[1.5]", "residues=[1]"], "the target is unstable"),
        (["run", "saddle_to_saddle", "updates=1", "updates=2"], "'updates' is changed twice"),
        (["show", "."], "'.' is no record"),
    ],
)
def test_a_refusal_is_one_sentence(words, sentence, stepwell):
    code, out, err = stepwell(*words)
    assert code == 2 and out == ""
    assert err.startswith("stepwell: ") and err.count("\n") == 1
    assert sentence in err


def test_check_prints_verdicts_and_writes_them(stepwell, tmp_path):
    file, report = tmp_path / "findings.json", tmp_path / "report"
    code, out, err = stepwell(
        "check", "saddle_to_saddle", "--scale", "smoke", "--claim", FAST, "--json", file, "--report", report
    )
    assert code == 0 and FAST in out and "HOLDS" in out and "1 of 1 verdicts are the expected ones." in out
    (row,) = json.loads(file.read_text())
    fields = (
        "study claim statement source reading scope scale predicted measured uncertainty tolerance verdict"
    )
    assert {*fields.split(), "expected", "seconds", "note"} <= set(row)
    assert (row["claim"], row["verdict"], row["scale"]) == (FAST, "HOLDS", "smoke")
    assert (report / "index.html").stat().st_size > 0 and str(report / "index.html") in err
    assert (
        json.loads(stepwell("check", "--scale", "smoke", "--claim", FAST, "--json", "-")[1])[0]["claim"]
        == FAST
    )


@pytest.fixture
def short_study(monkeypatch):
    """The first study with two of its claims; the second is expected to fail, and holds."""
    study = STUDIES["saddle_to_saddle"]
    holds = next(claim for claim in study.claims if claim.id == FAST)
    surprise = dataclasses.replace(holds, id="surprise", expected="FAILS")
    later = dataclasses.replace(holds, id="later", scales=("full",))
    monkeypatch.setitem(
        STUDIES, "saddle_to_saddle", dataclasses.replace(study, claims=(holds, surprise, later))
    )


def test_a_surprise_is_said_and_makes_the_exit_code_1(stepwell, short_study):
    code, out, _ = stepwell("check", "saddle_to_saddle", "--scale", "smoke")
    assert code == 1
    assert "HOLDS (expected FAILS)" in out and "1 of 2 verdicts" in out and "Not expected: surprise." in out
    assert "1 claims are not judged at this scale." in out


def test_forty_columns_are_enough(stepwell, short_study, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    for words in (
        ["check", "saddle_to_saddle", "--scale", "smoke"],
        ["show", "impulse"],
        ["list"],
        ["--help"],
    ):
        _, out, _ = stepwell(*words)
        assert out and max(map(len, out.splitlines())) <= 40


def test_run_tells_how_each_seed_ended(stepwell, tmp_path):
    words = ("run", "saddle_to_saddle/staircase", "updates=30", "network.sigma0=1e-3", "--seeds", "2")
    code, out, err = stepwell(*words, "--store", tmp_path, "--json")
    assert code == 0 and err == ""
    found, (path,) = json.loads(out), sorted(tmp_path.rglob("*.zarr.zip"))
    record = open_record(path)
    assert found["last_loss"] == record.loss[:, -1].values.tolist()
    assert found["settings"]["network"]["sigma0"] == 1e-3 and found["seeds"] == [0, 1]
    table = stepwell(*words, "--store", tmp_path)[1]
    assert f"{found['last_loss'][1]:.6g}" in table and len(sorted(tmp_path.rglob("*.zarr.zip"))) == 1
    shown = stepwell("show", path)[1]
    assert "loss [seed 2, update 31]" in shown and "network.sigma0 = 0.001" in shown


def test_run_takes_flows_and_claims(stepwell):
    code, out, _ = stepwell(
        "run", "saddle_to_saddle/staircase_flow", "network.sigma0=0.1", "duration=2", "every=0.5", "--json"
    )
    found = json.loads(out)
    assert code == 0 and found["learning_time"] == 2.0
    assert found["settings"]["experiment"]["network"]["sigma0"] == 0.1
    assert stepwell("run", f"saddle_to_saddle/{FAST}")[0] == 0


@pytest.mark.parametrize("plot", PLOTS)
def test_run_draws(plot, stepwell, tmp_path):
    file = tmp_path / "picture.svg"
    code, _, err = stepwell("run", "saddle_to_saddle", "updates=400", "--plot", plot, "--out", file)
    assert code == 0 and str(file) in err
    assert "<svg" in file.read_text()


def test_what_diverges_is_told(stepwell):
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        _, out, err = stepwell("run", "saddle_to_saddle", "updates=300", "optimiser.learning_rate=3")
    assert "stability bound" in err and err.count("\n") == 1
    assert "diverged: seed 0 at update" in out and "update" in out.splitlines()[2]


def test_ctrl_c_ends_with_a_sentence(stepwell, monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("stepwell.run.train", interrupted)
    code, out, err = stepwell("run", "saddle_to_saddle")
    assert code == 130 and out == ""
    assert err.startswith("stepwell: stopped") and err.count("\n") == 1


@pytest.mark.parametrize("table", [TASKS, NETWORKS, RULES], ids=["tasks", "networks", "rules"])
def test_show_explains_every_entry(table, stepwell):
    for name, kind in table.items():
        code, out, _ = stepwell("show", name)
        assert code == 0
        first = " ".join(kind.__doc__.split())[:25]
        assert first in " ".join(out.split())


def test_show_of_a_study_a_claim_an_experiment_and_a_trial(stepwell):
    study = STUDIES["saddle_to_saddle"]
    assert study.title in stepwell("show", "saddle_to_saddle")[1]
    claim = next(claim for claim in study.claims if claim.id == FAST)
    assert claim.statement[:30] in stepwell("show", f"saddle_to_saddle/{FAST}")[1]
    assert "updates = 5" in stepwell("show", "saddle_to_saddle/staircase", "updates=5")[1]
    trial = stepwell("show", "task", "impulse", "poles=[0.5]", "residues=[1.0]", "steps=4")[1]
    # 1, 1/2, 1/4, 1/8 between 1/8 and 1 in eight heights.
    assert "█▁▁▁" in trial and "█▄▂▁" in trial


def test_ctrl_c_in_a_callback_comes_again(capsys, monkeypatch):
    class Late:
        def __del__(self):
            raise KeyboardInterrupt

    def command(**_):
        late = Late()
        del late  # Python drops what is raised here
        while True:
            time.sleep(0.01)

    monkeypatch.setattr("stepwell.cli.app", command)
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 130 and capsys.readouterr().err.startswith("stepwell: stopped; ")
