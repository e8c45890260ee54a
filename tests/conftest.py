"""Every test computes in float64 on one thread, draws without a screen, and keeps compiled programs."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis  # noqa: E402
import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
hypothesis.settings.register_profile("stepwell", deadline=None)  # no test asserts a time
hypothesis.settings.load_profile("stepwell")


def pytest_sessionstart():
    # Not at import: the run-time checks of signatures must be in place before the library is loaded.
    from stepwell.run.compilation_cache import switch_on

    switch_on()
