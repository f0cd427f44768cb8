"""One Optuna study in a database, on which several drivers work. What is told there is the truth.

ask ──> a waiting trial (one that was lost), or a new number ──> beat ──> point
commit: record in pieces, then the state, which only one driver can set ──> told, once
a driver that stops beating: its trials fail, and each waits again under a new number, at most three times
"""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, Final

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning, OptunaError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from ffsearch.errors import RunError
from ffsearch.search.base.objective import Objective
from ffsearch.search.base.secrets import without_passwords
from ffsearch.search.engines.optuna_tools import quiet_optuna
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.training.protocol import Ended

__all__ = ["SharedStudy"]

HEARTBEAT_S: Final = 20
"""Seconds between two signs of life of a driver. choice: one small write a running trial."""

GRACE_S: Final = 90
"""Seconds without one after which its trials are tried again elsewhere. choice: longer than a database restarts."""

MAX_RETRIES: Final = 3
"""How often a trial is tried again. choice: as for workers that are lost."""

PIECE: Final = 16_000
"""Letters of a record in one attribute. choice: MySQL's TEXT holds 65,535 bytes."""

N_OPENINGS: Final = 5
"""Attempts to open a database whose tables another driver is making. choice: they take it a second."""

TOLD: Final = (TrialState.COMPLETE, TrialState.PRUNED)

_DRIVERS: Final = {
    "postgresql": "pip install 'ffsearch[postgres]', and write postgresql+psycopg://",
    "mysql": "pip install 'ffsearch[mysql]', and write mysql+pymysql://",
}


