"""The widget with a comm that keeps what is sent: the same session, in a loop and without one."""

import asyncio
import json

import jax
import pytest

from stepwell.lab.widget import Widget


def sent_by(widget):
    said = []
    widget.send = lambda content, buffers=None: said.append((content, buffers))
    return said


def test_a_wrong_page_or_setting_is_refused_at_once():
    with pytest.raises(ValueError, match="no page 'pole'"):
        Widget("pole")
    with pytest.raises(ValueError, match="no setting 'sigma_0'"):
        Widget("training", sigma_0=1e-3)


def test_the_module_renders_one_page_with_its_settings():
    widget = Widget("training", sigma0=1e-3)
    assert widget.settings == {"sigma0": 1e-3}
    assert widget._esm.rstrip().endswith("export default { render };")
    assert '"slug":"training"' in widget._esm and '"slug":"poles"' not in widget._esm
    assert ".lab" in widget._css


def test_without_a_loop_a_message_is_obeyed_to_its_end():
    widget = Widget("poles")
    said = sent_by(widget)
    widget._hear(widget, {"type": "greet"}, [])
    widget._hear(widget, {"type": "open", "page": "poles"}, [])
    widget._hear(widget, {"type": "ask", "seq": 1, "settings": {}}, [])
    assert [content["type"] for content, _ in said] == ["hello", "answer"]
    assert said[1][0]["impulse"][:2] == [1, 1.2]
    json.dumps(said[1][0], allow_nan=False)


def test_in_a_loop_a_run_streams_and_stops_when_the_cell_goes():
    async def scenario():
        widget = Widget("training")
        said = sent_by(widget)

        def frames():
            return [content for content, _ in said if content["type"] == "frame"]

        for message in (
            {"type": "open", "page": "training"},
            {"type": "reset", "gen": 1, "settings": {}},
            {"type": "start", "gen": 1},
        ):
            widget._hear(widget, message, [])
        for _ in range(6000):
            await asyncio.sleep(0.01)
            if frames():
                widget._hear(widget, {"type": "ack", "gen": 1, "frame": frames()[-1]["frame"]}, [])
            if len(frames()) > 3:
                break
        assert [frame["update"] for frame in frames()][:3] == [0, 10, 20]
        widget._hear(widget, {"type": "leave"}, [])
        for _ in range(1000):  # the worker's chunk that is under way ends first
            await asyncio.sleep(0.01)
            if not widget._session._tasks:
                break
        assert not widget._session._tasks
        count = len(said)
        await asyncio.sleep(0.2)
        assert len(said) == count

    asyncio.run(scenario())


def test_a_float32_process_is_told_what_to_do(monkeypatch):
    widget = Widget("training")
    said = sent_by(widget)
    jax.config.update("jax_enable_x64", False)
    try:
        widget._hear(widget, {"type": "reset", "gen": 1, "settings": {}}, [])
    finally:
        jax.config.update("jax_enable_x64", True)
    assert "jax_enable_x64" in said[0][0]["why"]


def test_a_large_array_goes_as_a_buffer():
    widget = Widget("plateaus")
    said = sent_by(widget)
    asyncio.run(widget._say({"type": "slow", "name": "map", "value": __import__("numpy").zeros((101, 101))}))
    content, buffers = said[0]
    assert content["arrays"] == [{"name": "value", "shape": [101, 101], "dtype": "f4"}]
    assert len(buffers[0]) * buffers[0].itemsize == 4 * 101 * 101 or buffers[0].nbytes == 4 * 101 * 101
