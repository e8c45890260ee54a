"""Tasks from files, generators and environments, and records in files, against the arrays they came from."""

import jax
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from stepwell import NETWORKS, Experiment, train
from stepwell.interop import export_record, task_from_environment, task_from_file, task_from_generator

TRIALS = {"inputs": np.random.default_rng(0).standard_normal((5, 7, 2)), "targets": np.ones((5, 7, 1))}


@pytest.mark.parametrize("ending", ["npz", "mat"])
def test_trials_come_from_files(ending, tmp_path):
    path = tmp_path / f"trials.{ending}"
    np.savez(path, **TRIALS) if ending == "npz" else savemat(path, TRIALS)
    trials = task_from_file(path).trials(jax.random.key(0))
    np.testing.assert_array_equal(trials.inputs, TRIALS["inputs"])
    np.testing.assert_array_equal(trials.targets, TRIALS["targets"])
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=f"trials.{ending}' cannot be read"):
        task_from_file(path)


def test_files_without_trials_are_told(tmp_path):
    np.savez(tmp_path / "x.npz", inputs=TRIALS["inputs"])
    with pytest.raises(ValueError, match="lacks targets; it has inputs"):
        task_from_file(tmp_path / "x.npz")
    with pytest.raises(ValueError, match="an .npz or a .mat"):
        task_from_file(tmp_path / "x.csv")


def growing(draw):
    steps = int(draw.integers(3, 6))
    return draw.standard_normal((steps, 2)), np.ones((steps, 1))


def test_a_bank_is_that_of_its_seed_and_shorter_trials_are_masked():
    task, draw = task_from_generator(growing, trials=8, seed=3, batch=4), np.random.default_rng(3)
    for inputs, mask in zip(task.inputs, task.mask, strict=True):
        expected = growing(draw)[0]
        np.testing.assert_array_equal(inputs[: len(expected)], expected)
        assert mask.sum() == len(expected) and not inputs[len(expected) :].any()
    run = train(Experiment(task, NETWORKS["rate"](hidden=3, input=2), updates=2), [0])
    assert np.isfinite(run.loss).all()


@pytest.mark.parametrize(
    "trial, told",
    [
        ((np.ones(3), np.ones(3)), "each .step, channel."),
        ((np.ones((3, 1)), np.ones((4, 1))), "the same steps"),
    ],
)
def test_trials_of_wrong_sizes_are_told(trial, told):
    with pytest.raises(ValueError, match=told):
        task_from_generator(lambda draw: trial, trials=1)


class Decision:
    """What NeuroGym publishes as the interface of a task with trials."""

    class action_space:
        n = 3

    def reset(self, seed=None):
        self.draw = np.random.default_rng(seed)

    def new_trial(self):
        action = int(self.draw.integers(1, 3))
        self.ob = np.zeros((6, 2), np.float32)
        self.ob[2:4, action - 1] = 1
        self.gt = np.where(np.arange(6) > 3, action, 0)

    @property
    def unwrapped(self):
        return self


def test_an_environment_gives_observations_and_one_channel_per_action():
    task = task_from_environment(Decision(), trials=10, seed=1)
    assert task.targets.shape == (10, 6, 3)
    np.testing.assert_array_equal(task.targets.sum(-1), 1)
    # The action asked for at the end is the channel that was shown.
    np.testing.assert_array_equal(task.targets[:, -1].argmax(-1) - 1, task.inputs.sum(1).argmax(-1))
    with pytest.raises(TypeError, match="no new_trial"):
        task_from_environment(object(), trials=1)


@pytest.mark.parametrize("ending", ["npz", "mat"])
def test_a_record_can_be_taken_along(ending, tmp_path):
    record = train(
        Experiment(task_from_generator(growing, 4), NETWORKS["linear"](hidden=3, input=2), updates=2), [5]
    )
    path = export_record(record, tmp_path / f"record.{ending}")
    found = loadmat(path) if ending == "mat" else np.load(path)
    np.testing.assert_array_equal(found["W"], record.W)
    np.testing.assert_array_equal(np.ravel(found["seed"]), [5])
    assert str(np.ravel(found["dims_W"])[0]) == "seed,snapshot,unit,unit_from"
    assert str(np.ravel(found["attribute_fingerprint"])[0]) == record.attrs["fingerprint"]
    if ending == "npz":
        found.close()
    with pytest.raises(ValueError, match="names no format"):
        export_record(record, tmp_path / "record.csv")
