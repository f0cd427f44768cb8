"""What a search finds beside its best score, as evidence makes it, summary.json keeps it and reports show it.

Differences are positive where the first of two is better, whatever the metric's direction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.folder.plain import Number
from ffsearch.search.folder.verdict import KeptFinding

__all__ = [
    "TEMPERATURES",
    "Averaged",
    "Bin",
    "Calibration",
    "ColumnFacts",
    "ColumnImportance",
    "ComparedModel",
    "Corrected",
    "DependenceCurve",
    "Effect",
    "Errors",
    "Estimate",
    "Evidence",
    "Help",
    "Importance",
    "LayerFacts",
    "LevelHeld",
    "NaiveScore",
    "RepeatCounts",
    "ResidualBands",
    "Residuals",
    "RowIntervalFacts",
    "RowsGain",
    "SealedScores",
    "SealedTest",
    "ShallowTwin",
    "Shared",
    "Slice",
    "Temperature",
    "Way",
]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with the ends of its 95 % interval.

    Args:
        value: The value.
        low: Lower end, in the value's unit.
        high: Upper end.
    """

    value: Number
    low: Number
    high: Number

    @property
    def is_known(self) -> bool:
        """Whether there is a value with both ends."""
        return not any(map(math.isnan, (self.value, self.low, self.high)))


# --- what the winner's score is worth --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class NaiveScore:
    """The best score of the search, which flatters.

    Args:
        value: On validation rows; the mean over its trials where a point was tried several times.
        trial: The first trial of its point.
    """

    value: Number
    trial: int


@dataclass(frozen=True, kw_only=True)
class RowsGain:
    """How much better the refit is than the winner's repeats, for it learns from more rows.

    Args:
        value: In the objective's unit, as a loss: positive is better; never negative, for more rows do no harm.
        difference: What half of the rows lost, mean over repeats.
        error: Its standard error.
        degrees: Degrees of freedom that error is known with.
        n_less: Rows of half a repeat's training part.
        n_repeat: Rows of a repeat's training part.
        n_refit: Rows of the refit.
    """

    value: Number
    difference: Number
    error: Number
    degrees: int
    n_less: int
    n_repeat: int
    n_refit: int


@dataclass(frozen=True, kw_only=True)
class Corrected(Estimate):
    """The winner's score without the luck of being chosen, for the network that is refitted.

    Args:
        method: What it was learnt from: `repeats` of the finalists, or the `search`'s own predictions.
        chosen_again: Share of the resampled choices that fell on the winner.
        seed_sd: Standard deviation of one candidate's true score from seed to seed; None when it is not known.
        rows: What it was moved by because the refit learns from more rows; None when it is not known.
    """

    method: Literal["repeats", "search"]
    chosen_again: Number
    seed_sd: Number | None
    rows: RowsGain | None = None


@dataclass(frozen=True, kw_only=True)
class SealedScores(Estimate):
    """A model on the sealed rows: the objective with its interval over rows, and all metrics.

    Args:
        metrics: Every metric by its name.
    """

    metrics: Mapping[str, Number]

    def others(self, objective: str) -> dict[str, float]:
        """The metrics that are defined on these rows, the objective left out."""
        return {name: value for name, value in self.metrics.items() if name != objective and not math.isnan(value)}


@dataclass(frozen=True, kw_only=True)
class SealedTest(SealedScores):
    """The sealed test of the refitted network.

    Args:
        openings: How often the sealed rows were opened so far.
    """

    openings: int


