"""What a search says in its first and last lines, and of those who work for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ffsearch.search.console.study_lines import amount, stands, study_lines, wrapped_verdict
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.observer import Began, StudyProgress, Workers
from ffsearch.search.wording.finding import Finding, unsilenced
from ffsearch.search.wording.language import PLAIN

__all__ = ["closing_lines", "losses", "metric", "opening_lines", "room", "said", "several", "study_stands"]


def metric(name: str) -> str:
    """A metric's name in words."""
    return PLAIN.named("metric", name)


def opening_lines(began: Began) -> list[str]:
    """What a person should know before the first trial: the data as understood, and the size of the search."""
    best = "lowest" if began.objective.is_lower_better else "highest"
    within = "" if began.budget_s is None else f" within {PLAIN.duration(began.budget_s)}"
    return [
        f"{began.source}: {began.n_rows:,} rows, {_kinds(began)} -> {began.n_features} features",
        *map(PLAIN.tagged, unsilenced([began.task_reason, *began.notices], began.ignored)),
        f"{_amount(began)}{within} for the {best} {metric(began.objective.name)}",
        f"run folder {began.path}",
    ]


def said(finding: Finding, began: Began | None) -> list[str]:
    """A finding as a line; none if the space file silences it."""
    return list(map(PLAIN.tagged, unsilenced([finding], () if began is None else began.ignored)))


def several(n: int, what: str) -> str:
    """A count with its noun."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def room(workers: Workers) -> str:
    """How much they do at once: room for 4 networks."""
    return f"room for {several(workers.n_networks, 'network')}"


def losses(workers: Workers) -> str:
    """What was lost so far, and began again; nothing where nothing was."""
    if not workers.n_lost:
        return ""
    return f"; {workers.n_lost} lost so far, {several(workers.n_again, 'network')} began again"


def study_stands(progress: StudyProgress) -> str:
    """How far a study is."""
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
    return ", ".join(f"{n} {kind}" for kind, n in Counter(began.kinds).items()) or "no columns"


def closing_lines(summary: Mapping[str, Any], path: Path, *, ignored: Iterable[str] = ()) -> list[str]:
    """The answer, as a person wants to read it."""
    if summary["kind"] == "capacity":
        return study_lines(summary, path, ignored=ignored)
    best, evidence, refit = summary["best"], summary["evidence"], summary["refit"]
    name, test = metric(summary["objective"]["name"]), evidence.get("test")
    return [
        "",
        f"best topology  {best['topology']}  (trial {best['trial']})",
        *_score_lines(summary, name),
        *(["sealed test    none was set apart (data.test)"] if test is None else _test_lines(test, name)),
        *_baseline_lines(summary),
        f"refit          {refit['updates']:,} updates on all {refit['n_rows']:,} rows outside the test part",
        f"model          {path / 'model' / 'model.keras'}",
        *_verdict_lines(summary, ignored),
    ]


def _score_lines(summary: Mapping[str, Any], objective: str) -> list[str]:
    """The best score of the search, and what is left of it."""
    best, evidence = summary["best"], summary["evidence"]
    naive, corrected = evidence["naive"], evidence.get("corrected")
    own = naive.get("trial", best["trial"]) == best["trial"]
    whose = "the score that chose it" if own else f"trial {naive['trial']}'s, the best of all"
    lines = [f"validation     {objective} {PLAIN.score(naive['value'])}  ({whose}: optimistic)"]
    if corrected is not None:
        lines.append(
            f"corrected      {objective} {_in_interval(corrected)}  (without the luck of being chosen"
            f"{_rows_told(corrected)})"
        )
    return lines


def _in_interval(score: Mapping[str, Any]) -> str:
    value, low, high = (PLAIN.score(score[end]) for end in ("value", "low", "high"))
    return f"{value}, 95 % between {low} and {high}"


def _rows_told(corrected: Mapping[str, Any]) -> str:
    """That more rows than its repeats had are allowed for, where that makes a difference."""
    rows = corrected.get("rows")
    return f", for {rows['n_refit']:,} rows" if rows is not None and rows["value"] > 0 else ""


def _test_lines(test: Mapping[str, Any], objective: str) -> list[str]:
    """The sealed test's score with its interval, then its other scores."""
    others = [
        f"{metric(key)} {PLAIN.score(value)}"
        for key, value in test["metrics"].items()
        if metric(key) != objective and value is not None
    ]
    return [
        f"sealed test    {objective} {_in_interval(test)}{_opened(test)}",
        f"               {', '.join(others)}",
    ]


def _opened(test: Mapping[str, Any]) -> str:
    """That it flatters, when it was opened more than once."""
    return f"  (opened {test['openings']} times)" if test["openings"] > 1 else ""


def _baseline_lines(summary: Mapping[str, Any]) -> list[str]:
    """What had to be beaten, on the sealed test where there is one."""
    told = [
        f"{one['name']} {PLAIN.score((one.get('test') or {'value': one['valid']})['value'])}"
        for one in summary.get("baselines", [])
    ]
    return [f"beside it      {', '.join(told)}"] if told else []


def _verdict_lines(summary: Mapping[str, Any], ignored: Iterable[str]) -> list[str]:
    found = Verdict.of_summary(summary)
    return [] if found is None else ["", *wrapped_verdict(found, ignored)]
