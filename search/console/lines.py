"""What a search says in its first and last lines, and of those who work for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.console.study_lines import study_lines, wrapped_verdict
from ffsearch.search.console.wrapping import labelled, wrapped
from ffsearch.search.folder.of_model import model_findings
from ffsearch.search.folder.reader import StoredRun
from ffsearch.search.folder.results import SealedTest
from ffsearch.search.folder.summary import BestPoint, Summary
from ffsearch.search.observer import Began, StudyProgress, Workers
from ffsearch.search.wording.finding import Finding, unsilenced
from ffsearch.search.wording.language import PLAIN, Language

__all__ = ["closing_lines", "last_lines", "losses", "metric", "opening_lines", "room", "said", "study_stands"]

Row = tuple[str, str]
"""A label and what stands behind it."""


def metric(name: str, t: Language = PLAIN) -> str:
    """A metric's name in words."""
    return t.named("metric", name)


def opening_lines(began: Began, t: Language = PLAIN) -> list[str]:
    """What a person should know before the first trial: the data as understood, and the size of the search."""
    data, objective = began.facts.data, began.facts.objective
    within = "" if began.budget_s is None else t("console.within", time=t.duration(began.budget_s))
    key = "console.lowest" if objective.is_lower_better else "console.highest"
    rows = t.counted("rows", data.n_rows)
    return wrapped(
        [
            t("console.read", source=data.source, rows=rows, kinds=_kinds(began, t), n=t.count(data.n_features)),
            *map(t.tagged, unsilenced([began.task_reason, *began.notices], began.ignored)),
            t(key, amount=_amount(began, t), within=within, metric=metric(objective.name, t)),
            t("console.folder", path=began.path),
        ]
    )


def said(finding: Finding, began: Began | None, t: Language = PLAIN) -> list[str]:
    """A finding as lines; none if the space file silences it."""
    return wrapped(map(t.tagged, unsilenced([finding], () if began is None else began.ignored)))


def room(workers: Workers, t: Language = PLAIN) -> str:
    """How much they do at once: room for 4 networks."""
    return t.counted_as("console.room", workers.n_networks)


def losses(workers: Workers, t: Language = PLAIN) -> str:
    """What was lost so far, and began again; nothing where nothing was."""
    if not workers.n_lost:
        return ""
    return t("console.lost", n=t.count(workers.n_lost), again=t.counted_as("console.again", workers.n_again))


def study_stands(progress: StudyProgress, t: Language = PLAIN) -> str:
    """How far the networks of a study are."""
    return t(
        "console.study", done=t.count(progress.n_done), all=t.count(progress.n_trainings),
        cells=t.count(progress.n_cells_done), all_cells=t.count(progress.n_cells),
    )  # fmt: skip


def _amount(began: Began, t: Language) -> str:
    """How much there is to do: searching 30 trials; searching 30 trials, of which 12 are told."""
    if began.n_trials is None:
        kinds = ("any", "any_told")
    elif began.n_cells is not None:
        kinds = ("study", "study_told")
    else:
        kinds = ("trials", "trials_told" if began.n_told < began.n_trials else "told")
    kind = kinds[bool(began.n_told)]
    values = {"n": began.n_trials or 0, "told": began.n_told, "cells": began.n_cells or 0}
    return t(f"console.amount.{kind}", **{name: t.count(n) for name, n in values.items()})


def _kinds(began: Began, t: Language) -> str:
    """How many columns of each kind are used: 6 number, 8 category."""
    counts = Counter(began.kinds).items()
    return ", ".join(f"{n} {t.named('kind', kind)}" for kind, n in counts) or t("console.no_columns")


