"""`summary.json`: what a run came to, typed. Keys are only ever added within one schema number.

`build_summary` makes the part that trials alone give, also of a run that goes on; steps add what they find.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from ffsearch._version import __version__
from ffsearch.errors import RunError
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.cut_results import Threshold
from ffsearch.search.folder.kept_trial import first_fault
from ffsearch.search.folder.plain import Number, described, plain, read
from ffsearch.search.folder.ranking import best_standing, standing_of
from ffsearch.search.folder.results import (
    Averaged,
    Calibration,
    ColumnFacts,
    ComparedModel,
    Effect,
    Errors,
    Evidence,
    Help,
    Importance,
    LayerFacts,
    NaiveScore,
    RowIntervalFacts,
    SealedTest,
    ShallowTwin,
    Slice,
)
from ffsearch.search.folder.study_results import CapacityResults
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.training.protocol import Ended

__all__ = [
    "SUMMARY_SCHEMA",
    "BestPoint",
    "DataFacts",
    "RefitFacts",
    "RunFacts",
    "SearchCounts",
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
    """How points were proposed and trained.

    Args:
        engine: Whose samplers proposed them.
        sampler: Which of them.
        pruner: What ended trials without promise.
        trainer: What trained them.
        seed: The run's seed.
    """

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
        """What `as_dict` wrote; names a newer version added are left out.

        Raises:
            ValueError: If it is none: something is missing, or of another type.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"facts are no {type(values).__name__}")
        nested = {**values, "objective": {"name": values.get("objective"), "direction": values.get("direction")}}
        try:
            return _facts_adapter().validate_json(json.dumps(nested), strict=True)
        except ValidationError as error:
            raise ValueError(first_fault(error)) from None


@dataclass(frozen=True, kw_only=True)
class SearchCounts(SearchFacts):
    """How points were proposed and trained, and what came of it.

    Args:
        n_trials: Trials that ended.
        n_complete: Those trained until they stopped by themselves or ran out of time.
        n_pruned: Those a pruner ended.
        n_diverged: Those whose loss was not finite.
        n_failed: Those that an error ended.
        n_epochs: Epochs trained, all trials together.
        wall_s: Seconds the run took, over all its starts.
        train_s: Seconds spent training, trials side by side each with its own.
        compile_s: Seconds of those spent building and compiling.
    """

    n_trials: int
    n_complete: int
    n_pruned: int
    n_diverged: int
    n_failed: int
    n_epochs: int
    wall_s: float
    train_s: float
    compile_s: float


