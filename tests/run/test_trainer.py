"""Training against plain loops, and what must not change its bits."""

import signal
import subprocess
import sys
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.linear_descent import descend

from benchmarks import experiments, workloads
from stepwell import NETWORKS, RULES, TASKS, Experiment, Optimiser, Recording, train
from stepwell.network.linear import balanced, realisation
from stepwell.run import checkpoint, trainer
from stepwell.run.record import notes_of
from stepwell.run.stability import largest_stable_rate

TARGET = {"poles": (0.5, -0.45, -0.75), "residues": (0.9, 0.7, -0.65)}


def experiment(updates=60, every=7, learning_rate=0.1, **changes):
    settings = {
        "task": TASKS["impulse"](**TARGET, steps=20),
        "network": NETWORKS["linear"](hidden=3, sigma0=0.1),
        "optimiser": Optimiser("sgd", learning_rate),
        "updates": updates,
        "recording": Recording(every),
    }
    return Experiment(**{**settings, **changes})


def same_bits(one, other):
    return all(
        np.array_equal(one[name], other[name], equal_nan=True) for name in {*one.data_vars, *one.coords}
    )


class Killed(Exception):
    pass


def stop_after(updates):
    def progress(now):
        if now.done >= updates:
            raise Killed

    return progress


def test_training_is_a_numpy_loop():
    run = train(experiments.linear(3, 30, seeds=2, updates=1000, every=100), [0, 1])
    for seed in (0, 1):
        start = workloads.linear_start(seed, 3)
        target = workloads.impulse_response(30)
        losses, norms, last = descend(*start.values(), target, 1e-3, 1000)
        # Rounding of 1e-16 per update, amplified little on this plateau; what the project promises is 1e-10.
        np.testing.assert_allclose(run.loss[seed], losses, rtol=1e-10)
        np.testing.assert_allclose(run.gradient_norm[seed], norms, rtol=1e-10)
        for name, value in zip("Wbc", last):
            np.testing.assert_allclose(run[name][seed, -1], value, rtol=1e-10, atol=1e-12)


def test_reference_values_of_the_linear_workload():
    run = train(experiments.linear(3, 30, seeds=1, updates=500), [0])
    # Given to 16 digits with a tolerance of 1e-12 where the workload is defined.
    np.testing.assert_allclose(run.loss[0, [0, 500]], [1.560128062604827, 1.533476652540238], rtol=1e-12)


def test_reference_values_of_the_low_rank_workload():
    run = train(experiments.low_rank(1, seeds=1, updates=1000), [0])
    # As above; the tolerance of this workload is 1e-11.
    np.testing.assert_allclose(run.loss[0, [0, 1000]], [0.9999092090107857, 0.999888848726378], rtol=1e-11)


def test_reference_values_of_the_rate_workload():
    run = train(experiments.rate(256, updates=10, dtype="float64"), [0])
    # As above; the tolerance of this workload is 1e-9.
    np.testing.assert_allclose(run.loss[0, [0, 10]], [0.05816258305567955, 0.0410114042639578], rtol=1e-9)


def test_snapshots_and_entries_belong_to_the_parameters_before_the_next_update():
    run = train(experiment(updates=16, every=5), [0, 3])
    assert run.snapshot_update.values.tolist() == [0, 5, 10, 15, 16]
    assert run["update"].values.tolist() == list(range(17))
    target = np.asarray(experiment().task.response())[:, 0, 0]
    for shot, update in enumerate(run.snapshot_update.values):
        W, b, c = (run[name].values[1, shot] for name in "Wbc")
        losses, norms, _ = descend(W, b, c, target, 0.1, 0)
        np.testing.assert_allclose(run.loss.values[1, update], losses[0], rtol=1e-12)  # rounding
        np.testing.assert_allclose(run.gradient_norm.values[1, update], norms[0], rtol=1e-12)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_chunks_do_not_change_bits(name, monkeypatch):
    settings = experiment(updates=300, optimiser=Optimiser(name, 0.01))
    whole = train(settings, range(3))
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 1e-9)  # so short that chunks shrink to single updates
    assert same_bits(whole, train(settings, range(3)))
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 1e9)
    assert same_bits(whole, train(settings, range(3)))


