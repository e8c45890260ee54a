"""A lab that runs in a thread, for tests that talk to it over a socket."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

from stepwell.lab import PAGES
from stepwell.lab.server import LOOPBACK, application, configuration


class Running(NamedTuple):
    """A server's port and application."""

    port: int
    app: Any

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def running_lab(token: str | None = None, port: int = 0) -> Iterator[Running]:
    """The lab on a free port, until the block ends."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    app = application(tuple(PAGES.values()), frozenset(LOOPBACK), token)
    server = uvicorn.Server(configuration(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Running(bound.getsockname()[1], app)
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
        app.state.pool.shutdown(wait=False, cancel_futures=True)
