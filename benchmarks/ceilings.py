"""What the machine can do at best: the products of a workload alone, one large product, one large copy."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import Variant, alternate


def product_floor(units: int = 256, trials: int = 32, products: int = 300) -> Callable[[], Any]:
    """C: as many products as an update needs, each fed by the one before, so that none can be left out."""
    draw = np.random.default_rng(0)
    W = jnp.asarray(draw.standard_normal((units, units)) / np.sqrt(units), jnp.float32)
    h = jnp.asarray(draw.standard_normal((trials, units)), jnp.float32)
    chain = jax.jit(lambda h, W: jax.lax.fori_loop(0, products, lambda _, h: h @ W, h))
    return lambda: chain(h, W).block_until_ready()


def ceilings(rounds: int = 5) -> dict[str, float]:
    """Billions of operations per second in a large product, and of bytes in a large copy, on one core."""
    draw, size, found = np.random.default_rng(0), 1024, {}
    product = jax.jit(jnp.matmul)
    variants = []
    for dtype in ("float32", "float64"):
        a = jnp.asarray(draw.standard_normal((size, size)), dtype)
        variants.append(Variant(dtype, lambda a=a: product(a, a).block_until_ready(), 2 * size**3))
    source, target = np.ones(2**25), np.empty(2**25)
    variants.append(Variant("copy", lambda: np.copyto(target, source), 2 * source.nbytes))
    for name, timing in alternate(variants, rounds).items():
        found[f"GB/s {name}" if name == "copy" else f"GF/s product {name}"] = 1e-9 / min(timing.cpu)
    return found
