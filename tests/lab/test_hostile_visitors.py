"""Visitors who mean ill: the server lives, stays small, and serves the others as if nothing were."""

import json
import os
import random
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from stepwell.lab.session import LIMITS, MESSAGES

SHARE = 1 if "STEPWELL_HOSTILE" in os.environ else 10
"""Of the ten thousand messages and the thousand drops one in ten is enough for every day."""
MESSAGE_COUNT, DROP_COUNT = 10_000 // SHARE, 1_000 // SHARE
GROWTH = 20_000_000
"""Bytes by which the server may grow; asked of the lab."""


@pytest.fixture
def server(tmp_path):
    """The process of a lab and its port."""
    words = [sys.executable, "-m", "stepwell", "lab", "--no-browser"]
    complaints = tmp_path / "stderr"
    with (
        complaints.open("w") as errors,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        yield process, urlsplit(process.stdout.readline().split()[-1]).port
        assert process.poll() is None
        process.terminate()
    assert "Traceback" not in complaints.read_text()


class Stream(threading.Thread):
    """A well-behaved visitor whose run goes on all the time."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.over, self.updates = port, threading.Event(), []
        self.begun = threading.Event()

    def run(self):
        with connect(f"ws://127.0.0.1:{self.port}/ws") as visitor:
            gen = 0

            def say(**message):
                visitor.send(json.dumps(message))

            say(type="open", page="training")
            while not self.over.is_set():
                gen += 1
                say(type="reset", gen=gen, settings={"sigma0": 1e-4, "learning_rate": 1e-3})
                say(type="start", gen=gen)
                for text in visitor:
                    message = json.loads(text)
                    if message["type"] == "frame" and message["gen"] == gen:
                        self.updates.append((gen, message["update"]))
                        self.begun.set()
                        say(type="ack", gen=gen, frame=message["frame"])
                    if self.over.is_set() or message["type"] == "done":
                        break


@pytest.fixture
def stream(server):
    stream = Stream(server[1])
    stream.start()
    assert stream.begun.wait(120)
    yield stream
    stream.over.set()
    stream.join(30)


def resident(process):
    """Bytes of memory that a process holds."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def odd_value(draw, depth=0):
    kinds = [
        lambda: draw.choice([None, True, 0, -1, 2**63, 1e308, -0.0, "", "training", "__class__", "../../x"]),
        lambda: draw.random() * 10 ** draw.randint(-20, 20),
        lambda: "x" * draw.randint(0, 2000),
        lambda: [odd_value(draw, depth + 1) for _ in range(draw.randint(0, 9))],
        lambda: {draw.choice(["poles", "W", "seed", ""]): odd_value(draw, depth + 1) for _ in range(3)},
    ]
    return draw.choice(kinds[:3] if depth > 3 else kinds)()


def malformed(draw):
    """A message that no page sends: broken, of wrong kinds, out of range, or of a name that there is not."""
    name = draw.choice([*MESSAGES, "eval", "", "__init__", "close"])
    wrong = {field: odd_value(draw) for field in MESSAGES.get(name, {"code": str})}
    whole = json.dumps({"type": name, **wrong})
    return draw.choice(
        [
            whole,
            whole[: draw.randint(0, len(whole))],
            draw.randbytes(draw.randint(0, 300)),
            "[" * draw.randint(1, 5000),
            json.dumps(odd_value(draw)),
            '{"type": "reset", "gen": NaN, "settings": {}}',
            json.dumps({"type": "reset", "gen": draw.randint(0, 9), "settings": {"hidden": odd_value(draw)}}),
            "x" * (LIMITS["message_bytes"] + draw.randint(1, 5000)) if draw.random() < 0.1 else whole,
        ]
    )


def assault(port, count, seed):
    """Send malformed messages, on a new socket whenever the server has closed the last one."""
    draw, sent = random.Random(seed), 0
    while sent < count:
        with connect(f"ws://127.0.0.1:{port}/ws") as visitor:
            visitor.recv(timeout=60)
            if draw.random() < 0.5:
                visitor.send('{"type": "open", "page": "training"}')
            with suppress(ConnectionClosed):
                for _ in range(min(200, count - sent)):
                    sent += 1
                    visitor.send(malformed(draw))
                    with suppress(TimeoutError):
                        visitor.recv(timeout=0)


def drop(port, draw):
    """Come, say something or nothing, and go without a word."""
    with socket.create_connection(("127.0.0.1", port)) as bare:
        kind = draw.randint(0, 3)
        if kind == 0:
            return
        head = f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        bare.sendall(head.encode())
        if kind == 1:
            return
        bare.sendall(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        if kind == 2:
            bare.recv(100)
            bare.sendall(draw.randbytes(50))
        if kind == 3:
            bare.recv(100)


def test_malformed_messages_and_dropped_connections_hurt_nobody(server, stream):
    process, port = server
    assault(port, 500, seed=1)  # what is loaded once is not growth
    for draw in [random.Random(2)] * 50:
        drop(port, draw)
    before, seen = resident(process), len(stream.updates)
    for part in range(10):
        assault(port, MESSAGE_COUNT // 10, seed=part)
        draw = random.Random(part)
        for _ in range(DROP_COUNT // 10):
            drop(port, draw)
        now = len(stream.updates)
        assert stream.is_alive() and now > seen
        seen = now
    grown = resident(process) - before
    print(f"grown by {grown / 1e6:.1f} MB beside {seen} frames of a run")
    assert grown < GROWTH
    for (gen, update), (next_gen, next_update) in zip(stream.updates, stream.updates[1:]):
        assert (next_gen, next_update) > (gen, update)
    with connect(f"ws://127.0.0.1:{port}/ws") as visitor:
        assert json.loads(visitor.recv(timeout=60))["type"] == "hello"
