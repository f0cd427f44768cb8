"""Writing the run folder while a run goes on; `reader.py` reads one, finished or not.

    runs/NAME/  space.yaml  environment.json  data.json  splits.npz  study.db
                log.jsonl       every trial that ended and everything that happened: the truth while a run goes on
                trials.parquet  curves.parquet  summary.json  model/  report.html        written when it ends

Nothing here is ever unpickled, and nothing is deleted: `fresh` moves an old folder aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from io import BytesIO
from itertools import count
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from ffsearch._version import __version__
from ffsearch.errors import RunError
from ffsearch.search.base.environment import environment
from ffsearch.search.base.files import delete_left_behind, disk_error, make_folder, sync_folder, write_atomically
from ffsearch.search.folder.belonging import other_run
from ffsearch.search.folder.lock import FolderLock
from ffsearch.search.folder.log import Journal, LineKind
from ffsearch.search.folder.plain import digest, json_bytes
from ffsearch.search.folder.reader import (
    CURVES,
    DATA,
    ENVIRONMENT,
    LOG,
    SPACE,
    SUMMARY,
    TRIALS,
)
from ffsearch.search.folder.told import busy_seconds, records_of, repeats_of
from ffsearch.search.folder.trial_record import TrialRecord, curves_frame, now, trials_frame

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.folder.summary import RunFacts, Summary
    from ffsearch.search.network.topology import Point

__all__ = ["RunFolder"]

LOG_SCHEMA: Final = 1
"""Raised when a log can no longer be read by older versions."""


class RunFolder:
    """A run folder that this process alone writes to. Make one with `open`; close it, or use it in a `with`.

    Args:
        path: The folder.
        lock: The folder's lock, held.
        journal: The folder's log, open, its first line written.
    """

    def __init__(self, path: Path, *, lock: FolderLock, journal: Journal) -> None:
        self.path = path
        self.earlier_s = busy_seconds(journal.lines)
        """Seconds that earlier starts of this run took."""
        self._lock = lock
        self._journal = journal
        self._records = list(records_of(journal.lines, journal.path))
        self._first = {record.point.identity: record.trial for record in reversed(self._records)}
        self._repeats = repeats_of(journal.lines, journal.path)
        self._kinds = [line["kind"] for line in journal.lines]

    @classmethod
    def open(
        cls, path: str | PathLike[str], *, space_yaml: str, identity: Mapping[str, str], fresh: bool = False
    ) -> RunFolder:
        """Create a run folder, or go on with the one that is there.

        Args:
            path: The folder; its parents are made.
            space_yaml: The space as resolved, kept as `space.yaml`.
            identity: What makes two runs the same, by name: hashes of the space and of the data. A folder with another
                identity is refused.
            fresh: Move a run that is there aside, to `NAME.1`, and begin anew.

        Raises:
            RunError: If the folder belongs to another run or is none, is in use, or cannot be read or written.
        """
        folder = Path(path)
        _refuse_unwritable_name(folder)
        _refuse_foreign(folder)
        if fresh and folder.exists():
            _move_aside(folder)
        make_folder(folder)
        with ExitStack() as undo:
            lock = undo.enter_context(FolderLock(folder))
            delete_left_behind(folder)
            journal = Journal(folder / LOG)
            undo.callback(journal.close)
            _claim(journal, identity=identity, space_yaml=space_yaml)
            opened = cls(folder, lock=lock, journal=journal)
            write_atomically(folder / SPACE, space_yaml.encode())
            write_atomically(folder / ENVIRONMENT, json_bytes(environment()))
            undo.pop_all()
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder back; twice is no error."""
        self._journal.close()
        self._lock.release()

    @property
    def records(self) -> tuple[TrialRecord, ...]:
        """All trials that ended, those of earlier starts among them, in the order they ended."""
        return tuple(self._records)

    def add(self, record: TrialRecord) -> None:
        """Keep a trial that ended; when this returns it survives a kill and a power cut.

        Raises:
            ValueError: If a trial of that number is kept already.
            RunError: If it could not be written; it then counts as not told.
        """
        if any(kept.trial == record.trial for kept in self._records):
            raise ValueError(f"trial {record.trial} is in {self._journal.path} already; a trial ends once")
        self._journal.append({"kind": LineKind.TRIAL, **record.as_dict()})
        self._records.append(record)
        self._first.setdefault(record.point.identity, record.trial)

    def add_repeat(self, record: TrialRecord, *, repeat: int) -> None:
        """Keep a point that was trained again; when this returns it survives a kill and a power cut.

        Args:
            record: What it came to; its trial is the number of the point, which need not be one of the search.
            repeat: Number of the repeat, from 1.

        Raises:
            RunError: If it could not be written.
        """
        self._journal.append({"kind": LineKind.REPEAT, "repeat": repeat, **record.as_dict()})
        self._repeats[record.trial, repeat] = record

    def repeat(self, number: int, repeat: int, *, point: Point) -> TrialRecord | None:
        """What a point came to in a repeat, if it was trained there; another point of that number does not count."""
        record = self._repeats.get((number, repeat))
        return record if record is not None and record.point == point else None

    @property
    def n_repeats(self) -> int:
        """How many repeats are kept."""
        return len(self._repeats)

    def repeat_of(self, point: Point) -> int | None:
        """The first trial that was told with the same point, if there is one."""
        return self._first.get(point.identity)

    def start(self, facts: RunFacts) -> None:
        """Note that a process begins or goes on, and what is known of the run; unfinished runs are shown by it."""
        self.note(LineKind.STARTED, facts=facts.as_dict())

    def note(self, kind: LineKind, **facts: Any) -> None:
        """Keep that something happened, durably; facts must be fit for JSON."""
        self._journal.append({"kind": kind, "at": now(), **facts})
        self._kinds.append(kind)

    def n_noted(self, kind: LineKind) -> int:
        """How often something happened over all starts, such as the opening of the test."""
        return self._kinds.count(kind)

    def write_data(
        self, *, columns: Sequence[Mapping[str, Any]], notices: Sequence[Any], ignore: Sequence[str] = ()
    ) -> None:
        """Keep how the table was understood, for readers without the data, and which findings are silenced."""
        data = {"columns": list(columns), "notices": list(notices), "ignore": list(ignore)}
        write_atomically(self.path / DATA, json_bytes(data))

    def write_tables(self) -> None:
        """Write the trials and their curves as Parquet files."""
        write_atomically(self.path / TRIALS, _parquet_bytes(trials_frame(self._records)))
        write_atomically(self.path / CURVES, _parquet_bytes(curves_frame(self._records)))

    def write_table(self, name: str, frame: pd.DataFrame | None) -> None:
        """Write a table of evidence as a Parquet file; without one, none of earlier evidence stays."""
        if frame is None:
            (self.path / name).unlink(missing_ok=True)
        else:
            write_atomically(self.path / name, _parquet_bytes(frame))

    def finish(self, summary: Summary) -> None:
        """Write tables and summary, then note that the run came to its end: readers trust the files from there on.

        The note keeps a hash of the summary, so that one that was changed since is not taken for what the run found.
        """
        self.write_tables()
        content = json_bytes(summary)
        write_atomically(self.path / SUMMARY, content)
        self.note(LineKind.FINISHED, summary=digest(content))


