"""Claims and studies: a statement, the experiments that bear on it, a prediction, a measurement, and how they
compare."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import numpy as np
import xarray as xr

from stepwell.run import settings_of
from stepwell.settings import override, setting

SCALES = ("smoke", "quick", "full")
READINGS = ("literal", "intended", "reconstructed", "code", "ours")
Run = tuple[Any, Sequence[int]]
"""A settings object with a method `run(seeds)`, and the seeds to run it on."""


class Claim(eqx.Module):
    """One statement that can be checked.

    Attributes:
        id: name, unique in its study.
        statement: one sentence, in our words.
        source: key of `references.bib` and the place there.
        reading: "literal", "intended", "reconstructed", "code" or "ours".
        scope: "source" (the source's own experiment) or "general" (a generalisation).
        scales: those at which it is judged; at others it has no row.
        tolerance: largest allowed gap between measurement and prediction; one per entry where there are
            several.
        relative: whether the tolerance is a share of the prediction.
        kind: how samples become one number: "exact" (one number, no spread), "largest" (the largest deviation
            from the prediction over all entries), "mean" (of random draws, at least 3) or "fraction" (of true
            ones).
        expected: "HOLDS", "FAILS" or "UNDECIDED" (nobody can predict it yet: measured first, and not
            counted).
        note: what a reader should know besides.
        protocol: scale -> runs: (settings object, seeds) pairs.
        predict: experiments -> number or array, from settings alone; None as a value says that there is no
            prediction.
        measure: records, in the order of the runs -> number or array.
        figure: (records, predicted, axes) -> axes; None for a claim without one.
    """

    id: str = setting()
    statement: str = setting()
    source: str = setting()
    reading: str = setting()
    scope: str = setting()
    scales: tuple[str, ...] = setting()
    tolerance: float | tuple[float, ...] = setting()
    relative: bool = setting()
    kind: str = setting()
    expected: str = setting()
    note: str = setting()
    protocol: Callable[[str], Sequence[Run]] = setting()
    predict: Callable[[Sequence[Any]], Any] = setting()
    measure: Callable[[Sequence[xr.Dataset]], Any] = setting()
    figure: Callable[[Sequence[xr.Dataset], Any, Any], Any] | None = setting()

    def experiments(self, scale: str) -> tuple[Any, ...]:
        """The settings objects that are run at a scale."""
        return tuple(experiment for experiment, _ in self.protocol(scale))


class Study(eqx.Module):
    """One source, made executable.

    Attributes:
        title: what it is about. source: key of `references.bib`. question: one sentence.
        claims: in the order of the story.
        experiments: named ones that `stepwell run` and `sweep` can start; each a settings object.
        errata: small corrections to formulas of the source, one sentence each; no verdicts.
    """

    title: str = setting()
    source: str = setting()
    question: str = setting()
    claims: tuple[Claim, ...] = setting()
    experiments: dict[str, Any] = setting()
    errata: tuple[str, ...] = setting(())


class Claims:
    """Collects the claims of a study, in the order in which they are written.

    Used as a decorator on the measurement: its name is the claim's id, its docstring the statement.
    """

    def __init__(self, source: str):
        self.source, self.all = source, []

    def __call__(
        self,
        place: str,
        runs: Callable[[str], Sequence[Run]] | Sequence[Run],
        *,
        tolerance: float | tuple[float, ...],
        predict: Any = 0.0,
        kind: str = "exact",
        relative: bool = False,
        reading: str = "ours",
        scope: str = "general",
        scales: str = "smoke quick full",
        expected: str | None = None,
        figure: Callable[..., Any] | None = None,
        note: str = "",
        name: str | None = None,
        statement: str | None = None,
    ) -> Callable[[Callable[..., Any]], Claim]:
        """A decorator that turns a measurement into a claim; the arguments are the fields of `Claim`.

        A claim is expected to hold, or to be undecided if nothing is predicted. `name` and `statement` stand
        for the measurement's name and docstring where one function serves several claims.
        """

        protocol: Any = runs if callable(runs) else lambda scale: runs

        def claim(measure: Callable[..., Any]) -> Claim:
            made = Claim(
                name or measure.__name__,
                statement or " ".join((measure.__doc__ or "").split()),
                f"{self.source}, {place}",
                reading,
                scope,
                tuple(scales.split()),
                tolerance,
                relative,
                kind,
                expected or ("UNDECIDED" if predict is None else "HOLDS"),
                note,
                protocol,
                predict if callable(predict) else lambda experiments: predict,
                measure,
                figure,
            )
            self.all.append(made)
            return made

        return claim


def where(runs: Sequence[xr.Dataset], **wanted: Any) -> list[xr.Dataset]:
    """The records whose settings have given values, e.g. `where(runs, network__sigma0=1e-4)` (`__` stands for
    a dot)."""
    return [run for run in runs if all(value_of(settings_of(run), k) == v for k, v in wanted.items())]


def value_of(settings: Any, path: str) -> Any:
    """The value at a path whose parts are joined by `__`; a flow is looked through to its experiment."""
    head, _, rest = path.partition("__")
    if not hasattr(settings, head) and hasattr(settings, "experiment"):
        return value_of(settings.experiment, path)
    value = getattr(settings, head, None)
    return value_of(value, rest) if rest else value


def varied(settings: Any, **changes: Any) -> Any:
    """A copy of settings with values changed at paths whose parts are joined by `__`."""
    for path, value in changes.items():
        settings = override(settings, path.replace("__", "."), value, {})
    return settings


def params_at(
    run: xr.Dataset, seed: int, snapshot: int, names: Sequence[str] = ("W", "b", "c")
) -> dict[str, np.ndarray]:
    """The parameters of one row of a record at one snapshot, by name."""
    return {name: run[name].values[seed, snapshot] for name in names}
