"""What a person or a program sees while a run goes on: a live display, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from ffsearch.search.console.display import LiveDisplay, Watched
from ffsearch.search.console.lines import closing_lines, losses, opening_lines, room, said, study_stands
from ffsearch.search.console.notebook import NotebookDisplay, in_notebook
from ffsearch.search.folder.summary import Summary
from ffsearch.search.folder.trial_record import end_of
from ffsearch.search.observer import Began, Observer, Phase, Repeated, StudyProgress, Workers
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import PLAIN, Language, kept

if TYPE_CHECKING:
    from ffsearch.search.folder.trial_record import TrialRecord

__all__ = ["JsonLines", "PlainLines", "counting", "observing"]

N_LINES: Final = 20
"""Lines that tell how far a study is, where nothing is redrawn."""


def observing(*, quiet: bool, as_json: bool, t: Language = PLAIN) -> tuple[Observer, AbstractContextManager[object]]:
    """The observer that fits the flags and the terminal, and the context it must be used in.

    Args:
        quiet: Show nothing.
        as_json: Events for programs, in English.
        t: The language of everything else, with signs that every terminal can show.
    """
    if as_json:
        return JsonLines(), nullcontext()
    if quiet:
        return Observer(), nullcontext()
    if in_notebook():
        return NotebookDisplay(t), nullcontext()
    console = Console(highlight=False)
    if not console.is_terminal:
        return PlainLines(t), nullcontext()
    display = LiveDisplay(console, t)
    return display, display.live


@contextmanager
def counting(thing: str, *, quiet: bool, t: Language = PLAIN) -> Iterator[Callable[[int], None] | None]:
    """A callback that shows how many are done so far, on the error stream, and how long they took in the end."""
    if quiet:
        yield None
        return
    console, began, done = Console(stderr=True, highlight=False), time.monotonic(), 0

    def count(n_done: int) -> None:
        nonlocal done
        done = n_done
        if console.is_terminal:
            console.print(t.counted(thing, done), end="\r")

    yield count
    console.print(t("console.in_time", counted=t.counted(thing, done), time=t.duration(time.monotonic() - began)))


class PlainLines(Watched):
    """One line an event, for pipes and log files.

    Args:
        t: The language of the lines.
    """

    def __init__(self, t: Language = PLAIN) -> None:
        super().__init__()
        self._t = t
        self._n_lines = 0

    def _say(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def began(self, began: Began) -> None:
        """Say what is searched, where, and how the columns were understood."""
        super().began(began)
        for line in opening_lines(began, self._t):
            self._say(line)

    def phase(self, phase: Phase, *, n_networks: int = 0) -> None:
        """Say what comes next, and how long it is thought to take to the end of all."""
        super().phase(phase, n_networks=n_networks)
        left = self._left()
        self._say(self._t(f"console.phase.{phase}") + (f" ({left})" if left else ""))

    def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
        """Say how a trial ended and how the best one stands."""
        super().ended(record, best)
        mark = " *" if best is not None and best.trial == record.trial else ""
        name = self._t("console.trial", trial=f"{record.trial:>3}")
        self._say(f"{name}  {self._of(record)}{mark}")

    def repeated(self, repeated: Repeated) -> None:
        """Say what was trained again, and how far this is."""
        super().repeated(repeated)
        name = self._t("console.repeat", repeat=repeated.repeat)
        counted = self._t("console.networks", done=self.n_done, all=max(self.n_done, self.n_networks))
        self._say(f"{name}  {self._of(repeated.record)}  ({counted})")

    def progressed(self, progress: StudyProgress) -> None:
        """Say so twenty times in all: how many networks and cells are done, and how long it will take."""
        super().progressed(progress)
        if progress.n_done * N_LINES // progress.n_trainings != self._n_lines:
            self._n_lines = progress.n_done * N_LINES // progress.n_trainings
            self._say(", ".join(filter(None, [study_stands(progress, self._t), self._left()])))

    def at_work(self, workers: Workers) -> None:
        """Say how many there are, and what was lost with others."""
        t = self._t
        who = t.counted(workers.kind, workers.n)
        self._say(t("console.working", workers=who, room=room(workers, t), lost=losses(workers, t)))

    def noted(self, finding: Finding) -> None:
        """Say it, if it is not silenced."""
        for text in said(finding, self.began_with, self._t):
            self._say(text)

    def finished(self, summary: Summary, path: Path) -> None:
        """Say the answer."""
        ignored = () if self.began_with is None else self.began_with.ignored
        for line in closing_lines(summary, path, self._t, ignored=ignored):
            self._say(line)

    def _of(self, record: TrialRecord) -> str:
        t = self._t
        end = end_of(record.ended, n=record.n_epochs, best=record.best_epoch, n_folds_judged=record.n_folds_judged)
        return f"{t.score(record.value):>8}  {t.topology(record.topology)}  {t.says(end)}"

    def _left(self) -> str:
        """The time left, where anything tells."""
        left_s = self.forecast.left_s(self.clock())
        return "" if left_s is None else self._t("console.left", time=self._t.duration(left_s))


class JsonLines(Observer):
    """One JSON object a line on standard output, for programs; the last one is the summary."""

    def _say(self, event: str, **values: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **values}, allow_nan=False) + "\n")
        sys.stdout.flush()

    def began(self, began: Began) -> None:
        """One object with the size of the task."""
        facts = began.facts
        self._say(
            "began",
            path=str(began.path), source=facts.data.source, n_rows=facts.data.n_rows, n_features=facts.data.n_features,
            task=kept(began.task_reason), objective=facts.objective.name, direction=facts.objective.direction,
            n_trials=began.n_trials, n_told=began.n_told, notices=list(map(kept, began.notices)),
        )  # fmt: skip

    def phase(self, phase: Phase, *, n_networks: int = 0) -> None:
        """One object a phase."""
        self._say("phase", name=str(phase), n_networks=n_networks)

    def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
        """One object a trial."""
        self._say(
            "trial",
            trial=record.trial, value=record.value, topology=record.topology, ended=str(record.ended), why=record.why,
            best=None if best is None else best.trial,
        )  # fmt: skip

    def repeated(self, repeated: Repeated) -> None:
        """One object a network."""
        record = repeated.record
        self._say(
            "repeat",
            trial=record.trial, repeat=repeated.repeat, value=record.value, topology=record.topology,
            ended=str(record.ended), why=record.why, n_done=repeated.n_done, n_all=repeated.n_all,
        )  # fmt: skip

    def progressed(self, progress: StudyProgress) -> None:
        """One object a network of a study."""
        record = progress.record
        self._say(
            "network",
            trial=record.trial, value=record.value, topology=record.topology, ended=str(record.ended),
            n_done=progress.n_done, n_trainings=progress.n_trainings, n_cells_done=progress.n_cells_done,
            n_cells=progress.n_cells, left_s=progress.left_s,
        )  # fmt: skip

    def at_work(self, workers: Workers) -> None:
        """One object a change of who is at work."""
        self._say("at_work", **asdict(workers))

    def noted(self, finding: Finding) -> None:
        """One object a notice."""
        self._say("notice", **kept(finding))

    def finished(self, summary: Summary, path: Path) -> None:
        """The whole summary."""
        self._say("finished", path=str(path), summary=summary.as_dict())
