"""A training loop of PyTorch, followed by a recorder that writes the record of a run into a store."""

import datetime
import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import xarray as xr

from stepwell.experiment import TABLES
from stepwell.interop.recordings import ABOUT, LAST, PARAM, TorchRun, block_of, keep_leftovers, packed, saved
from stepwell.interop.stacked import Stacked
from stepwell.interop.weights import from_tensor, from_weights, record_names, single
from stepwell.run.block import block_name
from stepwell.run.checkpoint import write_durably
from stepwell.run.locks import locked
from stepwell.run.store import Store
from stepwell.settings import to_json

SECONDS_BETWEEN, MOST_BYTES = 5.0, 2**26
"""Between two parts: so long, or as soon as so much waits in memory."""


class Recorder:
    """Follows a training loop: made before it, `step(loss)` in it, `close()` after it.

    `step` stands between `loss.backward()` and `optimiser.step()`, so that loss, gradient and parameters
    belong together. Parameters have the names of `from_torch`; those of other models keep their own.

    Args:
        model: the module that is trained.
        every: updates between two snapshots of all parameters; the first and the last are always kept.
        store: folder or `Store`.
        name: of the run.
        learning_rate: gives learning time its unit; learning time is counted in updates if left out.
        seed: row of the record.

    Raises:
        ValueError: for a model in half precision or without parameters, or a spacing below 1.

    Example:
        >>> import torch, tempfile
        >>> model = torch.nn.RNN(1, 3)
        >>> recorder = Recorder(model, every=1, store=tempfile.mkdtemp())
        >>> for _ in range(2):
        ...     loss = model(torch.ones(4, 1))[0].square().mean()
        ...     loss.backward()
        ...     recorder.step(loss)
        >>> recorder.close().W.dims
        ('seed', 'snapshot', 'unit', 'unit_from')
    """

    def __init__(
        self,
        model: Any,
        every: int = 100,
        store: Any = "store",
        name: str = "run",
        learning_rate: float | None = None,
        seed: int = 0,
    ):
        if every < 1:
            raise ValueError(f"every={every} is no spacing; snapshots are at least one update apart.")
        self.parameters, self.every, self.update = dict(model.named_parameters()), every, 0
        if not self.parameters:
            raise ValueError(f"{type(model).__name__} has no parameters, so there is nothing to follow.")
        self.names, network = _names(model, self._arrays())
        self.settings = TorchRun(
            name=name,
            model=type(model).__name__,
            network=network,
            every=every,
            learning_rate=1.0 if learning_rate is None else float(learning_rate),
            dtype=str(next(iter(self._arrays().values())).dtype),
            seed=seed,
            begun=datetime.datetime.now(datetime.UTC).isoformat(),
        )
        self.store = store if isinstance(store, Store) else Store(store)
        keep_leftovers(self.store)
        self._begin()

    def step(self, loss: Any) -> None:
        """Take in one update: its loss, the gradients and, if it is its turn, the parameters.

        Raises:
            ValueError: if the first call comes after the parameters have changed, or after `close`.
        """
        if self.lock is None:
            raise ValueError("the recorder is closed; make a new one to follow another loop.")
        if self.update == 0:
            self._check_start()
        self.losses.append(loss.detach() if hasattr(loss, "detach") else float(loss))
        self.norms.append(_norm(self.parameters))
        if self.update % self.every == 0:
            self.shots.append((self.update, self._copies()))
            self.waiting += sum(array.nbytes for array in self.shots[-1][1].values())
        self.update += 1
        if time.monotonic() - self.written > SECONDS_BETWEEN or self.waiting > MOST_BYTES:
            self._write(self.update - 1)

    def close(self, loss: Any = None) -> xr.Dataset:
        """Finish the record and save it.

        Args:
            loss: of the trained model; NaN in the record if it is not told.

        Returns:
            The record.
        """
        if self.lock is None:
            raise ValueError("the recorder is closed already.")
        if self.update == 0:
            self._check_start()
        self.losses.append(float("nan") if loss is None else float(loss))
        self.norms.append(float("nan"))
        self.shots.append((self.update, self._copies()))
        self._write(self.update)
        record = saved(self.store, self.folder, ())
        self.lock.close()
        self.lock = None
        return record

    def _begin(self) -> None:
        name = block_name(block_of(self.settings))
        (self.store.path / "locks").mkdir(exist_ok=True)
        self.lock: ExitStack | None = ExitStack()
        self.lock.enter_context(locked(self.store.path / "locks", [name]))
        self.folder = self.store.path / "partial" / name
        self.folder.mkdir(parents=True)
        self.losses: list[Any] = []
        self.norms: list[Any] = []
        self.shots: list[tuple[int, dict[str, np.ndarray]]] = []
        self.waiting, self.parts, self.start = 0, 0, self._copies()
        self.began = self.written = time.monotonic()
        about = {"settings": to_json(self.settings, TABLES)}
        write_durably(self.folder / ABOUT, json.dumps(about).encode())

    def _check_start(self) -> None:
        changed = [name for name, value in self._copies().items() if (value != self.start[name]).any()]
        if changed:
            raise ValueError(
                f"the parameters ({', '.join(changed)}) changed before the first record; call step(loss) "
                "between loss.backward() and optimiser.step(), and make the recorder right before the loop."
            )

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: from_tensor(name, value) for name, value in self.parameters.items()}
        return {name: single(name, value) for name, value in arrays.items() if value is not None}

    def _copies(self) -> dict[str, np.ndarray]:
        return {self.names[name]: np.array(value) for name, value in self._arrays().items()}

    def _write(self, update: int) -> None:
        """Put down what waits in memory, and the parameters of the moment."""
        shots = {name: [shot[name] for _, shot in self.shots] for name in self.start if self.shots}
        part = {
            "loss": np.array([float(loss) for loss in self.losses]),
            "gradient_norm": np.array([float(norm) for norm in self.norms]),
            "snapshot_update": np.array([at for at, _ in self.shots], np.int64),
            **{PARAM + name: np.array(values) for name, values in shots.items()},
        }
        write_durably(self.folder / f"part-{self.parts:06d}.npz", packed(part))
        seconds = np.array(time.monotonic() - self.began)
        last = {PARAM + name: value for name, value in self._copies().items()}
        write_durably(self.folder / LAST, packed({"update": np.array(update), "seconds": seconds, **last}))
        self.losses, self.norms, self.shots = [], [], []
        self.waiting, self.parts, self.written = 0, self.parts + 1, time.monotonic()


def _names(model: Any, arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, str], Stacked | None]:
    """The names of parameters in a record, by their own; and the network that they are of, if it is known."""
    recurrent = [each for each in model.modules() if type(each).__module__ == "torch.nn.modules.rnn"]
    if len(recurrent) != 1:  # a cell of one's own may have the names of PyTorch and another step
        return {name: name for name in arrays}, None
    try:
        network = from_weights(arrays, getattr(recurrent[0], "nonlinearity", None))[0]
        return record_names(arrays, network), network
    except ValueError:
        return {name: name for name in arrays}, None


def _norm(parameters: Mapping[str, Any]) -> Any:
    """The norm of all gradients together; not brought to the host yet, which would wait for a device."""
    gradients = [value.grad for value in parameters.values() if value.grad is not None]
    if not gradients:
        return float("nan")
    import torch

    return torch.stack([gradient.detach().norm() for gradient in gradients]).norm()
