"""Networks made of two functions: any step and readout, of JAX or of NumPy."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network import AbstractNetwork, Params, unroll
from stepwell.settings import setting
from stepwell.trials import Trials

Function = Callable[..., Any]


class FunctionNetwork(AbstractNetwork):
    """A network whose step and readout are given functions; `network` builds it."""

    given_step: Function = eqx.field(static=True)
    given_readout: Function = eqx.field(static=True)
    hidden: int = setting()
    input: int = setting(1)
    output: int = setting(1)
    start: Any = None

    def init(self, key: PRNGKeyArray) -> Params:
        """The given parameters, or those that the given function draws.

        Raises:
            ValueError: if neither was given.
        """
        if self.start is None:
            raise ValueError(
                "this network does not know its parameters at the start; give network(..., init=...)."
            )
        start: Any = self.start
        if isinstance(start, dict):
            return {name: jnp.asarray(value) for name, value in start.items()}
        return start(key)

    def step(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """The given step."""
        return _called(self.given_step, "step", self.hidden, params, h, x)

    def readout(self, params: Params, h: Float[Array, " hidden"]) -> Float[Array, " output"]:
        """The given readout."""
        return _called(self.given_readout, "readout", self.output, params, h)

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        """The outputs of a batch, by the scan over steps."""
        return unroll(self, params, trials)


def network(
    step: Function,
    readout: Function,
    hidden: int,
    input: int,
    output: int,
    init: Function | Mapping[str, Any] | None = None,
) -> FunctionNetwork:
    r"""A network of two functions, for all rules that need a step alone (bptt, rtrl, tbptt).

    Functions written in NumPy serve what needs no gradient: rollouts, activity, truncated losses.

    Args:
        step: (params, h [hidden], x [input]) to the next state [hidden], for one trial; pure.
        readout: (params, h [hidden]) to the output [output].
        hidden, input, output: length of the state, numbers of channels.
        init: parameters at the start of training by name, or a function of a random key that draws them;
            needed for training alone.

    Raises:
        TypeError: if step, readout or init is of the wrong kind.
        ValueError: for sizes below 1.

    Example:
        >>> def step(params, h, x):
        ...     return jnp.tanh(params["W"] @ h + x)
        >>> own = network(step, lambda params, h: h[:1], hidden=2, input=2, output=1)
        >>> print(own.step({"W": jnp.eye(2)}, jnp.zeros(2), jnp.ones(2)).round(3))
        [0.762 0.762]
    """
    for name, value in (("step", step), ("readout", readout)):
        if not callable(value):
            raise TypeError(f"{name}={value!r} is no function; give one of (params, h, ...).")
    if not (init is None or callable(init) or isinstance(init, Mapping)):
        raise TypeError(f"init={init!r} gives no parameters; it must be a dict or a function of a key.")
    if min(hidden, input, output) < 1:
        raise ValueError(f"sizes must be at least 1; got hidden={hidden}, input={input}, output={output}.")
    start = init if init is None or callable(init) else dict(init)
    sizes: dict[str, Any] = {"hidden": hidden, "input": input, "output": output}
    return FunctionNetwork(given_step=step, given_readout=readout, start=start, **sizes)


def _called(function: Function, what: str, size: int, *given: Any) -> Array:
    """The value of a function on traced arrays; what is written in NumPy is called on the host."""
    try:
        value = jnp.asarray(function(*given))
    except jax.errors.TracerArrayConversionError:
        value = _on_host(function, what, size)(*given)
    if value.shape != (size,):
        raise ValueError(f"the {what} returns shape {value.shape}; this network needs ({size},).")
    return value


def _on_host(function: Function, what: str, size: int) -> Function:
    @jax.custom_jvp
    def called(*given: Any) -> Array:
        like = jax.ShapeDtypeStruct((size,), given[1].dtype)

        def host(*arrays: Any) -> np.ndarray:
            arrays = jax.tree.map(np.asarray, arrays)
            return np.asarray(function(*arrays), like.dtype)

        return jax.pure_callback(host, like, *given, vmap_method="sequential")

    @called.defjvp
    def refused(primals: Any, tangents: Any) -> Any:
        raise TypeError(f"the {what} is written in NumPy and has no gradient; write it with jax.numpy.")

    return called
