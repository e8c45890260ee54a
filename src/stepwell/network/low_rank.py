r"""Rate networks with recurrent weights of low rank, and their exact reduction to a few latent variables."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.network.base import AbstractUnitNetwork, Params, apart, each_trial, initial_state, unroll
from stepwell.network.torch_seeds import torch_normals
from stepwell.settings import number, setting
from stepwell.trials import Trials

RANGES = {
    "confidence": (lambda value: value > 0, "a finite number above 0"),
    "threshold": (lambda value: True, "a finite number"),
    "leak": (lambda value: 0 <= value < 1, "in [0, 1), the share of the state that is kept"),
    "sigma0": (lambda value: value >= 0, "a finite number, 0 or above"),
    "g": (lambda value: value >= 0, "a finite number, 0 or above, or None for no bulk"),
}


class LowRank(AbstractUnitNetwork):
    r"""$h_{t+1}=\ell h_t+(1-\ell)\tanh(Wh_t+b\,x_t)$ with $W=mn^\top$, and one output in (0, 1).

    A tied output is $\sigma(\gamma(\kappa_{t+1,1}-\theta))$ with the latent variables $\kappa=n^\top h$; any
    other is $\sigma(c\,h_{t+1}+c_0)$.

    Parameters: `m`, `n` [hidden, rank]; `b` [hidden, input]; if not tied `c` [1, hidden] and `c0` [1]. At
    full rank `W` [hidden, hidden] is trained in place of `m` and `n`. With a bulk, `W0` [hidden, hidden] is
    added to $W$ and receives no gradient. At the start `b` is 0, and the others are `sigma0` $/\sqrt N$ times
    standard normals.

    Attributes:
        hidden, input: numbers of units $N$ and of input channels.
        rank: columns of `m` and `n`; None for full rank.
        confidence, threshold: $\gamma$ and $\theta$ of a tied output.
        leak: $\ell$, the share of the state that is kept from step to step, in [0, 1).
        sigma0: initial scale of the trained weights.
        g: strength of the bulk, whose entries have variance $g^2/N$; None for no bulk.
        tied: read the output along the first column of `n`.
        trained_confidence: make $\gamma$ a parameter, `confidence` [], that starts at its setting.
        seeding: "jax", or "torch" for the numbers that PyTorch draws on the CPU from the same integer seed.

    Raises:
        ValueError: for sizes or numbers out of range, or settings that exclude each other.

    Source: ghost2025, Eqs. (3)-(5) and (16)-(19); initial values and their order from the authors' code.
    """

    hidden: int = setting(100)
    rank: int | None = setting(1)
    confidence: float = number(10.0)
    threshold: float = number(1.0)
    leak: float = number(0.5)
    sigma0: float = number(1.0)
    g: float | None = number(None)
    input: int = setting(1)
    tied: bool = setting(True)
    trained_confidence: bool = setting(False)
    seeding: str = setting("jax")
    output: int = setting(1, init=False)

    def __check_init__(self) -> None:
        if min(self.hidden, self.input) < 1:
            raise ValueError(
                f"a network needs units and inputs; got hidden={self.hidden}, input={self.input}."
            )
        if self.rank is not None and not 1 <= self.rank <= self.hidden:
            raise ValueError(
                f"rank={self.rank} does not fit {self.hidden} units; choose 1 to {self.hidden}, or None."
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
            raise ValueError(f"seeding='torch' needs 16 units or more, got hidden={self.hidden}; use 'jax'.")
        for name, (inside, words) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, float) and not (np.isfinite(value) and inside(value)):
                raise ValueError(f"{name}={value} is out of range; it must be {words}.")

    def init(self, key: PRNGKeyArray) -> Params:
        """Normals of standard deviation `sigma0` $/\\sqrt N$, in the published order; `b` is 0."""
        params = {"b": jnp.zeros((self.hidden, self.input))}
        for name, normals in self._normals(key).items():
            # The published weights are divided in their own precision.
            weights = self.sigma0 * (normals / np.sqrt(self.hidden).astype(normals.dtype)).astype(float)
            params[name.removesuffix("T")] = weights.T if name.endswith("T") else weights
        if self.trained_confidence:
            params["confidence"] = jnp.asarray(self.confidence, float)
        if self.g is not None:
            bulk = jax.random.normal(apart(key), (self.hidden, self.hidden))
            params["W0"] = self.g / np.sqrt(self.hidden) * bulk
        return params

    def drive(
        self, params: Params, h: Float[Array, " hidden"], x: Float[Array, " input"]
    ) -> Float[Array, " hidden"]:
        """$W h + b\\,x$."""
        recurrent = params["W"] @ h if self.rank is None else params["m"] @ (params["n"].T @ h)
        if "W0" in params:
            recurrent = recurrent + jax.lax.stop_gradient(params["W0"]) @ h
        return recurrent + params["b"] @ x

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
        return self._switch(params, params["n"][:, :1].T @ h if self.tied else params["c"] @ h)

    def rollout(self, params: Params, trials: Trials) -> Float[Array, "trial step output"]:
        r"""The outputs of a batch through the latent variables: the function that `unroll` is.

        $\kappa_{t+1}=\ell\kappa_t+(1-\ell)\,n^\top\tanh(m\kappa_t+b\,x_t)$ from $\kappa_0=n^\top h_0$, and in
        the same way $c\,h_t$. With a bulk, or at full rank, nothing closes and the scan runs over $h$.
        """
        if self.rank is None or "W0" in params:
            return unroll(self, params, trials)
        m, b, rank = params["m"], params["b"], self.rank
        onto = params["n"].T if self.tied else jnp.concatenate([params["n"].T, params["c"]])
        start = onto @ initial_state(self, trials, params)

        def one(inputs: Float[Array, "step input"]) -> Float[Array, "step latent"]:
            def advance(latent: Array, x: Array) -> tuple[Array, Array]:
                rates = jnp.tanh(_product(m, latent[:rank]) + _product(b, x))
                latent = self.leak * latent + (1 - self.leak) * (onto @ rates)
                return latent, latent

            return jax.lax.scan(advance, start, inputs)[1]

        latent = each_trial(one, trials.inputs)
        return self._switch(params, latent[..., :1] if self.tied else latent[..., -1:])

    def weights(self, params: Params) -> Float[Array, "hidden hidden"]:
        """$W$, with the bulk."""
        trained = params["W"] if self.rank is None else params["m"] @ params["n"].T
        return trained + params["W0"] if "W0" in params else trained

    def derivative_bounds(self, params: Params) -> tuple[float, float]:
        r"""Bounds on the second and third derivative: $\tfrac4{3\sqrt3}\|W\|^2$ and $2\|W\|^3$."""
        norm = float(np.linalg.norm(np.asarray(self.weights(params)), 2))
        return 4 / (3 * 3**0.5) * norm**2, 2 * norm**3

    def _switch(self, params: Params, drive: Float[Array, "*some output"]) -> Float[Array, "*some output"]:
        """The output that a drive makes."""
        if not self.tied:
            return jax.nn.sigmoid(drive + params["c0"][0])
        return jax.nn.sigmoid(params.get("confidence", self.confidence) * (drive - self.threshold))

    def _normals(self, key: PRNGKeyArray) -> dict[str, Float[Array, "..."]]:
        """Standard normals in the order of their draw; a name ends in T where the transpose is drawn."""
        shapes = self._shapes()
        if self.seeding == "jax":
            keys = jax.random.split(key, len(shapes))
            return {name: jax.random.normal(k, shape) for k, (name, shape) in zip(keys, shapes.items())}
        kinds = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes.values()]
        # A callback, since sizes are asked for by abstract evaluation, in which a key has no value.
        draws = jax.pure_callback(
            lambda words: torch_normals(int(words[-1]), list(shapes.values())),
            kinds,
            jax.random.key_data(key),
        )
        return dict(zip(shapes, draws))

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        latent = (self.hidden, self.rank or self.hidden)
        if self.tied:
            return {"m": latent, "n": latent}
        trained = {"WT": latent} if self.rank is None else {"n": latent, "mT": latent[::-1]}
        return {**trained, "c": (1, self.hidden), "c0": (1,)}


def _product(matrix: Array, vector: Array) -> Array:
    """Matrix times vector. A single column is scaled: fused with what follows, it takes half the time."""
    return matrix[:, 0] * vector[0] if matrix.shape[1] == 1 else matrix @ vector
