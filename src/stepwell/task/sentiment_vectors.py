"""Word vectors from the company that words keep: positive pointwise mutual information, cut to few
dimensions."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

WINDOW = 5
EXPONENT = 0.75
SPREAD = 0.4
"""Root mean square of the entries of the vectors."""


def vocabulary(sentences: Sequence[Sequence[str]], least: int = 2) -> list[str]:
    """The words that come at least so often, most frequent first, then by the alphabet.

    Example:
        >>> vocabulary([["a", "b"], ["b", "c", "a", "b"]])
        ['b', 'a']
    """
    counts = Counter(word for sentence in sentences for word in sentence)
    kept = [word for word, count in counts.items() if count >= least]
    return sorted(kept, key=lambda word: (-counts[word], word))


def word_vectors(sentences: Sequence[np.ndarray], size: int, dimensions: int) -> np.ndarray:
    """One vector per word, from which words stand near it.

    Counts of pairs within 5 words, weighted by 1/distance; context frequencies raised to 3/4; the positive
    part of the mutual information; its leading singular vectors times the roots of their values.

    Args:
        sentences: word numbers below `size`.
        size: number of words. dimensions: of a vector; at most `size`.

    Returns:
        [size, dimensions].
    """
    counts = np.zeros((size, size), np.float32)
    for distance in range(1, WINDOW + 1):
        pairs = [(s[:-distance], s[distance:]) for s in sentences if len(s) > distance]
        if pairs:
            left, right = (np.concatenate(side) for side in zip(*pairs))
            np.add.at(counts, (left, right), np.float32(1 / distance))
    counts += counts.T
    rows = counts.sum(axis=1, dtype=float)
    contexts = rows**EXPONENT / np.sum(rows**EXPONENT)
    for i in range(size):  # row by row: the matrix may be large
        with np.errstate(divide="ignore", invalid="ignore"):
            information = np.log(counts[i] / (rows[i] * contexts))
        counts[i] = np.maximum(np.nan_to_num(information, nan=0.0, posinf=0.0, neginf=0.0), 0.0)
    left, values = _leading(counts, dimensions)
    vectors = left * np.sqrt(values)
    return SPREAD * vectors / np.sqrt(np.mean(vectors**2))


def _leading(matrix: np.ndarray, count: int, rounds: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """The leading left singular vectors and values, by subspace iteration."""
    width = min(len(matrix), count + 20)
    Q = np.random.default_rng(0).standard_normal((len(matrix), width)).astype(matrix.dtype)
    for _ in range(rounds):
        Q = np.linalg.qr(matrix @ (matrix.T @ Q))[0]
    U, values, _ = np.linalg.svd(Q.T @ matrix, full_matrices=False)
    return (Q @ U)[:, :count].astype(float), values[:count].astype(float)
