"""What a person or a program sees while a run goes on: a live display, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final, Literal

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ffsearch.search.capacity.lines import amount, stands, study_lines
from ffsearch.search.numbers import duration, number
from ffsearch.search.observer import Began, Observer, Phase, Repeated, StudyProgress
from ffsearch.search.topology import describe

if TYPE_CHECKING:
    from ffsearch.search.store import TrialRecord
    from ffsearch.search.training.protocol import Epoch, Job

__all__ = ["JsonLines", "LiveDisplay", "PlainLines", "counting", "duration", "number", "observing"]

N_LAST: Final = 6
"""Ended trials shown in the live display."""

REFRESH_PER_S: Final = 4

WIDTH: Final = 100
"""Letters a line of the verdict has at most."""

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
    console.print(f"{done:,} {what} in {duration(time.monotonic() - began)}")


def _metric(name: str) -> str:
    return name.replace("_", " ")


class _Pace:
    """Time gone and time left, from the trials ended since the start."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.n_ended = 0

    @property
    def gone_s(self) -> float:
        return time.monotonic() - self.started

    def left_s(self, began: Began, n_done: int) -> float | None:
        """Seconds until the last trial, at the pace so far and within the budget; None before the first trial ended."""
        if not self.n_ended:
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
        self._say(f"trial {record.trial:>3}  {number(record.value):>8}  {record.topology}  {record.why}{mark}")

    def repeated(self, repeated: Repeated) -> None:
        """Say what was trained again, and how far this is."""
        record = repeated.record
        self._say(
            f"repeat {repeated.repeat}  {number(record.value):>8}  {record.topology}  {record.why}"
            f"  ({repeated.n_done} of {repeated.n_all})"
        )

    def progressed(self, progress: StudyProgress) -> None:
        """Say so twenty times in all: how many networks and cells are done, and how long it will take."""
        if progress.n_done * N_LINES // progress.n_trainings != self._n_lines:
            self._n_lines = progress.n_done * N_LINES // progress.n_trainings
            self._say(_stands(progress))

    def noted(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def finished(self, summary: Mapping[str, Any], path: Path) -> None:
        """Say the answer."""
        for line in closing_lines(summary, path):
            self._say(line)


class JsonLines(Observer):
    """One JSON object a line on standard output, for programs; the last one is the summary."""

    def _say(self, event: str, **values: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **values}, allow_nan=False) + "\n")
        sys.stdout.flush()

    def began(self, began: Began) -> None:
        """One object with the size of the task."""
        self._say(
            "began",
            path=str(began.path), source=began.source, n_rows=began.n_rows, n_features=began.n_features,
            task=began.task_reason, objective=began.objective, direction=began.direction,
            n_trials=began.n_trials, n_told=began.n_told, notices=list(began.notices),
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

    def noted(self, text: str) -> None:
        """One object a notice."""
        self._say("notice", text=text)

    def finished(self, summary: Mapping[str, Any], path: Path) -> None:
        """The whole summary."""
        self._say("finished", path=str(path), summary=dict(summary))


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

    def noted(self, text: str) -> None:
        """Print it above the display."""
        self._console.print(Text(text))

    def finished(self, summary: Mapping[str, Any], path: Path) -> None:
        """Take the display away and print the answer."""
        self.live.stop()
        for line in closing_lines(summary, path):
            self._console.print(Text(line))

    def _draw(self) -> Group:
        if self._began is None:
            return Group(Text("reading the table ...", style="dim"))
        if self._began.n_cells is not None:
            return self._draw_study()
        if self._phase is not Phase.SEARCH:
            return Group(
                self._best_line(self._began), Text(f"{PHASES[self._phase]} ...", style="bold"),
                *self._repeat_lines(self._began),
            )  # fmt: skip
        return Group(
            Text(), self._best_line(self._began), self._count_line(self._began),
            *self._running_lines(self._began), Text(), self._last_table(),
        )  # fmt: skip

    def _draw_study(self) -> Group:
        if self._phase is not Phase.SEARCH:
            return Group(Text(f"{PHASES[self._phase]} ...", style="bold"))
        if self._study is None:
            return Group(Text("compiling the first networks ...", style="dim"))
        bar = ProgressBar(total=self._study.n_trainings, completed=self._study.n_done, width=30)
        return Group(bar, Text(_stands(self._study)), Text(f"{duration(self._study.gone_s)} gone", style="dim"))

    def _best_line(self, began: Began) -> Text:
        if self._best is None:
            return Text("best     none yet", style="dim")
        score = f"{_metric(began.objective)} {number(self._best.value)}"
        return Text.assemble(
            ("best     ", "dim"), (self._best.topology, "bold"), f"  {score}  trial {self._best.trial}"
        )

    def _count_line(self, began: Began) -> Table:
        left = self._pace.left_s(began, self._n_done)
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            Text("trials ", style="dim"),
            ProgressBar(total=began.n_trials, completed=self._n_done, width=30),
            f"{self._n_done} of {began.n_trials}",
            f"{duration(self._pace.gone_s)} gone",
            "" if left is None else f"about {duration(left)} left",
        )
        return grid

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
                f"{duration(self._pace.gone_s)} gone",
            )
        return [grid, *self._running_lines(began)]

    def _running_lines(self, began: Began) -> list[Text]:
        size = {"n_features": began.n_features, "n_outputs": began.n_outputs}
        lines = []
        for job, epoch in list(self._running.values())[:N_LAST]:
            where = self._where(job)
            stands = (
                "starting" if epoch is None else f"epoch {epoch.number}, validation loss {number(epoch.valid_loss)}"
            )
            lines.append(Text.assemble(("running  ", "dim"), f"{where}  {describe(job.point, **size)}  {stands}"))
        if len(self._running) > N_LAST:
            lines.append(Text(f"         and {len(self._running) - N_LAST} more", style="dim"))
        return lines

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
            cells = (str(record.trial), number(record.value), record.topology, record.why)
            table.add_row(*(Text(cell) for cell in cells), style="bold" if is_best else "dim")
        return table


