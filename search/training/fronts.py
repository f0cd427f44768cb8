"""The convolutional layers of a lane before their first update: what they need, and the arrays they have."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.data.features.aligned import aligned_empty
from ffsearch.search.network.topology import KERNEL_SIDE, Activation, Convolutions, Point
from ffsearch.search.training.activations import keeps_slope
from ffsearch.search.training.convolve import map_size, padded_batch, places_of, slopes_size
from ffsearch.search.training.front import Front, FrontField

__all__ = ["front_bytes", "keeps", "make_front"]


def keeps(point: Point) -> tuple[bool, bool]:
    """Whether the way back asks for products (for batch statistics, and for what prelu bent), and for slopes."""
    return point.batch_norm or point.activation is Activation.PRELU, keeps_slope(point.activation)


def make_front(point: Point, *, n: int) -> Front | None:
    """Room for a network's convolutional layers; None where it has none.

    Args:
        point: The point.
        n: Rows of a batch.
    """
    if point.convolutions is None:
        return None
    plan = _plan(point, point.convolutions, n=n)
    return Front(
        n=n,
        batch=plan.batch,
        layers=np.array(plan.layers, np.int64),
        places=np.concatenate(plan.places),
        maps=_zeros(plan.n_maps),
        d=_zeros(2, plan.n_slopes),
        flipped=_zeros(plan.n_kernel),
        sums=_zeros(plan.n_sums),
        rows=_zeros(n, point.convolutions.n_features),
    )


def front_bytes(point: Point, *, n: int) -> int:
    """Memory that these arrays take.

    Args:
        point: The point.
        n: Rows of a batch.
    """
    front = point.convolutions
    if front is None:
        return 0
    plan = _plan(point, front, n=n)
    numbers = plan.n_maps + 2 * plan.n_slopes + plan.n_kernel + plan.n_sums + n * front.n_features
    return 4 * numbers + 8 * sum(map(len, plan.places))


@dataclass(kw_only=True)
class _Plan:
    """Where everything lies, and how much of it there is."""

    batch: int
    layers: list[list[int]] = field(default_factory=list)
    places: list[NDArray[np.int64]] = field(default_factory=list)
    n_maps: int = 0
    n_slopes: int = 0
    n_kernel: int = 0
    n_sums: int = 0

    def map(self, height: int, width: int, channels: int) -> int:
        """A further map, and where it begins."""
        size, at = map_size(height, width, channels, batch=self.batch), self.n_maps
        self.n_maps += size
        self.n_slopes = max(self.n_slopes, size)  # a gradient is as large as what it is of
        return at

    def looks(self, width: int, channels: int) -> tuple[int, int]:
        """Where the places of a further convolution begin, and how many there are."""
        at, places = sum(map(len, self.places)), places_of(width, channels, batch=self.batch)
        self.places.append(places)
        return at, len(places)


def _plan(point: Point, front: Convolutions, *, n: int) -> _Plan:
    height, width, read = front.image
    keeps_z, keeps_f = keeps(point)
    halvings = sum(min(height, width) >> k > 1 for k in range(len(set(front.ends)) - 1))
    plan = _Plan(batch=padded_batch(n, narrowest=width >> halvings))
    fed_at = plan.map(height, width, read)
    for number, channels in enumerate(front.channels):
        pooled = number in front.ends and min(height, width) > 1
        out_at = plan.map(height, width, channels)
        z_at = plan.map(height, width, channels) if keeps_z else out_at
        slope_at = plan.map(height, width, channels) if keeps_f else out_at
        pool_at = plan.map(height // 2, width // 2, channels) if pooled else out_at
        forward, back = plan.looks(width, read), plan.looks(width, channels)
        row = dict(zip(FrontField, (
            height, width, read, channels, pooled, fed_at, z_at, out_at, slope_at, pool_at, *forward, *back,
        ), strict=True))  # fmt: skip
        plan.layers.append([int(row[each]) for each in FrontField])
        plan.n_kernel = max(plan.n_kernel, KERNEL_SIDE**2 * read * channels)
        plan.n_sums = max(plan.n_sums, slopes_size(read, channels))
        if pooled:
            height, width = height // 2, width // 2
        fed_at, read = pool_at, channels
    return plan


def _zeros(*shape: int) -> NDArray[np.float32]:
    """Aligned, so that no vector lies across two lines of the caches."""
    array: NDArray[np.float32] = aligned_empty(shape)
    array.fill(0)
    return array
