"""The weights a network starts from, drawn by NumPy from the job's seed alone: the same numbers for every trainer.

No framework here: a process that trains lanes and nothing else loads none.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search import defaults
from ffsearch.search.seeds import Stream, stream
from ffsearch.search.topology import Activation, Point, layer_sizes

__all__ = ["initial_weights"]

_GLOROT: Final = (Activation.TANH, Activation.SOFTSIGN)


def initial_weights(
    point: Point, *, n_features: int, n_outputs: int, seed: np.random.SeedSequence
) -> list[NDArray[np.float32]]:
    """The weights a job starts from, in the order of the Keras model's `get_weights()`.

    For every hidden layer: kernel (fan_in, units), bias (units,); with batch normalisation scale, shift, moving mean,
    moving variance, each (units,); with prelu its slopes (units,). Then the output layer's kernel and bias. Biases,
    shifts and moving means start at 0, scales and moving variances at 1.

    Args:
        point: The point.
        n_features: Columns of the matrix.
        n_outputs: Units of the output layer.
        seed: The job's seed. Every kernel has a stream of its own.

    Returns:
        float32 arrays.
    """
    weights: list[NDArray[np.float32]] = []
    hidden = layer_sizes(point)
    for layer, (fan_in, units) in enumerate(zip((n_features, *hidden), hidden, strict=False)):
        generator = np.random.default_rng(stream(seed, Stream.WEIGHTS, layer))
        weights += [_hidden_kernel(generator, fan_in, units, activation=point.activation), _constant(0.0, units)]
        if point.batch_norm:
            weights += [_constant(1.0, units), _constant(0.0, units), _constant(0.0, units), _constant(1.0, units)]
        if point.activation is Activation.PRELU:
            weights.append(_constant(defaults.PRELU_START, units))
    generator = np.random.default_rng(stream(seed, Stream.WEIGHTS, len(hidden)))
    return [*weights, _glorot_uniform(generator, hidden[-1], n_outputs), _constant(0.0, n_outputs)]


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
