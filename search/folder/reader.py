"""Reading a run folder, finished or not, here or from elsewhere, without its data."""

from __future__ import annotations

import hashlib
import html
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ffsearch.errors import ExportError, RunError
from ffsearch.search.base.files import disk_error
from ffsearch.search.base.texts import first_line
from ffsearch.search.folder.answer_frames import AnswerFrames
from ffsearch.search.folder.bounded import parsed
from ffsearch.search.folder.kept_data import KeptData
from ffsearch.search.folder.log import Line, LineKind, read_lines
from ffsearch.search.folder.named_model import load_named
from ffsearch.search.folder.pareto import pareto_front
from ffsearch.search.folder.plain import digest
from ffsearch.search.folder.summary import Summary, build_summary
from ffsearch.search.folder.tables import read_table
from ffsearch.search.folder.told import busy_seconds, facts_of, records_of, repeats_of
from ffsearch.search.folder.trial_record import TrialRecord, curves_frame, trials_frame
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.language import PLAIN
from ffsearch.search.wording.refusal import refusal

if TYPE_CHECKING:
    import optuna
    import pandas as pd

__all__ = [
    "ANSWERS",
    "BASELINES",
    "CAPACITY",
    "CARD",
    "CHECK",
    "CURVES",
    "DATA",
    "ENVIRONMENT",
    "FINALISTS",
    "LOG",
    "MODEL",
    "PARTNERS",
    "REPORT",
    "RESIDUALS",
    "SEALED",
    "SPACE",
    "SPLITS",
    "STUDY",
    "SUMMARY",
    "TRIALS",
    "StoredRun",
    "latest",
    "load",
    "read_text",
    "runs_under",
]

LOG: Final = "log.jsonl"
SPACE: Final = "space.yaml"
ENVIRONMENT: Final = "environment.json"
DATA: Final = "data.json"
SPLITS: Final = "splits.npz"
STUDY: Final = "study.db"
SUMMARY: Final = "summary.json"
CAPACITY: Final = "capacity.parquet"
ANSWERS: Final = "answers.npz"
TRIALS: Final = "trials.parquet"
CURVES: Final = "curves.parquet"
FINALISTS: Final = "finalists.parquet"
PARTNERS: Final = "partners.parquet"
BASELINES: Final = "baselines.parquet"
RESIDUALS: Final = "residuals.parquet"
SEALED: Final = "sealed.parquet"
MODEL: Final = "model/model.keras"
CARD: Final = "model/card.md"
CHECK: Final = "model/check.parquet"
REPORT: Final = "report.html"


