"""How long a network is trained and how often it is judged, counted in updates where the space does not say.

An epoch of 100 rows is three updates, one of 50,000 rows two hundred: not the same learning. Evaluations are
whole epochs apart, so that each pass over the rows ends before the network is judged.
"""

from __future__ import annotations

import math

from ffsearch.search.network import defaults
from ffsearch.search.training.batches import batches_per_epoch
from ffsearch.search.training.protocol import Stopping
from ffsearch.spaces.schema import TrainSpec

__all__ = ["stopping_for", "updates_between"]


def stopping_for(train: TrainSpec, n_train: int) -> Stopping:
    """When a candidate's training ends, with so many training rows.

    A patience that is said in epochs asks for a look after each of them.

    Args:
        train: What the space says.
        n_train: Rows of the training part.
    """
    size = min(defaults.batch_size_for(n_train) if train.batch_size == "auto" else train.batch_size, n_train)
    n_updates = batches_per_epoch(n_train, batch_size=size)
    every = math.ceil(defaults.UPDATES_BETWEEN / n_updates) if train.patience == "auto" else 1
    if train.max_epochs == "auto":
        n_looks = math.ceil(max(defaults.MAX_EPOCHS, math.ceil(defaults.MAX_UPDATES / n_updates)) / every)
    else:  # the last look is not beyond the last epoch
        n_looks = math.ceil(train.max_epochs / every)
        every = train.max_epochs // n_looks
    patient = max(defaults.PATIENCE, math.ceil(defaults.PATIENCE_UPDATES / (every * n_updates)))
    return Stopping(
        max_epochs=n_looks,
        patience=patient if train.patience == "auto" else train.patience,
        min_delta=train.min_delta,
        batch_size=size,
        evaluate_every=every,
        averaged=train.average,
    )


def updates_between(stopping: Stopping, n_train: int) -> int:
    """Updates between two evaluations."""
    return stopping.evaluate_every * batches_per_epoch(n_train, batch_size=stopping.batch_size)
