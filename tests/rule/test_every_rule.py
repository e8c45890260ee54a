"""Every rule on every network and every task of the tables: two updates, or a sentence that says why not."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stepwell import NETWORKS, RULES, TASKS, Experiment
from stepwell.run import trainer
from stepwell.task import sizes

NEEDED = {
    "impulse": {"poles": (0.5, -0.4), "residues": (0.9, 0.7), "steps": 8},
    "arrays": {"inputs": np.ones((2, 4, 1)), "targets": np.ones((2, 4, 2))},
}
# Machine code that is run twice is not worth polishing.
UNPOLISHED = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
compiled = functools.partial(jax.jit, compiler_options=UNPOLISHED)


@functools.cache
def task_and_batches(name):
    task = TASKS[name](**NEEDED.get(name, {}))
    return task, compiled(jax.vmap(task.trials))(jax.random.split(jax.random.key(0), 2))


def network_for(name, task):
    """A small network with the channels of a task, where it takes them."""
    wanted = {"hidden": 4, "input": sizes(task).input, "output": sizes(task).output}
    taken = inspect.signature(NETWORKS[name]).parameters
    return NETWORKS[name](**{key: value for key, value in wanted.items() if key in taken})


@pytest.mark.parametrize("task_name", TASKS)
@pytest.mark.parametrize("network_name", NETWORKS)
def test_every_rule_trains_every_network_on_every_task_or_says_why_not(network_name, task_name):
    task, batches = task_and_batches(task_name)
    try:
        network = network_for(network_name, task)
        trainer.check(Experiment(task, network))
    except ValueError as refusal:  # the channels do not fit: whatever the rule
        assert "output" in str(refusal)
        return
    able, key = {}, jax.random.key(0)
    for name, kind in RULES.items():
        try:
            able[name] = kind(), kind().init(network, key)
        except TypeError as refusal:
            assert type(network).__name__ in str(refusal) and "; use " in str(refusal)

    @compiled
    def train(params, states):
        def update(carry, trials, rule):
            params, state = carry
            loss, direction, state = rule.gradient(network, task, params, trials, state)
            return (jax.tree.map(lambda p, d: p - 0.01 * d, params, direction), state), loss

        runs = {}
        for name, (rule, _) in able.items():
            (end, _), losses = jax.lax.scan(
                functools.partial(update, rule=rule), (params, states[name]), batches
            )
            runs[name] = end, losses
        return runs

    start = network.init(key)
    runs = train(start, {name: state for name, (_, state) in able.items()})
    assert {"bptt", "rtrl", "tbptt"} <= set(runs)
    for name, (end, losses) in runs.items():
        assert np.isfinite(losses).all(), name
        assert end.keys() == start.keys()
        assert any(jnp.any(end[k] != start[k]) for k in start), name
    # RTRL is BPTT by another way: rounding, over at most some hundred steps.
    np.testing.assert_allclose(runs["rtrl"][1], runs["bptt"][1], rtol=1e-9)
