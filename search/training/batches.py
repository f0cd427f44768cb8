"""Which rows each update reads: decided here once, for both trainers.

An epoch is a permutation of all rows cut into batches of one size. What does not fill a batch waits for another epoch;
a table smaller than a batch is one batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Stream, stream

__all__ = ["batches_per_epoch", "cut_batches", "epoch_order"]


def batches_per_epoch(n_rows: int, *, batch_size: int) -> int:
    """Updates of one epoch, at least one."""
    return max(1, n_rows // batch_size)


def epoch_order(seed: np.random.SeedSequence, epoch: int, *, n_rows: int) -> NDArray[np.int32]:
    """The rows in the order of one epoch.

    Args:
        seed: The job's seed.
        epoch: Number of the epoch, counted from 1.
        n_rows: Rows of the training part.

    Returns:
        A permutation of the row numbers, shape (n_rows,). It depends on the seed and the epoch alone, so an epoch can
        be drawn again without those before it.
    """
    rows = np.arange(n_rows, dtype=np.int32)
    np.random.default_rng(stream(seed, Stream.ORDER, epoch)).shuffle(rows)
    return rows


def cut_batches(order: NDArray[np.int32], *, batch_size: int) -> NDArray[np.int32]:
    """Rows in some order as the rows of every update, shape (n_updates, min(batch_size, len(order)))."""
    n_updates = batches_per_epoch(len(order), batch_size=batch_size)
    size = min(batch_size, len(order))
    return order[: n_updates * size].reshape(n_updates, size)
