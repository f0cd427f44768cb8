"""What a trainer is given, what it gives back, and the one method it has.

A trainer pulls jobs from an iterator whenever it can start one, and yields each candidate when it has ended. Whoever
drives it learns of a result before the next job is pulled, so a sampler always knows all there is to know:

    for trained in trainer.train(jobs, watch=watch):   # jobs: lazy, asks the engine
        record(trained)                                # durable before the next ask
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.network.topology import Point

__all__ = ["Curve", "Ended", "Epoch", "Job", "Stopping", "Trained", "Trainer", "Watch", "never_stop"]


class Ended(StrEnum):
    """Why training ended. A candidate always says so."""

    STOPPED = "stopped"  # early stopping: patience ran out (algorithm 7.1)
    COMPLETED = "completed"  # all epochs, or all updates, it was given
    PRUNED = "pruned"  # the pruner saw no promise
    DIVERGED = "diverged"  # a loss was NaN or infinite
    BUDGET = "budget"  # the run's time, or the trial's own, was up
    FAILED = "failed"  # an error of the trainer; the text is kept

    @property
    def has_value(self) -> bool:
        """Whether it leaves something to compare."""
        return self not in (Ended.DIVERGED, Ended.FAILED)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One network to train.

    Args:
        trial: Number of the trial it belongs to.
        point: What to train.
        seed: Where initial weights, row order and dropout come from; nothing else may be random.
        fold: Which of the problem's splits to train on.
    """

    trial: int
    point: Point
    seed: np.random.SeedSequence
    fold: int = 0


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When training ends, and which weights count then, for all jobs of a trainer.

    Args:
        max_epochs: Most evaluations of a candidate.
        patience: Evaluations without improvement before it is stopped (algorithm 7.1's p).
        min_delta: A validation loss must fall by more than this to count as an improvement.
        batch_size: Rows an update.
        evaluate_every: Epochs between two evaluations. While a network is trained, whatever counts epochs (the watch, a
            piece of work, the two limits above) counts these stretches: on a table of a thousand rows an epoch takes a
            few milliseconds, and looking after each would cost more than training.
        averaged: Whether a network that is judged and kept has the running mean of its weights over the updates
            (`defaults.LATER_WEIGHTS`), else the last of them.
    """

    max_epochs: int
    patience: int
    min_delta: float
    batch_size: int
    evaluate_every: int = 1
    averaged: bool = True


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What is known of a running job after one more evaluation.

    Args:
        job: The job.
        number: Evaluations so far, from 1.
        train_loss: See `Curve`.
        valid_loss: See `Curve`.
        train_s: What all its epochs took so far, without compiling as far as the trainer knows: in a lane seconds of a
            core, with Keras of the clock; the one thing in it that depends on the machine.
        every: Epochs between two evaluations.
    """

    job: Job
    number: int
    train_loss: float
    valid_loss: float
    train_s: float = 0.0
    every: int = 1

    @property
    def n_epochs(self) -> int:
        """Epochs trained so far."""
        return self.number * self.every


Watch = Callable[[Epoch], Ended | None]
"""Asked after every epoch of every job: None goes on, `Ended.PRUNED` or `Ended.BUDGET` ends it there."""


def never_stop(epoch: Epoch) -> Ended | None:  # noqa: ARG001  (the signature of a Watch)
    """The watch that lets every job run to its own end."""
    return None


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Learning curves, one entry an evaluation, each of shape (n_looks,), float32.

    Losses are those of the head on its own scale (standardised targets, nats), without penalties, so that they compare
    across regularisers: `train_loss` is the mean over the updates since the evaluation before, with dropout active,
    `valid_loss` is measured without. `penalty` is the mean of what L1, L2 and activity terms added while training.
    """

    train_loss: NDArray[np.float32]
    valid_loss: NDArray[np.float32]
    penalty: NDArray[np.float32]
    every: int = 1
    """Epochs between two entries."""

    @property
    def n_looks(self) -> int:
        """Evaluations."""
        return len(self.valid_loss)

    @property
    def n_epochs(self) -> int:
        """Epochs trained."""
        return self.n_looks * self.every

    @property
    def epochs(self) -> NDArray[np.int64]:
        """Epochs trained until each entry, shape (n_looks,)."""
        return self.every * np.arange(1, self.n_looks + 1)

    def look_at(self, epoch: float) -> int:
        """The entry, from 0, of the evaluation next to an epoch."""
        return min(max(round(epoch / self.every), 1), self.n_looks) - 1


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A candidate that has ended.

    Args:
        job: What was trained.
        ended: Why it ended.
        curve: Its learning curves, as far as they are finite or up to and with the epoch that diverged.
        best_epoch: The epoch with the lowest validation loss, counted from 1; 0 when there was none.
        n_updates: Updates until the end of the best epoch (i* of algorithm 7.2).
        valid_logits: Outputs of the best epoch's weights on the split's validation rows, shape (n_valid, n_outputs),
            before sigmoid or softmax and on the standardised scale of regression targets; empty when it diverged.
        weights: The best epoch's weights in the order of the Keras model's `get_weights()`, or None when not kept.
        train_s: Seconds spent training and evaluating it, with tracing and compiling: of a core in a lane, of the clock
            with Keras.
        compile_s: Seconds of those spent building, tracing and compiling, as far as the trainer knows.
        error: Text of the error when it failed.
        notes: Anything else worth a line in the record.
    """

    job: Job
    ended: Ended
    curve: Curve
    best_epoch: int
    n_updates: int
    valid_logits: NDArray[np.float32]
    weights: list[NDArray[np.float32]] | None = None
    train_s: float = 0.0
    compile_s: float = 0.0
    error: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def lowest_loss(self) -> float | None:
        """The validation loss of the best epoch; None when there was none."""
        return float(self.curve.valid_loss[self.curve.look_at(self.best_epoch)]) if self.best_epoch else None


class Trainer(Protocol):
    """Trains points; knows its data from the start, learns of jobs one by one.

    Contract (tests/contracts/trainers.py): a job's result depends on its point, seed and fold alone; a failed or
    diverged job does not stop the next; every job pulled is yielded exactly once; closing the iterator early ends all
    that runs without yielding it.
    """

    name: str

    def train(self, jobs: Iterator[Job], *, watch: Watch = never_stop) -> Iterator[Trained]:
        """Train jobs as they come.

        Args:
            jobs: Where the next job is pulled from; may block on nothing, ends when there are no more.
            watch: Asked after each epoch whether a job goes on.

        Yields:
            Each job's result, in the order they end.
        """
        ...
