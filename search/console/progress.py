"""What a person or a program sees while a run goes on: a live display, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ffsearch.search.console.lines import (
    closing_lines,
    losses,
    metric,
    opening_lines,
    room,
    said,
    several,
    study_stands,
)
from ffsearch.search.folder.summary import Summary
from ffsearch.search.network.topology import Point, describe
from ffsearch.search.observer import Began, Observer, Phase, Repeated, StudyProgress, Workers
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import PLAIN, kept

if TYPE_CHECKING:
    from ffsearch.search.folder.trial_record import TrialRecord
    from ffsearch.search.training.protocol import Epoch, Job

__all__ = ["JsonLines", "LiveDisplay", "PlainLines", "counting", "observing"]

N_LAST: Final = 6
"""Ended trials shown in the live display."""

N_LABEL: Final = 9
"""Letters of what stands before a line of the live display."""

N_TOPOLOGY: Final = 12
"""Letters a topology keeps however narrow the terminal is."""

REFRESH_PER_S: Final = 4

N_LINES: Final = 20
"""Lines that tell how far a study is, where nothing is redrawn."""

_JUSTIFY: Final[tuple[Literal["left", "right"], ...]] = ("right", "right", "left", "left")

PHASES: Final = {
    Phase.SEARCH: "searching",
    Phase.FINALISTS: "training the finalists again, with other seeds and splits",
    Phase.ROWS: "training the winner on half of the rows, to see what more rows bring",
    Phase.EFFECTS: "training networks like the winner but for one thing",
    Phase.BASELINES: "fitting what a network has to beat",
    Phase.REFIT: "refitting the best on all rows outside the test part",
    Phase.TEST: "opening the sealed test part",
    Phase.SAVE: "saving",
}


TRAINING: Final = frozenset({Phase.SEARCH, Phase.FINALISTS, Phase.ROWS, Phase.EFFECTS})
"""Phases whose networks an executor trains."""


def observing(*, quiet: bool, as_json: bool) -> tuple[Observer, AbstractContextManager[object]]:
    """The observer that fits the flags and the terminal, and the context it must be used in."""
    if as_json:
        return JsonLines(), nullcontext()
    if quiet:
        return Observer(), nullcontext()
    console = Console(highlight=False)
    if not console.is_terminal:
        return PlainLines(), nullcontext()
    display = LiveDisplay(console)
    return display, display.live


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A callback that shows how many are done so far, on the error stream, and how long they took in the end."""
    if quiet:
        yield None
        return
    console, began, done = Console(stderr=True, highlight=False), time.monotonic(), 0

    def count(n_done: int) -> None:
        nonlocal done
        done = n_done
        if console.is_terminal:
            console.print(f"{done:,} {what}", end="\r")

    yield count
    console.print(f"{done:,} {what} in {PLAIN.duration(time.monotonic() - began)}")


def _ignored(began: Began | None) -> tuple[str, ...]:
    """The codes that the space file silences."""
    return () if began is None else began.ignored


