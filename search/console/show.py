"""What `ffsearch show` prints: the answer, and the trials with why each ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ffsearch.errors import RunError
from ffsearch.search.base.objective import Objective
from ffsearch.search.console.lines import closing_lines, metric
from ffsearch.search.folder.summary import Summary
from ffsearch.search.wording.language import PLAIN

if TYPE_CHECKING:
    from ffsearch.search.folder.reader import StoredRun

__all__ = ["show_lines", "verdict_lines"]


def show_lines(run: StoredRun, *, n_trials: int) -> list[str]:
    """The lines of a run, its best trials first.

    Args:
        run: A run, finished or not.
        n_trials: Trials listed at most.
    """
    return [*_head(run, run.results), "", *_table(run, run.results.objective, n_trials)]


def verdict_lines(run: StoredRun) -> list[str]:
    """The verdict of a run, a sentence a line.

    Raises:
        RunError: If it has none.
    """
    found = run.results.verdict if run.has_begun else None
    if found is None:
        why = (
            "its evidence has no baselines. The run's command with --set evidence=full adds them"
            if run.is_finished
            else "it is not finished. The run's command goes on with it; with --finish it ends with the trials told"
        )
        raise RunError(f"{run.path} has no verdict: {why}.")
    return found.tagged(PLAIN, ignored=run.ignored)


def _head(run: StoredRun, summary: Summary) -> list[str]:
    counts, best = summary.search, summary.best
    told = f"{counts.n_trials} trials in {PLAIN.duration(counts.wall_s)}: {counts.n_complete} trained to their end"
    ends = {"pruned": counts.n_pruned, "diverged": counts.n_diverged, "failed": counts.n_failed}
    others = ", ".join(f"{n} {why}" for why, n in ends.items() if n)
    lines = [f"{run.path}", f"{summary.data.source}, {summary.task}", told + (f", {others}" if others else "")]
    if run.is_finished and (summary.capacity or summary.refit):
        return lines + closing_lines(summary, run.path, ignored=run.ignored)
    if summary.kind == "capacity":
        return [*lines, "not finished: the command that started it goes on with it; nothing is compared before that"]
    lines.append(_state(run, has_score=best is not None))
    if best is None:
        return lines
    return [
        *lines,
        f"best so far  {best.topology}  (trial {best.trial})",
        f"validation   {metric(summary.objective.name)} {PLAIN.score(best.valid)}",
    ]


def _state(run: StoredRun, *, has_score: bool) -> str:
    """Why a run has no refitted model, and what to do about it."""
    if run.is_finished:
        return "imported: nothing was refitted, and the sealed test was not opened"
    if not has_score:
        return "not finished, and no trial has a score yet; the command that started it goes on with it"
    return (
        "not finished: the command that started it goes on with it; with --finish it refits and reports what is there"
    )


def _table(run: StoredRun, objective: Objective, n_trials: int) -> list[str]:
    """Trials by value, best first; those without one last."""
    trials = run.trials.sort_values("value", ascending=objective.is_lower_better)
    header = ("trial", metric(objective.name), "topology", "ended")
    shown = trials.head(n_trials)
    rows = [header] + [
        (str(row["trial"]), PLAIN.score(row["value"]), row["topology"], row["why"]) for row in shown.to_dict("records")
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        f"{trial:>{widths[0]}}  {value:>{widths[1]}}  {topology:<{widths[2]}}  {why}"
        for trial, value, topology, why in rows
    ]
    left_out = len(trials) - len(shown)
    return [*lines, f"and {left_out} more: -n {len(trials)} shows all"] if left_out > 0 else lines