@dataclass(frozen=True, kw_only=True)
class RepeatCounts:
    """How the finalists were trained again.

    Args:
        n_finalists: How many there were.
        n_repeats: Repeats of those that could win to the end.
        test_to_train: Validation rows per training row.
    """

    n_finalists: int
    n_repeats: int
    test_to_train: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What supports the winner's score.

    Args:
        naive: The best score of the search.
        test: What the sealed test said.
        settings: What evidence was asked for, as the space file has it.
        corrected: The winner's score without the luck of being chosen.
        optimism: By how much the naive score flatters, in the objective's unit, positive where it does.
        repeats: How the finalists were trained again.
        notices: What time was too short for, and what could not be learnt.
    """

    naive: NaiveScore | None = None
    test: SealedTest | None = None
    settings: Mapping[str, Any] | None = None
    corrected: Corrected | None = None
    optimism: Number | None = None
    repeats: RepeatCounts | None = None
    notices: tuple[KeptFinding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Averaged:
    """A model that answers with the mean of several refits of the winner, beside one of them.

    Args:
        n_networks: How many.
        n_params: Parameters of all of them.
        n_bytes: Size of the model's file.
        rows_per_s: Raw rows it answered in a second, where it was made.
        rows_per_s_single: Those that one network answered.
        gain: What it gains over one network on the sealed rows, for these very networks, positive where the mean is
            better; None without sealed rows.
        single: That network on the sealed rows; None without.
    """

    n_networks: int
    n_params: int
    n_bytes: int
    rows_per_s: Number
    rows_per_s_single: Number
    gain: Estimate | None = None
    single: SealedScores | None = None


# --- what it is compared with -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ComparedModel:
    """A model that the network was compared with.

    Args:
        name: `dummy`, `linear` or `boosting`.
        settings: What it chose on the validation rows.
        fixed: Settings that nothing chose.
        n_tried: How many settings it chose among, 1 where it had no choice; None where that was not kept.
        valid: Its score on the validation rows of the repeats, mean over them.
        test: On the sealed rows.
        network_gain: What the network gains over it, positive where the network is better.
        notes: What was cut short.
    """

    name: str
    settings: Mapping[str, Number]
    valid: Number
    test: SealedScores | None = None
    network_gain: Estimate | None = None
    notes: tuple[KeptFinding, ...] = ()
    fixed: Mapping[str, Number] = field(default_factory=dict)
    n_tried: int | None = None


# --- what matters, and where it errs ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Effect(Estimate):
    """What a change of one thing does to the winner: how much better the change is, in the objective's unit.

    Args:
        factor: What was changed: `depth`, `width`, `activation` or a regulariser.
        change: To what.
        against: What it is compared with: `winner`, or for deeper or wider `wider`.
        p_value: Adjusted for all effects weighed together (Holm); not defined where a network diverged.
        finding: `better`, `worse`, `not_shown` or `diverged`.
        learning_rate: Of the changed network, where it was chosen for it; None where it is the winner's.
        rates: Learning rates it was chosen from.
    """

    factor: str
    change: str
    against: str
    p_value: Number
    finding: str
    learning_rate: Number | None = None
    rates: tuple[Number, ...] = ()


class Way(StrEnum):
    """What could be done."""

    ROWS = "rows"
    BOOSTING = "boosting"
    DEEPER = "deeper"
    WIDER = "wider"
    OTHER = "other"
    AVERAGE = "average"
    BINS = "bins"
    FEWER = "fewer"


@dataclass(frozen=True, kw_only=True)
class Help:
    """One way.

    Args:
        way: Which.
        gain: What it gains, in the objective's unit, positive is better; None where this run does not know.
        setting: What has to be set to try it, `model=average`; empty where no setting does.
        change: Of another topology what is changed, as an effect names it.
    """

    way: Way
    gain: Estimate | None = None
    setting: str = ""
    change: Effect | None = None

    @property
    def is_shown(self) -> bool:
        """Whether it is shown to gain anything."""
        return self.gain is not None and self.gain.low > 0


@dataclass(frozen=True, kw_only=True)
class Importance(Estimate):
    """How much a parameter told the best trials from all: its part of what all parameters told, in [0, 1].

    Args:
        parameter: Its name.
        is_shown: Whether it is more than chance makes of 19 in 20 shuffled searches.
    """

    parameter: str
    is_shown: bool


@dataclass(frozen=True, kw_only=True)
class Bin(Estimate):
    """Sealed rows of about one confidence, and the share of them that were right.

    Args:
        confidence: Their mean confidence in what was answered.
        n_rows: How many they are.
    """

    confidence: float
    n_rows: int


TEMPERATURES: Final = (0.2, 5.0)
"""Bounds of a temperature. choice: networks are off by a half or a third (Guo et al. 2017 have 1.1 to 2.7); one that
ends at a bound was fitted on rows that can be told apart without a fault, or is no matter of one factor."""


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """The factor that logits are divided by, and what it does to the log loss of the rows it was fitted on.

    Args:
        value: The factor.
        loss_before: Without it.
        loss_after: With it.
        low: Lower end of its 95 % interval; None where it is not known.
        high: Upper end.
        gain: Log loss a row that it saves on rows that did not fit it; None where it is not known.
        n_errors: Rows that were answered wrong among those it was fitted on, each counted once.
        in_model: Whether the saved model divides by it; None in runs of releases that never did.
    """

    value: float
    loss_before: float
    loss_after: float
    low: Number | None = None
    high: Number | None = None
    gain: Estimate | None = None
    n_errors: int | None = None
    in_model: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Whether probabilities mean what they say.

    Args:
        bins: The reliability curve.
        temperature: What mends it, or would.
        error_if_calibrated: The calibration error that right probabilities like these would have on as many rows; None
            where it is not known.
    """

    bins: tuple[Bin, ...]
    temperature: Temperature | None = None
    error_if_calibrated: Number | None = None


