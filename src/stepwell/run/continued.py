"""Training that goes on from given parameters, with a snapshot at every update."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stepwell.experiment import Experiment
from stepwell.run.block import as_arrays
from stepwell.run.trainer import advance, start
from stepwell.settings import override


def continued(experiment: Experiment, params: Mapping[str, Any], updates: int) -> dict[str, np.ndarray]:
    """Train networks on from parameters that are not those of a seed, for instance from a snapshot.

    Args:
        experiment: what to train by; its own `updates`, and the state of its optimiser and rule, begin anew.
        params: by name, [network, ...].
        updates: how many.

    Returns:
        `loss`, `gradient_norm` [network, update], and the parameters and the rule's state by name
        [network, update, ...], each with `updates` + 1 entries, the given parameters first.
    """
    experiment = override(experiment, "recording.every", 1, {})
    count = len(next(iter(params.values())))
    with jax.enable_x64(experiment.dtype == "float64"):
        one, same = start(experiment, [0]), np.zeros(count, int)
        carry = jax.tree.map(lambda leaf: leaf[same], one._replace(update=None))
        given = {name: jnp.asarray(params[name], experiment.dtype) for name in carry.params}
        carry = carry._replace(params=given, update=one.update)
        room = updates + 1
        _, ((loss, norm), shots) = advance(as_arrays(experiment, experiment.dtype), carry, room, room, room)
        found = {"loss": loss, "gradient_norm": norm, **shots["params"], **shots["rule"]}
        return {name: np.moveaxis(np.asarray(values), 0, 1) for name, values in found.items()}
