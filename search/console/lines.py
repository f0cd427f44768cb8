"""What a search says in its first and last lines, and of those who work for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.base.objective import Objective
from ffsearch.search.console.study_lines import amount, stands, study_lines, wrapped, wrapped_verdict
from ffsearch.search.folder.of_model import model_findings
from ffsearch.search.folder.reader import StoredRun
from ffsearch.search.folder.results import Corrected, SealedTest
from ffsearch.search.folder.summary import BestPoint, Summary
from ffsearch.search.observer import Began, StudyProgress, Workers
from ffsearch.search.wording.finding import Finding, unsilenced
from ffsearch.search.wording.language import PLAIN

__all__ = [
    "closing_lines",
    "last_lines",
    "losses",
    "metric",
    "opening_lines",
    "room",
    "said",
    "several",
    "study_stands",
]


def metric(name: str) -> str:
    """A metric's name in words."""
    return PLAIN.named("metric", name)


def opening_lines(began: Began) -> list[str]:
    """What a person should know before the first trial: the data as understood, and the size of the search."""
    data, objective = began.facts.data, began.facts.objective
    best = "lowest" if objective.is_lower_better else "highest"
    within = "" if began.budget_s is None else f" within {PLAIN.duration(began.budget_s)}"
    return [
        f"{data.source}: {data.n_rows:,} rows, {_kinds(began)} -> {data.n_features} features",
        *map(PLAIN.tagged, unsilenced([began.task_reason, *began.notices], began.ignored)),
        f"{_amount(began)}{within} for the {best} {metric(objective.name)}",
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
    if began.n_trials is None:
        told = f", beside the {began.n_told} told," if began.n_told else ""
        return f"searching as many trials as there is time for{told}"
    if began.n_cells is not None:
        return amount(n_cells=began.n_cells, n_trainings=began.n_trials, n_told=began.n_told)
    if began.n_told >= began.n_trials:
        return f"searching no further than the {began.n_told} trials told"
    told = f", of which {began.n_told} are told," if began.n_told else ""
    return f"searching {began.n_trials} trials{told}"


def _kinds(began: Began) -> str:
    """How many columns of each kind are used: 6 number, 8 category."""
    return ", ".join(f"{n} {kind}" for kind, n in Counter(began.kinds).items()) or "no columns"


def closing_lines(summary: Summary, path: Path, *, ignored: Iterable[str] = ()) -> list[str]:
    """The answer of a finished run, as a person wants to read it."""
    if summary.capacity is not None:
        return study_lines(summary, path, ignored=ignored)
    best, refit, test, verdict = summary.best, summary.refit, summary.evidence.test, summary.verdict
    assert best is not None
    assert refit is not None
    return [
        "",
        f"best topology  {best.topology}  (trial {best.trial})",
        *_score_lines(summary, best),
        *(["sealed test    none was set apart (data.test)"] if test is None else _test_lines(test, summary.objective)),
        *_baseline_lines(summary),
        f"refit          {refit.updates:,} updates on all {refit.n_rows:,} rows outside the test part",
        *_average_lines(summary),
        f"model          {path / 'model' / 'model.keras'}",
        *([] if verdict is None else ["", *wrapped_verdict(verdict, ignored)]),
        *(
            line
            for finding in unsilenced(model_findings(summary), ignored)
            for line in ["", *wrapped([PLAIN.tagged(finding)])]
        ),
    ]


def last_lines(run: StoredRun) -> list[str]:
    """Where the report of a finished run lies, and what one may want to do next."""
    folder = shell_quoted(run.path)
    lines = [f"report         {run.path / 'report.html'}", f"next           ffsearch report {folder} --open"]
    if run.results.kind == "capacity":
        return lines
    rows, predictions = "ROWS.csv", "answers.csv"
    return [
        *lines,
        f"               ffsearch predict {folder} {rows} --out {predictions}",
        f"               ffsearch export {folder} --format onnx",
    ]


def _score_lines(summary: Summary, best: BestPoint) -> list[str]:
    """The best score of the search, and what is left of it."""
    name, naive, corrected = metric(summary.objective.name), summary.evidence.naive, summary.evidence.corrected
    assert naive is not None
    whose = "the score that chose it" if naive.trial == best.trial else f"trial {naive.trial}'s, the best of all"
    lines = [f"validation     {name} {PLAIN.score(naive.value)}  ({whose}: optimistic)"]
    if corrected is not None:
        lines.append(
            f"corrected      {name} {PLAIN.in_interval(corrected.value, corrected.low, corrected.high)}  "
            f"(without the luck of being chosen{_rows_told(corrected)})"
        )
    return lines


def _rows_told(corrected: Corrected) -> str:
    """That more rows than its repeats had are allowed for, where that makes a difference."""
    rows = corrected.rows
    return f", for {rows.n_refit:,} rows" if rows is not None and rows.value > 0 else ""


def _test_lines(test: SealedTest, objective: Objective) -> list[str]:
    """The sealed test's score with its interval, then its other scores."""
    others = [f"{metric(name)} {PLAIN.score(value)}" for name, value in test.others(objective.name).items()]
    return [
        f"sealed test    {metric(objective.name)} {PLAIN.in_interval(test.value, test.low, test.high)}{_opened(test)}",
        f"               {', '.join(others)}",
    ]


def _opened(test: SealedTest) -> str:
    """That it flatters, when it was opened more than once."""
    return f"  (opened {test.openings} times)" if test.openings > 1 else ""


def _average_lines(summary: Summary) -> list[str]:
    """That several networks answer: their scores, their size and their speed beside those of one."""
    average = summary.average
    if average is None:
        return []
    single, test = average.single, summary.evidence.test
    score = (
        "" if single is None or test is None else f", {PLAIN.score(test.value)} for {PLAIN.score(single.value)} of one"
    )
    rows, rows_single = (PLAIN.count(round(n)) for n in (average.rows_per_s, average.rows_per_s_single))
    megabytes = PLAIN.setting(average.n_bytes / 1e6)
    return [
        f"average        of {average.n_networks} networks{score}; "
        f"{megabytes} MB, {rows} rows a second, {rows_single} of one"
    ]


def _baseline_lines(summary: Summary) -> list[str]:
    """What had to be beaten, on the sealed test where there is one."""
    told = [f"{one.name} {PLAIN.score(one.valid if one.test is None else one.test.value)}" for one in summary.baselines]
    return [f"beside it      {', '.join(told)}"] if told else []