def closing_lines(summary: Summary, path: Path, t: Language = PLAIN, *, ignored: Iterable[str] = ()) -> list[str]:
    """The answer of a finished run, as a person wants to read it."""
    if summary.capacity is not None:
        return study_lines(summary, path, t, ignored=ignored)
    best, refit, test, verdict = summary.best, summary.refit, summary.evidence.test, summary.verdict
    assert best is not None
    assert refit is not None
    winner = t("console.winner", topology=t.topology(best.topology), trial=best.trial)
    rows = t.counted("rows", refit.n_rows)
    told: list[Row] = [
        (_label("best", t), winner),
        *_score_rows(summary, best, t),
        *([(_label("test", t), t("console.no_test"))] if test is None else _test_rows(test, summary, t)),
        *_baseline_rows(summary, t),
        (_label("refit", t), t("console.refitted", updates=t.count(refit.updates), rows=rows)),
        *_average_rows(summary, t),
        (_label("model", t), str(path / "model" / "model.keras")),
    ]
    of_model = unsilenced(model_findings(summary), ignored)
    return [
        "",
        *labelled(told),
        *([] if verdict is None else ["", *wrapped_verdict(verdict, ignored, t)]),
        *(line for finding in of_model for line in ["", *wrapped([t.tagged(finding)])]),
    ]


def last_lines(run: StoredRun, t: Language = PLAIN) -> list[str]:
    """Where the report of a finished run lies, and what one may want to do next."""
    folder = shell_quoted(run.path)
    commands = [f"ffsearch report {folder} --open"]
    if run.results.kind != "capacity":
        commands += [
            f"ffsearch predict {folder} ROWS.csv --out answers.csv",
            f"ffsearch export {folder} --format onnx",
        ]
    rows: list[Row] = [(_label("report", t), str(run.path / "report.html"))]
    first, *others = commands
    return labelled([*rows, (_label("next", t), first), *(("", command) for command in others)])


def _label(key: str, t: Language) -> str:
    """A label, as wide as the widest of them, so that lines said at different moments stand below each other."""
    width = max(len(t(f"console.label.{one}")) for one in ("best", "validation", "test"))
    return t(f"console.label.{key}").ljust(width)


def _score_rows(summary: Summary, best: BestPoint, t: Language) -> list[Row]:
    """The best score of the search, and what is left of it."""
    name, naive, corrected = metric(summary.objective.name, t), summary.evidence.naive, summary.evidence.corrected
    assert naive is not None
    key = "console.chose" if naive.trial == best.trial else "console.chose_other"
    rows = [(_label("validation", t), t(key, metric=name, value=t.score(naive.value), trial=naive.trial))]
    if corrected is not None:
        has_more = corrected.rows is not None and corrected.rows.value > 0
        key = "console.corrected_rows" if has_more else "console.corrected"
        value = t.in_interval(corrected.value, corrected.low, corrected.high)
        n_rows = 0 if corrected.rows is None else corrected.rows.n_refit
        rows.append((_label("corrected", t), t(key, metric=name, value=value, rows=t.counted("rows", n_rows))))
    return rows


def _test_rows(test: SealedTest, summary: Summary, t: Language) -> list[Row]:
    """The sealed test's score with its interval, then its other scores; that it flatters when opened more than once."""
    name = summary.objective.name
    key = "console.tested" if test.openings <= 1 else "console.tested_again"
    value = t.in_interval(test.value, test.low, test.high)
    others = [f"{metric(other, t)} {t.score(score)}" for other, score in test.others(name).items()]
    said = t(key, metric=metric(name, t), value=value, n=test.openings)
    return [(_label("test", t), said), *([("", ", ".join(others))] if others else [])]


def _average_rows(summary: Summary, t: Language) -> list[Row]:
    """That several networks answer: their scores, their size and their speed beside those of one."""
    average = summary.average
    if average is None:
        return []
    single, test = average.single, summary.evidence.test
    score = (
        ""
        if single is None or test is None
        else t("console.averaged_score", mean=t.score(test.value), single=t.score(single.value))
    )
    rows, rows_single = (t.count(round(n)) for n in (average.rows_per_s, average.rows_per_s_single))
    megabytes = t.setting(average.n_bytes / 1e6)
    text = t(
        "console.averaged",
        n=average.n_networks, score=score, megabytes=megabytes, rows=rows, rows_single=rows_single,
    )  # fmt: skip
    return [(_label("average", t), text)]


def _baseline_rows(summary: Summary, t: Language) -> list[Row]:
    """What had to be beaten, on the sealed test where there is one."""
    told = [
        f"{t.named('model', one.name)} {t.score(one.valid if one.test is None else one.test.value)}"
        for one in summary.baselines
    ]
    return [(_label("beside", t), ", ".join(told))] if told else []
