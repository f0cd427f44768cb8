"""What to try next: what the run itself gives a reason for, each as one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ffsearch.reports import evidence, tables
from ffsearch.reports.error_plots import slice_name
from ffsearch.reports.evidence_sections import NOTICEABLE, spoken
from ffsearch.reports.parts import Block, Section
from ffsearch.reports.tables import RunLike
from ffsearch.search.wording.language import Language, shortened

__all__ = ["next_steps"]

EDGE: Final = 0.03
"""Share of a range within which the winner lies at its edge. Choice: about a step of a slider."""

LATE: Final = 0.8
"""Share of the search after which a best trial came late."""

FLAT: Final = 0.5
"""Share of the search without a better trial from which on more of them hardly help."""

MANY_DIVERGED: Final = 0.15
"""Share of diverged trials that is worth a word: as many of the rest were searched for nothing."""

RARE: Final = 0.15
"""Share of the rarest class below which balance is worth a try."""

TRIALS_A_PARAMETER: Final = 10
"""Trials a searched parameter below which a search is short. Choice: TPE draws its first ten at random."""


def next_steps(run: RunLike, t: Language) -> Section | None:
    """A list of steps; None where the run gives a reason for none."""
    if not tables.best_row(run):
        return None
    points = [*_of_verdict(run, t), *_of_search(run, t), *_of_errors(run, t)]
    return Section(key="next", title=t("next.title"), blocks=[Block(points=points)]) if points else None


def _of_verdict(run: RunLike, t: Language) -> Iterator[str]:
    code, sentences = evidence.verdict(run)
    if code in ("boosting", "linear", "nothing"):
        yield t(f"next.{code}")
    if code == "boosting" and _reads_numbers_alone(run):
        yield t("next.bins")
    for one in sentences:
        if one.key.startswith(("settle.", "meanwhile.")):
            yield spoken(one, t)
    for one in sentences:  # after what to use: where that is no network, a smaller network is the lesser advice
        if one.key == "smaller.level":
            yield t("next.smaller", smaller=t.topology(str(one.values["smaller"])))
    if not code and run.is_finished and not run.summary.get("baselines"):
        yield t("next.evidence")


def _reads_numbers_alone(run: RunLike) -> bool:
    """Whether there are numbers, and the networks had them as they are: trees, which cut them, are ahead by that."""
    data = tables.space(run).get("data") or {}
    columns = getattr(run, "columns", None) or ()
    return not data.get("number_bins") and any(column["kind"] == "number" and column["used"] for column in columns)


def _of_search(run: RunLike, t: Language) -> Iterator[str]:
    yield from _edges(run, t)
    history, best = tables.history(run), tables.best_trial(run)
    n_trials, n_parameters = len(history), len(tables.searched(run))
    place = int((history["trial"] <= best).sum()) if best is not None else 0
    if n_trials < TRIALS_A_PARAMETER * n_parameters:
        yield t("next.trials", n=t.counted("trials", n_trials), n_parameters=n_parameters)
    elif place > LATE * n_trials:
        yield t("next.late", trial=t.count(place), n=t.count(n_trials))
    elif place < FLAT * n_trials:
        yield t("next.plateau", n=t.count(n_trials - place))
    share = float((history["ended"] == "diverged").mean())
    if share > MANY_DIVERGED:
        yield t("next.diverged", share=t.share(share))


def _edges(run: RunLike, t: Language) -> Iterator[str]:
    """Numbers whose winner lies at an end of what was searched."""
    best = tables.best_row(run)
    for name, parameter in tables.searched(run).items():
        value = best.get(f"point.{name}")
        if parameter.get("type") not in ("int", "float") or value is None or (value == 0 and parameter.get("zero")):
            continue
        at = _place(float(value), parameter)
        if at is not None and (at <= EDGE or at >= 1 - EDGE):
            key = "next.edge_low" if at <= EDGE else "next.edge_high"
            yield t(key, name=t.named("parameter", name), value=t.setting(float(value)))


def _place(value: float, parameter: Mapping[str, Any]) -> float | None:
    """Where a value lies in its range, from 0 to 1; None of depth 1 and other ends that cannot be moved."""
    low, high = float(parameter["low"]), float(parameter["high"])
    if high <= low or (value == low == 1):
        return None
    if parameter.get("log") and low > 0 and value > 0:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _of_errors(run: RunLike, t: Language) -> Iterator[str]:
    found, confused = evidence.temperature(run), evidence.confusion(run)
    if found is not None and found.loss_before - found.loss_after >= NOTICEABLE * found.loss_before:
        yield t("next.temperature", value=t.setting(found.value))
    balance = tables.best_row(run).get("point.augment_balance", "none")
    if confused is not None and balance == "none" and "augment_balance" not in tables.searched(run):
        share = float(confused.counts.sum(axis=1).min() / max(1, confused.counts.sum()))
        if share < RARE / max(1, len(confused.labels) / 2):
            yield t("next.unequal", share=t.share(share))
    worst = next((one for one in evidence.worst_slices(run) if one.is_worse), None)
    if worst is not None:
        yield t("next.slice", column=shortened(worst.column), rows=slice_name(worst.rows, t))