def _refuse_unwritable_name(folder: Path) -> None:
    """Refuse a name that no text can hold: files of a run, and the address of its database, say where it is."""
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError:
        shown = str(folder).encode(errors="backslashreplace").decode()
        raise RunError(
            f"The folder {shown} has a name that is not UTF-8, and files of a run could not say where it is. Give "
            "another one: --out FOLDER."
        ) from None


def _refuse_foreign(folder: Path) -> None:
    """Leave alone what no run made, also with `fresh`: it may be somebody's documents."""
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise RunError(f"{folder} is a file, not a folder. Choose another run folder with --out.")
        visible = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise disk_error(error, folder) from error
    if visible and LOG not in visible:
        raise RunError(
            f"{folder} is not a run folder: it has no {LOG} but holds {visible[0]}. "
            "Nothing was changed. Choose an empty or new folder with --out."
        )


def _move_aside(folder: Path) -> None:
    """Rename a folder to the first free `NAME.1`, `NAME.2`, ..., unless another process is writing to it."""
    with FolderLock(folder) as lock:
        aside = next(path for n in count(1) if not (path := folder.with_name(f"{folder.name}.{n}")).exists())
        try:
            lock.move(aside)
            sync_folder(aside.parent)
        except OSError as error:
            raise disk_error(error, folder) from error


def _claim(journal: Journal, *, identity: Mapping[str, str], space_yaml: str) -> None:
    """Write the first line of a new log, or make sure that an old one is of the same run."""
    if not journal.lines:
        header = {"schema": LOG_SCHEMA, "ffsearch": __version__, "identity": dict(identity), "at": now()}
        journal.append({"kind": LineKind.RUN, **header})
        return
    first = journal.lines[0]
    folder = journal.path.parent
    if first["kind"] != LineKind.RUN or not isinstance(first.get("identity"), dict):
        raise RunError(f"{journal.path}, line 1: it does not say whose log this is. {_ways_out(folder)}")
    if first.get("schema") != LOG_SCHEMA:
        raise RunError(
            f"{folder} was made by ffsearch {first.get('ffsearch')}, whose log this version cannot go on with. "
            f"Use that version. {_ways_out(folder)}"
        )
    other = other_run(folder, first["identity"], identity, space_yaml=space_yaml)
    if other is not None:
        raise RunError(f"{other}\n{_ways_out(folder)}")


def _ways_out(folder: Path) -> str:
    return (
        f"Nothing was changed. Use --fresh to begin anew ({folder} is kept beside, as {folder.name}.1), "
        "or --out to choose another folder."
    )


def _parquet_bytes(frame: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
