"""How far a study is and how long it will take, counted in work rather than in networks: they differ by a hundred."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from ffsearch.search.capacity.plan import Plan, Training
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.observer import StudyProgress
from ffsearch.search.training.costs import network_seconds

__all__ = ["Pace"]


class Pace:
    """Counts what is done.

    Args:
        plan: What is trained.
        n_features: Columns of the matrix.
        batch_size: Rows an update.
    """

    def __init__(self, plan: Plan, *, n_features: int, batch_size: int) -> None:
        self._plan = plan
        self._started = time.monotonic()
        # What an update is thought to cost, in seconds of a lane: right beside each other, not by the clock.
        self._work = [network_seconds(cell.point, n_features=n_features, batch_size=batch_size) for cell in plan.cells]
        self._left: set[Training] = set()
        self._n_done = 0
        self._done_here = 0.0

    def add(self, wanted: Iterable[Training], *, told: Collection[Training]) -> None:
        """More is to be trained; part of it may have been, by an earlier start."""
        wanted = set(wanted)
        self._left |= wanted - set(told)
        self._n_done += len(wanted & set(told))

    def count(self, training: Training) -> None:
        """One is done."""
        self._left.discard(training)
        self._n_done += 1
        self._done_here += self._work_of(training)

    def now(self, record: TrialRecord) -> StudyProgress:
        """Where the study stands after a training."""
        left = sum(map(self._work_of, self._left))
        gone_s = time.monotonic() - self._started
        return StudyProgress(
            record=record,
            n_done=self._n_done,
            n_trainings=self._n_done + len(self._left),
            n_cells_done=len(self._plan.cells) - len({training.cell for training in self._left}),
            n_cells=len(self._plan.cells),
            gone_s=gone_s,
            left_s=gone_s * left / self._done_here,
        )

    def _work_of(self, training: Training) -> float:
        return self._work[training.cell] * (self._plan.longer if training.is_longer else 1)
