"""What `ffsearch show` prints: the answer, and the trials with why each ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ffsearch.errors import RunError
from ffsearch.search.base.objective import Objective
from ffsearch.search.console.lines import closing_lines, metric
from ffsearch.search.folder.verdict import Verdict
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
    summary = run.summary
    return [*_head(run, summary), "", *_table(run, summary, n_trials)]


def verdict_lines(run: StoredRun) -> list[str]:
    """The verdict of a run, a sentence a line.

    Raises:
        RunError: If it has none.
    """
    found = Verdict.of_summary(run.summary) if run.has_begun else None
    if found is None:
        why = (
            "its evidence has no baselines. The run's command with --set evidence=full adds them"
            if run.is_finished
            else "it is not finished. The run's command goes on with it; with --finish it ends with the trials told"
        )
        raise RunError(f"{run.path} has no verdict: {why}.")
    return found.tagged(PLAIN, ignored=run.ignored)


def _head(run: StoredRun, summary: Mapping[str, Any]) -> list[str]:
    counts, objective = summary["search"], summary["objective"]
    wall = PLAIN.duration(counts["wall_s"])
    told = f"{counts['n_trials']} trials in {wall}: {counts['n_complete']} trained to their end"
    others = ", ".join(f"{counts[f'n_{why}']} {why}" for why in ("pruned", "diverged", "failed") if counts[f"n_{why}"])
    lines = [f"{run.path}", f"{summary['data']['source']}, {summary['task']}", told + (f", {others}" if others else "")]
    if run.is_finished and (summary["kind"] == "capacity" or "refit" in summary):
        return lines + closing_lines(summary, run.path, ignored=run.ignored)
    if summary["kind"] == "capacity":
        return [*lines, "not finished: the command that started it goes on with it; nothing is compared before that"]
    best = summary["best"]
    lines.append(_state(run, has_score=best is not None))
    if best is None:
        return lines
    return [
        *lines,
        f"best so far  {best['topology']}  (trial {best['trial']})",
        f"validation   {metric(objective['name'])} {PLAIN.score(best['valid'])}",
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


def _table(run: StoredRun, summary: Mapping[str, Any], n_trials: int) -> list[str]:
    """Trials by value, best first; those without one last."""
    trials = run.trials.sort_values("value", ascending=Objective(**summary["objective"]).is_lower_better)
    header = ("trial", metric(summary["objective"]["name"]), "topology", "ended")
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