class _Pace:
    """Time gone and time left, from the trials ended since the start."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.n_ended = 0

    @property
    def gone_s(self) -> float:
        return time.monotonic() - self.started

    def left_s(self, began: Began, n_done: int) -> float | None:
        """Seconds until the last trial, at the pace so far and within the budget; None where nothing tells yet."""
        if began.n_trials is None and began.budget_s is not None:
            return max(0.0, began.budget_s - self.gone_s)
        if not self.n_ended or began.n_trials is None:
            return None
        left = self.gone_s / self.n_ended * max(0, began.n_trials - n_done)
        return left if began.budget_s is None else max(0.0, min(left, began.budget_s - self.gone_s))


class PlainLines(Observer):
    """One line an event, for pipes and log files."""

    def __init__(self) -> None:
        self._began: Began | None = None
        self._n_lines = 0

    def _say(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def began(self, began: Began) -> None:
        """Say what is searched, where, and how the columns were understood."""
        self._began = began
        for line in opening_lines(began):
            self._say(line)

    def phase(self, phase: Phase) -> None:
        """Say what comes next."""
        self._say(PHASES[phase])

    def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
        """Say how a trial ended and how the best one stands."""
        mark = " *" if best is not None and best.trial == record.trial else ""
        self._say(f"trial {record.trial:>3}  {PLAIN.score(record.value):>8}  {record.topology}  {record.why}{mark}")

    def repeated(self, repeated: Repeated) -> None:
        """Say what was trained again, and how far this is."""
        record = repeated.record
        self._say(
            f"repeat {repeated.repeat}  {PLAIN.score(record.value):>8}  {record.topology}  {record.why}"
            f"  ({repeated.n_done} of {repeated.n_all})"
        )

    def progressed(self, progress: StudyProgress) -> None:
        """Say so twenty times in all: how many networks and cells are done, and how long it will take."""
        if progress.n_done * N_LINES // progress.n_trainings != self._n_lines:
            self._n_lines = progress.n_done * N_LINES // progress.n_trainings
            self._say(study_stands(progress))

    def at_work(self, workers: Workers) -> None:
        """Say how many there are, and what was lost with others."""
        self._say(f"at work: {several(workers.n, workers.kind)}, {room(workers)}{losses(workers)}")

    def noted(self, finding: Finding) -> None:
        """Say it, if it is not silenced."""
        for text in said(finding, self._began):
            self._say(text)

    def finished(self, summary: Summary, path: Path) -> None:
        """Say the answer."""
        for line in closing_lines(summary, path, ignored=_ignored(self._began)):
            self._say(line)


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

    def phase(self, phase: Phase) -> None:
        """One object a phase."""
        self._say("phase", name=str(phase))

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


class LiveDisplay(Observer):
    """A display that redraws in place: the best topology, what runs, time left, the trials that ended last."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began: Began | None = None
        self._phase = Phase.SEARCH
        self._pace = _Pace()
        self._n_done = 0
        self._best: TrialRecord | None = None
        self._last: deque[TrialRecord] = deque(maxlen=N_LAST)
        self._running: dict[tuple[int, int], tuple[Job, Epoch | None]] = {}
        self._repeated: Repeated | None = None
        self._study: StudyProgress | None = None
        self._workers: Workers | None = None
        self.live = Live(get_renderable=self._draw, console=console, refresh_per_second=REFRESH_PER_S, transient=True)

    def began(self, began: Began) -> None:
        """Print what is searched; it stays above the display."""
        self._began, self._n_done, self._best, self._pace = began, began.n_told, began.best, _Pace()
        for line in opening_lines(began):
            self._console.print(Text(line))

    def phase(self, phase: Phase) -> None:
        """Show what the run does now."""
        self._phase = phase
        self._pace.started = time.monotonic()
        self._repeated = None
        self._running.clear()

    def started(self, job: Job) -> None:
        """Show what is being built."""
        self._running[job.trial, job.fold] = (job, None)

    def epoch(self, epoch: Epoch) -> None:
        """Show where a running network stands."""
        self._running[epoch.job.trial, epoch.job.fold] = (epoch.job, epoch)

    def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
        """Count a trial and show it among the last."""
        self._running = {key: value for key, value in self._running.items() if key[0] != record.trial}
        self._n_done += 1
        self._pace.n_ended += 1
        self._best = best
        self._last.append(record)

    def repeated(self, repeated: Repeated) -> None:
        """Count a network that was trained again."""
        self._running.pop((repeated.job.trial, repeated.job.fold), None)
        self._repeated = repeated

    def progressed(self, progress: StudyProgress) -> None:
        """Show how far a study is."""
        self._study = progress

    def at_work(self, workers: Workers) -> None:
        """Show who is at work."""
        self._workers = workers

    def noted(self, finding: Finding) -> None:
        """Print it above the display, if it is not silenced."""
        for text in said(finding, self._began):
            self._console.print(Text(text))

    def finished(self, summary: Summary, path: Path) -> None:
        """Take the display away and print the answer."""
        self.live.stop()
        for line in closing_lines(summary, path, ignored=_ignored(self._began)):
            self._console.print(Text(line))

    def _draw(self) -> Group:
        if self._began is None:
            return Group(Text("reading the table ...", style="dim"))
        if self._began.n_cells is not None:
            return self._draw_study()
        if self._phase is not Phase.SEARCH:
            return Group(
                self._best_line(self._began), Text(f"{PHASES[self._phase]} ...", style="bold"),
                *self._workers_lines(), *self._repeat_lines(self._began),
            )  # fmt: skip
        return Group(
            Text(), self._best_line(self._began), self._count_line(self._began),
            *self._workers_lines(), *self._running_lines(self._began), Text(), self._last_table(),
        )  # fmt: skip

    def _draw_study(self) -> Group:
        if self._phase is not Phase.SEARCH:
            return Group(Text(f"{PHASES[self._phase]} ...", style="bold"))
        if self._study is None:
            return Group(Text("compiling the first networks ...", style="dim"), *self._workers_lines())
        bar = ProgressBar(total=self._study.n_trainings, completed=self._study.n_done, width=30)
        return Group(
            bar, Text(study_stands(self._study)), Text(f"{PLAIN.duration(self._study.gone_s)} gone", style="dim"),
            *self._workers_lines(),
        )  # fmt: skip

    def _best_line(self, began: Began) -> Text:
        if self._best is None:
            return Text("best     none yet", style="dim")
        score = f"  {metric(began.facts.objective.name)} {PLAIN.score(self._best.value)}  trial {self._best.trial}"
        return Text.assemble(("best     ", "dim"), (self._fitting(self._best.topology, beside=score), "bold"), score)

    def _fitting(self, topology: str, *, beside: str) -> str:
        """A topology, cut where its line would else be two: the lines below it would jump."""
        most = max(N_TOPOLOGY, self._console.width - N_LABEL - len(beside))
        return topology if len(topology) <= most else f"{topology[: most - 1]}…"

    def _count_line(self, began: Began) -> Table:
        left, gone = self._pace.left_s(began, self._n_done), self._pace.gone_s
        total, done, counted = began.n_trials, float(self._n_done), f"{self._n_done} of {began.n_trials}"
        if total is None:  # time is what there is a known amount of
            total, done, counted = 1, gone / (gone + left) if left else 1.0, f"{self._n_done} so far"
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            Text("trials ", style="dim"),
            ProgressBar(total=total, completed=done, width=30),
            counted,
            f"{PLAIN.duration(gone)} gone",
            "" if left is None else f"about {PLAIN.duration(left)} left",
        )
        return grid

    def _workers_lines(self) -> list[Text]:
        """Who is at work, where not this process alone is, while networks are trained."""
        if self._workers is None or self._phase not in TRAINING:
            return []
        label = f"{self._workers.kind}s".ljust(N_LABEL)
        shown = f"{self._workers.n} at work, {room(self._workers)}"
        return [Text.assemble((label, "dim"), shown, (losses(self._workers), "bold"))]

    def _repeat_lines(self, began: Began) -> list[Table | Text]:
        """How far the training of finalists or of networks like the winner is, and what runs."""
        done = self._repeated
        if self._phase not in (Phase.FINALISTS, Phase.ROWS, Phase.EFFECTS):
            return []
        grid = Table.grid(padding=(0, 2))
        if done is not None:
            grid.add_row(
                Text("repeats", style="dim"),
                ProgressBar(total=done.n_all, completed=done.n_done, width=30),
                f"{done.n_done} of {done.n_all}",
                f"{PLAIN.duration(self._pace.gone_s)} gone",
            )
        return [grid, *self._running_lines(began)]

    def _running_lines(self, began: Began) -> list[Text]:
        lines = []
        for job, epoch in list(self._running.values())[:N_LAST]:
            where = f"{self._where(job)}  "
            loss = PLAIN.score(None if epoch is None else epoch.valid_loss)
            stands = "  starting" if epoch is None else f"  epoch {epoch.number}, validation loss {loss}"
            topology = self._fitting(self._topology(began, job.point), beside=where + stands)
            lines.append(Text.assemble(("running  ", "dim"), f"{where}{topology}{stands}"))
        if len(self._running) > N_LAST:
            lines.append(Text(f"         and {len(self._running) - N_LAST} more", style="dim"))
        return lines

    @staticmethod
    def _topology(began: Began, point: Point) -> str:
        n_features = began.n_features_of.get(point.numbers, began.facts.data.n_features)
        return describe(point, n_features=n_features, n_outputs=began.n_outputs)

    def _where(self, job: Job) -> str:
        """Whose network it is. A repeat's place is no fold, and what the winner is compared with is no trial."""
        if self._phase in (Phase.ROWS, Phase.EFFECTS):
            return "network"
        is_fold = job.fold and self._phase is Phase.SEARCH
        return f"trial {job.trial} fold {job.fold}" if is_fold else f"trial {job.trial}"

    def _last_table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for justify in _JUSTIFY:
            table.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
        for record in reversed(self._last):
            is_best = self._best is not None and record.trial == self._best.trial
            cells = (str(record.trial), PLAIN.score(record.value), record.topology, record.why)
            table.add_row(*(Text(cell) for cell in cells), style="bold" if is_best else "dim")
        return table