class StoredRun(AnswerFrames):
    """A run folder, read. Everything is read when it is first asked for and kept.

    Args:
        path: The folder.

    Example:
        >>> run = load(folder / "run")
        >>> run.best["topology"].startswith("13 -> "), len(run.trials)
        (True, 2)
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def name(self) -> str:
        """The run's name, or the folder's when it has not got so far."""
        return self.results.name if self.has_begun else self.path.name

    @property
    def fingerprint(self) -> str:
        """What tells this run from all others wherever its folder lies: a hash of space, data and when it was begun."""
        if not self._lines:
            raise RunError(f"{self.path / LOG} holds no whole line: nothing was told of this run.")
        begun = json.dumps(self._lines[0], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(begun.encode("utf-8")).hexdigest()

    @cached_property
    def has_begun(self) -> bool:
        """Whether its data was read and its first trial could start."""
        return any(line["kind"] == LineKind.STARTED and "facts" in line for line in self._lines)

    @cached_property
    def is_finished(self) -> bool:
        """Whether the run came to its end, and nothing was told since."""
        of_note = [
            line["kind"]
            for line in self._lines
            if line["kind"] in (LineKind.STARTED, LineKind.TRIAL, LineKind.FINISHED)
        ]
        return of_note[-1:] == [LineKind.FINISHED] and (self.path / SUMMARY).exists()

    @property
    def summary_path(self) -> Path:
        """Where `summary.json` is, or will be."""
        return self.path / SUMMARY

    @cached_property
    def has_hash(self) -> bool:
        """Whether the log keeps a hash of the summary, as it does since version 0.2."""
        return self._kept_hash is not None

    @cached_property
    def _kept_hash(self) -> object:
        """What the end of the run noted of the summary; None of an early version."""
        kept = [line.get("summary") for line in self._lines if line["kind"] == LineKind.FINISHED]
        return kept[-1] if kept else None

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` says, as plain values; of an unfinished run the part that is known.

        Raises:
            RunError: If the run was killed before it had read its data, or the file was damaged since.
        """
        results = self.results  # refuses a damaged file, and says how to have it written anew
        return _read_json(self.summary_path) if self.is_finished else results.as_dict()

    @cached_property
    def results(self) -> Summary:
        """What `summary.json` says, checked and with a type for every part; of an unfinished run what is known.

        Raises:
            RunError: If the run was killed before it had read its data, or the file was damaged since.
        """
        if self.is_finished:
            text = read_text(self.summary_path)
            summary = Summary.read(text, path=self.summary_path)
            self._refuse_changed(text)
            self._refuse_other_trials(summary)
            return summary
        facts = facts_of(self._lines, self.path / LOG)
        if facts is None:
            raise RunError(
                f"{self.path} has not begun: it was ended before its data was read. Give the run's command again."
            )
        return build_summary(facts, self.records, wall_s=busy_seconds(self._lines))

    def _refuse_changed(self, text: str) -> None:
        """Refuse a summary that is not the one the run ended with; the logs of early versions do not know.

        Raises:
            RunError: If the log keeps another hash.
        """
        try:
            is_as_written = not self.has_hash or self._kept_hash == digest(text)
        except ValueError:  # no file of ours is beyond the bounds of ours
            is_as_written = False
        if not is_as_written:
            raise RunError(
                f"{self.summary_path} is not what the run wrote: {LOG} keeps another hash of it. It was changed by "
                "hand, or is another run's. Remove it and give the run's command again: it is written anew."
            )

    def _refuse_other_trials(self, summary: Summary) -> None:
        """Refuse a summary whose best trial the log does not know, or knows without a score.

        Raises:
            RunError: With both files.
        """
        scored = {record.trial for record in self.records if record.value is not None}
        if summary.kind == "search" and summary.best is not None and summary.best.trial not in scored:
            raise RunError(
                f"{self.summary_path} names trial {summary.best.trial} as the best, and {LOG} has no score of it. It "
                "was changed by hand, or is another run's. Remove it and give the run's command again: it is written "
                "anew."
            )

    @cached_property
    def records(self) -> tuple[TrialRecord, ...]:
        """All trials that ended, in the order they ended."""
        return records_of(self._lines, self.path / LOG)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row a trial: trial, value, ended, why, topology, `point.NAME`, `metric.NAME`, ...

        From the log, as `curves` are: it is the truth, and the Parquet files are for other programs.
        """
        return trials_frame(self.records)

    @cached_property
    def front(self) -> pd.DataFrame:
        """The networks worth their size, smallest first: trial, n_params, value, n_seeds, topology, ended.

        No other point tried is as good with fewer parameters. By what the search saw: the verdict reads none of it.
        """
        return pareto_front(self.trials, objective=self.results.objective)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row an epoch of every trial: trial, epoch, train_loss, valid_loss, penalty."""
        return curves_frame(self.records)

    @cached_property
    def finalists(self) -> pd.DataFrame:
        """A row a finalist and repeat: trial, repeat, value, is_winner, ...; empty when nothing was trained again."""
        return self._evidence(FINALISTS)

    @cached_property
    def partners(self) -> pd.DataFrame:
        """A row a repeat of the winner and of every network like it but for one thing: factor, change, value, ..."""
        return self._evidence(PARTNERS)

    @cached_property
    def baselines(self) -> pd.DataFrame:
        """A row a model and part: the network and what it has to beat, on the repeats' validation rows and the test."""
        return self._evidence(BASELINES)

    @cached_property
    def residuals(self) -> pd.DataFrame:
        """Some sealed rows of a regression: target, predicted, residual (truth less prediction)."""
        return self._evidence(RESIDUALS)

    @cached_property
    def sealed(self) -> pd.DataFrame:
        """A row a sealed row: row, unit, truth, what it added to the network's score; not of early versions."""
        return self._evidence(SEALED)

    @cached_property
    def repeat_curves(self) -> pd.DataFrame:
        """A row an evaluation of every network that was trained again: trial, repeat, epoch, train_loss, valid_loss."""
        import pandas as pd

        kept = repeats_of(self._lines, self.path / LOG)
        frames = [curves_frame([one]).assign(repeat=repeat) for (_, repeat), one in sorted(kept.items())]
        return pd.concat(frames or [curves_frame([]).assign(repeat=0)], ignore_index=True)

    @cached_property
    def damaged(self) -> tuple[Finding, ...]:
        """The tables of evidence that cannot be read: what shows a run goes on without them, and says so."""
        found_so = []
        for name in (FINALISTS, PARTNERS, BASELINES, RESIDUALS, SEALED):
            try:
                self._evidence(name)
            except RunError:
                found_so.append(found(Code.TABLE_DAMAGED, file=str(self.path / name)))
        return tuple(found_so)

    @property
    def verdict(self) -> dict[str, Any] | None:
        """The answer: code, text, sentences; None of a run that is not finished, or whose evidence is none."""
        verdict: dict[str, Any] | None = self.summary.get("verdict") if self.has_begun else None
        return verdict

    @cached_property
    def capacity(self) -> pd.DataFrame:
        """Of a capacity study a row a training: depth, budget, learning_rate, seed, valid, test, train, ...

        Raises:
            RunError: If the run is no study, or has not come to its end.
        """
        path = self.path / CAPACITY
        if not path.exists():
            raise RunError(
                f"{self.path} has no {CAPACITY}: it is no capacity study, or has not come to its end. What was trained "
                "so far is in `run.trials`; the run's command ends it."
            )
        return read_table(path, "Restore it, or start the study again with --fresh, which keeps this folder aside.")

    @property
    def best(self) -> dict[str, Any] | None:
        """The network that was refitted, before that the best trial; None when no trial has a value.

        Its keys: trial, point, topology, n_params, valid.
        """
        best: dict[str, Any] | None = self.summary["best"] if self.has_begun else None
        return best

    @cached_property
    def space_text(self) -> str:
        """The space file as it was resolved."""
        return read_text(self.path / SPACE)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Versions and machine the run was last started with."""
        return _read_json(self.path / ENVIRONMENT)

    @property
    def columns(self) -> list[dict[str, Any]] | None:
        """How each column of the table was understood; None when it was not kept."""
        return None if self._data.columns is None else list(map(dict, self._data.columns))

    @property
    def notices(self) -> list[Finding]:
        """What was done to the data or looked suspicious."""
        return list(self._data.notices)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The codes that the space file silences."""
        return self._data.ignore

    @cached_property
    def study(self) -> optuna.Study:
        """The trials as an Optuna study, opened from `study.db`.

        Raises:
            RunError: If the run has none, or it is damaged.
        """
        from ffsearch.search.base.quiet import load_bars

        load_bars()
        import optuna
        from optuna.exceptions import OptunaError
        from sqlalchemy.exc import SQLAlchemyError

        from ffsearch.search.base.files import sqlite_url

        path = self.path / STUDY
        if not path.exists():
            raise RunError(f"{self.path} has no {STUDY}. Its trials are in `run.trials`; the run's command writes it.")
        try:
            (name,) = optuna.get_all_study_names(sqlite_url(path))  # without a name Optuna says which one it took
            return optuna.load_study(study_name=name, storage=sqlite_url(path))
        except (SQLAlchemyError, ValueError, LookupError, TypeError, OptunaError) as error:
            told = first_line(getattr(error, "orig", None) or error)
            raise RunError(
                f"{path} cannot be read ({told}). Remove it: the run's command writes it anew, and its trials are in "
                "`run.trials`."
            ) from error

    def model(self) -> Any:
        """The winner as a Keras model: a dict of raw columns, shape (n_rows, 1) each, to answers in the user's units.

        Raises:
            ExportError: If the run has none yet.
        """
        path = self.path / MODEL
        if not path.exists():
            raise ExportError(
                f"{self.path} has no {MODEL}: it has not been refitted. Give the run's command again to end it."
            )
        return load_named(path)

    def _repr_html_(self) -> str:
        best = self.results.best if self.has_begun else None
        score = (
            "" if best is None else f"{PLAIN.named('metric', self.results.objective.name)} {PLAIN.score(best.valid)}, "
        )
        topology = "no trial has a value yet" if best is None else best.topology
        state = "finished" if self.is_finished else "not finished"
        text = f"{score}{PLAIN.counted('trials', len(self.records))}, {state}"
        return f"<b>{html.escape(self.name)}</b><br><code>{html.escape(topology)}</code><br>{html.escape(text)}"

    @cached_property
    def _lines(self) -> tuple[Line, ...]:
        return read_lines(self.path / LOG)

    @cached_property
    def _data(self) -> KeptData:
        path = self.path / DATA
        return KeptData.read(read_text(path), path=path) if path.exists() else KeptData()

    def _evidence(self, name: str) -> pd.DataFrame:
        """A table that is written when a run ends."""
        import pandas as pd

        path = self.path / name
        if not self.is_finished or not path.exists():
            return pd.DataFrame()
        return read_table(path, "Remove it and give the run's command with one more trial: it is written anew.")


