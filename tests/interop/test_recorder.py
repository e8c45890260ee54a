"""The recorder against the loop that it follows: the record, a kill, misuse."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from stepwell import open_runs
from stepwell.interop import Recorder, Stacked, recorder, unfinished
from stepwell.run import notes_of, settings_of

LOOP = """
import sys, time, torch
from stepwell.interop import Recorder, recorder
recorder.SECONDS_BETWEEN = 0
torch.manual_seed(0)
model = torch.nn.GRU(1, 3)
following = Recorder(model, every=2, store=sys.argv[1])
while True:
    loss = model(torch.ones(4, 1))[0].square().mean()
    loss.backward()
    following.step(loss)
    if following.update == 6:
        print("six", flush=True)
        time.sleep(60)
    torch.optim.SGD(model.parameters(), 0.1).step()
"""


class Model(torch.nn.Module):
    def __init__(self, kind=torch.nn.RNN):
        super().__init__()
        self.rnn, self.head = kind(2, 4), torch.nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


def followed(model, store, updates=5, every=2, **options):
    """The record of a loop, and what the loop itself saw."""
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    follower, seen = Recorder(model, every=every, store=store, learning_rate=0.1, **options), []
    for _ in range(updates):
        optimiser.zero_grad()
        loss = model(torch.ones(6, 2)).square().mean()
        loss.backward()
        norm = np.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters()))
        seen.append((loss.item(), norm, {k: v.detach().numpy().copy() for k, v in model.named_parameters()}))
        follower.step(loss)
        optimiser.step()
    return follower, seen


def test_the_record_is_what_the_loop_saw(tmp_path):
    model = Model()
    follower, seen = followed(model, tmp_path)
    record = follower.close(loss=0.125)
    losses, norms, weights = zip(*seen, strict=True)
    np.testing.assert_array_equal(record.loss[0], [*losses, 0.125])
    np.testing.assert_allclose(record.gradient_norm[0, :-1], norms, rtol=1e-6)  # float32
    assert record.snapshot_update.values.tolist() == [0, 2, 4, 5]
    np.testing.assert_allclose(record.learning_time, 0.1 * np.arange(6))
    for name, torch_name in (("W", "rnn.weight_hh_l0"), ("b", "rnn.weight_ih_l0"), ("c", "head.weight")):
        np.testing.assert_array_equal(record[name][0, 1], weights[2][torch_name])
    np.testing.assert_array_equal(record.W[0, -1], model.rnn.weight_hh_l0.detach())
    assert record.diverged_at.item() == -1 and notes_of(record) == []
    assert settings_of(record).network == Stacked(kind="tanh", units=4, input=2)


def test_the_store_has_the_record(tmp_path):
    follower, _ = followed(Model(torch.nn.LSTM), tmp_path)
    record = follower.close()
    kept = open_runs(tmp_path)
    np.testing.assert_array_equal(kept.weight_hh_l0.squeeze(), record.weight_hh_l0.squeeze())
    assert "not told" in notes_of(record)[0] and np.isnan(record.loss[0, -1])
    assert list((tmp_path / "partial").iterdir()) == [] and unfinished(tmp_path) == []


def test_a_loop_that_diverges_says_so(tmp_path):
    model = Model()
    follower = Recorder(model, every=1, store=tmp_path)
    for loss in (1.0, float("inf"), float("nan")):
        model(torch.ones(2, 2)).sum().backward()
        follower.step(loss)
    assert follower.close().diverged_at.item() == 1


def test_a_killed_loop_leaves_its_record(tmp_path):
    loop = subprocess.Popen([sys.executable, "-c", LOOP, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert loop.stdout.readline() == "six\n"
    assert unfinished(tmp_path)[0].sizes["update"] == 6
    # While its process lives, a recording is left alone.
    Recorder(torch.nn.GRU(1, 3), store=tmp_path).close()
    assert len(unfinished(tmp_path)) == 1
    loop.kill()
    loop.wait()
    loop.stdout.close()
    Recorder(torch.nn.GRU(1, 3), store=tmp_path, name="next").close()
    assert unfinished(tmp_path) == []
    store = recorder.Store(tmp_path)
    store.index.refresh()
    stopped = [e for e in store.index.entries.values() if "the recording was stopped" in str(e["notes"])]
    assert len(stopped) == 1
    record = store.find(stopped[0]["fingerprints"][0], [0])[0]
    assert record.loss.shape == (1, 6) and record.snapshot_update.values.tolist() == [0, 2, 4, 5]
    assert np.isfinite(record.loss).all()


def test_a_call_at_the_wrong_place_is_told(tmp_path):
    model = Model()
    follower = Recorder(model, store=tmp_path)
    with torch.no_grad():
        model.head.bias.add_(1)
    with pytest.raises(ValueError, match="between loss.backward.* and optimiser.step"):
        follower.step(1.0)
    done, _ = followed(Model(), tmp_path)
    done.close()
    with pytest.raises(ValueError, match="closed"):
        done.step(1.0)


def test_what_cannot_be_followed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="half precision"):
        Recorder(torch.nn.GRU(1, 2).half(), store=tmp_path)
    with pytest.raises(ValueError, match="every=0"):
        Recorder(Model(), every=0, store=tmp_path)
    with pytest.raises(ValueError, match="no parameters"):
        Recorder(torch.nn.Tanh(), store=tmp_path)
    follower = Recorder(torch.nn.Linear(2, 2), store=tmp_path)
    assert follower.settings.network is None
    assert follower.close()["weight"].dims[2:] == ("weight_axis0", "weight_axis1")
