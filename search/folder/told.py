"""What the lines of a log tell: its trials, what was trained again, what was known before, and how long it took."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from ffsearch.search.folder.bounded import moment
from ffsearch.search.folder.log import Line, LineKind, bad_line
from ffsearch.search.folder.summary import RunFacts
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.spaces.values import MAX_REPEATS

__all__ = ["busy_seconds", "facts_of", "records_of", "repeats_of"]


def records_of(lines: tuple[Line, ...], log: Path) -> tuple[TrialRecord, ...]:
    """The trials of a log.

    Raises:
        RunError: If a trial's line is not one of a trial, or a trial is told twice.
    """
    found: dict[int, int] = {}
    records = []
    for number, line in enumerate(lines, start=1):
        if line["kind"] != LineKind.TRIAL:
            continue
        record = _record(line, log=log, number=number)
        if record.trial in found:
            raise bad_line(log, number, f"trial {record.trial} is told a second time, after line {found[record.trial]}")
        found[record.trial] = number
        records.append(record)
    return tuple(records)


def repeats_of(lines: tuple[Line, ...], log: Path) -> dict[tuple[int, int], TrialRecord]:
    """What was trained again, by the number of the point and the repeat; of two alike the later.

    Raises:
        RunError: If a line lacks what a repeat has.
    """
    found = {}
    for number, line in enumerate(lines, start=1):
        if line["kind"] == LineKind.REPEAT:
            record, repeat = _record(line, log=log, number=number), line.get("repeat")
            if not isinstance(repeat, int) or isinstance(repeat, bool) or not 1 <= repeat <= MAX_REPEATS:
                raise bad_line(log, number, f"its `repeat` is {json.dumps(repeat)[:40]}")
            found[record.trial, repeat] = record
    return found


def facts_of(lines: tuple[Line, ...], log: Path) -> RunFacts | None:
    """What is known of a run before its first trial, as its latest start says it; None of one that did not begin.

    Raises:
        RunError: If a start does not say it.
    """
    for number, line in reversed(list(enumerate(lines, start=1))):
        if line["kind"] == LineKind.STARTED and "facts" in line:
            try:
                return RunFacts.from_dict(line["facts"])
            except ValueError as error:
                raise bad_line(log, number, f"it does not say what is known of the run ({error})") from error
    return None


def busy_seconds(lines: tuple[Line, ...]) -> float:
    """Seconds between each start and the last sign of life before the next; a killed process leaves no better clock."""
    total, started, last = 0.0, None, None
    for line in lines:
        at = _moment(line)
        if line["kind"] == LineKind.STARTED:
            total += _seconds(started, last)
            started = at
        last = at or last
    return total + _seconds(started, last)


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return 0.0 if start is None or end is None else max(0.0, (end - start).total_seconds())


def _moment(line: Line) -> datetime | None:
    stamp = line.get("at") or line.get("ended_at")
    return None if stamp is None else moment(stamp)


def _record(line: Line, *, log: Path, number: int) -> TrialRecord:
    try:
        return TrialRecord.from_dict(line)
    except ValueError as error:
        why = f"it is no trial of this version of ffsearch ({error}); environment.json says which one wrote it"
        raise bad_line(log, number, why) from error
