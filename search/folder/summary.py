"""`summary.json`: what programs read of a run. Keys are only ever added within one schema number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NotRequired, TypedDict

from ffsearch._version import __version__
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.ranking import Standing, best_standing, standing_of
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.training.protocol import Ended

__all__ = [
    "SUMMARY_SCHEMA",
    "DataFacts",
    "RefitFacts",
    "RunFacts",
    "SealedTest",
    "SearchFacts",
    "Summary",
    "build_summary",
]

SUMMARY_SCHEMA: Final = 1


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """The table: where it came from, how large it is, and how its rows were split.

    Args:
        source: As the space file names it.
        target: Names of the target columns.
        n_rows: Rows, test rows among them.
        n_features: Columns of the matrix the networks read.
        n_classes: Classes, or None for regression.
        sha256: Hash of the file's bytes, or of the frame's content.
        n_train: Training rows (of the first fold).
        n_valid: Validation rows (of the first fold).
        n_test: Sealed rows.
    """

    source: str
    target: tuple[str, ...]
    n_rows: int
    n_features: int
    n_classes: int | None
    sha256: str
    n_train: int
    n_valid: int
    n_test: int


@dataclass(frozen=True, kw_only=True)
class SearchFacts:
    """How points were proposed and trained."""

    engine: str
    sampler: str
    pruner: str
    trainer: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What is known of a run before its first trial; the log keeps it, so that an unfinished run has a summary too.

    Args:
        kind: `search`.
        name: Name of the run.
        task: What is predicted.
        objective: What is optimised.
        data: The table.
        search: How points are proposed and trained.
    """

    kind: str
    name: str
    task: str
    objective: Objective
    data: DataFacts
    search: SearchFacts

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON; the objective in two of them, as logs always had it."""
        return asdict(self) | {"objective": self.objective.name, "direction": self.objective.direction}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunFacts:
        """What `as_dict` wrote; names a newer version added are left out."""
        data, search = _known(DataFacts, values["data"]), _known(SearchFacts, values["search"])
        data["target"] = tuple(data["target"])
        objective = Objective(name=values["objective"], direction=values["direction"])
        parts = {"objective": objective, "data": DataFacts(**data), "search": SearchFacts(**search)}
        return cls(**_known(cls, values) | parts)


@dataclass(frozen=True, kw_only=True)
class RefitFacts:
    """How long the winner was trained on all rows outside the test (i* of algorithm 7.2).

    Args:
        updates: Updates made.
        epochs: Times the rows were read, with the fraction.
        n_rows: Rows it was trained on.
    """

    updates: int
    epochs: float
    n_rows: int


@dataclass(frozen=True, kw_only=True)
class SealedTest:
    """The sealed test: the objective with its interval, other scores, and how often the test rows were opened."""

    value: float
    low: float
    high: float
    metrics: Mapping[str, float]
    openings: int


class Summary(TypedDict):
    """The keys of the file."""

    schema: int
    ffsearch: str
    kind: str
    name: str
    task: str
    data: dict[str, Any]
    objective: dict[str, str]
    search: dict[str, Any]
    best: dict[str, Any] | None
    evidence: dict[str, Any]
    refit: NotRequired[dict[str, float]]
    baselines: NotRequired[list[dict[str, Any]]]
    effects: NotRequired[list[dict[str, Any]]]
    importance: NotRequired[list[dict[str, Any]]]
    calibration: NotRequired[dict[str, Any]]
    errors: NotRequired[dict[str, Any]]
    slices: NotRequired[list[dict[str, Any]]]
    verdict: NotRequired[dict[str, Any]]


def build_summary(
    facts: RunFacts,
    records: Sequence[TrialRecord],
    *,
    wall_s: float,
    refit: RefitFacts | None = None,
    test: SealedTest | None = None,
    winner: TrialRecord | None = None,
) -> Summary:
    """All keys of the summary, from what was known at the start and what was told since.

    Args:
        facts: What was known before the first trial.
        records: All trials that ended.
        wall_s: Seconds the run took, over all its starts.
        refit: How the winner was refitted; None when it was not.
        test: What the sealed test said; None when it was not opened.
        winner: The trial that was refitted; None: the best one so far.
    """
    naive = best_standing(records, objective=facts.objective)
    best = naive if winner is None else standing_of(winner, records)
    summary = Summary(
        schema=SUMMARY_SCHEMA,
        ffsearch=__version__,
        kind=facts.kind,
        name=facts.name,
        task=facts.task,
        data=asdict(facts.data),
        objective=asdict(facts.objective),
        search={**asdict(facts.search), **_counts(records), "wall_s": round(wall_s, 3), **_seconds(records)},
        best=None if best is None else _best(best),
        evidence={
            **({} if naive is None else {"naive": {"value": naive.value, "trial": naive.record.trial}}),
            **({} if test is None else {"test": {**asdict(test), "metrics": dict(test.metrics)}}),
        },
    )
    if refit is not None:
        summary["refit"] = asdict(refit)
    return summary


def _best(best: Standing) -> dict[str, Any]:
    record = best.record
    return {
        "trial": record.trial,
        "point": record.point.as_dict(),
        "topology": record.topology,
        "n_params": record.n_params,
        "valid": best.value,
        "n_seeds": best.n_seeds,
    }


def _counts(records: Sequence[TrialRecord]) -> dict[str, int]:
    """Trials by how they ended; `n_complete` are those trained until they stopped by themselves or ran out of time."""
    ended = [record.ended for record in records]
    complete = (Ended.STOPPED, Ended.COMPLETED, Ended.BUDGET)
    return {
        "n_trials": len(ended),
        "n_complete": sum(ended.count(end) for end in complete),
        "n_pruned": ended.count(Ended.PRUNED),
        "n_diverged": ended.count(Ended.DIVERGED),
        "n_failed": ended.count(Ended.FAILED),
        "n_epochs": sum(record.n_epochs for record in records),
    }


def _seconds(records: Sequence[TrialRecord]) -> dict[str, float]:
    return {
        "train_s": round(sum(record.train_s for record in records), 3),
        "compile_s": round(sum(record.compile_s for record in records), 3),
    }


def _known(cls: type[DataFacts | SearchFacts | RunFacts], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values a dataclass has a field for."""
    return {field.name: values[field.name] for field in fields(cls) if field.name in values}
