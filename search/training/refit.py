"""The final training, of one network or several: algorithm 7.2 of Goodfellow, Bengio, Courville (2016).

Fresh weights, all development rows (training and validation), i* steps: as many as the winner's best epoch took.
Nothing is left to stop by, so nothing is evaluated here. A lane trains the network as it trained it in the search; the
reference trainer does where it is asked for, or where no lane holds the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ffsearch.errors import TrainingError
from ffsearch.search.base.environment import n_cpus
from ffsearch.search.data.features.problem import MatrixColumns, Problem, Split
from ffsearch.search.network import defaults
from ffsearch.search.network.heads import Head
from ffsearch.search.network.topology import Point
from ffsearch.search.training.balance import rows_per_epoch
from ffsearch.search.training.batches import batches_per_epoch
from ffsearch.search.training.costs import memory_for_lanes
from ffsearch.search.training.lanes import Settings, Tables, fit_updates, lane_bytes
from ffsearch.search.training.protocol import Job, Stopping

__all__ = ["Hold", "Refitted", "Steps", "refits"]


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


def refits(
    point: Point,
    *,
    head: Head,
    x: NDArray[np.float32],
    y: NDArray[Any],
    n_updates: int,
    batch_size: int,
    seeds: Sequence[np.random.SeedSequence],
    weight: NDArray[np.float32] | None = None,
    columns: MatrixColumns | None = None,
    optimizer: str = defaults.OPTIMIZER,
    momentum: float = defaults.SGD_MOMENTUM,
    trainer: str = "population",
    averaged: bool = True,
) -> list[Refitted]:
    """Train fresh networks of one point, each on all the rows given, balanced and augmented as in the search.

    Args:
        point: The winner.
        head: The end of the network.
        x: Matrix of all development rows, shape (n_rows, n_features).
        y: Their targets, as a `Split` holds them.
        n_updates: How many updates; see `Steps.n_updates`.
        batch_size: Rows an update.
        seeds: Of initial weights, order and dropout, one a network.
        weight: Of each row, shape (n_rows,), or None.
        columns: What the columns of the matrix are, for augmentation; None: every one a number.
        optimizer: As in the search.
        momentum: As in the search.
        trainer: As in the search; `keras` is the reference trainer.
        averaged: As in the search: whether the network has the running mean of its weights, else the last of them.

    Raises:
        TrainingError: If the loss stops being finite.
    """
    nobody = Split(x_train=x, y_train=y, x_valid=x[:0], y_valid=y[:0], train_weight=weight)
    problem = Problem(head=head, splits=(nobody,), columns=columns)
    stopping = Stopping(max_epochs=1, patience=1, min_delta=0.0, batch_size=batch_size, averaged=averaged)
    settings = Settings(stopping=stopping, optimizer=optimizer, momentum=momentum)
    jobs = [Job(trial=place, point=point, seed=seed) for place, seed in enumerate(seeds)]
    fit = _by_keras if trainer == "keras" or not _fits(jobs[0], problem, settings) else _by_lanes
    n_epochs = n_updates / batches_per_epoch(rows_per_epoch(y, point.augment_balance), batch_size=batch_size)
    return [
        _checked(weights, history, point, n_updates=n_updates, n_epochs=n_epochs)
        for weights, history in fit(jobs, problem, settings, n_updates=n_updates)
    ]


def _checked(
    weights: list[NDArray[np.float32]],
    history: list[tuple[float, float]],
    point: Point,
    *,
    n_updates: int,
    n_epochs: float,
) -> Refitted:
    """A network that came through.

    Raises:
        TrainingError: If its loss was not finite.
    """
    losses, penalties = np.asarray(history, np.float32).reshape(-1, 2).T
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
        n_epochs=n_epochs,
    )


_Fitted = tuple[list[NDArray[np.float32]], list[tuple[float, float]]]
"""Weights; loss and penalty of every epoch."""


def _fits(job: Job, problem: Problem, settings: Settings) -> bool:
    """Whether a lane may hold the network, as in the search."""
    return lane_bytes(job, problem, settings) <= memory_for_lanes()


def _by_lanes(jobs: Sequence[Job], problem: Problem, settings: Settings, *, n_updates: int) -> list[_Fitted]:
    """A thread a network, as far as there are cores and memory; what one comes to does not depend on the others."""
    tables, is_broken_off = Tables(problem), Event()
    tables.training(jobs[0])  # all read it, and it is made once
    n_in_memory = memory_for_lanes() // lane_bytes(jobs[0], problem, settings)
    n_threads = max(1, min(len(jobs), n_cpus(), n_in_memory))

    def fitted(job: Job) -> _Fitted:
        return fit_updates(job, tables, settings, n_updates=n_updates, is_over=is_broken_off.is_set)

    with threadpool_limits(limits=1, user_api="blas"):  # the very products of the search
        threads = ThreadPoolExecutor(n_threads, thread_name_prefix="refit")
        try:
            return list(threads.map(fitted, jobs))
        finally:  # after Ctrl-C nobody waits for networks that nobody wants
            is_broken_off.set()
            threads.shutdown(cancel_futures=True)


def _by_keras(jobs: Sequence[Job], problem: Problem, settings: Settings, *, n_updates: int) -> list[_Fitted]:
    from ffsearch.search.training.keras_trainer import KerasTrainer

    trainer = KerasTrainer(problem, settings.stopping, optimizer=settings.optimizer, momentum=settings.momentum)
    return [trainer.fit_updates(job, n_updates=n_updates) for job in jobs]
