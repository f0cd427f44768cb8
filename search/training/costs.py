"""What training costs, in seconds and bytes, before it is begun."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Final

__all__ = ["machine_memory", "memory_for_lanes", "update_seconds"]

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


def machine_memory() -> int:
    """Bytes of this machine's memory; 4 GB where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30


def memory_for_lanes() -> int:
    """Bytes that all lanes together may take on this machine."""
    return round(_MEMORY_SHARE * machine_memory())
