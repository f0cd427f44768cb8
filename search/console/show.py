"""What `ffsearch show` prints: the answer, and the trials with why each ended."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Mapping
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from ffsearch.errors import RunError
from ffsearch.search.base.objective import Objective
from ffsearch.search.console.lines import closing_lines, metric
from ffsearch.search.console.wrapping import cut, labelled, wrapped
from ffsearch.search.folder.doubted import doubted
from ffsearch.search.folder.summary import Summary
from ffsearch.search.folder.trial_record import end_of
from ffsearch.search.wording.language import PLAIN, Language

if TYPE_CHECKING:
    from ffsearch.search.folder.reader import StoredRun

__all__ = ["show_lines", "verdict_lines"]


def show_lines(run: StoredRun, t: Language = PLAIN, *, n_trials: int) -> list[str]:
    """The lines of a run, its best trials first.

    Args:
        run: A run, finished or not.
        t: The language of the lines.
        n_trials: Trials listed at most.
    """
    with doubted(run):
        return [*_head(run, run.results, t), "", *_table(run, run.results.objective, n_trials, t)]


def verdict_lines(run: StoredRun, t: Language = PLAIN) -> list[str]:
    """The verdict of a run, a sentence a line.

    Raises:
        RunError: If it has none.
    """
    found = run.results.verdict if run.has_begun else None
    if found is None:
        why = "finished" if run.is_finished else "unfinished"
        raise RunError(t(f"console.no_verdict.{why}", path=run.path))
    return found.tagged(t, ignored=run.ignored)


def _head(run: StoredRun, summary: Summary, t: Language) -> list[str]:
    counts, best = summary.search, summary.best
    ends = {"pruned": counts.n_pruned, "diverged": counts.n_diverged, "failed": counts.n_failed}
    others = "".join(f", {n} {t.named('ended', why)}" for why, n in ends.items() if n)
    thing = "networks" if summary.kind == "capacity" else "trials"
    trials, time = t.counted(thing, counts.n_trials), t.duration(counts.wall_s)
    lines = [
        f"{run.path}",
        f"{summary.data.source}, {t.named('task', summary.task)}",
        t("console.counts", trials=trials, time=time, n=counts.n_complete) + others,
    ]
    if run.is_finished and (summary.capacity or summary.refit):
        return lines + closing_lines(summary, run.path, t, ignored=run.ignored)
    if summary.kind == "capacity":
        return [*lines, *wrapped([t("console.state.study")])]
    lines += wrapped([t(f"console.state.{_state(run, has_score=best is not None)}")])
    if best is None:
        return lines
    score = f"{metric(summary.objective.name, t)} {t.score(best.valid)}"
    winner = t("console.winner", topology=t.topology(best.topology), trial=best.trial)
    return [*lines, *labelled([(t("console.best_so_far"), winner), (t("console.label.validation"), score)])]


def _state(run: StoredRun, *, has_score: bool) -> str:
    """Why a run has no refitted model, by the key of what to do about it."""
    if run.is_finished:
        return "imported"
    return "open" if has_score else "no_score"


def _table(run: StoredRun, objective: Objective, n_trials: int, t: Language) -> list[str]:
    """Trials by value, best first; those without one last. Numbers and scores are whole; topologies end with the line.

    Where no terminal shows them, they are whole too.
    """
    trials = run.trials.sort_values("value", ascending=objective.is_lower_better)
    header = (t("trial.number"), metric(objective.name, t), t("trial.ended"), t("trial.topology"))
    shown = trials.head(n_trials)
    rows = [header] + [
        (str(row["trial"]), t.score(row["value"]), _end(row, t), t.topology(row["topology"]))
        for row in shown.to_dict("records")
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    most = get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    lines = [
        cut(f"{trial:>{widths[0]}}  {value:>{widths[1]}}  {why:<{widths[2]}}  {topology}", most)
        for trial, value, why, topology in rows
    ]
    left_out = len(trials) - len(shown)
    return [*lines, t("console.more", n=left_out, all=len(trials))] if left_out > 0 else lines


def _end(row: Mapping[Hashable, Any], t: Language) -> str:
    """Why a trial ended; in English as its table has it."""
    folds = int(row.get("n_folds_judged") or 0)
    return t.says(end_of(row["ended"], n=int(row["n_epochs"]), best=int(row["best_epoch"]), n_folds_judged=folds))
