"""Targets with reference values, and the impulse responses and polynomials that tests compare with."""

import numpy as np

Target = tuple[list[complex], list[complex]]

A = [0.5, -0.45, -0.75], [0.9, 0.7, -0.65]
B = [0.83, 0.03, -0.62], [-0.42, 0.55, 0.95]
C = [0.8 * np.exp(0.25j * np.pi), 0.8 * np.exp(-0.25j * np.pi)], [0.5 - 0.15j, 0.5 + 0.15j]
CE = [0.7, -0.88], [1.0, 0.7]
G0 = [0.7, -0.5], [1.0, -1.0]
R = [-0.72, -0.05, 0.62], [0.85, -1.0, 0.73]
FIVE = [0.8, 0.45, -0.1, -0.5, -0.85], [0.5, -0.6, 0.8, 0.7, 0.4]
LP = [0.8, 0.85 * np.exp(2.4j), 0.85 * np.exp(-2.4j)], [1.0, 0.25, 0.25]


def response(poles: list, residues: list, steps: int) -> np.ndarray:
    """The impulse response by powers of the poles, [step]."""
    return np.real(np.power.outer(np.array(poles, complex), np.arange(steps)).T @ np.array(residues))


def transfer(poles: np.ndarray, residues: np.ndarray, z: np.ndarray, order: int = 0) -> np.ndarray:
    """The transfer function or its first derivative at z."""
    gaps = np.asarray(z)[..., None] - np.asarray(poles)
    return np.sum(np.asarray(residues) * (1 / gaps if order == 0 else -1 / gaps**2), axis=-1)


def drawn(seed: int, n: int = 3) -> Target:
    """A random real target."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.9, 0.9, n).tolist(), (rng.uniform(0.3, 1.2, n) * rng.choice([-1, 1], n)).tolist()
