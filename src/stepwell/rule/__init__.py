"""How error becomes weight change."""

from stepwell.rule.base import AbstractRule, State
from stepwell.rule.bptt import BPTT

RULES: dict[str, type[AbstractRule]] = {
    "bptt": BPTT,
}

__all__ = ["BPTT", "RULES", "AbstractRule", "State"]
