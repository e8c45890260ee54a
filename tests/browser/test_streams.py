"""Live runs on a page: start, pause, reset, what is lost and found again, and what is said about it."""

import re

import pytest
from running_lab import running_lab

NO_SOCKET = "delete window.WebSocket;"
BROKEN_SOCKET = "ERR_CONNECTION_REFUSED"
HIDE = """() => {
  window.held = [];
  window.kept = window.requestAnimationFrame;
  window.requestAnimationFrame = (draw) => window.held.push(draw);
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
"""A browser draws nothing in a hidden tab; a headless one has no hidden tabs."""
SHOW = """() => {
  delete document.hidden;
  window.requestAnimationFrame = window.kept;
  window.held.forEach((draw) => requestAnimationFrame(draw));
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def update(page):
    return int(re.search(r"update (\d+)", page.locator(".status").inner_text())[1])


def streaming(page, beyond=0):
    page.wait_for_function(
        """(beyond) => {
          const shown = /update (\\d+)/.exec(document.querySelector('.status').textContent);
          return Number(shown?.[1]) > beyond;
        }""",
        arg=beyond,
    )


def losses(page):
    """The losses of the first frames, from the table under the curve."""
    page.wait_for_function("() => window.first?.length >= 20")
    return page.evaluate("() => window.first.slice(0, 20)")


KEEP = """
window.first = [];
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...options) {
    super(...options);
    this.addEventListener('message', ({ data }) => {
      const message = typeof data === 'string' ? JSON.parse(data) : {};
      if (message.type === 'scene') window.first = [];
      const { gen, frame, update, loss } = message;
      if (message.type === 'frame') window.first.push([gen, frame, update, loss.at(-1)]);
    });
  }
};
"""
"""Remembers what comes over the socket."""


def button(page, words):
    return page.get_by_role("button", name=words, exact=True)


@pytest.fixture
def training(visit):
    page = visit("training", script=KEEP)
    streaming(page)
    return page


def test_a_run_streams_pauses_steps_and_begins_anew(training):
    updates = [row[2] for row in losses(training)]
    assert updates == sorted(set(updates))
    button(training, "pause").click()
    training.wait_for_timeout(500)
    count = training.evaluate("() => window.first.length")
    training.wait_for_timeout(500)
    assert training.evaluate("() => window.first.length") == count
    there = update(training)
    button(training, "step").click()
    streaming(training, there)
    assert update(training) == there + 10
    button(training, "reset").click()
    training.wait_for_function("() => /update 0 /.test(document.querySelector('.status').textContent)")


def test_a_seed_gives_its_run_again_and_another_seed_another(training):
    first = [row[2:] for row in losses(training)]
    button(training, "reset").click()
    training.wait_for_function("() => window.first.length > 0 && window.first[0][0] > 1")
    button(training, "start").click()
    assert [row[2:] for row in losses(training)] == first
    button(training, "new seed").click()
    training.wait_for_function("() => window.first.length > 20 && window.first[0][0] > 2")
    assert [row[2:] for row in losses(training)] != first


def test_the_learning_rate_changes_a_run_that_goes_on(training):
    before = update(training)
    training.get_by_label("learning rate").nth(1).fill("0.03")
    training.get_by_label("learning rate").nth(1).press("Enter")
    streaming(training, before + 50)
    assert training.evaluate("() => window.first[0][0]") == 1  # the same generation


def test_a_rate_that_is_too_large_ends_in_words_and_without_numbers_that_are_none(visit):
    query = "?learning_rate=0.1&sigma0=0.5&poles=0.99,0&residues=3"
    page = visit("training", query)
    page.wait_for_function("() => document.querySelector('.status').textContent.includes('update 0')")
    button(page, "start").click()
    page.get_by_text("The run has diverged").wait_for()
    assert "NaN" not in page.content()
    button(page, "three stairs").click()
    button(page, "start").click()
    streaming(page, 50)


def test_a_lost_server_is_said_the_run_goes_on_here_and_python_comes_back(visits):
    with running_lab() as lab:
        page = visits.open(f"{lab.address}#/training", expected=BROKEN_SOCKET)
        other = visits.open(f"{lab.address}#/poles?gain=1", expected=BROKEN_SOCKET)
        streaming(page)
        port = lab.port
    page.get_by_text(
        "Disconnected: the server does not answer. The run is computed by the browser."
    ).wait_for()
    other.get_by_text("This page goes on without it.").wait_for()
    handle = other.get_by_role("slider", name="pole 1", exact=True)
    handle.focus()
    other.keyboard.press("ArrowRight")
    assert "0.77" in handle.get_attribute("aria-valuetext")
    button(page, "start").click()
    page.get_by_text("computed here").first.wait_for()
    streaming(page, 20)
    with running_lab(port=port):
        page.get_by_text("Python is back").wait_for()
        button(page, "reset").click()
        page.get_by_text("Python connected").first.wait_for()
        button(page, "start").click()
        streaming(page, 20)
        other.get_by_text("Python connected").first.wait_for()
        assert other.get_by_text("Disconnected").count() == 0


def test_a_page_that_only_python_computes_waits_for_it_in_words(visit):
    page = visit("plateaus", script=NO_SOCKET)
    page.get_by_text("this browser has no WebSocket. What Python computes waits for it.").wait_for()


def test_without_websockets_the_browser_trains(visit):
    page = visit("training", script=NO_SOCKET)
    page.get_by_text("this browser has no WebSocket. The run is computed by the browser.").wait_for()
    streaming(page, 20)


def test_a_second_page_has_a_run_of_its_own_and_both_go_on(training, visit):
    second = visit("training")
    second.get_by_text("pages open").wait_for()
    streaming(second, 20)
    there = update(training)
    streaming(training, there + 20)
    button(second, "reset").click()
    second.wait_for_function("() => /update 0 /.test(document.querySelector('.status').textContent)")
    there = update(training)
    streaming(training, there + 20)


def test_a_hidden_tab_waits_and_goes_on_when_it_is_shown(training, lab):
    training.evaluate(HIDE)
    training.wait_for_function("() => document.title.startsWith('waiting: ')")
    training.wait_for_timeout(500)
    count = training.evaluate("() => window.first.length")
    training.wait_for_timeout(2500)
    assert training.evaluate("() => window.first.length") == count
    assert any(session.waiting for session in lab.app.state.visitors)
    training.evaluate(SHOW)
    training.wait_for_function("(count) => window.first.length > count + 5", arg=count)
    assert not training.title().startswith("waiting")


@pytest.mark.parametrize("rule", ["tbptt", "eprop", "rflo", "rflo3"])
def test_every_rule_streams(visit, rule):
    page = visit("training", f"?rule={rule}")
    page.wait_for_function("() => document.querySelector('.status').textContent.includes('update 0')")
    button(page, "start").click()
    streaming(page, 20)


def test_the_default_run_learns_its_target(visit):
    page = visit("training", "?speed=200")
    page.wait_for_function("() => document.querySelector('.status').textContent.includes('update 0')")
    button(page, "start").click()
    page.get_by_text("there is nothing left to learn").wait_for()
    page.locator(".events").get_by_text("mode 3 separates").wait_for()


def test_eight_pages_train_at_once(visit):
    pages = [visit("training") for _ in range(8)]
    for page in pages:
        streaming(page)
    before = [update(page) for page in pages]
    for page, there in zip(pages, before):
        streaming(page, there + 20)