def load(path: str | Path) -> StoredRun:
    """Open a run folder for reading; nothing in it is changed.

    Raises:
        RunError: If there is no run at that path.
    """
    folder = Path(path)
    if not (folder / LOG).is_file():
        what = "is not a run folder: it has no log.jsonl" if folder.exists() else "does not exist"
        raise RunError(f"{folder} {what}. Give a folder that `ffsearch run` made, such as runs/tabular.")
    return StoredRun(folder)


def latest(root: str | Path = "runs") -> Path:
    """The run under a folder in which something was told last.

    Raises:
        RunError: If there is none.
    """
    return runs_under(root)[0]


def runs_under(root: str | Path = "runs") -> list[Path]:
    """The run folders in a folder, that in which something was told last first.

    Raises:
        RunError: If there is none.
    """
    logs = [log for log in Path(root).glob(f"*/{LOG}") if log.is_file()]
    if not logs:
        raise refusal(RunError, "no_run", root=root)
    logs.sort(key=lambda log: (log.stat().st_mtime_ns, log.parent.name), reverse=True)
    return [log.parent for log in logs]


def read_text(path: Path) -> str:
    """The text of a file of a run folder.

    Raises:
        RunError: If it is not there, cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RunError(
            f"{path} is not text ({error}). It was changed by something else, or its disk is failing. Remove it and "
            "give the run's command again: it is written anew."
        ) from error
    except OSError as error:
        raise disk_error(error, path) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = parsed(read_text(path))
    except ValueError as error:
        raise RunError(
            f"{path} is not JSON ({error}). It was changed by hand; the same command again writes it anew."
        ) from error
    if not isinstance(values, dict):
        raise RunError(f"{path} holds {type(values).__name__}, not an object. The same command again writes it anew.")
    return values
