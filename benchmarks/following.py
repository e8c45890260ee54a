"""What the recorder costs a training loop of PyTorch, step by step in the same loop."""

import tempfile
import time

from benchmarks.suites import TORCH, Suite
from benchmarks.timing import Gate

UNITS, TRIALS, STEPS, UPDATES, EVERY = 256, 32, 100, 60, 10


def recorder(rounds: int) -> list[Suite]:
    """R1: processor time in `Recorder.step`, against that of the rest of a step."""
    title = f"recorder  N={UNITS} T={STEPS}, {TRIALS} trials, a snapshot every {EVERY} updates"
    sentence = "<= 3 % of a training step"
    if not TORCH:
        return [Suite(title, {}, [Gate("R1", sentence, 0.03, False, [], "torch is not installed")])]
    return [Suite(title, {}, [Gate("R1", sentence, 0.03, False, [_share() for _ in range(rounds)], "")])]


def _share() -> float:
    """Time in the recorder over time in everything else, of one loop."""
    import torch

    from stepwell.interop import Recorder

    recurrent = torch.nn.RNN(2, UNITS, batch_first=True)
    model = torch.nn.ModuleDict({"rnn": recurrent, "head": torch.nn.Linear(UNITS, 1)})
    optimiser = torch.optim.Adam(model.parameters(), 1e-4)
    x, following, rest = torch.randn(TRIALS, STEPS, 2), 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        follower = Recorder(model, every=EVERY, store=folder)
        for _ in range(UPDATES):
            begun = time.process_time()
            optimiser.zero_grad()
            loss = model["head"](recurrent(x)[0]).square().mean()
            loss.backward()
            called = time.process_time()
            follower.step(loss)
            back = time.process_time()
            optimiser.step()
            following += back - called
            rest += time.process_time() - back + called - begun
        follower.close()
    return following / rest
