"""Random bits by hashing a place: the constants that lanes use, and the same hash in NumPy.

A place is a row of the batch and a column, under a key that follows from a job's seed and the number of the update.
`elementwise.py` computes it compiled; the same words and places give the same bits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIELD_WORD", "HASH_WORDS", "ROW_STRIDE", "place_bits", "update_words"]

Words = NDArray[np.uint32]

HASH_WORDS: Final = (0x7FEB352D, 0x846CA68B)
"""Source: Wellons 2018, "Prospecting for hash functions", the constants of lowbias32."""

FIELD_WORD: Final = 0x9E3779B9
"""2**32 over the golden ratio: sets fields and updates apart. Source: Knuth, TAOCP 3, section 6.4."""

ROW_STRIDE: Final = 2**16
"""choice: above the units of any common layer, so that no two places are one."""


def update_words(seed: Words, step: int) -> Words:
    """Two random words for an update.

    Args:
        seed: Two words of the job.
        step: Updates it has made.
    """
    return _scramble(seed + _scramble(np.full(2, (step + FIELD_WORD) & 0xFFFFFFFF, np.uint32)))


def place_bits(key: Words, *, field: int, n_rows: int, columns: NDArray[np.integer]) -> Words:
    """32 random bits for every row and column, the upper ones the better, shape (n_rows, n_columns).

    Args:
        key: From `update_words`.
        field: Sets fields of one update apart; 0 and up are the layers of dropout.
        n_rows: Rows of the batch.
        columns: Number of each column; equal numbers get equal bits.
    """
    first, second = key + np.uint32(field * FIELD_WORD & 0xFFFFFFFF)
    rows = first + (np.arange(n_rows, dtype=np.uint32) * np.uint32(ROW_STRIDE))[:, None]
    x = _fold((rows + columns.astype(np.uint32)) * np.uint32(HASH_WORDS[0]))
    bits: Words = (x + second) * np.uint32(HASH_WORDS[1])
    return bits


def _scramble(x: Words) -> Words:
    """Every bit of the result depends on every bit of x."""
    for word in HASH_WORDS:
        x = _fold(_fold(x) * np.uint32(word))
    return x


def _fold(x: Words) -> Words:
    return x ^ (x >> np.uint32(15))
