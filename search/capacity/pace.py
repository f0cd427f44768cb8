"""How far a study is and how long it will take, counted in work rather than in networks: they differ by a hundred."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Final

from ffsearch.search.capacity.plan import Plan, Training
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.observer import StudyProgress
from ffsearch.search.training.costs import network_seconds

__all__ = ["Pace"]

FURTHER: Final = 0.35
"""Cells of those trained last that turn out to need one more learning rate. choice: as recorded (tests/data/progress);
what is never said is that none will."""

NETWORK_S: Final = 0.5
"""What a network costs however small it is, beside its updates. Source: the same; networks of a thousand parameters
took half as long as some of a hundred thousand, on two busy cores."""

SURE_S: Final = 3.0
"""Seconds after which what is measured counts as much as what was thought: the first networks are compiled."""

USUAL_CORES: Final = 1.3
"""Seconds of a core in one of the clock, before that is known."""


class Pace:
    """Counts what is done.

    Args:
        plan: What is trained.
        n_features: Columns of the matrix.
        batch_size: Rows an update.
        n_updates: Updates of a network.
        only: What is trained, where that is a share of a study; None: the grid, and what follows from it.
        clock: Seconds from any fixed moment.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        n_features: int,
        batch_size: int,
        n_updates: int,
        only: Collection[Training] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan, self._clock = plan, clock
        self._started = clock()
        self._work = [
            n_updates * network_seconds(cell.point, n_features=n_features, batch_size=batch_size) for cell in plan.cells
        ]
        self._left: set[Training] = set()
        self._n_done = 0
        self._done_here = 0.0
        self._further = 0.0  # of one more rate in all cells that may need one
        self._only = only
        self._n_cells = len(plan.cells) if only is None else len({training.cell for training in only})
        self._has_longer = plan.longer == 1 or only is not None

    @property
    def all_s(self) -> float:
        """What the grid, or a share of it, is thought to cost, in seconds of a core."""
        return sum(map(self._work_of, self._plan.first_trainings() if self._only is None else self._only))

    def add(self, wanted: Iterable[Training], *, told: Collection[Training]) -> None:
        """More is to be trained; part of it may have been, by an earlier start."""
        wanted = set(wanted)
        self._has_longer |= any(training.is_longer for training in wanted)
        is_last = self._only is not None or (self._has_longer and self._plan.longer > 1)
        self._further = 0.0 if is_last else self._one_rate(wanted)
        self._left |= wanted - set(told)
        self._n_done += len(wanted & set(told))

    def count(self, training: Training) -> None:
        """One is done."""
        self._left.discard(training)
        self._n_done += 1
        self._done_here += self._work_of(training)

    def now(self, record: TrialRecord) -> StudyProgress:
        """Where the study stands after a training."""
        left = sum(map(self._work_of, self._left)) + FURTHER * self._further + self._longer_to_come()
        gone_s = self._clock() - self._started
        rate = (gone_s + SURE_S) / (self._done_here + USUAL_CORES * SURE_S)
        return StudyProgress(
            record=record,
            n_done=self._n_done,
            n_trainings=self._n_done + len(self._left),
            n_cells_done=self._n_cells - len({training.cell for training in self._left}),
            n_cells=self._n_cells,
            gone_s=gone_s,
            left_s=rate * left,
        )

    def _one_rate(self, wanted: Iterable[Training]) -> float:
        """What one more rate costs in all cells that are trained now."""
        cells = {training.cell for training in wanted}
        return self._plan.n_seeds * sum(self._work[cell] + NETWORK_S for cell in cells)

    def _longer_to_come(self) -> float:
        """What the two cells cost that are trained for longer in the end: nobody knows which yet."""
        if self._has_longer:
            return 0.0
        return 2 * self._plan.n_seeds * (self._plan.longer * sum(self._work) / len(self._work) + NETWORK_S)

    def _work_of(self, training: Training) -> float:
        return self._work[training.cell] * (self._plan.longer if training.is_longer else 1) + NETWORK_S
