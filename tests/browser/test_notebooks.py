"""The widget in a marimo notebook, in a real browser."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import jax

    jax.config.update("jax_enable_x64", True)
    from stepwell.lab import Widget

    widget = Widget(page="training", sigma0=1e-3)
    widget
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def marimo(tmp_path):
    """The address of a notebook that runs."""
    pytest.importorskip("marimo")
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["marimo", "run", "--headless", "--no-token", "--port", str(port), str(tmp_path / "notebook.py")]
    with subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.DEVNULL) as process:
        yield f"http://127.0.0.1:{port}/"
        process.terminate()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def test_a_run_of_the_kernel_streams_into_a_cell(chromium, marimo):
    for _ in range(240):
        if answers(marimo):
            break
        time.sleep(0.25)
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    page.goto(marimo)
    page.locator(".status").get_by_text("notebook kernel").wait_for()
    page.get_by_role("textbox", name="initial scale").wait_for()
    assert page.get_by_role("textbox", name="initial scale").input_value() == "0.001"
    page.locator(".status").get_by_text("frames/s").wait_for()
    page.close()
