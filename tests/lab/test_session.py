"""One visitor: the whitelist of messages, generations, acknowledgements, and what a failure looks like."""

import asyncio
import contextlib
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepwell.lab import session as session_module
from stepwell.lab.page import Number, Page
from stepwell.lab.session import LIMITS, Session


def page(slug: str, engine: str, streams: bool, **settings: Number) -> Page:
    words = {"link": "", "title": "", "source": "", "claim": "", "look": (), "formula": (), "python": ""}
    return Page(slug=slug, engine=engine, streams=streams, settings=settings, rate=1000, **words)


PAGES = {
    "count": page(
        "count",
        "lab_engines:Counter",
        True,
        length=Number(label="length", default=1000, low=1, high=10**6, whole=True),
        broken=Number(label="broken", default=-1, low=-1, high=10**6, whole=True),
        pace=Number(label="pace", default=1.0, low=0.0, high=9.0, live=True),
    ),
    "echo": page("echo", "lab_engines:Echo", False, value=Number(label="value", default=0.0, low=0, high=99)),
}


class Visitor:
    """A session, and all that it said."""

    def __init__(self, session: Session, said: list):
        self.session, self.said = session, said

    async def say(self, kind: str, **fields):
        await self.session.receive({"type": kind, **fields})

    def heard(self, kind: str) -> list:
        return [message for message in self.said if message["type"] == kind]

    async def until(self, kind: str, count: int = 1, acknowledge: bool = True) -> list:
        """The messages of one kind, once there are so many; frames are acknowledged meanwhile."""
        for _ in range(2000):
            if len(self.heard(kind)) >= count:
                return self.heard(kind)
            if acknowledge and self.heard("frame"):
                last = self.heard("frame")[-1]
                await self.say("ack", gen=last["gen"], frame=last["frame"])
            await asyncio.sleep(0.002)
        raise AssertionError(f"{count} of {kind} never came; there were {[m['type'] for m in self.said]}")


@contextlib.asynccontextmanager
async def visiting(slug: str = "count", **settings):
    said: list = []

    async def send(message):
        said.append(message)

    with ThreadPoolExecutor(2) as pool:
        visitor = Visitor(Session(PAGES, send, pool), said)
        await visitor.say("open", page=slug)
        if settings.pop("reset", True):
            await visitor.say("reset", gen=1, settings=settings)
        try:
            yield visitor
        finally:
            await visitor.session.close()


def run(scenario):
    asyncio.run(scenario())


def test_a_run_streams_scene_frames_events_and_its_end():
    async def scenario():
        async with visiting(length=30) as visitor:
            await visitor.say("start", gen=1)
            (done,) = await visitor.until("done")
            assert done == {"type": "done", "gen": 1, "why": "solved"}
            assert visitor.heard("scene")[0]["length"] == 30
            updates = [frame["update"] for frame in visitor.heard("frame")]
            assert updates == [0, 10, 20, 30]
            assert [event["update"] for event in visitor.heard("event")] == [10, 20, 30]
            assert (await visitor.until("slow"))[0]["value"] == 30

    run(scenario)


def test_leaving_together_with_an_acknowledgement_ends_the_run():
    async def scenario():
        async with visiting() as visitor:
            await visitor.say("start", gen=1)
            await visitor.until("frame", acknowledge=False)
            await asyncio.sleep(0.01)
            await visitor.say("ack", gen=1, frame=1)
            await asyncio.wait_for(visitor.session.close(), 10)

    run(scenario)


def test_a_client_that_never_acknowledges_gets_one_frame():
    async def scenario():
        async with visiting() as visitor:
            await visitor.say("start", gen=1)
            await visitor.until("frame", acknowledge=False)
            await asyncio.sleep(0.1)
            assert len(visitor.heard("frame")) == 1
            for gen, frame in ((0, 1), (1, 0), (1, 2), (2, 1)):
                await visitor.say("ack", gen=gen, frame=frame)
            await asyncio.sleep(0.05)
            assert len(visitor.heard("frame")) == 1
            await visitor.say("ack", gen=1, frame=1)
            await visitor.until("frame", 2, acknowledge=False)

    run(scenario)


def test_a_tab_that_draws_nothing_is_marked_and_goes_on_when_it_is_shown_again(monkeypatch):
    monkeypatch.setattr(session_module, "WAITING_SECONDS", 0.02)

    async def scenario():
        async with visiting() as visitor:
            await visitor.say("start", gen=1)
            await visitor.until("frame", acknowledge=False)
            await asyncio.sleep(0.1)
            assert visitor.session.waiting
            await visitor.until("frame", 3)
            assert not visitor.session.waiting

    run(scenario)


def test_pause_keeps_the_state_and_step_computes_one_picture():
    async def scenario():
        async with visiting() as visitor:
            await visitor.say("start", gen=1)
            await visitor.until("frame", 3)
            await visitor.say("pause", gen=1)
            await asyncio.sleep(0.05)
            count = len(visitor.heard("frame"))
            last = visitor.heard("frame")[-1]
            await visitor.say("ack", gen=1, frame=last["frame"])
            await visitor.say("advance", gen=1, updates=7)
            frames = await visitor.until("frame", count + 1)
            assert frames[-1]["update"] == last["update"] + 7
            await asyncio.sleep(0.05)
            assert len(visitor.heard("frame")) == count + 1

    run(scenario)


