"""Large arrays where TensorFlow can use them as they lie, so that a table is in memory once."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["ALIGNMENT", "aligned_empty", "is_aligned"]

ALIGNMENT: Final = 64
"""Bytes. Source: EIGEN_MAX_ALIGN_BYTES with AVX-512; TensorFlow copies a tensor that begins elsewhere."""


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """An array that is not filled; NumPy's own begin 16 bytes behind where they should."""
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(n_bytes + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def is_aligned(array: NDArray[Any]) -> bool:
    """Whether an array lies as `aligned_empty` makes it, one row behind the other."""
    return bool(array.flags.c_contiguous and array.flags.writeable and array.ctypes.data % ALIGNMENT == 0)
