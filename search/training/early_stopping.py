"""When a job ends: algorithm 7.1 of Goodfellow, Bengio, Courville (2016), look by look. No framework here.

train, evaluate, is it lower by more than min_delta?  yes: remember the weights, patience starts anew
                                                      no:  one more failure; at `patience` failures it stops
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.data.features.problem import Problem
from ffsearch.search.network.heads import Loss
from ffsearch.search.training.protocol import Curve, Ended, Epoch, Job, Stopping, Watch

__all__ = ["Progress", "loss_floor"]


def loss_floor(problem: Problem, fold: int) -> float:
    """The validation loss below which the rows of a fold tell networks apart no more.

    A network that is right in every validation row is ever surer of itself the longer it is trained, and its log loss
    falls for good, while on other rows it is as wrong as before, and surer. What n rows can show ends where one more
    row that is answered wrongly would outweigh them all: at a loss of one nat among them.
    """
    is_of_classes = problem.head.loss in (Loss.BINARY_CROSSENTROPY, Loss.CATEGORICAL_CROSSENTROPY)
    return 1 / max(1, len(problem.splits[fold].x_valid)) if is_of_classes else 0.0


class Progress:
    """How one job fares: its curves, its best evaluation, and why it ended.

    Whoever trains the job calls `record` at every evaluation, keeps the weights when `improved` says so, and stops when
    `ended` is set.

    Args:
        job: The job.
        stopping: When to stop.
        watch: Asked after every finite evaluation.
        floor: The validation loss below which nothing is an improvement; see `loss_floor`.
    """

    def __init__(self, job: Job, stopping: Stopping, *, watch: Watch, floor: float = 0.0) -> None:
        self.job = job
        self.best_look = 0
        """Number of the best evaluation, from 1."""
        self.ended: Ended | None = None
        self._stopping = stopping
        self._watch = watch
        self._floor = floor
        self._best_loss = math.inf
        self._rows: list[tuple[float, float, float]] = []

    def record(self, *, train_loss: float, valid_loss: float, penalty: float, train_s: float = 0.0) -> None:
        """Take one more evaluation.

        The job's own end counts before the watch's, so that a network that stopped by itself is never called pruned;
        the watch is asked all the same, because a pruner learns from every one.
        """
        if not all(map(math.isfinite, (train_loss, valid_loss, penalty))):
            self.ended = Ended.DIVERGED
            return
        self._rows.append((train_loss, valid_loss, penalty))
        if valid_loss < self._best_loss - self._stopping.min_delta and self._best_loss > self._floor:
            self._best_loss, self.best_look = valid_loss, self.n_looks
        epoch = Epoch(
            job=self.job, number=self.n_looks, train_loss=train_loss, valid_loss=valid_loss, train_s=train_s,
            every=self._stopping.evaluate_every,
        )  # fmt: skip
        asked = self._watch(epoch)
        self.ended = self._own_end() or asked

    def _own_end(self) -> Ended | None:
        """Patience run out, or the last epoch done."""
        if self.n_looks - self.best_look >= self._stopping.patience:
            return Ended.STOPPED
        return Ended.COMPLETED if self.n_looks >= self._stopping.max_epochs else None

    @property
    def n_looks(self) -> int:
        """Evaluations that came to a finite loss."""
        return len(self._rows)

    @property
    def best_epoch(self) -> int:
        """Epochs trained until the best evaluation; 0 when there was none."""
        return self.best_look * self._stopping.evaluate_every

    @property
    def improved(self) -> bool:
        """Whether the last evaluation is the best one so far: its weights are the ones to keep."""
        return self.ended is not Ended.DIVERGED and self.best_look == self.n_looks

    @property
    def curve(self) -> Curve:
        """The finite part of the curves."""
        columns: NDArray[np.float32] = np.asarray(self._rows, np.float32).reshape(-1, 3).T
        return Curve(
            train_loss=columns[0], valid_loss=columns[1], penalty=columns[2], every=self._stopping.evaluate_every
        )
