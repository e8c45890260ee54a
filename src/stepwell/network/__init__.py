"""What learns."""

from stepwell.names import Table
from stepwell.network.base import AbstractNetwork, AbstractUnitNetwork, Params, unroll
from stepwell.network.linear import Linear
from stepwell.network.low_rank import LowRank
from stepwell.network.lstm import LSTM
from stepwell.network.rate import Rate
from stepwell.network.saddle_node import SaddleNode

NETWORKS: Table = Table(
    "network",
    {
        "linear": Linear,
        "rate": Rate,
        "low_rank": LowRank,
        "saddle_node": SaddleNode,
        "lstm": LSTM,
    },
)

__all__ = [
    "LSTM",
    "NETWORKS",
    "AbstractNetwork",
    "AbstractUnitNetwork",
    "Linear",
    "LowRank",
    "Params",
    "Rate",
    "SaddleNode",
    "unroll",
]
