"""What one would write instead: a PyTorch loop, the same over many networks at once, a jitted JAX update."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import workloads
from benchmarks.workloads import Batch, Start

Losses = list[float]
Loop = Callable[[int], Losses]
"""Updates -> the losses before each of them."""


def torch_loop(start: Start, loss: Callable[[Any], Any], optimiser: str, rate: float, dtype: str) -> Loop:
    """Parameters, a loss, `backward`, an optimiser, and the loss read at every update."""
    import torch

    def loop(updates: int) -> Losses:
        kind = getattr(torch, dtype)
        params = {name: torch.tensor(value, dtype=kind, requires_grad=True) for name, value in start.items()}
        steps = getattr(torch.optim, optimiser)(params.values(), lr=rate)
        losses = []
        for _ in range(updates):
            steps.zero_grad()
            value = loss(params)
            value.sum().backward()
            steps.step()
            losses.append(value.flatten()[0].item())
        return losses

    return loop


def torch_linear(steps: int) -> Callable[[Any], Any]:
    """A: the network's answer to an impulse, step by step."""
    import torch

    x = torch.zeros(steps, dtype=torch.float64)
    x[0] = 1.0
    target = torch.tensor(workloads.impulse_response(steps))

    def loss(params: Any) -> Any:
        W, b, c = params["W"], params["b"][:, 0], params["c"][0]
        h, outputs = torch.zeros(len(b), dtype=torch.float64), []
        for t in range(steps):
            h = W @ h + b * x[t]
            outputs.append(c @ h)
        return 0.5 * ((torch.stack(outputs) - target) ** 2).sum()

    return loss


def torch_linear_together(steps: int) -> Callable[[Any], Any]:
    """A: the same for many networks, [network, ...], by batched products."""
    import torch

    target = torch.tensor(workloads.impulse_response(steps))

    def loss(params: Any) -> Any:
        h, outputs = params["b"], []
        for _ in range(steps):
            outputs.append(torch.bmm(params["c"], h)[:, 0, 0])
            h = torch.bmm(params["W"], h)
        return 0.5 * ((torch.stack(outputs, 1) - target) ** 2).sum(1)

    return loss


def torch_low_rank() -> Callable[[Any], Any]:
    """B: W is formed once per update, and the state has all units."""
    import torch

    target = torch.tensor([0.0] * 20 + [1.0] * 20)

    def loss(params: Any) -> Any:
        W = params["m"] @ params["n"].T
        h, outputs = torch.full((100,), -0.3), []
        for _ in range(40):
            h = 0.5 * h + 0.5 * torch.tanh(W @ h + params["b"][:, 0])
            outputs.append(torch.sigmoid(10.0 * (params["n"][:, 0] @ h - 1.0)))
        return ((torch.stack(outputs) - target) ** 2).sum() / 20

    return loss


def torch_low_rank_together() -> Callable[[Any], Any]:
    """B: many networks of rank one, [network, ...], in their latent variable."""
    import torch

    target = torch.tensor([0.0] * 20 + [1.0] * 20)

    def loss(params: Any) -> Any:
        m, n, b = (params[name][:, :, 0] for name in ("m", "n", "b"))
        latent, outputs = -0.3 * n.sum(1), []
        for _ in range(40):
            latent = 0.5 * latent + 0.5 * (n * torch.tanh(m * latent[:, None] + b)).sum(1)
            outputs.append(torch.sigmoid(10.0 * (latent - 1.0)))
        return ((torch.stack(outputs, 1) - target) ** 2).sum(1) / 20

    return loss


def torch_rate(batch: Batch) -> Callable[[Any], Any]:
    """C: batch-major states, the rates of which drive and are read."""
    import torch

    x, target, mask = (torch.tensor(array, dtype=torch.float32) for array in batch)

    def loss(params: Any) -> Any:
        W, b, c = params["W"], params["b"], params["c"]
        h = torch.zeros(len(x), len(W))
        r, outputs = torch.tanh(h), []
        for t in range(x.shape[1]):
            h = 0.5 * h + 0.5 * (r @ W.T + x[:, t] @ b.T)
            r = torch.tanh(h)
            outputs.append(r @ c.T)
        return 0.5 * (mask * (torch.stack(outputs, 1) - target) ** 2).sum() / mask.sum()

    return loss


