"""How error becomes weight change."""

from stepwell.names import Table
from stepwell.rule.base import AbstractRule, State
from stepwell.rule.bptt import BPTT
from stepwell.rule.eprop import EProp
from stepwell.rule.rflo import RFLO
from stepwell.rule.rtrl import RTRL
from stepwell.rule.tbptt import TBPTT

RULES: Table = Table(
    "rule",
    {
        "bptt": BPTT,
        "rtrl": RTRL,
        "tbptt": TBPTT,
        "rflo": RFLO,
        "eprop": EProp,
    },
)

__all__ = ["BPTT", "RFLO", "RTRL", "RULES", "TBPTT", "AbstractRule", "EProp", "State"]
