"""How fast and how smoothly a noisy loss falls."""

import numpy as np

from stepwell.analysis.system import Numbers

Values = np.ndarray | np.generic  # an array over the batch axes, or a single number


def learning_epoch(loss: Numbers, fraction: float = 0.05, window: int = 1) -> Values:
    """The first update at which the loss is below a fraction of its start.

    Args:
        loss: batch losses, [..., update].
        fraction: of the loss at update 0.
        window: compare the mean over this many updates from there on, which a single lucky batch does not
            move.

    Returns:
        [...], in updates; NaN where it is never reached.

    Example:
        >>> print(learning_epoch([1.0, 0.5, 0.04, 0.2, 0.01, 0.01], window=2), learning_epoch([1.0, 0.5]))
        4.0 nan

    Source: schuessler2020, section 2 and Fig. 2a.
    """
    below = running_mean(loss, window) < fraction * np.asarray(loss, float)[..., :1]
    return np.where(below.any(-1), below.argmax(-1), np.nan)[()]


def roughness(loss: Numbers, fraction: float = 0.05, window: int = 20) -> Values:
    r"""How much the loss goes up on its way down: the sum of the upward steps of $\ln L$, per update.

    Args:
        loss: batch losses, [..., update].
        fraction, window: of the learning epoch, up to which it is taken; where that is not reached, the whole
            run.

    Returns:
        [...], per update.

    Example:
        >>> print(roughness([1.0, 0.5, 1.0, 0.5], window=1).round(4))
        0.2310
    """
    loss = np.asarray(loss, float)
    updates = loss.shape[-1] - 1
    end = np.nan_to_num(np.asarray(learning_epoch(loss, fraction, window)), nan=updates)
    rises = np.maximum(np.diff(np.log(loss), axis=-1), 0)
    return np.where(np.arange(updates) < end[..., None], rises, 0).sum(-1) / end


def running_mean(loss: Numbers, window: int) -> np.ndarray:
    """The mean over `window` updates from each update on, [..., update - window + 1].

    Example:
        >>> print(running_mean([1.0, 3.0, 5.0], 2))
        [2. 4.]
    """
    return np.lib.stride_tricks.sliding_window_view(np.asarray(loss, float), window, axis=-1).mean(-1)
