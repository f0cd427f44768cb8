"""The final training: algorithm 7.2 of Goodfellow, Bengio, Courville (2016).

Fresh weights, all development rows (training and validation), i* steps: as many as the winner's best epoch took.
Nothing is left to stop by, so nothing is evaluated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import TrainingError
from ffsearch.search import defaults
from ffsearch.search.data.problem import MatrixColumns
from ffsearch.search.heads import Head
from ffsearch.search.model import build_network
from ffsearch.search.topology import Point
from ffsearch.search.training.batches import batches_per_epoch
from ffsearch.search.training.keras_trainer import BatchFeed, compile_network, forget_graphs

__all__ = ["Hold", "Refitted", "Steps", "refit"]


class Hold(StrEnum):
    """What of i* the refit repeats, now that an epoch has more rows."""

    UPDATES = "updates"  # the book's: the same number of updates, so less than as many epochs
    EPOCHS = "epochs"  # every row as often as before, so more updates


@dataclass(frozen=True, kw_only=True)
class Steps:
    """i*: how long the winner was trained until its best epoch, in updates and in epochs."""

    updates: int
    epochs: int

    def n_updates(self, hold: Hold, *, n_rows: int, batch_size: int) -> int:
        """Updates of a refit on `n_rows` rows."""
        if hold is Hold.UPDATES:
            return self.updates
        return self.epochs * batches_per_epoch(n_rows, batch_size=batch_size)


@dataclass(frozen=True, kw_only=True)
class Refitted:
    """The final network.

    Args:
        weights: In the order of the Keras model's `get_weights()`.
        train_loss: Loss of every epoch without penalties, shape (n_epochs,), the last one perhaps of part of an epoch.
        penalty: What L1, L2 and activity terms added, shape (n_epochs,).
        n_updates: Updates made.
        n_epochs: Times the rows were read, with the fraction.
    """

    weights: list[NDArray[np.float32]]
    train_loss: NDArray[np.float32]
    penalty: NDArray[np.float32]
    n_updates: int
    n_epochs: float


def refit(
    point: Point,
    *,
    head: Head,
    x: NDArray[np.float32],
    y: NDArray[Any],
    n_updates: int,
    batch_size: int,
    seed: np.random.SeedSequence,
    weight: NDArray[np.float32] | None = None,
    columns: MatrixColumns | None = None,
    optimizer: str = defaults.OPTIMIZER,
    momentum: float = defaults.SGD_MOMENTUM,
) -> Refitted:
    """Train a fresh network on all rows it is given, balanced and augmented as in the search.

    Args:
        point: The winner.
        head: The end of the network.
        x: Matrix of all development rows, shape (n_rows, n_features).
        y: Their targets, as a `Split` holds them.
        n_updates: How many updates; see `Steps.n_updates`.
        batch_size: Rows an update.
        seed: Of initial weights, order and dropout.
        weight: Of each row, shape (n_rows,), or None.
        columns: What the columns of the matrix are, for augmentation; None: every one a number.
        optimizer: As in the search.
        momentum: As in the search.

    Raises:
        TrainingError: If the loss stops being finite.
    """
    feed = BatchFeed(x, y, weight=weight, batch_size=batch_size, columns=columns, n_outputs=head.n_outputs)
    per_epoch = feed.n_updates(point)
    model = build_network(point, head=head, n_features=x.shape[1], seed=seed)
    compile_network(model, point=point, head=head, optimizer=optimizer, momentum=momentum, n_updates=per_epoch)
    losses, penalties = _fit_updates(model, feed, point=point, seed=seed, n_updates=n_updates)
    weights = model.get_weights()
    forget_graphs()
    if not (np.isfinite(losses).all() and np.isfinite(losses + penalties).all()):
        raise TrainingError(
            f"The final training diverged: a loss of {losses[-1]} after {n_updates} updates at learning rate "
            f"{point.learning_rate:g}. Set another search.seed, or lower the upper bound of space.learning_rate."
        )
    return Refitted(
        weights=weights,
        train_loss=losses,
        penalty=np.maximum(penalties, 0),
        n_updates=n_updates,
        n_epochs=n_updates / per_epoch,
    )


def _fit_updates(
    model: keras.Model, feed: BatchFeed, *, point: Point, seed: np.random.SeedSequence, n_updates: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Whole epochs, then what is left of one. Returns the loss and the penalty of each."""
    per_epoch = feed.n_updates(point)
    whole, rest = divmod(n_updates, per_epoch)
    history: list[tuple[float, float]] = []
    if whole:
        history += _fit(model, feed.dataset(seed, point), epochs=whole, n_updates=per_epoch)
    if rest:
        history += _fit(model, feed.dataset(seed, point, first_epoch=whole + 1).take(rest), epochs=1, n_updates=rest)
    losses, penalties = np.asarray(history, np.float32).reshape(-1, 2).T
    return losses, penalties


def _fit(model: keras.Model, dataset: Any, *, epochs: int, n_updates: int) -> list[tuple[float, float]]:
    logs = model.fit(dataset, epochs=epochs, steps_per_epoch=n_updates, shuffle=False, verbose=0).history
    return [(data, total - data) for data, total in zip(logs["data_loss"], logs["loss"], strict=True)]
