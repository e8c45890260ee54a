"""The outputs of a rate network and their hand-written reverse pass, the fastest form on a CPU."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Nonlinearity and its slope, the latter as a function of the rate: the reverse pass then needs no state, only
# rates.
PHI: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (jnp.tanh, lambda r: 1 - r * r),
    "relu": (jax.nn.relu, lambda r: (r > 0).astype(r.dtype)),
    "identity": (lambda h: h, jnp.ones_like),
}


@partial(jax.custom_vjp, nondiff_argnums=(6, 7))
def outputs(
    W: Float[Array, "hidden hidden"],
    b: Float[Array, "hidden input"],
    c: Float[Array, "output hidden"],
    inputs: Float[Array, "step trial input"],
    h0: Float[Array, "trial hidden"],
    leak: Float[Array, ""],
    form: str,
    phi: str,
) -> Float[Array, "step trial output"]:
    r"""The outputs $y_t=c\,s_{t+1}$ of a rate network, all trials at once, time first.

    Forward, with $s$ what synapses and readout see of the state and $\Delta=1-$`leak`:
    $a_t=W s_t+b\,x_t$; in the current form $h_{t+1}=\ell h_t+\Delta a_t$, $s=\phi(h)$; in the rate form
    $h_{t+1}=\ell h_t+\Delta\phi(a_t)$, $s=h$.

    Reverse, with $e_t$ the cotangent of $y_t$, $\lambda_t$ that of $h_t$ and $\delta_t$ that of $a_t$:
    $\lambda_{t+1}=\ell\lambda_{t+2}+(c^\top e_t+W^\top\delta_{t+1})\circ s'$ and
    $\delta_t=\Delta\lambda_{t+1}\circ r'$, where $s'=\phi'(h_{t+1})$, $r'=1$ in the current form and $s'=1$,
    $r'=\phi'(a_t)$ in the rate form. Then $\partial W=\sum\delta_t s_t^\top$ is one product over steps and
    trials, and likewise for $b$ and $c$.

    Reverse mode only, once or repeatedly, and forward mode over it; forward mode alone has no rule here.
    """
    return _forward(W, b, c, inputs, h0, leak, form, phi)[0]


def _forward(W: Array, b: Array, c: Array, inputs: Array, h0: Array, leak: Array, form: str, phi: str) -> Any:
    """Outputs, and the path: per step the new state, what is seen of it, and the unit's response.

    What nobody asks for later costs nothing: the compiler drops it from the loop.
    """
    rate = PHI[phi][0]
    gain = 1 - leak if form == "current" else 1
    W, b = gain * W.T, gain * b.T

    def advance(carry: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Any]:
        h, s = carry
        a = s @ W + _few(x, b)
        response = a if form == "current" else rate(a)
        h = leak * h + (response if form == "current" else (1 - leak) * response)
        s = rate(h) if form == "current" else h
        return (h, s), (s @ c.T, (h, s, response))

    return jax.lax.scan(advance, (h0, rate(h0) if form == "current" else h0), inputs)[1]


def _outputs_and_path(
    W: Array, b: Array, c: Array, inputs: Array, h0: Array, leak: Array, form: str, phi: str
) -> Any:
    # Since the path is kept, one product over all steps reads it out faster than one product per step.
    _, path = _forward(W, b, c, inputs, h0, leak, form, phi)
    return path[1] @ c.T, (W, b, c, inputs, h0, leak, path)


def _cotangents(form: str, phi: str, residuals: Any, e: Array) -> tuple[Array, ...]:
    W, b, c, inputs, h0, leak, (h, s, response) = residuals
    rate, slope = PHI[phi]
    current = form == "current"

    def retreat(carry: tuple[Array, Array], at: Any) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        adjoint, delta = carry
        e, s, response = at
        seen = delta @ W + _few(e, c)
        adjoint = leak * adjoint + (seen * slope(s) if current else seen)
        before = (1 - leak) * adjoint * (1 if current else slope(response))
        return (adjoint, before), (adjoint, delta)

    zero = jnp.zeros_like(h0)
    (first, delta0), (adjoint, delta) = jax.lax.scan(retreat, (zero, zero), (e, s, response), reverse=True)
    s0 = rate(h0) if current else h0
    dh0 = leak * first + delta0 @ W * (slope(s0) if current else 1)
    # Entry t of `delta` is that of step t + 1, aligned with the state seen there: nothing large is shifted.
    dW = _sum_of_outer(delta, s) + delta0.T @ s0
    later = jnp.concatenate([inputs[1:], jnp.zeros_like(inputs[:1])])
    db = _sum_of_outer(later, delta).T + delta0.T @ inputs[0]
    dx = jnp.concatenate([(delta0 @ b)[None], (delta @ b)[:-1]])
    dleak = jnp.sum(adjoint * (jnp.concatenate([h0[None], h[:-1]]) - h)) / (1 - leak)
    return dW, db, _sum_of_outer(e, s), dx, dh0, dleak


outputs.defvjp(_outputs_and_path, _cotangents)


def _few(x: Array, M: Array) -> Array:
    """`x @ M`; for few channels a sum of outer products, which XLA fuses into the elementwise work."""
    if x.shape[-1] > 4:
        return x @ M
    return sum((x[..., i, None] * M[None, i] for i in range(1, x.shape[-1])), x[..., 0, None] * M[None, 0])


def _sum_of_outer(left: Array, right: Array) -> Array:
    """The sum over steps and trials of left times right, one product [i, step * trial] x [step * trial, j].

    The barriers keep XLA from folding transpositions into the product, which costs up to ten times as much on
    a CPU.
    """
    transposed = jax.lax.optimization_barrier(left.reshape(-1, left.shape[-1]).T)
    return jax.lax.optimization_barrier(transposed @ right.reshape(-1, right.shape[-1]))
