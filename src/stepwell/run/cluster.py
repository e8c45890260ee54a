"""Workers that dask brings: a cluster on this machine, one that is running, or jobs of a queue."""

import logging
import math
import shutil
import signal
import time
from asyncio import CancelledError
from concurrent.futures import Future
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from stepwell.run.block import Block
from stepwell.run.pools import AbstractPool, set_for_children
from stepwell.run.work import environment, prepared, work

QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster"}
PATIENCE = 20.0
"""Seconds in which a scheduler must answer."""
RECOUNT = 1.0
"""Seconds after which workers are counted again; to ask takes as long as to hand out a block."""


class Cluster(AbstractPool):
    """The workers of a dask scheduler.

    Args:
        scheduler: "local" for a cluster on this machine, the address of a running scheduler
            ("tcp://host:8786"), or a queue ("slurm", "pbs", "sge"), with the name of a profile in dask's
            configuration if it is not the queue's own ("slurm:long").
        workers: how many to start; those of a running scheduler are what they are.

    Raises:
        ValueError: if dask is missing, the name is unknown, or nobody answers.
    """

    def __init__(self, scheduler: str, workers: int | None):
        if find_spec("distributed") is None:
            raise ValueError("a scheduler needs dask; install it with: pip install 'stepwell[sweep]'")
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # `check` says it in a sentence
        self.name, self.cluster, self.client, self.pool = scheduler, None, None, None
        self.silent_since, self.counted, self.count = None, -math.inf, 0
        try:
            with set_for_children(environment()):
                self.cluster = _cluster(scheduler, workers)
            self.client = _client(scheduler, self.cluster)
            self.pool = self.client.get_executor(pure=False)
        except BaseException:  # also Ctrl-C: what was started is sent away
            self.close()
            raise

    def workers(self) -> int:
        if time.monotonic() - self.counted > RECOUNT:
            with suppress(OSError):  # `check` tells whether the scheduler is gone
                threads: Any = self.client.nthreads()
                self.count = sum(threads.values())
            self.counted = time.monotonic()
        return self.count

    def room(self) -> int:
        return max(1, 2 * self.workers())  # so that none waits while its next block is on the way

    def submit(self, block: Block, path: str) -> "Future[Any]":
        return self.pool.submit(_work, block, path)

    def check(self) -> None:
        if self.client.status == "running":
            self.silent_since = None
        elif self.silent_since is None:
            self.silent_since = time.monotonic()
        elif self.client.status == "closed" or time.monotonic() - self.silent_since > PATIENCE:
            raise ConnectionError(f"the scheduler '{self.name}' is gone")

    def close(self) -> None:
        if self.pool is not None and self.client.status != "closed":
            self.pool.shutdown(wait=False)
        with suppress(TimeoutError, CancelledError, OSError):
            if self.client is not None:
                self.client.close()
            if self.cluster is not None:
                self.cluster.close(timeout=PATIENCE)


def _client(scheduler: str, cluster: Any) -> Any:
    """A connection to a cluster of our own, or to the scheduler at an address."""
    import distributed

    try:
        return distributed.Client(cluster or scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).split(":")[0].lower() or type(error).__name__
        raise ValueError(
            f"the scheduler '{scheduler}' cannot be reached ({reason}); is it running, and is the "
            "address right? An example is tcp://127.0.0.1:8786."
        ) from None


def _work(block: Block, path: str) -> Any:
    prepared(path)
    return work(block, path)


def _cluster(scheduler: str, workers: int | None) -> Any:
    """A cluster of our own; None for one that is running."""
    kind, _, profile = scheduler.partition(":")
    if "://" in scheduler:
        return None
    if scheduler == "local":
        from distributed import LocalCluster

        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,  # what becomes of a block is in its outcome
        )
    if kind not in QUEUES:
        raise ValueError(
            f"there is no scheduler '{scheduler}'; give 'local', an address such as tcp://127.0.0.1:8786, or "
            f"a queue: {', '.join(QUEUES)}, if need be with a profile, as in slurm:long."
        )
    if workers is None:
        raise ValueError(f"say how many workers {kind} is to start, for example workers=16.")
    return queue(kind, profile or kind, workers)


def queue(kind: str, profile: str, workers: int) -> Any:
    """A cluster whose workers are jobs of a queue, as a profile of dask's configuration describes them."""
    heard = signal.getsignal(signal.SIGINT)
    try:
        import dask_jobqueue
        from dask import config as dask_config
    except ImportError:
        raise ValueError(
            "a queue needs dask-jobqueue; install it with: pip install 'stepwell[sweep]'"
        ) from None
    if signal.getsignal(signal.SIGINT) is not heard:  # that import took Ctrl-C for itself
        signal.signal(signal.SIGINT, heard)
    profiles, cls = dask_config.get("jobqueue", {}), getattr(dask_jobqueue, QUEUES[kind])
    if profile not in profiles:
        known = ", ".join(profiles)
        raise ValueError(f"dask's configuration has no profile 'jobqueue.{profile}'; it has: {known}.")
    command = cls.job_cls.submit_command.split()[0]
    if workers and shutil.which(command) is None:
        raise ValueError(f"there is no command '{command}' here; start the sweep where {kind} takes jobs.")
    # What a profile leaves out is the queue's own, which dask-jobqueue looks up whenever it writes a job.
    given = {name.replace("-", "_"): value for name, value in profiles[profile].items() if value is not None}
    exports = [f"export {name}='{value}'" for name, value in environment().items()]
    whole = {
        "scheduler_options": {"dashboard_address": ":0", **given.pop("scheduler_options", {})},
        "shared_temp_directory": given.pop("shared_temp_directory", None),
    }
    given["job_name"] = given.pop("name", "stepwell")
    given["job_script_prologue"] = [*given.pop("job_script_prologue", []), *exports]
    try:
        cls.job_cls("tcp://scheduler:0", profile, **given)  # a cluster refuses the same, but untidily
    except (TypeError, ValueError) as error:
        told = " ".join(str(error).split())
        raise ValueError(f"the profile 'jobqueue.{profile}' cannot be used ({told}).") from None
    cluster = cls(**given, **whole)
    cluster.scale(workers)
    return cluster
