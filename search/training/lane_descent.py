"""One layer's step of descent in a lane, compiled."""

from __future__ import annotations

import numpy as np

from ffsearch.search.training.compiling import compiled, inlined
from ffsearch.search.training.elementwise import Array, Scalar, descend
from ffsearch.search.training.lane_arrays import N_VECTORS, Hyper, Scratch, State

__all__ = ["step_layer"]

_F = np.float32
_ZERO, _ONE = _F(0.0), _F(1.0)


@inlined
def step_layer(
    state: State, hyper: Hyper, scratch: Scratch,
    kernel_at: int, n_kernel: int, vector_at: int, units: int, hidden: bool, count: int,  # noqa: FBT001
) -> float:  # fmt: skip
    """One layer's parameters one step further. Decay touches kernels alone, bias penalties biases.

    Args:
        state: The network; changed.
        hyper: How it is trained.
        scratch: Holds the gradients, of the kernel and of the vectors.
        kernel_at: Where its kernel begins.
        n_kernel: Numbers of it.
        vector_at: Where its vectors begin.
        units: Of the layer.
        hidden: Whether it has all vectors, or a bias alone.
        count: Number of the update, from 1.

    Returns:
        What L1 and L2 cost before.
    """
    kernel, bias = state.kernels[kernel_at : kernel_at + n_kernel], state.vectors[vector_at : vector_at + units]
    penalty = _elastic(kernel, hyper.l1, hyper.l2) + _elastic(bias, hyper.bias_l1, hyper.bias_l2)
    kernel_moments, vector_moments = state.kernel_moments, state.vector_moments
    rate, gradient = hyper.learning_rate, scratch.vector_gradient
    descend(
        hyper.optimizer, kernel, scratch.gradient[:n_kernel],
        kernel_moments[0][kernel_at : kernel_at + n_kernel], kernel_moments[-1][kernel_at : kernel_at + n_kernel],
        rate, _ONE - rate * hyper.weight_decay, hyper.l1, hyper.l2, count, hyper.momentum,
    )  # fmt: skip
    descend(
        hyper.optimizer, bias, gradient[:units],
        vector_moments[0][vector_at : vector_at + units], vector_moments[-1][vector_at : vector_at + units],
        rate, _ONE, hyper.bias_l1, hyper.bias_l2, count, hyper.momentum,
    )  # fmt: skip
    if hidden:
        start, stop = vector_at + units, vector_at + N_VECTORS * units
        descend(
            hyper.optimizer, state.vectors[start:stop], gradient[units : N_VECTORS * units],
            vector_moments[0][start:stop], vector_moments[-1][start:stop],
            rate, _ONE, _ZERO, _ZERO, count, hyper.momentum,
        )  # fmt: skip
    return penalty


@compiled
def _elastic(w: Array, l1: Scalar, l2: Scalar) -> float:
    """`l1 * sum |w| + l2 * sum w^2`."""
    if l1 == _ZERO and l2 == _ZERO:
        return 0.0
    absolute, square = _ZERO, _ZERO
    for i in range(len(w)):
        absolute += abs(w[i])
        square += w[i] * w[i]
    return float(l1 * absolute + l2 * square)