@dataclass(frozen=True, kw_only=True)
class ColumnImportance:
    """What the network loses where the cells of a column, or of several that go together, are shuffled.

    Args:
        columns: One, or those that go together.
        network: What a sealed row loses by it on average: log loss, or squared error, of several targets their mean.
        chance: How far single shufflings of it lie from their mean, 95 %.
        is_useful: Whether the loss is shown, and more than the noise of shuffling.
        others: What other models lose, by their name.
    """

    columns: tuple[str, ...]
    network: Estimate
    chance: Number
    is_useful: bool
    others: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DependenceCurve:
    """How the answer changes along a column, all else as it is in the rows around: accumulated local effects.

    Args:
        column: Its name.
        at: Values of the column, ascending.
        value: The change of the answer there, in its unit, zero on average.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    column: str
    at: tuple[Number, ...]
    value: tuple[Number, ...]
    low: tuple[Number, ...]
    high: tuple[Number, ...]


@dataclass(frozen=True, kw_only=True)
class ColumnFacts:
    """Which columns carry the answer.

    Args:
        loss: What is lost: `log_loss`, or `squared_error`.
        network: What the network loses with all columns as they are, mean over the rows that were asked.
        naive: What knowing nothing loses on them.
        n_rows: Sealed rows that were asked.
        importances: The most important first; groups of columns that go together stand among them.
        curves: Of the most important columns of numbers.
        output: Of classes the label whose probability the curves show; else the target.
        least: The least useful third of the columns, the least useful first.
        without_least: What a network that is not shown these gains over the winner, in the objective's unit; None where
            it was not trained.
    """

    loss: str
    network: Number
    naive: Number
    n_rows: int
    importances: tuple[ColumnImportance, ...]
    curves: tuple[DependenceCurve, ...] = ()
    output: str = ""
    least: tuple[str, ...] = ()
    without_least: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class LayerFacts:
    """What a hidden layer does.

    Args:
        layer: Its number, from 1.
        n_units: Its width.
        before: Share of the target's variance that a linear model explains before it, on the sealed rows.
        probe: The same after it.
        gain: What it adds to that.
        is_shown: Whether it is shown to add anything, and enough to see.
        idle: Share of its units that say nothing of a row: dead or saturated.
        reset: What a sealed row loses on average when its weights are drawn anew: log loss, or squared error.
    """

    layer: int
    n_units: int
    before: Number
    probe: Estimate
    gain: Estimate
    is_shown: bool
    idle: Number
    reset: Estimate


@dataclass(frozen=True, kw_only=True)
class ShallowTwin:
    """A network of one hidden layer with about as many parameters as the saved one, trained as it was and as long.

    Args:
        n_units: Its width.
        n_params: Its parameters.
        probe: Share of the target's variance that a linear model explains after its layer, on the sealed rows.
        gain: What the saved network's last layer explains more.
        is_shown: Whether it is shown to explain more, and enough more to see.
    """

    n_units: int
    n_params: int
    probe: Estimate
    gain: Estimate
    is_shown: bool


@dataclass(frozen=True, kw_only=True)
class LevelHeld:
    """How many of the sealed rows the model's intervals of one level hold.

    Args:
        level: The share they promise to hold.
        held: The share they hold, of several targets on average.
        widths: Mean width of every target's intervals; of classes the mean number of labels in a set.
        widths_alike: The same of intervals that are everywhere as wide; empty of classes.
    """

    level: float
    held: Estimate
    widths: tuple[Number, ...]
    widths_alike: tuple[Number, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RowIntervalFacts:
    """How far the answer to one row may be off.

    Args:
        n_units: Independent units it was learnt from.
        unit: What a unit of the sealed rows is.
        levels: How the sealed rows bear it out; empty where none are sealed.
    """

    n_units: int
    unit: str
    levels: tuple[LevelHeld, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResidualBands:
    """Truth less prediction of one target, summed up in bands of predictions.

    Args:
        target: Its name.
        bands: A row a band: its middle prediction, and the 5, 25, 50, 75 and 95 % points of its residuals, all in the
            target's unit.
    """

    target: str
    bands: tuple[tuple[Number, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Residuals:
    """The residuals of one target with some sealed rows one by one, which have a table of their own in the folder.

    Args:
        target: Its name.
        predicted: Of some rows, in the target's unit, shape (n_points,).
        residual: Truth less prediction of the same rows, shape (n_points,).
        bands: As those of `ResidualBands`, shape (n_bands, 6).
    """

    target: str
    predicted: NDArray[np.float64]
    residual: NDArray[np.float64]
    bands: NDArray[np.float64]

    @property
    def summed(self) -> ResidualBands:
        """The bands alone."""
        return ResidualBands(target=self.target, bands=tuple(map(tuple, self.bands.tolist())))


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Where the sealed rows are answered wrong: classes have labels and a confusion, numbers residuals.

    Args:
        labels: Names of the classes.
        confusion: Rows by true class (down) and answered class (across).
        residuals: Of every target.
    """

    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    residuals: tuple[ResidualBands, ...] = ()


Shared: TypeAlias = str | float | tuple[str | float, str | float] | None


@dataclass(frozen=True, kw_only=True)
class Slice(Estimate):
    """Sealed rows that share something, and their mean loss.

    Args:
        column: The column it goes by.
        rows: What they share: a level, a number or a date such as `2024-01-01`; the ends of a range of numbers or
            dates; None: the cell is missing. The first version had it in words.
        n_rows: How many they are.
        excess: Their mean loss less that of all other rows.
        p_value: How likely chance makes so large a difference, adjusted for all slices looked at (Holm).
        is_worse: Whether it is shown to be worse off than other rows.
    """

    column: str
    rows: Shared
    n_rows: int
    excess: Number
    p_value: Number
    is_worse: bool
