"""The normal numbers that PyTorch draws on the CPU, without PyTorch."""

from collections.abc import Sequence

import numpy as np

SINGLE = np.float32
BLOCK = 16


def torch_normals(seed: int, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """What `torch.manual_seed(seed)` and one `torch.randn(*shape)` per shape give, float32.

    Both use the 32-bit Mersenne Twister and the transform of Box and Muller; they agree to the rounding of
    logarithm and cosine, about 2e-7.

    Args:
        seed: integer from 0 to 2**32 - 1.
        shapes: shapes of the draws in their order; each of one number, or of at least 16.

    Raises:
        ValueError: for a draw of 2 to 15 numbers, which PyTorch makes in another way.
    """
    words = np.random.RandomState(seed)
    return [_draw(words, int(np.prod(shape))).reshape(shape) for shape in shapes]


def _draw(words: np.random.RandomState, count: int) -> np.ndarray:
    if count == 1:
        return _single(words)
    if count < BLOCK:
        raise ValueError(
            f"seeding='torch' draws arrays of one number or of at least {BLOCK}; {count} were asked for."
        )
    uniforms = _uniforms(words, count)
    whole = count - count % BLOCK
    normals = np.append(_blocks(uniforms[:whole]), uniforms[whole:])
    if whole < count:
        normals[-BLOCK:] = _blocks(_uniforms(words, BLOCK))
    return normals


def _uniforms(words: np.random.RandomState, count: int) -> np.ndarray:
    """The low 24 bits of each word, as fractions."""
    return (_words(words, count) & 0xFFFFFF).astype(SINGLE) * SINGLE(2.0**-24)


def _blocks(uniforms: np.ndarray) -> np.ndarray:
    """Sixteen uniforms to sixteen normals: the first eight give radii, the others angles."""
    first, second = np.moveaxis(uniforms.reshape(-1, 2, BLOCK // 2), 1, 0)
    radius, angle = np.sqrt(SINGLE(-2) * np.log(SINGLE(1) - first)), SINGLE(2 * np.pi) * second
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()


def _single(words: np.random.RandomState) -> np.ndarray:
    """One normal, in double precision from two 64-bit words, of which 53 bits count."""
    high, low = _words(words, 4).astype(np.uint64).reshape(2, 2).T
    first, second = ((high << np.uint64(32) | low) & np.uint64(2**53 - 1)).astype(float) * 2.0**-53
    return np.array([np.sqrt(-2 * np.log1p(-second)) * np.cos(2 * np.pi * first)], SINGLE)


def _words(words: np.random.RandomState, count: int) -> np.ndarray:
    return words.randint(0, 2**32, count, dtype=np.uint32)
