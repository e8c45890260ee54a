"""Every test computes in float64 on one thread, draws without a screen, and keeps compiled programs."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path  # noqa: E402

import hypothesis  # noqa: E402
import jax  # noqa: E402
import pytest  # noqa: E402

MAPS = Path("/proc/self/maps")
MOST_MAPS = 40_000
"""Compiled programs map memory, and Linux gives a process 65 530 maps; the next one ends it."""

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
hypothesis.settings.register_profile("stepwell", deadline=None)  # no test asserts a time
hypothesis.settings.load_profile("stepwell")


def pytest_sessionstart():
    # Not at import: the run-time checks of signatures must be in place before the library is loaded.
    from stepwell.run.compilation_cache import switch_on

    switch_on()


@pytest.fixture(scope="module", autouse=True)
def room_for_programs():
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()
