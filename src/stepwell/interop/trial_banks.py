"""Tasks from programs that draw trials: a bank of trials is drawn ahead, with a stated seed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stepwell.task import Arrays

Generator = Callable[[np.random.Generator], Any]


def task_from_generator(generate: Generator, trials: int, seed: int = 0, **settings: Any) -> Arrays:
    """A task whose bank of trials a function draws ahead.

    Args:
        generate: takes a `numpy.random.Generator` and gives one trial: inputs [step, input] and targets
            [step, output], and perhaps a mask [step, output]. Shorter trials are masked up to the longest.
        trials: size of the bank.
        seed: of the generator.
        settings: further ones of `TASKS["arrays"]`, such as `batch`.

    Raises:
        ValueError: for no trials, or trials whose sizes do not fit.

    Example:
        >>> def echo(draw):
        ...     x = draw.standard_normal((5, 1))
        ...     return x, np.roll(x, 1)
        >>> task_from_generator(echo, trials=10, seed=1, batch=4).steps
        5
    """
    if trials < 1:
        raise ValueError(f"trials={trials} is no bank; draw at least one.")
    draw = np.random.default_rng(seed)
    return _bank([_checked(generate(draw)) for _ in range(trials)], settings)


def task_from_environment(environment: Any, trials: int, seed: int = 0, **settings: Any) -> Arrays:
    """A task from a NeuroGym environment, or any that has `new_trial()`, `ob` and `gt` as these do.

    Inputs are the observations of a trial. Targets that are whole numbers (actions) become one channel per
    action, 1 for the right one and 0 for the others.

    Args:
        environment: has `new_trial()`, after which `ob` [step, input] and `gt` [step] or [step, output] hold
            the trial; `reset(seed=...)` or `seed(...)` if it has one is called first.
        trials: size of the bank. seed: of the environment.
        settings: further ones of `TASKS["arrays"]`.

    Raises:
        TypeError: for an environment without trials.
        ValueError: for trials whose sizes do not fit.
    """
    environment = getattr(environment, "unwrapped", environment)
    if not callable(getattr(environment, "new_trial", None)):
        raise TypeError(
            f"{type(environment).__name__} has no new_trial(); give an environment of NeuroGym, or use "
            "task_from_generator."
        )
    if hasattr(environment, "seed") and callable(environment.seed):
        environment.seed(seed)
    environment.reset(seed=seed)
    drawn = []
    for _ in range(trials):
        environment.new_trial()
        drawn.append((np.array(environment.ob, float), np.array(environment.gt)))
    actions = _actions(environment, [targets for _, targets in drawn])
    return _bank([_checked((inputs, _channels(targets, actions))) for inputs, targets in drawn], settings)


def _actions(environment: Any, targets: list[np.ndarray]) -> int:
    """How many actions there are: as the environment says, or as many as were right once."""
    stated = getattr(getattr(environment, "action_space", None), "n", 0)
    return max(int(stated or 0), 1 + max(int(t.max()) if t.ndim == 1 else 0 for t in targets))


def _channels(targets: np.ndarray, actions: int) -> np.ndarray:
    whole = targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer)
    return np.eye(actions)[targets] if whole else targets.reshape(len(targets), -1).astype(float)


def _checked(trial: Any) -> list[np.ndarray]:
    """Inputs, targets and mask of one trial."""
    arrays = [np.asarray(array, float) for array in trial]
    if len(arrays) == 2:
        arrays.append(np.ones_like(arrays[1]))
    shapes = ", ".join(str(array.shape) for array in arrays)
    if len(arrays) != 3 or any(array.ndim != 2 for array in arrays):
        raise ValueError(
            f"a trial needs inputs, targets and perhaps a mask, each [step, channel]; got {shapes}."
        )
    if len({len(array) for array in arrays}) > 1 or arrays[1].shape != arrays[2].shape:
        raise ValueError(f"inputs, targets and mask of a trial need the same steps; got {shapes}.")
    return arrays


def _bank(trials: list[list[np.ndarray]], settings: dict[str, Any]) -> Arrays:
    """Trials side by side; what follows the end of a shorter one is 0 and not asked for."""
    sizes = {(inputs.shape[1], targets.shape[1]) for inputs, targets, _ in trials}
    if len(sizes) > 1:
        raise ValueError(f"the trials have different numbers of channels: {sorted(sizes)}.")
    longest = max(len(inputs) for inputs, _, _ in trials)
    inputs, targets, mask = (
        np.stack([np.pad(trial[i], ((0, longest - len(trial[i])), (0, 0))) for trial in trials])
        for i in range(3)
    )
    return Arrays(inputs, targets, mask, **settings)
