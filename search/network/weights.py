"""The weights a network starts from, drawn by NumPy from the job's seed alone: the same numbers for every trainer.

No framework here: a process that trains lanes and nothing else loads none.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Stream, stream
from ffsearch.search.network import defaults
from ffsearch.search.network.topology import KERNEL_SIDE, Activation, Convolutions, Point, layer_sizes

__all__ = ["initial_weights"]

_GLOROT: Final = (Activation.TANH, Activation.SOFTSIGN)


def initial_weights(
    point: Point, *, n_features: int, n_outputs: int, seed: np.random.SeedSequence
) -> list[NDArray[np.float32]]:
    """The weights a job starts from, in the order of the Keras model's `get_weights()`.

    For every hidden layer: kernel (fan_in, units), bias (units,); with batch normalisation scale, shift, moving mean,
    moving variance, each (units,); with prelu its slopes (units,). Then the output layer's kernel and bias. Biases,
    shifts and moving means start at 0, scales and moving variances at 1. Convolutional layers come first, with kernels
    (3, 3, fan_in, channels) and slopes (1, 1, channels).

    Args:
        point: The point.
        n_features: Columns of the matrix.
        n_outputs: Units of the output layer.
        seed: The job's seed. Every kernel has a stream of its own.

    Returns:
        float32 arrays.
    """
    weights: list[NDArray[np.float32]] = []
    front, hidden = point.convolutions, layer_sizes(point)
    n_convolutions = 0 if front is None else len(front.channels)
    if front is not None:
        for layer, (fan_in, channels) in enumerate(pairwise((front.image[2], *front.channels))):
            weights += _initial_block(point, KERNEL_SIDE**2 * fan_in, channels, layer=layer, seed=seed, front=front)
        n_features = front.n_features
    scale = _branch_scale(hidden) if point.residual else 1.0
    for layer, (fan_in, units) in enumerate(pairwise((n_features, *hidden))):
        block = _initial_block(point, fan_in, units, layer=n_convolutions + layer, seed=seed)
        if layer and fan_in == units:
            block[0] *= np.float32(scale)
        weights += block
    generator = np.random.default_rng(stream(seed, Stream.WEIGHTS, n_convolutions + len(hidden)))
    return [*weights, _glorot_uniform(generator, hidden[-1], n_outputs), _constant(0.0, n_outputs)]


def _initial_block(
    point: Point,
    fan_in: int,
    units: int,
    *,
    layer: int,
    seed: np.random.SeedSequence,
    front: Convolutions | None = None,
) -> list[NDArray[np.float32]]:
    """The weights of one hidden or convolutional layer; `front` says that it is one of the latter."""
    generator = np.random.default_rng(stream(seed, Stream.WEIGHTS, layer))
    kernel = _hidden_kernel(generator, fan_in, units, activation=point.activation)
    if front is not None:
        kernel = kernel.reshape(KERNEL_SIDE, KERNEL_SIDE, -1, units)
    weights = [kernel, _constant(0.0, units)]
    if point.batch_norm:
        weights += [_constant(1.0, units), _constant(0.0, units), _constant(0.0, units), _constant(1.0, units)]
    if point.activation is Activation.PRELU:
        slopes = _constant(defaults.PRELU_START, units)
        weights.append(slopes if front is None else slopes.reshape(1, 1, units))
    return weights


def _branch_scale(hidden: tuple[int, ...]) -> float:
    """What the kernels of layers that add to their input start with: n of them then add up to the size of one.

    Source: Hayou et al. 2021, *Stable ResNet*, arXiv 2010.12859: without it outputs grow exponentially with depth.
    """
    n_branches = sum(below == above for below, above in pairwise(hidden))
    return float(max(1, n_branches) ** -0.5)


def _hidden_kernel(
    generator: np.random.Generator, fan_in: int, units: int, *, activation: Activation
) -> NDArray[np.float32]:
    """Glorot uniform for the tanh family, LeCun normal for selu, He normal for the rest."""
    if activation in _GLOROT:
        return _glorot_uniform(generator, fan_in, units)
    variance = (1.0 if activation is Activation.SELU else 2.0) / fan_in
    return _truncated_normal(generator, fan_in, units, std=np.sqrt(variance))


def _glorot_uniform(generator: np.random.Generator, fan_in: int, units: int) -> NDArray[np.float32]:
    """Source: Glorot and Bengio 2010, equation 16. The output layer's too, whose units are linear in the logits."""
    limit = np.sqrt(6.0 / (fan_in + units))
    return generator.uniform(-limit, limit, (fan_in, units)).astype(np.float32)


def _truncated_normal(generator: np.random.Generator, fan_in: int, units: int, *, std: float) -> NDArray[np.float32]:
    """Normal, drawn again beyond two deviations, with `std` after the cut."""
    values = generator.standard_normal((fan_in, units))
    while (beyond := np.abs(values) > 2.0).any():
        values[beyond] = generator.standard_normal(int(beyond.sum()))
    return (values * (std / defaults.TRUNCATED_NORMAL_STD)).astype(np.float32)


def _constant(value: float, units: int) -> NDArray[np.float32]:
    return np.full(units, value, np.float32)
