"""What to try next: what the run itself gives a reason for, each a finding with its code."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ffsearch.reports import evidence, tables
from ffsearch.reports.evidence_sections import is_advised
from ffsearch.reports.parts import Block, Section
from ffsearch.reports.tables import RunLike
from ffsearch.search.folder.of_model import threshold_finding
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.language import Language

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["next_steps", "steps"]

EDGE: Final = 0.03
"""Share of a range within which the winner lies at its edge. Choice: about a step of a slider."""

LATE: Final = 0.8
"""Share of the search after which a best trial came late."""

FLAT: Final = 0.05
"""What the second half of the trials gained, as a share of the best one's lead over the median trial, below which more
hardly help: a second half gains more than a third one would. Choice: a twentieth, as for what is worth having."""

MANY_DIVERGED: Final = 0.15
"""Share of diverged trials that is worth a word: as many of the rest were searched for nothing."""

RARE: Final = 0.15
"""Share of the rarest class below which balance is worth a try."""

TRIALS_A_PARAMETER: Final = 10
"""Trials a searched parameter below which a search is short. Choice: TPE draws its first ten at random."""

_BY_ANSWER: Final = {"boosting": Code.USE_BOOSTING, "linear": Code.USE_LINEAR, "nothing": Code.LOOK_ELSEWHERE}


def next_steps(run: RunLike, t: Language) -> Section | None:
    """A list of steps; None where the run gives a reason for none."""
    said = tables.shown(run, steps(run))
    return Section(key="next", title=t("next.title"), blocks=[Block(findings=said)]) if said else None


def steps(run: RunLike) -> list[Finding]:
    """What the run gives a reason for; nothing before a trial has a score."""
    return [*_of_verdict(run), *_of_search(run), *_of_errors(run)] if tables.best_row(run) else []


def _of_verdict(run: RunLike) -> Iterator[Finding]:
    verdict = evidence.verdict(run)
    if verdict.code in _BY_ANSWER:
        yield found(_BY_ANSWER[verdict.code])
    if verdict.code == "boosting" and _reads_numbers_alone(run):
        yield found(Code.TRY_BINS)
    yield from verdict.of((Code.WHAT_SETTLES, Code.UNTIL_SETTLED))
    for one in verdict.of((Code.SMALLER_NETWORK,)):
        if one.form == "level":  # after what to use: where that is no network, a smaller network is the lesser advice
            yield found(Code.TRY_SMALLER, smaller=one.values["smaller"])
    if not verdict.code and run.is_finished and not run.results.baselines:
        yield found(Code.RUN_EVIDENCE)


def _reads_numbers_alone(run: RunLike) -> bool:
    """Whether there are numbers, and the networks had them as they are: trees, which cut them, are ahead by that."""
    data = tables.space(run).get("data") or {}
    columns = getattr(run, "columns", None) or ()
    may_have_bins = data.get("number_bins") or "numbers" in (tables.space(run).get("space") or {})
    return not may_have_bins and any(column["kind"] == "number" and column["used"] for column in columns)


def _of_search(run: RunLike) -> Iterator[Finding]:
    yield from _edges(run)
    history, best = tables.history(run), tables.best_trial(run)
    n_trials, n_parameters = len(history), len(tables.searched(run))
    place = int((history["trial"] <= best).sum()) if best is not None else 0
    if n_trials < TRIALS_A_PARAMETER * n_parameters:
        yield found(Code.MORE_TRIALS, n=n_trials, n_parameters=n_parameters)
    elif place > LATE * n_trials:
        yield found(Code.SEARCH_LONGER, trial=place, n=n_trials)
    elif (gain := _gain_of_second_half(run, history)) is not None:
        yield found(Code.NO_MORE_TRIALS, gain=gain, n=n_trials)
    share = float((history["ended"] == "diverged").mean())
    if share > MANY_DIVERGED:
        yield found(Code.MANY_DIVERGED, share=share)


def _gain_of_second_half(run: RunLike, history: pd.DataFrame) -> float | None:
    """What the best of all trials is ahead of the best of half of them, in the mean over all halves; None if much.

    Where the best one lies among the trials says nothing: by chance alone it lies in the first half of every second
    search, and would be beaten by twice as many trials in every second one.
    """
    values = history["value"].dropna().to_numpy(np.float64)
    if len(values) < 2:
        return None
    losses = np.sort(tables.objective(run).sign * values)
    n, half = len(losses), len(losses) // 2
    chance, expected = half / n, 0.0
    for place, loss in enumerate(losses):  # that this one is the best of a half: all better ones are in the other
        expected += chance * loss
        chance *= max(0, n - place - half) / max(1, n - place - 1)
    gain = float(expected - losses[0])
    return gain if gain < FLAT * float(np.median(losses) - losses[0]) else None


def _edges(run: RunLike) -> Iterator[Finding]:
    """Numbers whose winner lies at an end of what was searched."""
    best = tables.best_row(run)
    for name, parameter in tables.searched(run).items():
        value = best.get(f"point.{name}")
        if parameter.get("type") not in ("int", "float") or value is None or (value == 0 and parameter.get("zero")):
            continue
        at = _place(float(value), parameter)
        if at is not None and (at <= EDGE or at >= 1 - EDGE):
            yield found(Code.AT_THE_EDGE, "low" if at <= EDGE else "high", name=name, value=float(value))


def _place(value: float, parameter: Mapping[str, Any]) -> float | None:
    """Where a value lies in its range, from 0 to 1; None of depth 1 and other ends that cannot be moved."""
    low, high = float(parameter["low"]), float(parameter["high"])
    if high <= low or (value == low == 1):
        return None
    if parameter.get("log") and low > 0 and value > 0:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _of_errors(run: RunLike) -> Iterator[Finding]:
    calibration, confused = run.results.calibration, evidence.confusion(run)
    fitted = None if calibration is None else calibration.temperature
    if fitted is not None and is_advised(fitted):
        yield found(Code.SCALE_PROBABILITIES, value=fitted.value)
    yield from _of_threshold(run)
    balance = tables.best_row(run).get("point.augment_balance", "none")
    if confused is not None and balance == "none" and "augment_balance" not in tables.searched(run):
        share = float(confused.counts.sum(axis=1).min() / max(1, confused.counts.sum()))
        if share < RARE / max(1, len(confused.labels) / 2):
            yield found(Code.UNEQUAL_CLASSES, share=share)
    worst = next((one for one in run.results.slices if one.is_worse), None)
    if worst is not None:
        form, rows = ("missing", {}) if worst.rows is None else ("known", {"rows": worst.rows})
        yield found(Code.MORE_ROWS_OF_SLICE, form, column=worst.column, **rows)


def _of_threshold(run: RunLike) -> Iterator[Finding]:
    """That another threshold is shown to bring something, where none was asked for."""
    threshold = run.results.threshold
    if threshold is None or threshold.in_model:
        return
    finding = threshold_finding(threshold)
    rule = next((one for one in threshold.rules if one.name == finding.values.get("rule")), None)
    if rule is not None and rule.gain is not None and rule.gain.low > 0:
        yield finding
