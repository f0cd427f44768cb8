"""What training costs, in seconds and bytes, before it is begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

import psutil

from ffsearch.search.network.topology import KERNEL_SIDE, Point, layer_sizes

__all__ = ["container_limits", "machine_memory", "memory_for_lanes", "network_seconds", "update_seconds"]

_MEMORY_SHARE: Final = 0.5
"""choice: the lanes leave half of the machine's memory to the table, to Keras and to whatever else runs."""


_GROUPS: Final = Path("/sys/fs/cgroup")
_OF_PROCESS: Final = Path("/proc/self/cgroup")

_LIMITS: Final = {"": "memory.max", "memory": "memory/memory.limit_in_bytes"}
"""Where a group's limit stands, by its controllers: the second version of control groups names none.
Source: cgroups(7)."""


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


def machine_memory() -> int:
    """Bytes of memory this process may take: the machine's, or its container's limit where that is less."""
    total: int = psutil.virtual_memory().total
    return min(total, *container_limits())


def container_limits(groups: Path = _GROUPS, of_process: Path = _OF_PROCESS) -> Iterator[int]:
    """Bytes that Linux allows each control group this process is in; none on other systems, or where none is set.

    A group's limit holds for all groups in it, so those above count too. A container may know its own group by the path
    that it has outside alone; its limit then stands at the root.

    Args:
        groups: Where the groups lie.
        of_process: Names those of the process, a line each: number, controllers, path.
    """
    lines = of_process.read_text(encoding="utf-8").splitlines() if of_process.exists() else []
    for _, controllers, path in (line.split(":", maxsplit=2) for line in lines):
        if controllers not in _LIMITS:
            continue
        place = Path(_LIMITS[controllers])
        own = Path(path.lstrip("/"))
        for group in (own, *own.parents):
            with suppress(OSError, ValueError):  # no such group here, or "max": no limit
                yield int((groups / place.parent / group / place.name).read_text(encoding="utf-8"))


def memory_for_lanes() -> int:
    """Bytes that all lanes together may take on this machine."""
    return round(_MEMORY_SHARE * machine_memory())
