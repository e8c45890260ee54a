"""Pages whose blocks run: a block that fails is named and fails the build.

`python -m docs.site.execution PAGE` runs the `python` and `bash` blocks of a Markdown page in order and
prints the page with what each block printed beneath it. Python blocks share their names, as the cells of a
notebook do. Blocks in other languages are shown and not run: `console` is for what takes minutes, a cluster
or a screen.
"""

import ast
import contextlib
import io
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
RUN = ("python", "bash")
PLAIN = {
    "MPLBACKEND": "Agg",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "COLUMNS": "110",
    "PYTHONPATH": str(ROOT / "src"),
}


def executed(page: Path, folder: Path) -> str:
    """A page with the output of its blocks, run in a process of its own.

    Raises:
        RuntimeError: if a block fails, with its page, its number and what it printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, str(Path(__file__).resolve()), str(page.resolve())]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **PLAIN, "PATH": path}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{page}: {done.stderr[-4000:]}")
    return done.stdout


def runnable(text: str) -> bool:
    """Whether a page has a block that runs."""
    return any(language in RUN for language, _ in BLOCK.findall(text))


def with_output(text: str) -> str:
    """The page, each of its blocks followed by what it printed when it was run here and now."""
    names: dict[str, Any] = {"__name__": "__main__"}
    numbers = iter(range(1, sys.maxsize))

    def run(block: re.Match[str]) -> str:
        language, source = block.groups()
        if language not in RUN:
            return block[0]
        number = next(numbers)
        printed = _python(source, names, number) if language == "python" else _bash(source, number)
        return block[0] + (f"\n```text {{ .output }}\n{printed.rstrip()}\n```\n" if printed.strip() else "")

    return BLOCK.sub(run, text)


def _python(source: str, names: dict[str, Any], number: int) -> str:
    """What a cell prints; the value of a last expression is printed, too."""
    printed, cell = io.StringIO(), ast.parse(source)
    last = cell.body.pop() if cell.body and isinstance(cell.body[-1], ast.Expr) else None
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(cell, f"block {number}", "exec"), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), f"block {number}", "eval"), names)
                print(end="" if value is None else f"{value!r}\n")
    except BaseException:
        sys.exit(f"block {number} failed.\n{source}\n{printed.getvalue()}\n{traceback.format_exc()}")
    return printed.getvalue()


def _bash(source: str, number: int) -> str:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", source], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"block {number} failed.\n{source}\n{done.stdout}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    from stepwell.run.compilation_cache import switch_on

    switch_on()  # as the command line does
    shown = with_output(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(shown, end="")