class SharedStudy:
    """A study in a database. Close it, or use it in a `with`.

    Args:
        url: Where: postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, mysql+pymysql://..., sqlite:///FILE.
        name: Name of the study; drivers that give the same one share it.
        objective: What the values told are.
        heartbeat_s: Seconds between two signs of life.
        grace_s: Seconds without one after which a trial is lost.

    Raises:
        RunError: If there is no such database, or what speaks to it is not installed.
    """

    def __init__(
        self, url: str, *, name: str, objective: Objective, heartbeat_s: int | None = None, grace_s: int | None = None
    ) -> None:
        self._url = url
        self.name = name
        self._heartbeat_s = HEARTBEAT_S if heartbeat_s is None else heartbeat_s
        self._grace_s = GRACE_S if grace_s is None else grace_s
        self._sign = objective.sign
        self._running: dict[int, Trial] = {}
        self._mute_since: dict[int, float] = {}
        with self._guarded(), quiet_optuna(), _experiments_known():
            self._storage = _together(
                lambda: RDBStorage(
                    url,
                    engine_kwargs={"pool_pre_ping": True},
                    heartbeat_interval=self._heartbeat_s,
                    grace_period=self._grace_s,
                    heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES),
                )
            )
            self._study = optuna.create_study(
                study_name=name,
                storage=self._storage,
                direction=objective.direction,
                load_if_exists=True,
            )
        self._ended = Event()
        self._heart = Thread(target=self._beat_on, name="heartbeat", daemon=True)
        self._heart.start()

    def __enter__(self) -> SharedStudy:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what runs, for others to try again, and hang up."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._heart.join()
        with suppress(RunError):
            for number in list(self._running):
                self.give_up(number, again=True)
        self._storage.remove_session()
        self._storage.engine.dispose()

    def ask(self, sampler: BaseSampler, distributions: dict[str, BaseDistribution], *, n_trials: int) -> Trial | None:
        """The next trial; None when others have all that are left.

        Args:
            sampler: Draws the parameters, given the trial's number.
            distributions: Of the parameters.
            n_trials: Trials the study shall have in the end.

        Raises:
            RunError: If the database cannot be reached.
        """
        with self._guarded(), quiet_optuna(), _experiments_known():
            while True:
                self._free_lost()
                if self._n(*TOLD, TrialState.RUNNING) >= n_trials:
                    return None
                self._study.sampler = sampler
                asked = self._study.ask()
                # A sign of life before the sampler thinks: without one nobody would know that this trial is lost.
                self._running[asked.number] = asked
                self._storage.record_heartbeat(asked._trial_id)
                try:
                    if self._rank(asked.number) >= n_trials:
                        self._drop(asked.number)
                        return None
                    for name, distribution in distributions.items():
                        _suggest(asked, name, distribution)
                except UpdateFinishedTrialError:
                    # Silent for so long that another driver gave this trial up, as when a laptop sleeps: the next one.
                    self._running.pop(asked.number, None)
                else:
                    return asked

    def commit(self, record: TrialRecord, *, value: float) -> bool:
        """Tell what a trial came to. When this returns it is durable, and all drivers can read it.

        Args:
            record: All that is kept of it.
            value: Its objective; a finite bad one where it has none.

        Returns:
            Whether it counts: not, when this driver was silent for so long that the trial was given to another one.

        Raises:
            RunError: If the database cannot be reached.
        """
        asked = self._running[record.trial]
        with self._guarded(), quiet_optuna(), _experiments_known():
            try:
                for key, text in _pieces(record):
                    asked.set_user_attr(key, text)
                for key in ("topology", "n_params"):
                    asked.set_user_attr(key, getattr(record, key))
                asked.set_user_attr("ended", record.why)
                self._tell(asked, record, value)
            except UpdateFinishedTrialError:
                return False
            finally:
                self._running.pop(record.trial, None)
        return True

    def give_up(self, number: int, *, again: bool = False) -> None:
        """End a trial without a result.

        Args:
            number: Its number.
            again: Whether it waits for another driver, as a lost one does.
        """
        asked = self._running.pop(number)
        with self._guarded(), quiet_optuna(), _experiments_known(), suppress(UpdateFinishedTrialError):
            if self._study._storage.set_trial_state_values(asked._trial_id, state=TrialState.FAIL) and again:
                RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)(
                    self._study, self._study._storage.get_trial(asked._trial_id)
                )

    def told(self, *, but: Sequence[int] = ()) -> list[TrialRecord]:
        """Records of all trials that were told, by any driver, in the order of their numbers.

        Args:
            but: Numbers of those that are known.

        Raises:
            RunError: If the database cannot be reached.
        """
        known = set(but)
        with self._guarded(), quiet_optuna():
            trials = self._study.get_trials(deepcopy=False, states=TOLD)
        return [_record(trial) for trial in trials if trial.number not in known]

    def running_params(self) -> list[dict[str, Any]]:
        """Parameters of all trials that are running, with any driver."""
        return [trial.params for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))]

    def wait(self, *, n_trials: int, is_over: Callable[[], bool], poll_s: float = 1.0) -> bool:
        """Wait for the other drivers.

        Args:
            n_trials: Trials the study shall have in the end.
            is_over: Whether time is up.
            poll_s: Seconds between two looks.

        Returns:
            Whether there is something to do again, because another driver was lost; else all were told, or time is up.

        Raises:
            RunError: If the database cannot be reached.
        """
        while not is_over():
            with self._guarded(), quiet_optuna(), _experiments_known():
                self._free_lost()
                if self._n(*TOLD) >= n_trials:
                    self._clear_surplus()
                    return False
                if self._n(*TOLD, TrialState.RUNNING) < n_trials:
                    return True
            time.sleep(poll_s)
        return False

    def _tell(self, asked: Trial, record: TrialRecord, value: float) -> None:
        """Set the state, which is what counts: a trial has one end."""
        losses = record.told(otherwise=value).valid_loss
        state = TrialState.COMPLETE
        if record.ended is Ended.PRUNED and losses:
            asked.report(self._sign * min(losses), len(losses))
            state = TrialState.PRUNED
        # Not by the study's `tell`, which looks first and sets afterwards: another driver may come in between.
        self._study._storage.set_trial_state_values(asked._trial_id, state=state, values=[value])

    def _n(self, *states: TrialState) -> int:
        return len(self._study.get_trials(deepcopy=False, states=states))

    def _rank(self, number: int) -> int:
        """How many trials that count, or may, have smaller numbers. Two drivers that ask at once never share one."""
        trials = self._study.get_trials(deepcopy=False)
        return sum(trial.number < number and trial.state is not TrialState.FAIL for trial in trials)

    def _drop(self, number: int) -> None:
        asked = self._running.pop(number)
        self._study._storage.set_trial_state_values(asked._trial_id, state=TrialState.FAIL)

    def _free_lost(self) -> None:
        """Let trials of drivers that are gone wait again."""
        fail_stale_trials(self._study)
        now = time.monotonic()
        mute = [
            trial
            for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            if not trial.params and trial.number not in self._running
        ]
        self._mute_since = {trial.number: self._mute_since.get(trial.number, now) for trial in mute}
        for trial in mute:
            # Killed between its number and its first sign of life, which the storage's own check needs.
            if now - self._mute_since[trial.number] > self._grace_s:
                with suppress(UpdateFinishedTrialError):
                    self._study._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)

    def _clear_surplus(self) -> None:
        """What waits when all were told was given to another trial meanwhile."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            with suppress(UpdateFinishedTrialError):
                self._study._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)

    def _beat_on(self) -> None:
        while not self._ended.wait(self._heartbeat_s):
            for asked in list(self._running.values()):
                with suppress(SQLAlchemyError, OptunaError):  # the next one may come through
                    self._storage.record_heartbeat(asked._trial_id)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except ImportError as error:
            kind = re.split(r"[+:]", self._url)[0]
            remedy = _DRIVERS.get(kind, "one of postgresql+psycopg://, mysql+pymysql://, sqlite:///FILE")
            raise RunError(
                f"--storage {without_passwords(self._url)}: what speaks to it is not installed. Use {remedy}."
            ) from error
        except UpdateFinishedTrialError:
            raise
        except (SQLAlchemyError, OptunaError, OSError) as error:
            cause = without_passwords(str(error).partition("\n")[0], of=self._url)
            raise RunError(
                f"--storage {without_passwords(self._url)}: the database cannot be used ({cause}). It takes "
                "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, mysql+pymysql://... or sqlite:///FILE. What was "
                "told there is safe; the same command goes on with it."
            ) from None  # the error in between shows the address with its password


def _together(opened: Callable[[], RDBStorage]) -> RDBStorage:
    """Open a storage that others may open for the first time just now: one makes the tables, the rest find them."""
    for attempt in range(N_OPENINGS):
        try:
            return opened()
        except (IntegrityError, ProgrammingError, OperationalError) as error:
            is_race = not isinstance(error, OperationalError) or "exists" in str(error)
            if attempt + 1 == N_OPENINGS or not is_race:
                raise
            time.sleep(1.0 + attempt)
    raise AssertionError


def _suggest(asked: Trial, name: str, distribution: BaseDistribution) -> None:
    match distribution:
        case IntDistribution():
            asked.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
        case FloatDistribution():
            asked.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
        case CategoricalDistribution():
            asked.suggest_categorical(name, distribution.choices)
        case _:
            raise TypeError(f"no parameter of a space is a {type(distribution).__name__}")


def _pieces(record: TrialRecord) -> Iterator[tuple[str, str]]:
    text = json.dumps(record.as_dict(), allow_nan=False, separators=(",", ":"))
    for place, start in enumerate(range(0, len(text), PIECE)):
        yield f"record:{place}", text[start : start + PIECE]


def _record(trial: FrozenTrial) -> TrialRecord:
    pieces: list[str] = []
    while (key := f"record:{len(pieces)}") in trial.user_attrs:
        pieces.append(trial.user_attrs[key])
    try:
        return TrialRecord.from_dict(json.loads("".join(pieces)))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"Trial {trial.number} of the shared study was not told by this version of ffsearch "
            f"({type(error).__name__}). Use one version for all drivers, or another database."
        ) from error


@contextmanager
def _experiments_known() -> Iterator[None]:
    """Optuna calls heartbeats and what retries experimental, and means them for its own loop; ours beats itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", message="Heartbeat of storage is supposed to be used")
        yield
