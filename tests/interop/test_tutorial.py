"""The tutorial on networks of PyTorch runs from its first block to its last."""

import re
from pathlib import Path

import numpy as np

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "your_pytorch_network.md"


def test_the_tutorial_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {}
    for block in re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(), re.DOTALL):
        exec(block, found)
    page = (tmp_path / "my_network.html").read_text()
    assert "Fixed points" in page and "not shown" not in page and "could not be drawn" not in page
    assert found["task"].steps == 20 and (tmp_path / "my_run.mat").exists()
    # W of the linearised network and the Jacobian that the search knows of the same point agree.
    rest = found["rests"][0]
    np.testing.assert_allclose(
        found["W"] - np.eye(len(found["W"])), rest.jacobian, atol=1e-7
    )  # speed of a rest
