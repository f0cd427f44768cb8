"""The trials that ended: recorded, made durable, told to the engine, shown; and what other drivers told.

trained trial -> its predictions kept -> record -> log -> engine.tell -> study.db -> observer
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from ffsearch.search.engines.protocol import Engine
from ffsearch.search.evidence.predictions import SearchPredictions
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.folder.ranking import Leader
from ffsearch.search.folder.trial_record import Told, TrialRecord, bad_value, told_history
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Observer
from ffsearch.search.steps.running_trials import TrainedTrial
from ffsearch.search.steps.trial_records import make_record
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import found
from ffsearch.spaces.schema import MAX_TRIALS

if TYPE_CHECKING:
    from ffsearch.search.engines.optuna_copy import OptunaCopy

__all__ = ["ToldTrials"]


@dataclass
class ToldTrials:
    """The trials of a run that ended. What the engine knows is in the folder, and survives a kill.

    Args:
        setting: What scores rest on.
        folder: The run folder, open.
        engine: Learns of every trial.
        copy: The copy of the study that dashboards read.
        predictions: Where predictions on validation rows are kept; None where no evidence is wanted.
        observer: Told of every trial.
    """

    setting: Setting
    _: KW_ONLY
    folder: RunFolder
    engine: Engine
    copy: OptunaCopy
    predictions: SearchPredictions | None
    observer: Observer

    def __post_init__(self) -> None:
        from ffsearch.search.engines.shared import SharedEngine

        setting, records = self.setting, self.folder.records
        self._shared = self.engine if isinstance(self.engine, SharedEngine) else None
        self._leader = Leader(setting.objective)
        self.engine.restore(told_history(records, naive=setting.naive, objective=setting.objective))

    @property
    def best(self) -> TrialRecord | None:
        """The trial that stands for the best point so far; None where no trial has a value."""
        return self._leader.of(self.folder.records)

    @property
    def records(self) -> tuple[TrialRecord, ...]:
        """All trials, those of earlier starts among them, in the order they ended."""
        return self.folder.records

    def n_left(self, n_trials: int | None) -> int:
        """Trials that this driver may still propose; a shared study counts itself.

        Args:
            n_trials: How many the run shall have; 0: none, None: as many as there is time for.
        """
        n_most = MAX_TRIALS if n_trials is None else n_trials
        return n_most if self._shared else n_most - len(self.records)

    def record(self, trial: TrainedTrial) -> TrialRecord:
        """What is kept of a trial; its predictions are kept first, so that a trial that is told has them."""
        if self.predictions is not None:
            self.predictions.add(trial.proposal.trial, trial.folds)
        return make_record(
            trial.folds, self.setting, ended=trial.ended, repeat_of=self.folder.repeat_of(trial.proposal.point)
        )

    def tell(self, record: TrialRecord) -> None:
        """Make a trial durable, then let the engine learn of it: what it knows must never be lost.

        A trial of a shared study counts unless it was given to another driver, because this one was silent too long.
        """
        worst = bad_value(
            (earlier.value for earlier in self.records), naive=self.setting.naive, objective=self.setting.objective
        )
        told = record.told(otherwise=worst)
        if self._shared is not None and not self._shared.commit(record, told):
            self.observer.noted(found(Code.TRIAL_LOST, trial=record.trial))
            return
        self._take(record, told)
        self.learn_from_others()

    def learn_from_others(self) -> None:
        """Take what other drivers of a shared study told since the last look."""
        if self._shared is None:
            return
        for record in self._shared.study.told(but=[known.trial for known in self.records]):
            self._take(record, record.told(otherwise=self.setting.naive))

    def others_left_work(self, is_over: Callable[[], bool]) -> bool:
        """Wait until the other drivers of a shared study have told all their trials, or one of them is lost.

        Args:
            is_over: Whether time is up.

        Returns:
            Whether a driver was lost, whose trials are to be tried again. Of a search of one's own: no.
        """
        if self._shared is None:
            return False
        goes_on = self._shared.study.wait(n_trials=self._shared.n_trials, is_over=is_over)
        self.learn_from_others()
        return goes_on

    def _take(self, record: TrialRecord, told: Told) -> None:
        self.folder.add(record)
        self.engine.tell(told)
        self.copy.add(record)
        self.observer.ended(record, self.best)
