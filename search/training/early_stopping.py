"""When a job ends: algorithm 7.1 of Goodfellow, Bengio, Courville (2016), epoch by epoch. No framework here.

train, evaluate, is it lower by more than min_delta?  yes: remember the weights, patience starts anew
                                                      no:  one more failure; at `patience` failures it stops
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.training.protocol import Curve, Ended, Epoch, Job, Stopping, Watch

__all__ = ["Progress"]


class Progress:
    """How one job fares: its curves, its best epoch, and why it ended.

    Whoever trains the job calls `record` once an epoch, keeps the weights when `improved` says so, and stops when
    `ended` is set.

    Args:
        job: The job.
        stopping: When to stop.
        watch: Asked after every finite epoch.
    """

    def __init__(self, job: Job, stopping: Stopping, *, watch: Watch) -> None:
        self.job = job
        self.best_epoch = 0
        self.ended: Ended | None = None
        self._stopping = stopping
        self._watch = watch
        self._best_loss = math.inf
        self._rows: list[tuple[float, float, float]] = []

    def record(self, *, train_loss: float, valid_loss: float, penalty: float, train_s: float = 0.0) -> None:
        """Take one more epoch.

        The job's own end counts before the watch's, so that a network that stopped by itself is never called pruned;
        the watch is asked all the same, because a pruner learns from every epoch.
        """
        if not all(map(math.isfinite, (train_loss, valid_loss, penalty))):
            self.ended = Ended.DIVERGED
            return
        self._rows.append((train_loss, valid_loss, penalty))
        if valid_loss < self._best_loss - self._stopping.min_delta:
            self._best_loss, self.best_epoch = valid_loss, self.n_epochs
        epoch = Epoch(job=self.job, number=self.n_epochs, train_loss=train_loss, valid_loss=valid_loss, train_s=train_s)
        asked = self._watch(epoch)
        self.ended = self._own_end() or asked

    def _own_end(self) -> Ended | None:
        """Patience run out, or the last epoch done."""
        if self.n_epochs - self.best_epoch >= self._stopping.patience:
            return Ended.STOPPED
        return Ended.COMPLETED if self.n_epochs >= self._stopping.max_epochs else None

    @property
    def n_epochs(self) -> int:
        """Finite epochs trained."""
        return len(self._rows)

    @property
    def improved(self) -> bool:
        """Whether the last epoch is the best one so far: its weights are the ones to keep."""
        return self.ended is not Ended.DIVERGED and self.best_epoch == self.n_epochs

    @property
    def curve(self) -> Curve:
        """The finite part of the curves."""
        columns: NDArray[np.float32] = np.asarray(self._rows, np.float32).reshape(-1, 3).T
        return Curve(train_loss=columns[0], valid_loss=columns[1], penalty=columns[2])
