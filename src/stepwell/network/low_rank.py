r"""Rate networks with recurrent weights of low rank, and their exact reduction to a few latent variables."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractUnitNetwork, Params, initial_state, unroll
from stepwell.network.torch_seeds import torch_normals
from stepwell.settings import setting
from stepwell.task.base import Trials


class LowRank(AbstractUnitNetwork):
    r"""$h_{t+1}=\ell h_t+(1-\ell)\tanh(Wh_t+b\,x_t)$ with $W=mn^\top$ (plus a frozen bulk), one output in (0, 1).

    The output of a tied network is $\sigma(\gamma(\kappa_{t+1,1}-\theta))$ with the latent variables $\kappa=n^\top h$;
    otherwise it is $\sigma(c\,h_{t+1}+c_0)$ with a readout of its own.

    Parameters: `m`, `n` [hidden, rank]; `b` [hidden, input], 0 at the start; if not tied `c` [1, hidden] and `c0` [1];
    with a bulk `W0` [hidden, hidden], which receives no gradient. A network of full rank (`rank=None`) trains
    `W` [hidden, hidden] in place of `m` and `n`. The start is `sigma0` $/\sqrt N$ times standard normals.

    Attributes:
        hidden, input: numbers of units $N$ and of input channels; there is one output.
        rank: columns of `m` and `n`; None for full rank.
        confidence, threshold: $\gamma$ and $\theta$ of a tied output.
        leak: $\ell$, the share of the state that is kept from step to step, in [0, 1).
        sigma0: initial scale of the trained weights.
        g: strength of the bulk, whose entries have variance $g^2/N$; None for no bulk.
        tied: read the output along the first column of `n`.
        trained_confidence: make $\gamma$ a parameter, `confidence`, that starts at its setting.
        seeding: "jax", or "torch" for the numbers that PyTorch draws on the CPU from the same integer seed.

    Raises:
        ValueError: for sizes or numbers out of range, or settings that exclude each other.

    Source: ghost2025, Eqs. (3)-(5) and (16)-(19); initial values and their order from the authors' code.
    """

    hidden: int = setting(100)
    rank: int | None = setting(1)
    confidence: float = 10.0
    threshold: float = 1.0
    leak: float = 0.5
    sigma0: float = 1.0
    g: float | None = None
    input: int = setting(1)
    tied: bool = setting(True)
    trained_confidence: bool = setting(False)
    seeding: str = setting("jax")
    output: int = setting(1, init=False)

    def __check_init__(self) -> None:
        if self.hidden < 1 or self.input < 1:
            raise ValueError(
                f"a network needs a unit and an input; got hidden={self.hidden}, input={self.input}."
            )
        if self.rank is not None and not 1 <= self.rank <= self.hidden:
            raise ValueError(
                f"rank={self.rank} does not fit {self.hidden} units; choose 1 to {self.hidden}, or None for full rank."
            )
        if self.tied and self.rank is None:
            raise ValueError("a network of full rank has no n to read along; set tied=False.")
        if self.trained_confidence and not self.tied:
            raise ValueError(
                "confidence belongs to a tied output; set tied=True, or trained_confidence=False."
            )
        if self.seeding not in ("jax", "torch"):
            raise ValueError(f"seeding='{self.seeding}' is unknown; choose 'jax' or 'torch'.")
        if self.seeding == "torch" and self.hidden < 16:
            raise ValueError(f"seeding='torch' needs at least 16 units, got hidden={self.hidden}; use 'jax'.")
        self._check_numbers()

    def _check_numbers(self) -> None:
        numbers = {name: getattr(self, name) for name in ("confidence", "threshold", "leak", "sigma0", "g")}
        for name, value in numbers.items():
            if isinstance(value, (int, float)) and not np.isfinite(value):
                raise ValueError(f"{name}={value} is no setting; it must be a finite number.")
        if isinstance(self.confidence, (int, float)) and not self.confidence > 0:
            raise ValueError(f"confidence={self.confidence} is out of range; it must be above 0.")
        if isinstance(self.leak, (int, float)) and not 0 <= self.leak < 1:
            raise ValueError(
                f"leak={self.leak} is out of range; it is the share of the state kept, in [0, 1)."
            )
        for name in ("sigma0", "g"):
            if isinstance(numbers[name], (int, float)) and numbers[name] < 0:
                raise ValueError(f"{name}={numbers[name]} is no scale; it must be 0 or above.")

    def init(self, key: PRNGKeyArray) -> Params:
        """Normals of standard deviation `sigma0` $/\\sqrt N$, in the published order; `b` is 0."""
        key_trained, key_bulk = (key, jax.random.fold_in(key, 1))
        params = {"b": jnp.zeros((self.hidden, self.input))}
        for name, normals in self._normals(key_trained).items():
            value = self.sigma0 * (normals / np.sqrt(self.hidden).astype(normals.dtype)).astype(float)
            params[name.removesuffix("T")] = value.T if name.endswith("T") else value
        if self.trained_confidence:
            params["confidence"] = jnp.asarray(self.confidence, float)
        if self.g is not None:
            bulk = jax.random.normal(key_bulk, (self.hidden, self.hidden))
            params["W0"] = self.g / np.sqrt(self.hidden) * bulk
        return params

    def drive(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """$W h + b\\,x$."""
        recurrent = h @ params["W"].T if self.rank is None else (h @ params["n"]) @ params["m"].T
        if "W0" in params:
            recurrent = recurrent + h @ jax.lax.stop_gradient(params["W0"]).T
        return recurrent + x @ params["b"].T

    def respond(self, h: Float[Array, " hidden"], a: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        """$\\ell h+(1-\\ell)\\tanh a$."""
        return self.leak * h + (1 - self.leak) * jnp.tanh(a)

    def rates(self, h: Float[Array, " hidden"]) -> Float[Array, " hidden"]:
        """The state itself, which holds firing rates."""
        return h

    def self_weights(self, params: Params) -> Float[Array, " hidden"]:
        """The diagonal of $W$."""
        return jnp.diagonal(self.weights(params))

    def readout(self, params: Params, h: Float[Array, " hidden"]) -> Float[Array, " output"]:
        """$\\sigma(\\gamma(n_1\\cdot h-\\theta))$ if tied, else $\\sigma(c\\,h+c_0)$."""
        return self._respond_output(params, params["n"][:, 0] @ h if self.tied else params["c"][0] @ h)[None]

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        r"""The outputs of a batch, through the latent variables: the same function of the parameters as the unrolled net.

        $\kappa_{t+1}=\ell\kappa_t+(1-\ell)\,n^\top\tanh(m\kappa_t+b\,x_t)$ from $\kappa_0=n^\top h_0$, and in the same way
        $c\,h_t$. With a bulk or at full rank nothing closes, and the scan runs over $h$.
        """
        if self.rank is None or "W0" in params:
            return unroll(self, params, trials)
        m, b, rank = params["m"], params["b"], self.rank
        onto = params["n"].T if self.tied else jnp.concatenate([params["n"].T, params["c"]])
        start = onto @ initial_state(self, trials, params)

        def one(inputs: Float[Array, "step input"]) -> Float[Array, "step latent"]:
            def advance(latent: Array, x: Array) -> tuple[Array, Array]:
                latent = self.leak * latent + (1 - self.leak) * (onto @ jnp.tanh(m @ latent[:rank] + b @ x))
                return latent, latent

            return jax.lax.scan(advance, start, inputs)[1]

        latent = jax.vmap(one)(trials.inputs)
        return self._respond_output(params, latent[..., :1] if self.tied else latent[..., -1:])

    def weights(self, params: Params) -> Float[Array, "hidden hidden"]:
        """$W$, with the bulk."""
        trained = params["W"] if self.rank is None else params["m"] @ params["n"].T
        return trained + params["W0"] if "W0" in params else trained

    def derivative_bounds(self, params: Params) -> tuple[float, float]:
        r"""Bounds on the second and the third derivative of $-h+\tanh(Wh+b)$: $\tfrac4{3\sqrt3}\|W\|^2$, $2\|W\|^3$."""
        norm = float(np.linalg.norm(np.asarray(self.weights(params)), 2))
        return 4 / (3 * np.sqrt(3)) * norm**2, 2 * norm**3

    def _respond_output(self, params: Params, drive: Float[Array, "..."]) -> Float[Array, "..."]:
        if not self.tied:
            return jax.nn.sigmoid(drive + params["c0"][0])
        return jax.nn.sigmoid(params.get("confidence", self.confidence) * (drive - self.threshold))

    def _normals(self, key: PRNGKeyArray) -> dict[str, Float[Array, "..."]]:
        """Standard normals by the name of their parameter, with a T where the transpose is drawn; the order counts."""
        hidden, rank = self.hidden, self.rank
        shapes: dict[str, tuple[int, ...]] = {"WT": (hidden, hidden)}
        if rank is not None:
            latent = (hidden, rank)
            shapes = {"m": latent, "n": latent} if self.tied else {"n": latent, "mT": (rank, hidden)}
        if not self.tied:
            shapes = {**shapes, "c": (1, hidden), "c0": (1,)}
        if self.seeding == "jax":
            keys = jax.random.split(key, len(shapes))
            return {name: jax.random.normal(k, shape) for k, (name, shape) in zip(keys, shapes.items())}
        kinds = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes.values()]
        # A callback, since sizes are asked for by abstract evaluation, in which the key has no value.
        draws = jax.pure_callback(
            lambda words: torch_normals(int(words[-1]), list(shapes.values())),
            kinds,
            jax.random.key_data(key),
        )
        return dict(zip(shapes, draws))