def test_small_buffers_do_not_change_bits(monkeypatch):
    whole = train(experiment(updates=300), range(3))
    monkeypatch.setattr(trainer, "BUFFER_BYTES", 2000)
    assert same_bits(whole, train(experiment(updates=300), range(3)))


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_an_interrupted_run_goes_on_with_the_same_bits(name, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    settings = experiment(updates=400, optimiser=Optimiser(name, 0.01))
    whole = train(settings, range(3))
    for updates in (33, 200):
        with pytest.raises(Killed):
            train(settings, range(3), tmp_path, stop_after(updates))
    seen = []
    resumed = train(settings, range(3), tmp_path, lambda now: seen.append(now.done))
    assert seen[0] > 33  # it went on, and did not begin again
    assert same_bits(whole, resumed)
    assert notes_of(resumed) == []


def test_a_killed_process_loses_nothing(tmp_path):
    script = f"""
import jax
jax.config.update("jax_enable_x64", True)
from stepwell import NETWORKS, RULES, TASKS, Experiment, Optimiser, Recording, train
from stepwell.run import checkpoint
checkpoint.SECONDS_BETWEEN = 0.0
task = TASKS["impulse"](**{TARGET}, steps=20)
network = NETWORKS["linear"](hidden=3, sigma0=0.1)
train(Experiment(task, network, optimiser=Optimiser("sgd", 0.1), updates=100_000), range(2),
{str(tmp_path)!r})
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("partial/*/carry-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    settings = experiment(updates=100_000, every=100)
    seen = []
    resumed = train(settings, range(2), tmp_path, lambda now: seen.append(now.done))
    assert seen[0] > 32
    assert same_bits(train(settings, range(2)), resumed)


def test_recording_does_not_change_the_trajectory():
    runs = [
        train(experiment(updates=100, recording=recording), range(2))
        for recording in (Recording(1, ("poles", "conserved", "direction_W")), Recording(7), Recording(1000))
    ]
    for run in runs[1:]:
        assert np.array_equal(run.loss, runs[0].loss)
        assert all(np.array_equal(run[name][:, -1], runs[0][name][:, -1]) for name in "Wbc")


def test_readings_are_of_the_snapshots():
    def trace(snapshot):
        return np.trace(snapshot.params["W"])

    run = train(
        experiment(recording=Recording(20, ("poles", "change_singular_values", "direction_c", trace))), [0]
    )
    np.testing.assert_array_equal(run.poles[0], np.linalg.eigvals(run.W[0]))
    change = np.linalg.svd(run.W[0] - run.W[0, 0], compute_uv=False)
    np.testing.assert_allclose(run.change_singular_values[0], change, atol=1e-15)
    np.testing.assert_array_equal(run.trace[0], np.trace(run.W[0].values, axis1=1, axis2=2))
    # One plain step moves c by the learning rate times its direction.
    step = train(experiment(updates=1, recording=Recording(1, ("direction_c",))), [0])
    before, after = step.c.values[0]
    np.testing.assert_allclose(before - 0.1 * step.direction_c.values[0, 0], after, rtol=1e-15)
    assert run.attrs["fingerprint"] == ""


def test_a_reading_that_cannot_be_had_is_refused_before_training():
    with pytest.raises(ValueError, match="no reading 'pole'; did you mean 'poles'"):
        train(experiment(updates=10**9, recording=Recording(1, ("pole",))), [0])
    with pytest.raises(ValueError, match="'direction_m' needs 'm', and this network has W, b, c"):
        train(experiment(updates=10**9, recording=Recording(1, ("direction_m",))), [0])


def test_divergence_is_data():
    settings = experiment(updates=2000, learning_rate=3.0, recording=Recording(10, ("poles",)))
    with pytest.warns(UserWarning, match="stability bound"):
        run = train(settings, range(2))
    assert (run.diverged_at > 0).all()
    for seed, at in enumerate(run.diverged_at.values):
        assert np.isfinite(run.loss.values[seed, :at]).all()
        assert not np.isfinite(run.loss.values[seed, at])
    assert run.W.shape[1] == run.poles.shape[1] == len(run.snapshot_update)
    assert np.isnan(run.poles.values[:, -1]).all()
    assert "diverged: seed 0 at update" in notes_of(run)[0]


def test_one_diverged_network_does_not_stop_the_others():
    starts = [workloads.linear_start(0, 3), {k: 30 * v for k, v in workloads.linear_start(1, 3).items()}]
    settings = experiment(updates=50, network=experiments.given_start(NETWORKS["linear"](hidden=3), starts))
    run = train(settings, [0, 1])
    assert run.diverged_at.values[0] == -1 and run.diverged_at.values[1] >= 0
    # Another width of the block: equal up to rounding.
    np.testing.assert_allclose(run.loss[0], train(settings, [0]).loss[0], rtol=1e-12)


def test_the_stability_bound_is_that_of_the_hessian():
    task = experiment().task
    W, b, c = balanced(*realisation(task.poles, task.residues))
    shapes = W.shape, b.shape, c.shape

    def loss(vector):
        W, b, c = (v.reshape(s) for v, s in zip(jnp.split(vector, [9, 12]), shapes))
        network = NETWORKS["linear"](hidden=3)
        trials = task.trials(jax.random.key(0))
        return task.loss(network.rollout({"W": W, "b": b, "c": c}, trials), trials)

    hessian = jax.hessian(loss)(jnp.concatenate([W.ravel(), b.ravel(), c.ravel()]))
    # The solution has no error, but for what is left of the target after 20 steps: 0.75^20 = 3e-3.
    assert largest_stable_rate(experiment()) == pytest.approx(2 / np.linalg.eigvalsh(hessian)[-1], rel=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(experiment(updates=1, learning_rate=0.99 * largest_stable_rate(experiment())), [0])
    with pytest.warns(UserWarning, match=f"{largest_stable_rate(experiment()):.4g}"):
        train(experiment(updates=1, learning_rate=1.01 * largest_stable_rate(experiment())), [0])


def count_traces(monkeypatch):
    traces, update = [], trainer._update
    monkeypatch.setattr(trainer, "_update", lambda *given: (traces.append(1), update(*given))[1])
    return traces


def test_blocks_are_filled_to_one_width(monkeypatch):
    alone = [train(experiment(), [seed]) for seed in range(5)]
    monkeypatch.setattr(trainer, "width", lambda settings: 2)
    traces = count_traces(monkeypatch)
    settings = experiment(updates=61, network=NETWORKS["linear"](hidden=7))  # a size that no other test has
    train(settings, range(2))
    first = len(traces)
    train(settings, range(5))
    assert len(traces) == first > 0  # three blocks of two, and no program for the odd one
    run = train(experiment(), range(5))
    assert run.seed.values.tolist() == [0, 1, 2, 3, 4]
    for seed in range(5):
        # Stacked networks round differently; 60 updates amplify that little.
        np.testing.assert_allclose(run.loss[seed], alone[seed].loss[0], rtol=1e-12)


def test_new_numbers_compile_nothing(monkeypatch):
    traces = count_traces(monkeypatch)

    def run(sigma0, learning_rate):
        # Sizes that no other test has, so that the first of these runs is traced here.
        network = NETWORKS["linear"](hidden=6, sigma0=sigma0)
        return train(experiment(updates=211, network=network, learning_rate=learning_rate), range(4))

    run(1e-3, 0.1)
    first = len(traces)
    assert first > 0
    run(1e-2, 0.1)
    run(1e-2, 0.05)
    assert len(traces) == first


def test_frozen_parameters_stay():
    run = train(experiment(trainable=("b", "c"), optimiser=Optimiser("momentum", 0.05)), [0])
    assert (run.W == run.W[:, 0]).all()
    assert (run.b[:, -1] != run.b[:, 0]).all()


def test_clip_and_multipliers():
    start = workloads.linear_start(0, 3)
    network = experiments.given_start(NETWORKS["linear"](hidden=3), [start])
    optimiser = Optimiser("sgd", 0.1, clip=1e-3, multipliers=(("c", 2.0),))
    run = train(experiment(updates=1, every=1, network=network, optimiser=optimiser), [0])
    target = np.asarray(experiment().task.response())[:, 0, 0]
    _, norms, (_, b, c) = descend(*start.values(), target, 1.0, 1)
    scale = 0.1 * 1e-3 / norms[0]
    np.testing.assert_allclose(run.b[0, 1], start["b"] + scale * (b - start["b"]), rtol=1e-12)  # rounding
    np.testing.assert_allclose(run.c[0, 1], start["c"] + 2 * scale * (c - start["c"]), rtol=1e-12)


def test_float32_runs_are_float32():
    run = train(experiment(dtype="float32"), [0])
    assert run.loss.dtype == run.W.dtype == np.float32
    # 60 updates at the precision of float32, 6e-8.
    np.testing.assert_allclose(run.loss, train(experiment(), [0]).loss, rtol=1e-5)


def test_what_cannot_run_is_refused():
    with pytest.raises(ValueError, match=r"set network.input=1 and network.output=1"):
        train(experiment(network=NETWORKS["linear"](hidden=3, input=2)), [0])
    with pytest.raises(ValueError, match=r"\['V'\], but the network has \['W', 'b', 'c'\]"):
        train(experiment(trainable=("V",)), [0])
    with jax.enable_x64(False), pytest.raises(ValueError, match="jax_enable_x64"):
        train(experiment(), [0])
    for seeds in ([], [0, 0], [-1], [True]):
        with pytest.raises(ValueError, match="seed"):
            train(experiment(), seeds)


def test_no_updates_is_the_start():
    run = train(experiment(updates=0), [2])
    assert run.loss.shape == (1, 1) and run.W.shape == (1, 1, 3, 3)
    # The compiled start may round the one product of every entry the other way.
    np.testing.assert_allclose(run.W[0, 0], experiment().network.init(jax.random.key(2))["W"], rtol=4e-16)


def test_the_feedback_is_drawn_apart_from_the_weights():
    run = train(experiment(rule=RULES["rflo"](), updates=0), range(200))
    feedback = run.feedback.values[:, 0, :, 0]
    for weights in (run.b.values[:, 0, :, 0], run.c.values[:, 0, 0]):
        # Independent: the correlation of 600 pairs has a standard deviation of 0.04.
        assert abs(np.corrcoef(feedback.ravel(), weights.ravel())[0, 1]) < 0.2
