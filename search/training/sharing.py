"""Arrays as tensors without a second copy of the table."""

from __future__ import annotations

from typing import Any, Final

import tensorflow as tf
from numpy.typing import NDArray

from ffsearch.search.data.features.aligned import is_aligned

__all__ = ["as_tensor"]

_MIN_BYTES: Final = 1 << 20
"""Smaller arrays are copied. Choice: nothing is saved, and what is copied cannot be changed from outside."""


def as_tensor(array: NDArray[Any]) -> tf.Tensor:
    """A tensor over the array's own memory where TensorFlow can use it, else a copy; nobody may write to the array."""
    if array.nbytes < _MIN_BYTES or not is_aligned(array):
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
