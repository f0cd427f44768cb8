"""The study people look at: `study.db`, in Optuna's own schema; optuna-dashboard opens it, ffsearch only writes it.

A trial takes some dozen queries and a commit, 30 ms and more, in which a driver would leave its lanes without work. So
a thread of its own writes, and the driver goes on.
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count, takewhile
from pathlib import Path
from typing import Final

import optuna
from optuna.exceptions import ExperimentalWarning, OptunaError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from ffsearch.errors import RunError
from ffsearch.search.base.files import sqlite_url
from ffsearch.search.base.objective import Objective
from ffsearch.search.engines.optuna_space import OptunaSpace
from ffsearch.search.engines.optuna_tools import quiet_optuna
from ffsearch.search.engines.pruners import FIRST_RUNG, REDUCTION
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.points import Parameters
from ffsearch.search.training.protocol import Ended

__all__ = ["OptunaCopy"]

_NUMBER: Final = "trial"

MOST_BEHIND: Final = 64
"""Trials told that the copy may lack. choice: two seconds of writing, for which the end of a run then waits."""


class OptunaCopy:
    """A copy of a run's trials in SQLite, brought up to date when it is opened. Close it, or use it in a `with`.

    It is complete when it is closed; until then it may lack the last `MOST_BEHIND` trials. Trials keep their number as
    a user attribute, for Optuna counts in the order they are added. A trial without a value (diverged, failed) is shown
    as failed: the bad value an engine was told is nobody's measurement.

    Args:
        path: The database file; created when it is not there.
        name: Name of the study.
        objective: What the values are.
        parameters: The space.
        first_rung: Evaluations before a pruner judges a trial.
        records: Trials that ended before; those it lacks are added.

    Raises:
        RunError: If the file is not such a study, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        objective: Objective,
        parameters: Parameters,
        first_rung: int = FIRST_RUNG,
        records: Sequence[TrialRecord] = (),
    ) -> None:
        self._path = path
        self._space = OptunaSpace(parameters)
        self._first_rung = first_rung
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="study.db")
        self._unwritten: deque[Future[None]] = deque()
        self._is_closed = False
        with self._guarded(), quiet_optuna():
            self._storage = RDBStorage(sqlite_url(path), engine_kwargs={"connect_args": {"timeout": 30}})
            self._study = optuna.create_study(
                study_name=name, storage=self._storage, direction=objective.direction, load_if_exists=True
            )
            trials = self._study.get_trials(deepcopy=False)
            if not trials:
                self._study.set_user_attr("off", self._space.off_words())
                with warnings.catch_warnings():  # experimental, as samplers are: see the lower bound on Optuna
                    warnings.simplefilter("ignore", ExperimentalWarning)
                    self._study.set_metric_names([objective.name])
        self._known = {trial.user_attrs.get(_NUMBER) for trial in trials}
        self._storage.remove_session()  # this thread's; from here on the writer has one
        for record in records:
            self.add(record)
        self._settle(most=0)

    def __enter__(self) -> OptunaCopy:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait until everything is written, and give the file back; twice is no error.

        Raises:
            RunError: If something could not be written.
        """
        try:
            self._settle(most=0)
        finally:
            if not self._is_closed:
                self._is_closed = True
                self._writer.submit(self._storage.remove_session)
            self._writer.shutdown()
            self._storage.engine.dispose()

    def add(self, record: TrialRecord) -> None:
        """Have a trial that ended written, unless it is there.

        Raises:
            RunError: If it, or one before it, cannot be written; the log, which is the truth, is not touched by that.
        """
        if record.trial not in self._known:
            self._known.add(record.trial)
            self._unwritten.append(self._writer.submit(self._write, record))
        self._settle(most=MOST_BEHIND)

    def _settle(self, *, most: int) -> None:
        """Wait until no more than so many trials are unwritten; what went wrong with the others is raised here."""
        while self._unwritten and (len(self._unwritten) > most or self._unwritten[0].done()):
            self._unwritten.popleft().result()

    def _write(self, record: TrialRecord) -> None:
        with self._guarded():
            self._study.add_trial(self._frozen(record))

    def _frozen(self, record: TrialRecord) -> FrozenTrial:
        attributes = {
            _NUMBER: record.trial,
            "topology": record.topology,
            "ended": record.why,
            "n_params": record.n_params,
        }
        losses = {
            look * record.curve.every: float(record.curve.valid_loss[look - 1])
            for look in self._shown_looks(record.curve.n_looks)
        }
        trial = create_trial(
            state=_state(record),
            value=record.value,
            params=self._space.params(record.point),
            distributions=self._space.distributions,
            intermediate_values={epoch: loss for epoch, loss in losses.items() if math.isfinite(loss)},
            user_attrs=attributes,
        )
        ended = datetime.fromisoformat(record.ended_at).astimezone().replace(tzinfo=None)  # Optuna's are local, naive
        trial.datetime_start, trial.datetime_complete = ended - timedelta(seconds=record.train_s), ended
        return trial

    def _shown_looks(self, n_looks: int) -> list[int]:
        """The first evaluation, those a pruner reads, the last: each takes time; curves have a file of their own."""
        rungs = takewhile(lambda look: look < n_looks, (self._first_rung * REDUCTION**rung for rung in count()))
        return [1, *rungs, n_looks] if n_looks > 1 else [1] * n_looks

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (OptunaError, SQLAlchemyError, OSError) as error:
            cause = str(error).partition("\n")[0]
            raise RunError(
                f"{self._path}: the copy of the trials for optuna-dashboard cannot be kept ({cause}). Every trial told "
                f"is safe in the log. Make room or move {self._path.name} away: the same command writes it anew."
            ) from error


def _state(record: TrialRecord) -> TrialState:
    if record.value is None:
        return TrialState.FAIL
    return TrialState.PRUNED if record.ended is Ended.PRUNED else TrialState.COMPLETE
