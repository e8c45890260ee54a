"""One visitor: a whitelist of messages, a run that streams, and frames that wait until the last one has been
drawn.

Nothing here knows the web: a server, a notebook and a test drive the same `Session` by decoded messages.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from stepwell.lab.engine import AbstractEngine, AbstractRun, Frame
from stepwell.lab.page import Page

PROTOCOL = 1
LIMITS = {
    "sockets": 32,
    "message_bytes": 20_000,
    "frame_updates": 2000,
    "run_updates": 400_000,
    "idle_seconds": 600,
}
PIECE_SECONDS = 0.01
LEAST_PIECE = 50  # fewer updates cost no more than the picture that ends a call
WAITING_SECONDS = 2.0

MESSAGES: dict[str, dict[str, type]] = {
    "open": {"page": str},
    "reset": {"gen": int, "settings": dict},
    "start": {"gen": int},
    "pause": {"gen": int},
    "advance": {"gen": int, "updates": int},
    "speed": {"updates": int},
    "change": {"gen": int, "settings": dict},
    "ask": {"seq": int, "settings": dict},
    "ack": {"gen": int, "frame": int},
}

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Session:
    """The page of one visitor, its run, and the tasks that compute it.

    Args:
        pages: by slug.
        send: takes a message as a dict; arrays may stand in it.
        pool: computes; shared by all visitors.
    """

    def __init__(self, pages: Mapping[str, Page], send: Send, pool: Executor):
        self.pages, self.send, self.pool = pages, send, pool
        self.page: Page | None = None
        self.gen, self.frame, self.speed = 0, 0, 10
        self.running, self.waiting, self.heard = False, False, time.monotonic()
        self._engine: AbstractEngine | None = None
        self._steps: deque[int] = deque()
        self._piece = LEAST_PIECE
        self._awake, self._drawn = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def greet(self, version: str, others: int = 0) -> None:
        """Say which protocol is spoken here, and how many others have a page open."""
        spoken = {"version": version, "protocol": PROTOCOL, "limits": LIMITS}
        await self.send({"type": "hello", **spoken, "pages": list(self.pages), "others": others})

    async def receive(self, message: Any) -> None:
        """Obey one message, or answer with an `error` that says why not; an unknown type is ignored."""
        kind = message.get("type") if isinstance(message, dict) else None
        if isinstance(message, dict) and (not isinstance(kind, str) or kind not in MESSAGES):
            return
        try:
            fields = _checked(message)
            await getattr(self, f"_{kind}")(**fields)
        except ValueError as reason:
            await self._refuse(str(kind), str(reason))
        if kind != "ack":
            self.heard = time.monotonic()

    async def close(self) -> None:
        """End the tasks; what a thread still computes is thrown away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    # --- messages
    # -------------------------------------------------------------------------------------------------------

    async def _open(self, page: str) -> None:
        if page not in self.pages:
            raise ValueError(f"there is no page '{page[:40]}'.")
        await self.close()
        self.page, self._engine, self.running = self.pages[page], None, False

    async def _reset(self, gen: int, settings: dict[str, Any]) -> None:
        page = self._opened()
        if gen <= self.gen:
            raise ValueError(f"generation {gen} is not above the present one, {self.gen}.")
        given = page.checked(settings)
        await self.close()
        self.gen, self.frame, self.running, self._engine = gen, 0, False, None
        self._steps.clear()
        self._tasks = [asyncio.create_task(self._guarded("reset", lambda: self._live(page, given)))]

    async def _start(self, gen: int) -> None:
        self.running = self.running or gen == self.gen
        self._awake.set()

    async def _pause(self, gen: int) -> None:
        self.running = self.running and gen != self.gen

    async def _advance(self, gen: int, updates: int) -> None:
        if gen == self.gen and not self.running and len(self._steps) < 2:
            self._steps.append(_count(updates))
            self._awake.set()

    async def _speed(self, updates: int) -> None:
        self.speed = _count(updates)

    async def _change(self, gen: int, settings: dict[str, Any]) -> None:
        given = self._opened().checked(settings, live=True)
        if gen == self.gen and self._engine is not None:
            known = {name: value for name, value in given.items() if hasattr(self._engine, name)}
            self._engine = replace(self._engine, **known)

    async def _ask(self, seq: int, settings: dict[str, Any]) -> None:
        page = self._opened()
        given = page.checked(settings)
        answer = await self._compute(lambda: page.build(given).scene())
        await self.send({"type": "answer", "seq": seq, **answer})

    async def _ack(self, gen: int, frame: int) -> None:
        if (gen, frame) == (self.gen, self.frame):
            self._drawn.set()

    # --- the run
    # --------------------------------------------------------------------------------------------------------

    async def _live(self, page: Page, given: dict[str, Any]) -> None:
        """Build the engine, say its scene, start what is slow, and stream."""
        gen = self.gen
        engine = self._engine = await self._compute(lambda: page.build(given))
        await self.send({"type": "scene", "gen": gen, **await self._compute(engine.scene)})
        if isinstance(engine, AbstractRun):
            state, frame = await self._compute(engine.begin)
            await self._show(gen, frame)
            self._tasks.append(asyncio.create_task(self._guarded("slow", lambda: self._slowly(gen, engine))))
            await self._stream(gen, page, state)
        else:
            await self._slowly(gen, engine)

    async def _stream(self, gen: int, page: Page, state: Any) -> None:
        done = None
        while done is None or done == "idle":
            updates = await self._wanted()
            began = time.monotonic()
            if self.running and began - self.heard > LIMITS["idle_seconds"]:
                self.running, done = False, "idle"
            else:
                state, frame = await self._further(state, updates)
                await self._show(gen, frame)
                done = frame.done
            if done is not None:
                await self.send({"type": "done", "gen": gen, "why": done})
            await asyncio.sleep(max(0.0, began + 1 / page.rate - time.monotonic()))
        self.running = False

    async def _further(self, state: Any, updates: int) -> tuple[Any, Frame]:
        """The state some updates later, in calls so short that visitors take turns."""
        engine, events = self._engine, []
        assert isinstance(engine, AbstractRun)
        while True:
            began, piece = time.monotonic(), min(updates, self._piece)
            state, frame = await self._compute(lambda n=piece, s=state: engine.advance(s, n))
            events += frame.events
            updates -= piece
            share = PIECE_SECONDS / max(1e-4, time.monotonic() - began)
            self._piece = max(LEAST_PIECE, min(2 * self._piece, int(piece * share)))
            if updates <= 0 or frame.done:
                return state, frame._replace(events=tuple(events))

    async def _slowly(self, gen: int, engine: AbstractEngine) -> None:
        for name, function in engine.slow():
            value = await self._compute(function)
            await self.send({"type": "slow", "gen": gen, "name": name, "value": value})

    async def _show(self, gen: int, frame: Frame) -> None:
        """Send one picture and what happened since the last one, and wait until it has been drawn."""
        self.frame += 1
        self._drawn.clear()
        for event in frame.events:
            await self.send({"type": "event", "gen": gen, **event._asdict()})
        await self.send({"type": "frame", "gen": gen, "frame": self.frame, **frame.picture})
        try:
            # Not wait_for: it swallows a cancellation that comes together with the acknowledgement.
            async with asyncio.timeout(WAITING_SECONDS):
                await self._drawn.wait()
        except TimeoutError:  # a hidden tab draws nothing: nothing is computed for it either
            self.waiting = True
            await self._drawn.wait()
        self.waiting = False

    async def _wanted(self) -> int:
        """How many updates to do next, once somebody wants any."""
        while not (self._steps or self.running):
            self._awake.clear()
            await self._awake.wait()
        return self._steps.popleft() if self._steps else self.speed

    async def _compute(self, function: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, function)

    async def _guarded(self, about: str, work: Callable[[], Awaitable[None]]) -> None:
        """A task whose failure the visitor reads, too."""
        gen = self.gen
        try:
            await work()
        except ValueError as reason:
            await self._refuse(about, str(reason), gen=gen)
        except Exception as reason:
            logging.getLogger(__name__).exception("page %s failed", self.page and self.page.slug)
            await self._refuse(about, f"this could not be computed: {reason}", gen=gen)

    async def _refuse(self, about: str, why: str, **run: int) -> None:
        await self.send({"type": "error", "about": about, "why": why, **run})

    def _opened(self) -> Page:
        if self.page is None:
            raise ValueError("no page is open; send open first.")
        return self.page


def _checked(message: Any) -> dict[str, Any]:
    """The fields of a message, if they are those of its type."""
    if not isinstance(message, dict):
        raise ValueError("a message is an object with a type.")
    wanted = MESSAGES[message["type"]]
    if set(message) - {"type"} != set(wanted):
        raise ValueError(f"{message['type']} needs the fields {', '.join(wanted)}.")
    for name, kind in wanted.items():
        value = message[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{name} must be {kind.__name__}.")
        if kind is int and not 0 <= value <= 2**53:
            raise ValueError(f"{name} is out of range.")
    return {name: message[name] for name in wanted}


def _count(updates: int) -> int:
    if not 1 <= updates <= LIMITS["frame_updates"]:
        raise ValueError(f"updates must lie between 1 and {LIMITS['frame_updates']}.")
    return updates