def opening_lines(began: Began) -> list[str]:
    """What a person should know before the first trial: the data as understood, and the size of the search."""
    best = "lowest" if began.direction == "minimize" else "highest"
    within = "" if began.budget_s is None else f" within {duration(began.budget_s)}"
    return [
        f"{began.source}: {began.n_rows:,} rows, {_kinds(began)} -> {began.n_features} features",
        f"{began.task_reason}",
        *began.notices,
        f"{_amount(began)}{within} for the {best} {_metric(began.objective)}",
        f"run folder {began.path}",
    ]


def _stands(progress: StudyProgress) -> str:
    return stands(progress.n_done, progress.n_trainings, progress.n_cells_done, progress.n_cells, progress.left_s)


def _amount(began: Began) -> str:
    """How much there is to do: searching 30 trials; searching 30 trials, of which 12 are told."""
    if began.n_cells is not None:
        return amount(n_cells=began.n_cells, n_trainings=began.n_trials, n_told=began.n_told)
    if began.n_told >= began.n_trials:
        return f"searching no further than the {began.n_told} trials told"
    told = f", of which {began.n_told} are told," if began.n_told else ""
    return f"searching {began.n_trials} trials{told}"


def _kinds(began: Began) -> str:
    """How many columns of each kind are used: 6 number, 8 category."""
    kinds = [column.kind for column in began.columns if column.used]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "no columns"


def closing_lines(summary: Mapping[str, Any], path: Path) -> list[str]:
    """The answer, as a person wants to read it."""
    if summary["kind"] == "capacity":
        return study_lines(summary, path)
    best, evidence, refit = summary["best"], summary["evidence"], summary["refit"]
    name, test = _metric(summary["objective"]["name"]), evidence.get("test")
    return [
        "",
        f"best topology  {best['topology']}  (trial {best['trial']})",
        *_score_lines(summary, name),
        *(["sealed test    none was set apart (data.test)"] if test is None else _test_lines(test, name)),
        *_baseline_lines(summary),
        f"refit          {refit['updates']:,} updates on all {refit['n_rows']:,} rows outside the test part",
        f"model          {path / 'model' / 'model.keras'}",
        *_verdict_lines(summary),
    ]


def _score_lines(summary: Mapping[str, Any], objective: str) -> list[str]:
    """The best score of the search, and what is left of it."""
    best, evidence = summary["best"], summary["evidence"]
    naive, corrected = evidence["naive"], evidence.get("corrected")
    own = naive.get("trial", best["trial"]) == best["trial"]
    whose = "the score that chose it" if own else f"trial {naive['trial']}'s, the best of all"
    lines = [f"validation     {objective} {number(naive['value'])}  ({whose}: optimistic)"]
    if corrected is not None:
        lines.append(
            f"corrected      {objective} {number(corrected['value'])}, 95 % between {number(corrected['low'])} and "
            f"{number(corrected['high'])}  (without the luck of being chosen{_rows_told(corrected)})"
        )
    return lines


def _rows_told(corrected: Mapping[str, Any]) -> str:
    """That more rows than its repeats had are allowed for, where that makes a difference."""
    rows = corrected.get("rows")
    return f", for {rows['n_refit']:,} rows" if rows is not None and rows["value"] > 0 else ""


def _test_lines(test: Mapping[str, Any], objective: str) -> list[str]:
    """The sealed test's score with its interval, then its other scores."""
    others = [
        f"{_metric(key)} {number(value)}"
        for key, value in test["metrics"].items()
        if _metric(key) != objective and value is not None
    ]
    return [
        f"sealed test    {objective} {number(test['value'])}, 95 % between {number(test['low'])} and "
        f"{number(test['high'])}{_opened(test)}",
        f"               {', '.join(others)}",
    ]


def _opened(test: Mapping[str, Any]) -> str:
    """That it flatters, when it was opened more than once."""
    return f"  (opened {test['openings']} times)" if test["openings"] > 1 else ""


def _baseline_lines(summary: Mapping[str, Any]) -> list[str]:
    """What had to be beaten, on the sealed test where there is one."""
    told = [
        f"{one['name']} {number((one.get('test') or {'value': one['valid']})['value'])}"
        for one in summary.get("baselines", [])
    ]
    return [f"beside it      {', '.join(told)}"] if told else []


def _verdict_lines(summary: Mapping[str, Any]) -> list[str]:
    found = summary.get("verdict")
    return [] if found is None else ["", *wrap(found["text"], WIDTH)]
