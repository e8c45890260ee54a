"""Linear teachers: their answers, weights of steps, one-hot trials, modes, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell.network import Linear
from stepwell.settings import from_json, replace, to_json
from stepwell.task import TASKS, DataAligned, WhiteNoise, sizes

KEY = jax.random.key(0)
TEACHER = np.array([[0.5, 0.3], [-0.2, 0.1]]), np.array([[1.0, 0.5], [0.2, -1.0]]), np.array([[1.0, -0.4]])


def answers(system, inputs):
    """The teacher, step by step, in NumPy."""
    W, b, c = map(np.asarray, system)
    h, outputs = np.zeros(len(W)), []
    for x in np.asarray(inputs):
        h = W @ h + b @ x
        outputs.append(c @ h)
    return np.array(outputs)


@pytest.mark.parametrize(
    "task",
    [WhiteNoise(output=2), WhiteNoise(teacher=TEACHER), DataAligned()],
    ids=["gaussian", "given", "aligned"],
)
def test_targets_are_the_teachers_answers(task):
    trials = task.trials(KEY)
    assert sizes(task) == (task.input, task.output, task.steps, task.batch)
    for inputs, targets in zip(trials.inputs, trials.targets):
        np.testing.assert_allclose(targets, answers(task.system(), inputs), atol=1e-13)  # rounding
    # 25 * 32 * 3 normals: mean within 5, variance within 7 standard errors.
    assert abs(float(trials.inputs.mean())) < 0.1 and float(trials.inputs.var()) == pytest.approx(1, abs=0.2)
    assert not np.array_equal(task.trial(KEY).inputs, task.trial(jax.random.key(1)).inputs)


def test_a_teacher_that_teaches_itself_has_no_loss():
    task = WhiteNoise(teacher=TEACHER)
    params = dict(zip(("W", "b", "c"), map(jnp.asarray, TEACHER)))
    trials = task.trials(KEY)
    assert float(task.loss(Linear(2, 2, 1).rollout(params, trials), trials)) < 1e-28  # rounding, squared


@pytest.mark.parametrize("weights", ["final", "mean", "sum"])
def test_weights_of_the_steps(weights):
    task = WhiteNoise(output=2, steps=6, batch=3, weights=weights)
    trials = task.trials(KEY)
    error = np.random.default_rng(0).normal(size=trials.targets.shape)
    per_step = 0.5 * (error**2).sum(-1).mean(0)
    expected = {"final": per_step[-1], "mean": per_step.mean(), "sum": per_step.sum()}[weights]
    assert float(task.loss(trials.targets + error, trials)) == pytest.approx(expected, rel=1e-13)  # rounding


def test_one_hot_trials_give_the_expectation_over_white_inputs():
    one_hot = WhiteNoise(teacher=TEACHER, steps=8, inputs="one_hot")
    white = replace(one_hot, inputs="white", batch=2000)
    network = Linear(3, 2, 1, sigma0=0.4)
    params = network.init(KEY)

    @jax.jit
    def losses(params):
        return [
            task.loss(network.rollout(params, trials), trials)
            for task in (one_hot, white)
            for trials in [task.trials(KEY)]
        ]

    exact, sampled = map(float, losses(params))
    assert one_hot.batch == 16 and one_hot.trials(KEY).inputs.sum() == 16
    # 2000 trials whose losses have a relative standard deviation of about 1: 4 standard errors.
    assert sampled == pytest.approx(exact, rel=0.09)
    np.testing.assert_array_equal(one_hot.trial(KEY).inputs[0], [1, 0])


def test_a_drawn_teacher_has_the_radius_and_scales_asked_for():
    task = WhiteNoise(hidden=300, input=5, output=4, radius=0.9, input_scale=0.5, seed=3)
    W, b, c = map(np.asarray, task.system())
    assert np.abs(np.linalg.eigvals(W)).max() == pytest.approx(0.9, rel=1e-10)  # rounding of eigenvalues
    # 1200 and 1500 draws: standard deviations are known to 2 %.
    assert b.std() == pytest.approx(0.5, rel=0.1) and c.std() * np.sqrt(300) == pytest.approx(1, rel=0.1)
    assert not np.array_equal(W, WhiteNoise(hidden=300, radius=0.9, seed=4).system()[0])


def test_an_aligned_teacher_is_made_of_its_modes():
    task = DataAligned((1.0, 0.5), (0.7, -0.2), (0.6, -0.3), input=3, output=4, seed=5)
    (W, b, c), (U, V) = map(np.asarray, task.system()), map(np.asarray, task.axes())
    for axes in (U, V):
        np.testing.assert_allclose(axes @ axes.T, np.eye(len(axes)), atol=1e-14)  # rounding
    for k in range(4):
        response = U.T @ c @ np.linalg.matrix_power(W, k) @ b @ V
        expected = np.zeros((4, 3))
        expected[[0, 1], [0, 1]] = [0.7 * 0.6**k, -0.1 * (-0.3) ** k]
        np.testing.assert_allclose(response, expected, atol=1e-14)  # rounding
    np.testing.assert_array_equal(DataAligned(bases="axes").axes()[0], np.eye(4))


@pytest.mark.parametrize("name", ["white_noise", "data_aligned"])
def test_settings_survive_json_and_replacement(name):
    task = TASKS[name](steps=5, inputs="one_hot")
    tables = {"task": TASKS}
    assert from_json(to_json(task, tables), tables) == task
    assert replace(task, steps=7).batch == 7 * task.input


def test_a_new_radius_compiles_nothing():
    traces = []

    @jax.jit
    def targets(task):
        traces.append(task)
        return task.trials(KEY).targets

    for radius in (0.5, 0.6):
        task = WhiteNoise(radius=radius)
        got = targets(jax.tree.map(jnp.asarray, task))
        np.testing.assert_allclose(got, task.trials(KEY).targets, atol=1e-13)  # rounding
    assert len(traces) == 1


@pytest.mark.parametrize(
    "build, sentence",
    [
        (lambda: WhiteNoise(radius=1.0), "the teacher is unstable: radius=1.0"),
        (lambda: WhiteNoise(teacher=(4 * TEACHER[0], *TEACHER[1:])), "the teacher is unstable: spectral"),
        (lambda: WhiteNoise(teacher=(TEACHER[0][:1], *TEACHER[1:])), r"a teacher is W \[hidden, hidden\]"),
        (lambda: WhiteNoise(teacher=TEACHER, input=3), "the teacher has 2 inputs and 1 outputs"),
        (lambda: WhiteNoise(input=0), "input=0"),
        (lambda: WhiteNoise(inputs="pink"), "inputs 'pink' is unknown"),
        (lambda: WhiteNoise(weights="last"), "weights 'last' is unknown"),
        (lambda: WhiteNoise(batch=0), "batch=0"),
        (lambda: WhiteNoise(inputs="one_hot", batch=5), "batch=5 does not fit: there are 75"),
        (
            lambda: WhiteNoise(inputs="one_hot").trials(KEY, 3),
            "there are 75 one-hot trials; 3 were asked for",
        ),
        (lambda: DataAligned((), (), ()), "a teacher needs a mode at least"),
        (lambda: DataAligned((1.0,), (1.0, 0.5), (0.5,)), r"as many a_star as b_star.*\[1, 2, 1\]"),
        (lambda: DataAligned((1.0,), (1.0,), (-1.0,)), "the teacher is unstable: w_star=-1.0"),
        (lambda: DataAligned(input=3), "4 modes need as many inputs"),
        (lambda: DataAligned(bases="turned"), "bases 'turned' is unknown"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()
