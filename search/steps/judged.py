"""What judging comes to: every model's scores, and what the sealed rows say of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ffsearch.search.evidence.facts import Facts
from ffsearch.search.folder.cut_results import Threshold
from ffsearch.search.folder.results import (
    Averaged,
    Bin,
    ColumnFacts,
    ComparedModel,
    Errors,
    Estimate,
    LayerFacts,
    Residuals,
    RowIntervalFacts,
    SealedScores,
    SealedTest,
    ShallowTwin,
    Slice,
)
from ffsearch.search.steps.comparing import NETWORK
from ffsearch.search.wording.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Judged", "ModelScores"]


@dataclass(frozen=True, kw_only=True)
class ModelScores:
    """The network or a baseline, beside the others.

    Args:
        name: `network`, `dummy`, `linear` or `boosting`.
        settings: What it chose on the validation rows.
        repeats: Metrics on the validation rows of repeats, by their number.
        test: On the sealed rows; None where there are none.
        notes: What was cut short.
        fixed: Settings that nothing chose.
        n_tried: How many settings it chose among.
    """

    name: str
    settings: Mapping[str, float]
    repeats: dict[int, dict[str, float]]
    test: SealedScores | None = None
    notes: tuple[Finding, ...] = ()
    fixed: Mapping[str, float] = field(default_factory=dict)
    n_tried: int = 0

    def compared(self, objective: str, *, gain: Estimate | None) -> ComparedModel:
        """What is kept of a baseline.

        Args:
            objective: The metric whose mean over repeats is kept.
            gain: What the network gains over it.
        """
        valid = [metrics[objective] for metrics in self.repeats.values()]
        return ComparedModel(
            name=self.name,
            settings=self.settings,
            valid=sum(valid) / len(valid),
            test=self.test,
            network_gain=gain,
            notes=self.notes,
            fixed=self.fixed,
            n_tried=self.n_tried,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What the sealed test says, and what was beaten.

    Args:
        models: The network first, then the baselines; the network's repeats are those of the finalists.
        openings: How often the test was opened so far; 0 where there is none.
        facts: What the verdict rests on; None without baselines or sealed rows.
        bins: The reliability curve, of classes.
        if_calibrated: The calibration error that right probabilities would have on these rows, of classes.
        errors: Confused classes, or residuals of numbers.
        residuals: The same of every target row by row, of regression.
        sealed: What every sealed row added to the network's score, by which runs are compared; None without such rows.
        slices: The parts of the table that are worst off.
        averaged: What the mean of several networks gains over one, and costs; None where one network answers.
        row_intervals: How far the answer to one row may be off; None where no repeats tell.
        columns: Which columns carry the answer; None where it was not asked.
        layers: What every hidden layer does; empty where it was not asked.
        shallow_twin: What one layer of as many parameters does; None where none was trained.
        threshold: Where the probability of one of two classes is cut, on the sealed rows too, where there are any.
        notices: What time was too short for.
    """

    models: tuple[ModelScores, ...]
    openings: int = 0
    facts: Facts | None = None
    bins: tuple[Bin, ...] = ()
    if_calibrated: float | None = None
    errors: Errors | None = None
    residuals: tuple[Residuals, ...] = ()
    slices: tuple[Slice, ...] = ()
    averaged: Averaged | None = None
    row_intervals: RowIntervalFacts | None = None
    columns: ColumnFacts | None = None
    layers: tuple[LayerFacts, ...] = ()
    shallow_twin: ShallowTwin | None = None
    threshold: Threshold | None = None
    sealed: pd.DataFrame | None = None
    notices: tuple[Finding, ...] = ()

    def with_columns(self, columns: ColumnFacts | None) -> Judged:
        """The same with more known of the table's columns."""
        return replace(self, columns=columns)

    def with_average(self, averaged: Averaged | None) -> Judged:
        """The same of a model that is the mean of several networks, if it is one."""
        facts = None if self.facts is None else replace(self.facts, averaged=averaged)
        return replace(self, facts=facts, averaged=averaged)

    def compared(self, objective: str) -> tuple[ComparedModel, ...]:
        """The baselines, each with what the network gains over it.

        Args:
            objective: The metric.
        """
        gains = {} if self.facts is None else {"dummy": self.facts.over_dummy[NETWORK], **self.facts.over_baselines}
        return tuple(one.compared(objective, gain=gains.get(one.name)) for one in self.models[1:])

    @property
    def test(self) -> SealedTest | None:
        """What the sealed test says of the network."""
        scores = self.models[0].test
        return None if scores is None else SealedTest(**vars(scores), openings=self.openings)