def test_a_reset_drops_what_the_old_generation_still_computes():
    async def scenario():
        async with visiting(length=11) as visitor:
            await visitor.until("frame")
            await visitor.say("reset", gen=2, settings={"length": 22})
            await visitor.until("slow")
            await asyncio.sleep(0.1)
            assert [message["value"] for message in visitor.heard("slow")] == [22]
            late = visitor.said.index(visitor.heard("scene")[-1])
            assert all(message.get("gen") == 2 for message in visitor.said[late:])

    run(scenario)


def test_a_live_setting_changes_the_run_that_goes_on():
    async def scenario():
        async with visiting() as visitor:
            await visitor.until("frame")
            await visitor.say("change", gen=1, settings={"pace": 5.0})
            await visitor.say("advance", gen=1, updates=3)
            frames = await visitor.until("frame", 2)
            assert (frames[-1]["update"], frames[-1]["pace"]) == (3, 5.0)
            await visitor.say("change", gen=1, settings={"length": 5})
            assert "send reset" in visitor.heard("error")[-1]["why"]

    run(scenario)


def test_the_speed_is_the_number_of_updates_per_frame_however_short_the_calls_are():
    async def scenario():
        async with visiting(length=10**6) as visitor:
            await visitor.say("speed", updates=777)
            await visitor.say("start", gen=1)
            frames = await visitor.until("frame", 4)
            assert [frame["update"] for frame in frames[:4]] == [0, 777, 1554, 2331]

    run(scenario)


def test_a_failure_of_the_page_is_said_and_the_session_goes_on():
    async def scenario():
        async with visiting(broken=10) as visitor:
            await visitor.say("start", gen=1)
            (error,) = await visitor.until("error")
            assert "the counter broke" in error["why"]
            await visitor.say("reset", gen=2, settings={})
            await visitor.until("scene", 2)

    run(scenario)


def test_a_question_is_answered_with_its_number_or_with_the_reason_why_not():
    async def scenario():
        async with visiting("echo", reset=False) as visitor:
            await visitor.say("ask", seq=4, settings={"value": 8})
            assert visitor.heard("answer") == [{"type": "answer", "seq": 4, "value": 8.0}]
            await visitor.say("ask", seq=5, settings={"value": 13})
            assert "no luck" in visitor.heard("error")[-1]["why"]

    run(scenario)


def test_a_run_that_nobody_touches_comes_to_rest(monkeypatch):
    monkeypatch.setitem(LIMITS, "idle_seconds", 0.05)

    async def scenario():
        async with visiting(length=10**6) as visitor:
            await visitor.say("start", gen=1)
            (done,) = await visitor.until("done")
            assert done["why"] == "idle"
            count = len(visitor.heard("frame"))
            await visitor.say("start", gen=1)
            await visitor.until("frame", count + 1)

    run(scenario)


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "open",
        3,
        {"type": "open"},
        {"type": "open", "page": 3},
        {"type": "open", "page": "../../etc/passwd"},
        {"type": "open", "page": "count", "more": 1},
        {"type": "reset", "gen": 2},
        {"type": "reset", "gen": True, "settings": {}},
        {"type": "reset", "gen": -1, "settings": {}},
        {"type": "reset", "gen": 2**60, "settings": {}},
        {"type": "reset", "gen": 1, "settings": {}},
        {"type": "reset", "gen": 2, "settings": {"__class__": 1}},
        {"type": "reset", "gen": 2, "settings": {"length": 1e300}},
        {"type": "speed", "updates": 0},
        {"type": "speed", "updates": 10**9},
        {"type": "advance", "gen": 1, "updates": 10**9},
        {"type": "ack", "gen": 1, "frame": "1"},
    ],
)
def test_a_wrong_message_is_answered_and_the_session_goes_on(message):
    async def scenario():
        async with visiting() as visitor:
            await visitor.until("frame")
            await visitor.session.receive(message)
            assert len(visitor.heard("error")) == 1
            await visitor.say("advance", gen=1, updates=2)
            assert (await visitor.until("frame", 2))[-1]["update"] == 2

    run(scenario)


@pytest.mark.parametrize("kind", ["close", "_open", "__init__", "receive", "frame", "", None, ["open"]])
def test_an_unknown_type_is_ignored(kind):
    async def scenario():
        async with visiting() as visitor:
            await visitor.until("frame")
            await visitor.session.receive({"type": kind, "gen": 1})
            assert not visitor.heard("error")

    run(scenario)


def test_random_messages_leave_the_session_alive():
    draw = random.Random(0)
    kinds = [*session_module.MESSAGES, "evil"]
    values = [None, -1, 0, 1, 2, 10, 1e9, "x", [], {}, {"length": 5}, {"pace": 2}, True, "count"]

    async def scenario():
        async with visiting() as visitor:
            for _ in range(400):
                names = draw.sample(
                    ["gen", "frame", "updates", "settings", "page", "seq"], draw.randint(0, 3)
                )
                await visitor.session.receive(
                    {"type": draw.choice(kinds), **{n: draw.choice(values) for n in names}}
                )
            await visitor.say("open", page="count")
            await visitor.say("reset", gen=10**6, settings={"length": 10})
            assert (await visitor.until("scene", len(visitor.heard("scene")) + 1))[-1]["length"] == 10

    run(scenario)
