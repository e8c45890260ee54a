"""The command line.

Nothing slow is imported until a command needs it: help, names and the refusal of a wrong command line do not
wait for jax, xarray or matplotlib.
"""

import json
import sys
from _thread import interrupt_main
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from typing import Annotated, Any

import typer

from stepwell.cli_check import check
from stepwell.cli_fetch import fetch
from stepwell.cli_inspect import inspect
from stepwell.cli_lab import lab
from stepwell.cli_run import run
from stepwell.cli_show import show
from stepwell.cli_sweep import FOLDER, list_runs, store, sweep
from stepwell.names import TABLES, known, names
from stepwell.terminal import console, ready, say

INTERRUPTED = 130

app = typer.Typer(
    help="A laboratory for how recurrent networks learn: claims, experiments, predictions, verdicts.",
    epilog="Begin with: stepwell check saddle_to_saddle --scale smoke",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and leave with its exit code.

    0: all is well. 1: a verdict is not the expected one. 2: a wrong command line, or something that cannot be
    done, told in a sentence. 130: stopped by Ctrl-C.
    """
    hook, sys.unraisablehook = sys.unraisablehook, _heard_again
    try:
        code = app(args=arguments, standalone_mode=False)
        if code == INTERRUPTED:
            code = _stopped("")
    except (KeyboardInterrupt, typer.Abort) as stop:
        code = _stopped(str(stop))
    except (ValueError, TypeError) as error:
        code = _refused(str(error))
    except OSError as error:
        code = _refused(f"{error.strerror}: '{error.filename}'." if error.filename else str(error))
    except typer.TyperException as error:
        code = _refused(error.format_message())
    finally:
        sys.unraisablehook = hook
    sys.exit(code)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        print(installed("stepwell"))
        raise typer.Exit


@app.command("list", epilog="Example: stepwell list runs network.sigma0=1e-4 rule=rflo")
def list_names(
    what: Annotated[
        str,
        typer.Argument(
            help="studies, tasks, networks, rules, claims, experiments or runs; all names if left out."
        ),
    ] = "",
    of: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY | PATH=VALUE...]",
            help="Of claims and experiments: those of this study. Of runs: those with these settings.",
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--store", help="Of runs: the folder that keeps them.")] = FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what there is."""
    if what:
        known(what, [*TABLES, "claims", "experiments", "runs"], "list of")
    if what == "runs":
        list_runs(of or [], folder, as_json)
        return
    studies = [known(study, names("studies"), "study") for study in of or []]
    found: dict[str, Any] = {table: list(names(table)) for table in TABLES if what in ("", table)}
    if what in ("claims", "experiments"):
        found = _inside(what, studies or names("studies"))
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for title, entries in found.items():
        console().print(title if len(found) > 1 else "", *entries, sep="\n  " if len(found) > 1 else "\n")


def _inside(what: str, studies: Sequence[str]) -> dict[str, Any]:
    """The claims or experiments of studies, by study."""
    ready()
    from stepwell.study import STUDIES

    entries = {name: STUDIES[name].experiments for name in studies}
    if what == "claims":
        return {name: [claim.id for claim in STUDIES[name].claims] for name in studies}
    return {name: list(experiments) for name, experiments in entries.items()}


def _heard_again(lost: Any) -> None:
    """Let Ctrl-C come again if it came in the middle of a callback, where Python drops exceptions."""
    if lost.exc_type is KeyboardInterrupt:
        Timer(0.1, interrupt_main).start()
    else:
        sys.__unraisablehook__(lost)


def _stopped(told: str) -> int:
    rest = "what was finished is in the store, if one was given, and the same command goes on"
    say(f"stopped; {told or rest}.")
    return INTERRUPTED


def _refused(sentence: str) -> int:
    if sentence:  # there is none after the help for a command line without a command
        say(" ".join(sentence.split()))
    return 2


app.command(epilog="Example: stepwell check saddle_to_saddle --scale quick --report report")(check)
app.command(epilog="Example: stepwell run saddle_to_saddle/staircase network.sigma0=1e-4 --plot poles")(run)
app.command(epilog="Example: stepwell fetch sentiment")(fetch)
app.command(epilog="Example: stepwell show saddle_to_saddle/staircase")(show)
app.command(
    epilog="Example: stepwell sweep saddle_to_saddle network.sigma0=1e-4,1e-3 rule=bptt,rflo --seeds 5"
)(sweep)
app.command(epilog="Example: stepwell inspect checkpoints --data trials.npz --step 10")(inspect)
app.command(epilog="Example: stepwell lab --page training")(lab)
app.add_typer(store, name="store")
