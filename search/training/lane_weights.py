"""From a Keras model's weights to the flat arrays of a lane, and back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.network.topology import KERNEL_SIDE, Activation, Point, layer_sizes
from ffsearch.search.training.activations import slope_start
from ffsearch.search.training.lane_arrays import BIAS, N_VECTORS, SCALE, SHIFT, SLOPE

__all__ = ["flat", "hidden_units", "kernel_shapes", "unpacked"]

Array = NDArray[np.float32]


def hidden_units(point: Point) -> tuple[int, ...]:
    """Channels of all convolutional layers, and units of all hidden ones behind them."""
    front = point.convolutions
    return (*(() if front is None else front.channels), *layer_sizes(point))


def kernel_shapes(point: Point, *, n_features: int) -> list[tuple[int, ...]]:
    """Shapes of the kernels of the same layers.

    Args:
        point: The point.
        n_features: Columns of the matrix.
    """
    front, shapes = point.convolutions, []
    if front is not None:
        shapes = [(KERNEL_SIDE, KERNEL_SIDE, *both) for both in pairwise((front.image[2], *front.channels))]
        n_features = front.n_features
    return [*shapes, *pairwise((n_features, *layer_sizes(point)))]


def flat(point: Point, weights: list[Array]) -> tuple[Array, Array, Array]:
    """Kernels, vectors and moving statistics of one network, as `State` holds them.

    Args:
        point: The point.
        weights: In the order of the Keras model's `get_weights()`.
    """
    remaining = iter(weights)
    kernels: list[Array] = []
    vectors: list[Array] = []
    moving: list[Array] = []
    for units in hidden_units(point):
        kernel, bias = next(remaining), next(remaining)
        ones, zeros = np.ones(units, np.float32), np.zeros(units, np.float32)
        norm = [next(remaining) for _ in range(4)] if point.batch_norm else [ones, zeros, zeros, ones]
        slope = next(remaining) if point.activation is Activation.PRELU else ones * slope_start(point.activation)
        kernels.append(kernel.ravel())
        vectors += [bias, norm[0], norm[1], slope.ravel()]
        moving += norm[2:]
    kernel, bias = remaining
    parts = ([*kernels, kernel.ravel()], [*vectors, bias], moving)
    kernels_, vectors_, moving_ = (np.concatenate(part, dtype=np.float32) for part in parts)
    return kernels_, vectors_, moving_


def unpacked(point: Point, kernels: Array, vectors: Array, moving: Array, *, n_features: int) -> list[Array]:
    """The Keras model's weights from flat arrays; copies."""
    weights: list[Array] = []
    kernel_at, unit_at = 0, 0
    for shape in kernel_shapes(point, n_features=n_features):
        units, size = shape[-1], int(np.prod(shape))
        rows = vectors[N_VECTORS * unit_at :][: N_VECTORS * units].reshape(-1, units)
        weights += [kernels[kernel_at:][:size].reshape(shape), rows[BIAS]]
        if point.batch_norm:
            weights += [
                rows[SCALE],
                rows[SHIFT],
                *moving[2 * unit_at :][: 2 * units].reshape(2, units),
            ]
        if point.activation is Activation.PRELU:
            weights.append(rows[SLOPE] if len(shape) == 2 else rows[SLOPE].reshape(1, 1, units))
        kernel_at += size
        unit_at += units
    return [
        np.array(each) for each in (*weights, kernels[kernel_at:].reshape(units, -1), vectors[N_VECTORS * unit_at :])
    ]