def jax_loop(start: Start, loss: Callable[[Any], Any], optimiser: Any, dtype: str) -> Loop:
    """One jitted update in a Python loop, and the loss read at every update."""

    @jax.jit
    def update(params: Any, state: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(params)
        changes, state = optimiser.update(gradient, state)
        return optax.apply_updates(params, changes), state, value

    def loop(updates: int) -> Losses:
        params: Any = {name: jnp.asarray(value, dtype) for name, value in start.items()}
        state, losses = optimiser.init(params), []
        for _ in range(updates):
            params, state, value = update(params, state)
            losses.append(float(value))
        return losses

    return loop


def jax_linear(steps: int) -> Callable[[Any], Any]:
    """A: by a scan over steps."""
    target = np.asarray(workloads.impulse_response(steps))

    def loss(params: Any) -> Any:
        def advance(h: Any, _: Any) -> Any:
            return params["W"] @ h, params["c"][0] @ h

        _, outputs = jax.lax.scan(advance, params["b"][:, 0], None, len(target))
        return 0.5 * jnp.sum((outputs - target) ** 2)

    return loss


def jax_low_rank() -> Callable[[Any], Any]:
    """B: by a scan over steps, in the states of all units."""
    target = jnp.asarray([0.0] * 20 + [1.0] * 20, jnp.float32)

    def loss(params: Any) -> Any:
        W = params["m"] @ params["n"].T

        def advance(h: Any, _: Any) -> Any:
            h = 0.5 * h + 0.5 * jnp.tanh(W @ h + params["b"][:, 0])
            return h, jax.nn.sigmoid(10.0 * (params["n"][:, 0] @ h - 1.0))

        _, outputs = jax.lax.scan(advance, jnp.full(100, -0.3, jnp.float32), None, 40)
        return jnp.sum((outputs - target) ** 2) / 20

    return loss


def jax_rate(batch: Batch) -> Callable[[Any], Any]:
    """C: by a scan over steps, batch-major."""
    x, target, mask = (jnp.swapaxes(jnp.asarray(array, jnp.float32), 0, 1) for array in batch)

    def loss(params: Any) -> Any:
        W, b, c = params["W"], params["b"], params["c"]

        def advance(h: Any, x: Any) -> Any:
            h = 0.5 * h + 0.5 * (jnp.tanh(h) @ W.T + x @ b.T)
            return h, jnp.tanh(h) @ c.T

        _, outputs = jax.lax.scan(advance, jnp.zeros((x.shape[1], len(W)), jnp.float32), x)
        return 0.5 * jnp.sum(mask * (outputs - target) ** 2) / jnp.sum(mask)

    return loss


def numpy_traces(start: Start, batch: Batch, feedback: np.ndarray) -> Callable[[], np.ndarray]:
    """RFLO on C as the recursion that defines it: a trace per weight and trial, carried forward in NumPy."""
    W, b, c = (np.asarray(start[name], np.float32) for name in ("W", "b", "c"))
    x, wanted, mask = (np.swapaxes(values, 0, 1).astype(np.float32) for values in batch)

    def gradient() -> np.ndarray:
        h = np.zeros((x.shape[1], len(W)), np.float32)
        traces, total = np.zeros((*h.shape, len(W)), np.float32), np.zeros_like(W)
        for t in range(len(x)):
            rates = np.tanh(h)
            traces = 0.5 * traces + 0.5 * rates[:, None]
            h = 0.5 * h + 0.5 * (rates @ W.T + x[t] @ b.T)
            shown = np.tanh(h)
            error = mask[t] * (shown @ c.T - wanted[t]) / mask.sum()
            total += np.einsum("bi,bij->ij", error @ feedback.T * (1 - shown**2), traces)
        return total

    return gradient


def torch_rests(W: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Where descent on half the squared speed of $-h+W\\tanh h$ comes to rest, all starts in one batch."""
    import torch

    weights, h = torch.tensor(W), torch.tensor(starts, requires_grad=True)
    adam = torch.optim.Adam([h], lr=0.01)

    def speeds() -> Any:
        return 0.5 * ((torch.tanh(h) @ weights.T - h) ** 2).sum(1)

    for _ in range(5000):
        speed = speeds()
        if (speed < 1e-12).all():
            break
        adam.zero_grad()
        speed.sum().backward()
        adam.step()
    return h.detach().numpy()[(speeds() < 1e-12).numpy()]


def distinct(states: Iterable[np.ndarray], near: float = 1e-2) -> list[np.ndarray]:
    """States that lie farther than `near`, per root of their units, from all before them."""
    points: list[np.ndarray] = []
    for state in states:
        if all(np.linalg.norm(state - other) > near * np.sqrt(len(state)) for other in points):
            points.append(state)
    return points
