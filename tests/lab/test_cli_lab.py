"""`stepwell lab` as its users meet it: what it waits for, what it prints, how it leaves."""

import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from stepwell.cli import main
from stepwell.lab import server


@pytest.fixture
def refused(capsys):
    """A command line -> the sentence that refuses it."""

    def run(*words):
        with pytest.raises(SystemExit) as left:
            main(["lab", *words])
        assert left.value.code == 2
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--page", "trainin"], "there is no page 'trainin'; did you mean 'training'?"),
        (["--host", "0.0.0.0"], "add --token, so that only you get in"),
        (["--port", "70000"], "less than or equal to 65535"),
        (["--export", "no/such/folder.html"], "cannot be written; give a file in a folder that exists"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(refused, words, sentence):
    assert sentence in refused(*words)


def test_a_port_in_use_is_said_in_a_sentence(refused):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 cannot be used (address already in use)" in refused(
            "--port", str(port)
        )


def test_without_a_browser_the_address_is_left_to_the_reader(capsys, monkeypatch):
    monkeypatch.setattr(server.webbrowser, "open", lambda address: False)
    server._show("http://127.0.0.1:1/")
    assert "No browser was found on this machine" in capsys.readouterr().out


def test_help_waits_for_nothing():
    script = """
import sys
from stepwell.cli import main
try:
    main(["lab", "--help"])
except SystemExit:
    print("slow", sorted({"jax", "numpy", "starlette", "stepwell.lab"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "slow []" in done.stdout and all(
        f"--{option}" in done.stdout for option in ("host", "port", "token", "page", "no-browser", "export")
    )


def test_it_prints_its_address_answers_there_and_ends_by_ctrl_c():
    words = [sys.executable, "-m", "stepwell", "lab", "--no-browser", "--page", "saddle"]
    lab = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = lab.stdout.readline().split()[-1]
    assert address.endswith("/#/saddle")
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.status == 200 and b"stepwell lab" in answer.read()
    lab.send_signal(signal.SIGINT)
    assert "Traceback" not in lab.communicate(timeout=60)[1] and lab.returncode == 0


def test_the_file_of_a_page_is_written(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["lab", "--page", "poles", "--export", str(tmp_path / "poles.html")])
    assert left.value.code in (0, None) and "any browser opens it" in capsys.readouterr().err
    assert b'id="pages"' in (tmp_path / "poles.html").read_bytes()
