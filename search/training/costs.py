"""What training costs, in seconds and bytes, before it is begun."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ffsearch.search.base.memory import machine_memory
from ffsearch.search.network.topology import KERNEL_SIDE, Point, layer_sizes

__all__ = ["memory_for_lanes", "network_seconds", "update_seconds"]

_MEMORY_SHARE: Final = 0.5
"""choice: the lanes leave half of the machine's memory to the table, to Keras and to whatever else runs."""


def update_seconds(units: tuple[int, ...], *, n_features: int, batch_size: int) -> float:
    """One update of one network in a lane, with another one beside it on two cores.

    The products, a few passes over activations and weights, and a fixed part a layer.

    Args:
        units: Of every hidden layer.
        n_features: Columns of the matrix.
        batch_size: Rows an update.
    """
    weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise((n_features, *units)))
    return 6 * batch_size * weights / 130e9 + 2e-9 * (batch_size * sum(units) + weights) + 5e-6 * (len(units) + 1)


def network_seconds(point: Point, *, n_features: int, batch_size: int) -> float:
    """The same of a network that may have convolutional layers in front.

    Args:
        point: The network.
        n_features: Columns of the matrix.
        batch_size: Rows an update.
    """
    front = point.convolutions
    if front is None:
        return update_seconds(layer_sizes(point), n_features=n_features, batch_size=batch_size)
    return update_seconds(layer_sizes(point), n_features=front.n_features, batch_size=batch_size) + sum(
        update_seconds((channels,), n_features=KERNEL_SIDE**2 * fan_in, batch_size=batch_size * n_places)
        for fan_in, channels, n_places in front.layers
    )


def memory_for_lanes() -> int:
    """Bytes that all lanes together may take on this machine."""
    return round(_MEMORY_SHARE * machine_memory())
