"""The live display: one bar over the whole run with the time left, the best network, what runs, what ended last.

    ━━━━━━━━━━━━━━━━━━━━  42 %  1 min 12 s gone  about 1 min 40 s left
    searching: 12 of 30 trials
    best     trial 11   0.3126  stopped at 37, best 21  14 -> 291 -> 1 swish (4.7k para…
    running  trial 12   0.3310  epoch 9                 14 -> 97-97-97 -> 1 relu bn dro…

Numbers and scores have places of their own, however narrow the terminal is; the topology gets what is left of the line.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ffsearch.search.console.forecast import TRAINING, Forecast, Key, Steady
from ffsearch.search.console.lines import closing_lines, losses, metric, opening_lines, room, said, study_stands
from ffsearch.search.console.wrapping import cut
from ffsearch.search.folder.summary import Summary
from ffsearch.search.folder.trial_record import end_of
from ffsearch.search.network.topology import Point, describe, layer_sizes
from ffsearch.search.observer import Began, Observer, Phase, Repeated, StudyProgress, Workers, Workload
from ffsearch.search.training.batches import batches_per_epoch
from ffsearch.search.training.costs import update_seconds
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import Language

if TYPE_CHECKING:
    from ffsearch.search.folder.trial_record import TrialRecord
    from ffsearch.search.training.protocol import Epoch, Job

__all__ = ["LiveDisplay", "Watched"]

N_LAST: Final = 6
"""Ended trials, and running ones, that are shown."""

N_TOPOLOGY: Final = 8
"""Letters below which a topology is left out rather than cut."""

BAR: Final = (8, 30)
"""Signs of the bar at least and at most."""

REFRESH_PER_S: Final = 4


class Watched(Observer):
    """Keeps the forecast of a run that it is told of, for observers that show one.

    Args:
        clock: Seconds from any fixed moment.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.forecast = Forecast(clock())
        self.began_with: Began | None = None
        self.at: Phase = Phase.READ
        self.n_networks, self.n_done = 0, 0

    def began(self, began: Began) -> None:
        """Note what is to be done."""
        self.began_with, self.n_done = began, began.n_told
        n_left = None if began.n_trials is None else began.n_trials - began.n_told
        work = began.work or Workload(n_train=began.facts.data.n_train, batch_size=1)
        self.forecast.began(work, n_left=n_left, budget_s=began.budget_s)

    def phase(self, phase: Phase, *, n_networks: int = 0) -> None:
        """Note where the run stands."""
        self.at, self.n_networks = phase, n_networks
        if phase is not Phase.SEARCH:
            self.n_done = 0
        self.forecast.phase(phase, now=self.clock(), n_networks=n_networks)

    def started(self, job: Job, *, repeat: int = 0) -> None:  # noqa: ARG002  (what is shown of it is another's affair)
        """Note its size."""
        self.forecast.started((job.trial, job.fold), epoch_s=self._epoch_s(job.point))

    def epoch(self, epoch: Epoch) -> None:
        """Note what it took."""
        key = (epoch.job.trial, epoch.job.fold)
        self.forecast.epoch(key, now=self.clock(), n_epochs=epoch.n_epochs, core_s=epoch.train_s, loss=epoch.valid_loss)

    def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:  # noqa: ARG002  (the same)
        """Note what it took."""
        self.n_done += 1
        is_whole = record.ended in (Ended.STOPPED, Ended.COMPLETED)
        core_s = record.train_s - record.compile_s
        self.forecast.trial(record.trial, core_s=core_s, n_epochs=record.n_epochs, is_whole=is_whole)

    def repeated(self, repeated: Repeated) -> None:
        """Note what it took."""
        record, key = repeated.record, (repeated.job.trial, repeated.job.fold)
        self.n_done = self.n_done + 1 if self.n_done else repeated.n_done  # kept ones are not told of again
        self.n_networks = max(self.n_networks, repeated.n_all)
        core_s = record.train_s - record.compile_s
        self.forecast.repeated(key, core_s=core_s, n_epochs=record.n_epochs, n_done=self.n_done)

    def progressed(self, progress: StudyProgress) -> None:
        """Note what is left."""
        self.forecast.study(left_s=progress.left_s)

    def _epoch_s(self, point: Point) -> float:
        """Seconds of an epoch by the count of costs.py."""
        began = self.began_with
        if began is None or began.work is None:
            return 0.0
        work = began.work
        n_features = began.n_features_of.get(point.numbers, began.facts.data.n_features)
        return batches_per_epoch(work.n_train, batch_size=work.batch_size) * update_seconds(
            layer_sizes(point), n_features=n_features, batch_size=work.batch_size
        )


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A network as a line shows it.

    Args:
        label: What stands before it.
        name: Which one it is.
        score: What it came to, or stands at.
        state: How it ended, or how far it is.
        topology: In one line of print; cut where the terminal ends.
        style: How it is set off.
    """

    label: str
    name: str
    score: str
    state: str
    topology: str
    style: str = ""


class LiveDisplay(Watched):
    """A display that redraws in place.

    Args:
        console: Where it is drawn.
        t: The language it speaks.
        clock: Seconds from any fixed moment.
    """

    def __init__(self, console: Console, t: Language, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self._console, self._t = console, t
        self._steady, self._share = Steady(), 0.0
        self._best: TrialRecord | None = None
        self._last: deque[TrialRecord] = deque(maxlen=N_LAST)
        self._running: dict[Key, tuple[Job, int, Epoch | None]] = {}
        self._study: StudyProgress | None = None
        self._workers: Workers | None = None
        self.live = Live(get_renderable=self.draw, console=console, refresh_per_second=REFRESH_PER_S, transient=True)

    # --- what is told ------------------------------------------------------------------------------------------------

    def began(self, began: Began) -> None:
        """Print what is searched; it stays above the display."""
        super().began(began)
        self._best = began.best
        for line in opening_lines(began, self._t):
            self._console.print(_set_off(line))

    def phase(self, phase: Phase, *, n_networks: int = 0) -> None:
        """Show what the run does now."""
        super().phase(phase, n_networks=n_networks)
        self._running.clear()

    def started(self, job: Job, *, repeat: int = 0) -> None:
        """Show what is being built."""
        super().started(job, repeat=repeat)
        if self.at is Phase.SEARCH:  # a trial's folds are trained one after another: this one's start ends the last
            self._running.pop((job.trial, job.fold - 1), None)
        self._running[job.trial, job.fold] = (job, repeat, None)

    def epoch(self, epoch: Epoch) -> None:
        """Show where a running network stands."""
        super().epoch(epoch)
        key = (epoch.job.trial, epoch.job.fold)
        _, repeat, _ = self._running.get(key, (None, 0, None))
        self._running[key] = (epoch.job, repeat, epoch)

    def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
        """Count a trial and show it among the last."""
        super().ended(record, best)
        self._running = {key: value for key, value in self._running.items() if key[0] != record.trial}
        self._best = best
        self._last.append(record)

    def repeated(self, repeated: Repeated) -> None:
        """Count a network that was trained again."""
        super().repeated(repeated)
        self._running.pop((repeated.job.trial, repeated.job.fold), None)

    def progressed(self, progress: StudyProgress) -> None:
        """Show how far a study is."""
        super().progressed(progress)
        self._study = progress
        self._last.append(progress.record)

    def at_work(self, workers: Workers) -> None:
        """Show who is at work."""
        self._workers = workers

    def noted(self, finding: Finding) -> None:
        """Print it above the display, if it is not silenced."""
        for text in said(finding, self.began_with, self._t):
            self._console.print(_set_off(text))

    def finished(self, summary: Summary, path: Path) -> None:
        """Take the display away and print the answer."""
        self.live.stop()
        ignored = () if self.began_with is None else self.began_with.ignored
        for line in closing_lines(summary, path, self._t, ignored=ignored):
            self._console.print(_set_off(line))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def draw(self) -> RenderableType:
        """The display as it stands now."""
        began, t = self.began_with, self._t
        if began is None:
            return Group(Text(f"{t('console.phase.read')} ...", style="dim"))
        doing = Text(self._cut(self._doing(began)), style="bold")
        if began.n_cells is not None:
            return Group(self._bar(), doing, *self._workers_lines(), *self._lines(self._last_rows(began)))
        rows = [*self._best_rows(began), *self._running_rows(began)]
        if self.at is Phase.SEARCH:
            rows += self._last_rows(began)
        return Group(self._bar(), doing, *self._workers_lines(), *self._lines(rows))

    def _bar(self) -> Table:
        """The whole run: a bar that never goes back, time gone, and time left."""
        now, t = self.clock(), self._t
        gone_s = self.forecast.gone_s(now)
        left_s = self._steady.follow(self.forecast.left_s(now), gone_s=gone_s)
        if left_s is not None:
            self._share = min(1.0, max(self._share, gone_s / (gone_s + left_s) if gone_s + left_s else 0.0))
        texts = [t("console.gone", time=t.duration(gone_s))]
        if left_s is not None:
            texts = [t.share(int(100 * self._share) / 100).rjust(5), *texts, self._left(left_s)]
        width = self._console.width - sum(len(text) + 2 for text in texts)
        grid = Table.grid(padding=(0, 2))
        low, high = BAR
        bar = ProgressBar(total=1.0, completed=self._share, width=min(high, max(low, width)))
        grid.add_row(bar, *map(Text, texts))
        return grid

    def _left(self, left_s: float) -> str:
        return self._t("console.left", time=self._t.duration(left_s)) if left_s >= 1 else self._t("console.soon")

    def _doing(self, began: Began) -> str:
        """What the run does now, and how far that is, which is whole however narrow the terminal is."""
        t, doing = self._t, self._t(f"console.phase.{self.at}")
        if began.n_cells is not None and self.at is Phase.SEARCH:
            return t("console.compiling") if self._study is None else study_stands(self._study, t)
        if self.at is Phase.SEARCH:
            done, n_all = t.count(self.n_done), began.n_trials
            known = n_all is not None
            counted = (
                t("console.trials", done=done, all=t.count(n_all or 0)) if known else t("console.so_far", done=done)
            )
        elif self.n_networks:
            done = t.count(min(self.n_done, self.n_networks))
            counted = t("console.networks", done=done, all=t.count(self.n_networks))
        else:
            return f"{doing} ..."
        return f"{cut(doing, self._console.width - len(counted) - 2)}: {counted}"

    def _workers_lines(self) -> list[Text]:
        """Who is at work, where not this process alone is, while networks are trained."""
        if self._workers is None or self.at not in TRAINING:
            return []
        workers, t = self._workers, self._t
        shown = f"{t.counted(workers.kind, workers.n)}, {room(workers, t)}"
        label = t("console.at_work")
        return [Text.assemble((f"{label}  ", "dim"), shown, (losses(workers, t), "bold"))]

    def _best_rows(self, began: Began) -> list[_Row]:
        label, best, t = self._t("console.best"), self._best, self._t
        if best is None:
            return []
        score = f"{t.score(best.value)}"
        loss = "" if best.valid_loss is None else t("console.loss", loss=t.score(best.valid_loss))
        state = metric(began.facts.objective.name, t)
        if began.score_of_loss is None and loss:
            state += f", {loss}"
        return [_Row(label=label, name=self._trial(best.trial), score=score, state=state,
                     topology=t.topology(best.topology), style="bold")]  # fmt: skip

    def _running_rows(self, began: Began) -> list[_Row]:
        t, rows = self._t, []
        for job, repeat, epoch in list(self._running.values())[:N_LAST]:
            state, score = t("console.starting"), ""
            if epoch is not None:
                state = t("console.epoch", n=t.count(epoch.n_epochs))
                if began.score_of_loss is None:
                    state += ", " + t("console.loss", loss=t.score(epoch.valid_loss))
                else:
                    factor, power = began.score_of_loss
                    score = t.score(factor * max(0.0, epoch.valid_loss) ** power)
            topology = t.topology(self._topology(began, job.point))
            rows.append(_Row(label=t("console.running"), name=self._name(job, repeat), score=score, state=state,
                             topology=topology))  # fmt: skip
        return rows

    def _last_rows(self, began: Began) -> list[_Row]:
        t, rows = self._t, []
        for record in reversed(list(self._last)):
            is_best = self._best is not None and record.trial == self._best.trial
            end = end_of(record.ended, n=record.n_epochs, best=record.best_epoch, n_folds_judged=record.n_folds_judged)
            name = self._trial(record.trial) if began.n_cells is None else t("console.network", n=record.trial)
            rows.append(_Row(label=t("console.ended"), name=name, score=t.score(record.value), state=t.says(end),
                             topology=t.topology(record.topology), style="bold" if is_best else "dim"))  # fmt: skip
        return rows

    def _name(self, job: Job, repeat: int) -> str:
        """Whose network it is. What the winner is compared with is no trial, and a repeat's place no fold."""
        t = self._t
        if self.at in (Phase.ROWS, Phase.EFFECTS, Phase.FEWER):
            return t("console.repeat", repeat=repeat)
        if self.at is Phase.FINALISTS:
            return t("console.trial_repeat", trial=job.trial, repeat=repeat)
        return t("console.trial_fold", trial=job.trial, fold=job.fold + 1) if job.fold else self._trial(job.trial)

    def _trial(self, trial: int) -> str:
        return self._t("console.trial", trial=trial)

    @staticmethod
    def _topology(began: Began, point: Point) -> str:
        n_features = began.n_features_of.get(point.numbers, began.facts.data.n_features)
        return describe(point, n_features=n_features, n_outputs=began.n_outputs)

    def _lines(self, rows: Sequence[_Row]) -> list[Text]:
        """A line a row: names and scores whole and in columns of their own, states and topologies in what is left."""
        if not rows:
            return []
        label, name, score, state = (
            max(len(getattr(row, part)) for row in rows) for part in ("label", "name", "score", "state")
        )
        left = self._console.width - (label + name + score + 6)
        state = min(state, max(0, left))
        most = left - state - 2
        lines, above = [], ""
        for row in rows:
            topology = "" if most < N_TOPOLOGY else cut(row.topology, most)
            told = f"{row.name:<{name}}  {row.score:>{score}}  {cut(row.state, state):<{state}}  {topology}".rstrip()
            shown = "" if row.label == above else row.label
            lines.append(Text.assemble((f"{shown:<{label}}  ", "dim"), (told, row.style), no_wrap=True))
            above = row.label
        return lines

    def _cut(self, text: str) -> str:
        return cut(text, self._console.width)


def _set_off(line: str) -> Text:
    """A line with what is beside the point in it set back: the code of a finding, a label."""
    text = Text(line)
    text.highlight_regex(r"\[FFS\d+\]", "dim")
    text.highlight_regex(r"^\S+(?: \S+){0,2}(?=  )", "dim")
    return text
