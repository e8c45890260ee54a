"""The server: who may come in, what every answer carries, and what happens to sockets that misbehave."""

import contextlib
import http.client
import json
import socket
import time

import pytest
from running_lab import running_lab
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from stepwell.lab import PAGES, launch
from stepwell.lab.server import serve
from stepwell.lab.session import LIMITS


@pytest.fixture(scope="module")
def lab():
    with running_lab() as running:
        yield running


def get(lab, path="/", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def visit(lab, **options):
    return connect(f"ws://127.0.0.1:{lab.port}/ws", **options)


def heard(visitor, kind):
    while True:
        message = json.loads(visitor.recv(timeout=30))
        if message["type"] == kind:
            return message


def eventually(condition):
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("path", ["/", "/lab.js", "/lab.css", "/static/maths.js", "/nothing"])
def test_every_answer_carries_the_policy(lab, path):
    answer, _ = get(lab, path)
    assert answer.status == (404 if path == "/nothing" else 200)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e/server.py", "/static//etc/passwd"])
def test_no_path_leads_out_of_the_static_files(lab, path):
    assert get(lab, path)[0].status == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "[::2]", "[", ""]
)
def test_a_foreign_host_is_refused(lab, host):
    assert get(lab, Host=host)[0].status == 400
    with pytest.raises(InvalidStatus):
        visit(lab, additional_headers={"Host": host})


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "[::1]:80"])
def test_a_name_of_this_machine_is_let_in(lab, host):
    assert get(lab, Host=host)[0].status == 200


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1:1", "file://"])
def test_a_foreign_origin_is_refused(lab, origin):
    with pytest.raises(InvalidStatus):
        visit(lab, origin=origin)


def test_the_own_origin_and_none_are_let_in_and_greeted(lab):
    for origin in (f"http://127.0.0.1:{lab.port}", None):
        with visit(lab, origin=origin) as visitor:
            hello = heard(visitor, "hello")
            assert hello["protocol"] == 1 and hello["pages"] == list(PAGES)


def test_bad_json_is_answered_and_the_socket_stays(lab):
    with visit(lab) as visitor:
        for text in ("{", "NaN", '{"type": "open", "page": NaN}', b"\x00\xff", "[" * 9000):
            visitor.send(text)
            assert heard(visitor, "error")["about"] == "message"
        visitor.send(json.dumps({"type": "open", "page": "poles"}))
        visitor.send(json.dumps({"type": "ask", "seq": 1, "settings": {"gain": 2.0}}))
        assert heard(visitor, "answer")["impulse"][0] == 2


def test_a_message_that_is_too_long_closes_the_socket(lab):
    with visit(lab) as visitor:
        heard(visitor, "hello")
        visitor.send("x" * (LIMITS["message_bytes"] + 1))
        with pytest.raises(ConnectionClosed):
            visitor.recv(timeout=10)


def test_a_visitor_who_leaves_is_forgotten_with_all_tasks(lab):
    assert eventually(lambda: not lab.app.state.visitors)
    with visit(lab) as visitor:
        visitor.send(json.dumps({"type": "open", "page": "training"}))
        visitor.send(json.dumps({"type": "reset", "gen": 1, "settings": {}}))
        visitor.send(json.dumps({"type": "start", "gen": 1}))
        heard(visitor, "frame")
        assert len(lab.app.state.visitors) == 1
        visitor.socket.shutdown(socket.SHUT_RDWR)
        assert eventually(lambda: not lab.app.state.visitors)


def test_one_visitor_too_many_is_told_so(lab):
    assert eventually(lambda: not lab.app.state.visitors)
    with contextlib.ExitStack() as stack:
        for _ in range(LIMITS["sockets"]):
            heard(stack.enter_context(visit(lab)), "hello")
        with visit(lab) as late, pytest.raises(ConnectionClosed) as closed:
            late.recv(timeout=10)
    assert closed.value.rcvd.code == 1008 and "32 visitors" in closed.value.rcvd.reason


def test_with_a_token_only_its_holder_comes_in():
    with running_lab(token="secret") as lab:
        assert get(lab)[0].status == 403
        assert get(lab, "/?token=wrong")[0].status == 403
        assert get(lab, "/lab.js?token=secret")[0].status == 403
        with pytest.raises(InvalidStatus):
            visit(lab)
        answer, _ = get(lab, "/?token=secret")
        assert answer.status == 303 and answer.headers["location"] == "/"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
        pair = cookie.partition(";")[0]
        assert get(lab, Cookie=pair)[0].status == 200
        with visit(lab, additional_headers={"Cookie": pair}) as visitor:
            heard(visitor, "hello")


def test_an_address_beyond_this_machine_needs_a_token():
    with pytest.raises(ValueError, match="--token"):
        serve((), host="0.0.0.0", browser=False)


def test_a_port_in_use_is_said_in_words(lab):
    with pytest.raises(ValueError, match=f"port {lab.port} on 127.0.0.1 cannot be used"):
        launch(port=lab.port, browser=False)
