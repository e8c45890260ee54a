"""What learns."""

from stepwell.network.base import AbstractNetwork, AbstractUnitNetwork, Params, unroll
from stepwell.network.linear import Linear

NETWORKS: dict[str, type[AbstractNetwork]] = {
    "linear": Linear,
}

__all__ = ["NETWORKS", "AbstractNetwork", "AbstractUnitNetwork", "Linear", "Params", "unroll"]