@dataclass(frozen=True, kw_only=True)
class BestPoint:
    """The network that was refitted; before that the best one so far.

    Args:
        trial: Its first trial.
        point: A value for every parameter.
        topology: The point in one line of print.
        n_params: All parameters of the network.
        valid: The objective on validation rows, mean over its trials.
        n_seeds: Trials it was tried in, each with seeds of its own.
    """

    trial: int
    point: Mapping[str, Any]
    topology: str
    n_params: int
    valid: Number
    n_seeds: int


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
class Summary:
    """The file `summary.json`. What was not asked for, or is not known yet, leaves no key.

    Args:
        schema: Raised when keys are taken away.
        ffsearch: Version that wrote it.
        kind: `search` or `capacity`.
        name: Name of the run.
        task: `regression`, `binary` or `multiclass`.
        data: The table.
        objective: What was optimised.
        search: How points were proposed and trained, and what came of it.
        best: The network that was refitted, before that the best one so far; None when no trial has a value.
        evidence: What supports its score.
        refit: How long it was trained on all rows outside the test.
        average: Of a model that answers with the mean of several networks, what that gains and costs; its scores and
            the verdict are those of the mean.
        baselines: The models it was compared with.
        verdict: The answer.
        effects: What a change of one thing does to it.
        importance: Which parameters told the best trials from the others, the most important first.
        helps: What would help: rows, topologies, other models; the largest gain first, what is not known last.
        calibration: Whether its probabilities mean what they say.
        columns: Which columns of the table carry the answer.
        layers: What every hidden layer does, the first one first.
        shallow_twin: What one hidden layer with as many parameters does in its place; None where none was trained.
        row_intervals: How far the answer to one row may be off.
        errors: Where it errs.
        slices: The parts of the table that are worst off, the surest first.
        threshold: Where the probability of one of two classes is cut.
        capacity: What a capacity study found.
    """

    schema: int = SUMMARY_SCHEMA
    ffsearch: str = __version__
    kind: str
    name: str
    task: str
    data: DataFacts
    objective: Objective
    search: SearchCounts
    best: BestPoint | None
    evidence: Evidence
    refit: RefitFacts | None = None
    average: Averaged | None = None
    baselines: tuple[ComparedModel, ...] = ()
    verdict: Verdict | None = None
    effects: tuple[Effect, ...] = ()
    importance: tuple[Importance, ...] = ()
    helps: tuple[Help, ...] = ()
    calibration: Calibration | None = None
    columns: ColumnFacts | None = None
    layers: tuple[LayerFacts, ...] = ()
    shallow_twin: ShallowTwin | None = None
    row_intervals: RowIntervalFacts | None = None
    errors: Errors | None = None
    slices: tuple[Slice, ...] = ()
    threshold: Threshold | None = None
    capacity: CapacityResults | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as the file has them."""
        values: dict[str, Any] = plain(self)
        return values

    @classmethod
    def read(cls, text: str | bytes, *, path: Path) -> Summary:
        """The summary of a file, checked.

        Args:
            text: Its text.
            path: Where it is.

        Raises:
            RunError: With the first field that is missing or wrong.
        """
        summary = read(_adapter(), text, path=path)
        lacking = next(summary._lacking(), None)
        if lacking is not None:
            raise RunError(
                f"{path} lacks {lacking}. It was changed by hand, or made by something else. Remove it and give the "
                "run's command again: it is written anew."
            )
        return summary

    def _lacking(self) -> Iterator[str]:
        """What a file of its kind has, and this one has not; whoever shows it relies on it."""
        cells = () if self.capacity is None or self.capacity.everyday is None else self.capacity.cells
        if any(one.everyday is None for one in cells):
            yield "capacity.cells.everyday"
        labels, confusion = ((), ()) if self.errors is None else (self.errors.labels, self.errors.confusion)
        if confusion and any(len(part) != len(labels) for part in (confusion, *confusion)):
            yield "a row and a column of errors.confusion for every label"
        if self.best is None and self.refit is not None:
            yield "best"
        if self.best is not None and self.evidence.naive is None:
            yield "evidence.naive"
        divides = None if self.calibration is None else self.calibration.temperature
        if divides is not None and divides.in_model and None in (divides.gain, divides.low, divides.high):
            yield "calibration.temperature.gain, .low or .high"

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of the file."""
        return described(cls)


@cache
def _adapter() -> TypeAdapter[Summary]:
    return TypeAdapter(Summary)


@cache
def _facts_adapter() -> TypeAdapter[RunFacts]:
    return TypeAdapter(RunFacts)


def build_summary(
    facts: RunFacts,
    records: Sequence[TrialRecord],
    *,
    wall_s: float,
    refit: RefitFacts | None = None,
    test: SealedTest | None = None,
    winner: TrialRecord | None = None,
) -> Summary:
    """The summary of what was known at the start and what was told since.

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
    return Summary(
        kind=facts.kind,
        name=facts.name,
        task=facts.task,
        data=facts.data,
        objective=facts.objective,
        search=_counted(facts.search, records, wall_s=wall_s),
        best=None
        if best is None
        else BestPoint(
            trial=best.record.trial,
            point=best.record.point.as_dict(),
            topology=best.record.topology,
            n_params=best.record.n_params,
            valid=best.value,
            n_seeds=best.n_seeds,
        ),
        evidence=Evidence(
            naive=None if naive is None else NaiveScore(value=naive.value, trial=naive.record.trial), test=test
        ),
        refit=refit,
    )


def _counted(search: SearchFacts, records: Sequence[TrialRecord], *, wall_s: float) -> SearchCounts:
    ended = [record.ended for record in records]
    complete = (Ended.STOPPED, Ended.COMPLETED, Ended.BUDGET)
    return SearchCounts(
        **asdict(search),
        n_trials=len(ended),
        n_complete=sum(ended.count(end) for end in complete),
        n_pruned=ended.count(Ended.PRUNED),
        n_diverged=ended.count(Ended.DIVERGED),
        n_failed=ended.count(Ended.FAILED),
        n_epochs=sum(record.n_epochs for record in records),
        wall_s=round(wall_s, 3),
        train_s=round(sum(record.train_s for record in records), 3),
        compile_s=round(sum(record.compile_s for record in records), 3),
    )
