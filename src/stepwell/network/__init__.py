"""What learns."""

from stepwell.network.base import AbstractNetwork, AbstractUnitNetwork, Params, unroll
from stepwell.network.linear import Linear
from stepwell.network.lstm import LSTM
from stepwell.network.rate import Rate

NETWORKS: dict[str, type[AbstractNetwork]] = {
    "linear": Linear,
    "rate": Rate,
    "lstm": LSTM,
}

__all__ = ["LSTM", "NETWORKS", "AbstractNetwork", "AbstractUnitNetwork", "Linear", "Params", "Rate", "unroll"]
