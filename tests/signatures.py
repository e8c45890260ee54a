"""The run-time checker of signatures in tests: beartype, for which an int serves where a float is asked for
(PEP 484)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
