"""What a page of the lab is: its words, its settings with their ranges, and the name of the engine that
computes for it.

Controls, the whitelist of messages, addresses, exports and the Python lines are all made from these tables.
They are plain
dataclasses, since nothing here may wait for JAX: a page stands in the browser before the engines are loaded.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number with a slider and a field.

    Attributes:
        label: its name on the page.
        default, low, high: in its own unit.
        log: whether the slider is logarithmic.
        whole: whether it is an integer.
        live: whether a run goes on when it changes; otherwise the run starts anew.
        more: whether it stands under "more settings".
        endless: whether the upper end of the range stands for infinity.
    """

    label: str
    default: float
    low: float
    high: float
    log: bool = False
    whole: bool = False
    live: bool = False
    more: bool = False
    endless: bool = False

    def checked(self, value: Any) -> float:
        """The value, if it is a number of this kind and in range."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{self.label} needs a finite number, got {_shown(value)}.")
        if self.whole and value != int(value):
            raise ValueError(f"{self.label} needs a whole number, got {value:g}.")
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.label} must lie between {self.low:g} and {self.high:g}, got {value:g}.")
        return int(value) if self.whole else float(value)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few names; `options` maps each to its words, `python` to the code that stands for it (else its
    own name)."""

    label: str
    default: str
    options: dict[str, str]
    live: bool = False
    more: bool = False
    python: dict[str, str] = field(default_factory=dict)

    def checked(self, value: Any) -> str:
        """The value, if it is one of the options."""
        if not isinstance(value, str) or value not in self.options:
            raise ValueError(f"{self.label} must be one of {', '.join(self.options)}, got {_shown(value)}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Switch:
    """On or off."""

    label: str
    default: bool
    live: bool = False
    more: bool = False

    def checked(self, value: Any) -> bool:
        """The value, if it is true or false."""
        if not isinstance(value, bool):
            raise ValueError(f"{self.label} must be true or false, got {_shown(value)}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Points:
    """Points of the complex plane, [re, im]; one off the real axis stands for itself and its conjugate.

    Attributes:
        least, most: how many there may be, mirrors not counted.
        reach: largest modulus.
    """

    label: str
    default: tuple[tuple[float, float], ...]
    least: int = 0
    most: int = 4
    reach: float = 20.0
    live: bool = False
    more: bool = False

    def checked(self, value: Any) -> tuple[tuple[float, float], ...]:
        """The points, if they are few enough and inside the reach."""
        points = _listed(value, self.label, self.least, min(self.most, 8))
        return tuple(self._point(point) for point in points)

    def _point(self, value: Any) -> tuple[float, float]:
        parts = _listed(value, self.label, 2, 2)
        part = Number(label=self.label, default=0.0, low=-20.0, high=20.0)
        re, im = (part.checked(number) for number in parts)
        if math.hypot(re, im) > self.reach:
            raise ValueError(f"{self.label}: modulus {math.hypot(re, im):.4g} is above {self.reach:g}.")
        return re, im


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """One number for each point of the setting `beside`, shared by a point and its mirror."""

    label: str
    default: tuple[float, ...]
    low: float
    high: float
    beside: str
    live: bool = False
    more: bool = False

    def checked(self, value: Any) -> tuple[float, ...]:
        """The numbers, if each is in range."""
        part = Number(label=self.label, default=0.0, low=self.low, high=self.high)
        return tuple(part.checked(number) for number in _listed(value, self.label, 0, 8))


Setting = Number | Choice | Switch | Points | Numbers


@dataclass(frozen=True, kw_only=True)
class Page:
    """The words and settings of one page.

    Attributes:
        slug: its name in addresses.
        link, title, source: short name, full name, and where in the sources it comes from.
        claim: the one sentence that the picture shows; formulas stand between dollar signs, here and in all
            other texts.
        condition: where the claim holds, or what it does not extend to.
        look: three things to look for.
        formula: displayed formulas.
        settings: by name, in the order of the controls.
        presets: settings by the words on their button.
        python: lines that give the same numbers, with `{name}` in place of settings.
        engine: "module:class" of what computes for it in Python, or None.
        streams: whether the engine runs on and on.
        rate: most frames per second.
        picture: a sentence that stands for the picture.
    """

    slug: str
    link: str
    title: str
    source: str
    claim: str
    condition: str = ""
    look: tuple[str, ...]
    formula: tuple[str, ...]
    settings: dict[str, Setting]
    presets: dict[str, dict[str, Any]] = field(default_factory=dict)
    python: str
    engine: str | None = None
    streams: bool = False
    rate: int = 30
    picture: str = ""

    def defaults(self) -> dict[str, Any]:
        """Every setting at its default."""
        return {name: setting.default for name, setting in self.settings.items()}

    def checked(self, given: Any, live: bool = False) -> dict[str, Any]:
        """Settings that a visitor sent, each checked.

        Args:
            given: values by name.
            live: refuse settings that need a new run.

        Raises:
            ValueError: for an unknown name or a value that a control cannot produce.
        """
        if not isinstance(given, Mapping):
            raise ValueError("settings must be given by name.")
        unknown = [name for name in given if name not in self.settings]
        if unknown:
            raise ValueError(f"page {self.slug} has no setting {_shown(unknown[0])}.")
        if live and (fixed := [name for name in given if not self.settings[name].live]):
            raise ValueError(f"{fixed[0]} cannot change during a run; send reset.")
        return {name: self.settings[name].checked(value) for name, value in given.items()}

    def build(self, given: Mapping[str, Any]) -> Any:
        """The engine with these settings and the defaults of the others; its module is imported here.

        Settings that are no fields of the engine concern the view alone.
        """
        if self.engine is None:
            raise ValueError(f"page {self.slug} computes in the browser alone.")
        module, _, name = self.engine.partition(":")
        kind = getattr(import_module(module), name)
        values = {**self.defaults(), **given}
        return kind(**{entry.name: values[entry.name] for entry in fields(kind)})

    def plain(self) -> dict[str, Any]:
        """All of it as plain data for the browser."""
        kinds = {name: type(setting).__name__.lower() for name, setting in self.settings.items()}
        settings = {name: {"kind": kinds[name], **asdict(setting)} for name, setting in self.settings.items()}
        return {**asdict(self), "settings": settings, "engine": self.engine is not None}


def _listed(value: Any, label: str, least: int, most: int) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{label} needs a list, got {_shown(value)}.")
    if not least <= len(value) <= most:
        raise ValueError(f"{label} needs from {least} to {most} entries, got {len(value)}.")
    return value


def _shown(value: Any) -> str:
    """What was sent, cut short: an answer must not be as long as a hostile question."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
