"""What a capacity study finds, as it makes it, summary.json keeps it and reports show it.

Gains are positive where the deeper, larger or first of two is better, in the objective's unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from ffsearch.search.folder.plain import Number
from ffsearch.search.folder.results import Estimate
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = [
    "BudgetDisagreement",
    "CapacityResults",
    "CellResults",
    "DepthGain",
    "DepthScore",
    "GainEstimate",
    "LineGain",
    "LongerTraining",
    "LossBeyondBest",
    "MissedBudget",
    "NaiveScores",
    "OrderKind",
    "Protocol",
    "ShareSummary",
    "StudyLine",
]


@dataclass(frozen=True, order=True)
class StudyLine:
    """Networks that differ in their number of parameters alone: a line of figure 6.7.

    Args:
        depth: Hidden layers; of convolutional networks convolutional ones.
        widened: What grows with the budget: `layers` of a dense network; of a convolutional one `channels`, or `units`
            of the dense layer.
    """

    depth: int
    widened: str = "layers"


@dataclass(frozen=True, kw_only=True)
class GainEstimate(Estimate):
    """How much better one thing is than another, and what such a comparison could have found.

    Args:
        p: Two-sided p-value, by itself.
        error: Standard error.
        detectable: The smallest gain that would be found four times in five.
    """

    p: Number
    error: Number
    detectable: Number


@dataclass(frozen=True, kw_only=True)
class LineGain(GainEstimate):
    """What a line gains by its largest budget over its smallest.

    Args:
        depth: Hidden layers; of convolutional networks convolutional ones.
        widened: What grows with the budget: `layers`, or of convolutional networks `channels` or `units`.
    """

    depth: int
    widened: str = "layers"

    @property
    def line(self) -> StudyLine:
        """The line it is about."""
        return StudyLine(self.depth, self.widened)


@dataclass(frozen=True, kw_only=True)
class LossBeyondBest(LineGain):
    """What a line gains by its largest budget over its own best one; below zero it overfits.

    Args:
        beyond: The best budget.
        is_shown: Whether it is shown to lose.
        p_holm: Corrected for all lines, and for all crossings; early versions did not correct.
    """

    beyond: int
    is_shown: bool
    p_holm: Number = math.nan


@dataclass(frozen=True, kw_only=True)
class DepthGain(LineGain):
    """What a depth gains over the shallowest one with as many parameters.

    Args:
        depth: Layers of the deeper one.
        reference: Layers of the shallowest.
        widened: What grows with the budget in the shallowest.
        budget: The one budget it is made at; None: the mean over all that both have.
        p_holm: P-value corrected for all comparisons of its kind.
        is_shown: Whether there is a difference at all.
        is_equivalent: Whether it is shown to be smaller than the margin.
        seeds_needed: Seeds with which a difference as large as the margin would be found; None: seeds cannot do it.
    """

    reference: int
    budget: int | None
    p_holm: Number
    is_shown: bool
    is_equivalent: bool
    seeds_needed: int | None


@dataclass(frozen=True, kw_only=True)
class CellResults:
    """One line at one budget: its score, and how it was trained.

    Args:
        depth: Hidden layers; of convolutional networks convolutional ones.
        widened: What grows with the budget: `layers`, or of convolutional networks `channels` or `units`.
        budget: Parameters that were asked for.
        n_params: Parameters it has.
        widths: Units of every hidden layer.
        channels: Of every convolutional layer; empty of dense networks.
        learning_rate: The tuned one.
        rate_at_edge: Whether that is the last one tried at an end.
        n_rates: Learning rates tried.
        valid: Score on the validation rows, mean over seeds; None where all diverged.
        test: Score on the test rows, mean over seeds.
        test_sd: Its standard deviation from seed to seed.
        train: Score on its training rows, mean over seeds.
        train_worst: The worst seed's.
        n_diverged: Seeds that diverged.
        n_untrained: Seeds that hardly learnt.
        everyday: The score of the book's figures on the test rows, mean over seeds; None in early versions' runs.
        everyday_train: The same on its training rows.
        valid_at_half: Score on the validation rows at the best look in the first half of the updates, mean over seeds;
            None where curves of the loss do not tell it, or one diverged, and in early versions' runs.
    """

    depth: int
    widened: str = "layers"
    budget: int
    n_params: int
    widths: tuple[int, ...]
    channels: tuple[int, ...]
    learning_rate: float
    rate_at_edge: bool
    n_rates: int
    valid: float | None
    test: Estimate
    test_sd: Number
    train: Number
    train_worst: Number
    n_diverged: int
    n_untrained: int
    everyday: Estimate | None = None
    everyday_train: Number | None = None
    valid_at_half: float | None = None

    @property
    def line(self) -> StudyLine:
        """The line it lies on."""
        return StudyLine(self.depth, self.widened)


@dataclass(frozen=True, kw_only=True)
class DepthScore(Estimate):
    """A point of figure 6.6: the score of a depth at the size that validation rows chose for it.

    Its interval is that of its difference to the shallowest depth, laid around its score: where it leaves the
    shallowest one's score out, the two are shown to differ.

    Args:
        depth: Hidden layers; of convolutional networks convolutional ones.
        widened: What grows with the budget.
        budget: Parameters that were asked for.
        n_params: Parameters it has.
    """

    depth: int
    widened: str = "layers"
    budget: int
    n_params: int


@dataclass(frozen=True, kw_only=True)
class MissedBudget:
    """A line and a budget that no network has.

    Args:
        depth: Layers of the line.
        widened: What grows with the budget.
        budget: Parameters that were asked for.
        why: `too_small`, `too_large` or `too_coarse`.
        below: The most parameters below the budget; None where there are none.
        above: The fewest above it; None where there are none.
    """

    depth: int
    widened: str = "layers"
    budget: int
    why: str
    below: int | None
    above: int | None

    @property
    def finding(self) -> Finding:
        """What cannot be, and why."""
        ends = {"below": self.below, "above": self.above}
        near = {name: end for name, end in ends.items() if end is not None}
        line = (self.depth, self.widened)
        return found(Code.CELL_MISSING, self.why, line=line, budget=self.budget, **near)


@dataclass(frozen=True, kw_only=True)
class BudgetDisagreement:
    """How differently the shallowest and the deepest network of a budget answer the test rows.

    Args:
        budget: Parameters.
        wide: Layers of the shallow one.
        deep: Layers of the deep one.
        between: Distance between the two: the share of rows answered otherwise, or of numbers the root mean square
            difference.
        wide_seeds: Distance between two seeds of the shallow one.
        deep_seeds: Of the deep one.
        both_right: Share of rows that both answer right; None for numbers, as are the others.
        wide_alone: That the shallow one alone does.
        deep_alone: That the deep one alone does.
        neither: That neither does.
    """

    budget: int
    wide: int
    deep: int
    between: Number
    wide_seeds: Number
    deep_seeds: Number
    both_right: float | None = None
    wide_alone: float | None = None
    deep_alone: float | None = None
    neither: float | None = None

    @property
    def shares(self) -> dict[str, float]:
        """Who is right in which share of the rows; empty for numbers."""
        named = {name: getattr(self, name) for name in ("both_right", "wide_alone", "deep_alone", "neither")}
        return {name: share for name, share in named.items() if share is not None}


class OrderKind(StrEnum):
    """Whether a deep and a wide network stand in the order that the study found."""

    SAME = "same"
    OTHER = "other"
    UNCLEAR = "unclear"  # another in the mean, which chance may have made


@dataclass(frozen=True, kw_only=True)
class LongerTraining:
    """What the best deep network of a budget gains over the best wide one by how long both are trained.

    On validation rows, means over seeds with Student's interval; half of the updates are read off the curves.

    Args:
        depth: Layers of the deep one.
        reference: Layers of the wide one.
        budget: Parameters that were asked for, of both.
        times: How many times the updates both were trained once more.
        half: The gain after half of the updates; None where curves of the loss do not tell the objective.
        whole: After all of them.
        longer: After so many times as many.
        at_half: The order after half of them, beside the one after all.
        later: The order after more.
    """

    depth: int
    reference: int
    budget: int
    times: int
    half: Estimate | None
    whole: Estimate
    longer: Estimate
    at_half: OrderKind | None
    later: OrderKind


@dataclass(frozen=True, kw_only=True)
class ShareSummary:
    """What networks of one share of the training rows show.

    Args:
        share: Of the training rows.
        n_train: Training rows of a network.
        code: The verdict there.
        cells: Its cells.
        means: Every deeper line against the shallowest, mean over budgets.
    """

    share: float
    n_train: int
    code: str
    cells: tuple[CellResults, ...]
    means: tuple[DepthGain, ...]


@dataclass(frozen=True, kw_only=True)
class NaiveScores:
    """What the best answer that ignores the features scores.

    Args:
        valid: On validation rows.
        train: On training rows.
    """

    valid: Number
    train: Number


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Every step, as it was done.

    Args:
        preset: The preset of the space file.
        depths: Depths that were asked for.
        budgets: Parameter budgets.
        widths: Layer widths that were asked for; None where budgets were.
        train_sizes: Shares of the training rows.
        tolerance: How far a network may be from its budget, as a share of it.
        seeds: Networks a learning rate and cell.
        paired: What seeds of different cells have in common.
        learning_rates: All that were tried, as the shallowest networks have them.
        more_rates_beyond_an_end: Most that were added where the best was at an end.
        rate_chosen_by: What chose a cell's learning rate.
        passes: Passes over the rows.
        updates: Updates of the weights.
        batch_size: Rows an update.
        evaluate_every: Passes between two looks at the validation loss.
        schedule: Of the learning rate.
        weights_kept: Which weights of a training are kept.
        optimizer: What made the updates.
        activation: Of all hidden layers.
        batch_norm: Whether there was batch normalisation.
        residual: Whether there were residual connections.
        convolutions: What grows least in convolutional networks; None for dense ones.
        dropout: Rate of dropout.
        l2: Weight of the squared weights.
        scored_on: Which rows the scores are of.
        margin: Differences below it count as none, in the objective's unit.
        margin_share: The same as the space file has it.
        power: Chance with which a `detectable` gain would be found.
        rates_by_depth: Power of the depth that learning rates fall with; None where all depths have the same.
    """

    preset: str | None
    depths: tuple[int, ...]
    budgets: tuple[int, ...]
    widths: tuple[int, ...] | None
    train_sizes: tuple[float, ...]
    tolerance: float
    seeds: int
    paired: str
    learning_rates: tuple[float, ...]
    more_rates_beyond_an_end: int
    rate_chosen_by: str
    passes: int
    updates: int
    batch_size: int
    evaluate_every: int
    schedule: str
    weights_kept: str
    optimizer: str
    activation: str
    batch_norm: bool
    residual: bool
    convolutions: Mapping[str, Any] | None
    dropout: float
    l2: float
    scored_on: str
    margin: float
    margin_share: float
    power: float
    rates_by_depth: float | None = None


@dataclass(frozen=True, kw_only=True)
class CapacityResults:
    """A capacity study that came to its end.

    Args:
        protocol: Every step, as it was done.
        missing: Cells that cannot exist.
        naive: What knowing nothing scores.
        cells: In the order of depth, then budget.
        means: Every deeper line against the shallowest, mean over budgets.
        singles: The same at every budget.
        slope: Gain of doubling the depth at equal parameters; None where depth and size do not vary apart.
        growth: Gain of the largest budget over the smallest, mean over lines; None with one budget.
        growth_by_depth: The same of every line.
        overfits: Of every line whose largest budget is not its best.
        detectable: The smallest effect of depth that would be found, median over depths; None with one depth.
        seeds_needed: Seeds with which an effect as large as the margin would be found; None: seeds cannot do it.
        disagreement: Of every budget.
        train_sizes: Of every share of the training rows, ascending.
        openings: How often the test rows were opened.
        crossings: How much each gain of depth changes from the smallest to the largest budget; early versions did not
            ask.
        everyday: The score that the book's figures show: `accuracy` of classes, `r2` of numbers, higher is better;
            None in early versions' runs.
        by_depth: Of every depth, ascending; of convolutional networks of those that grow by their channels.
        longer: What training for longer would change; None where it was not tried, as in early versions' runs.
    """

    protocol: Protocol
    missing: tuple[MissedBudget, ...]
    naive: NaiveScores
    cells: tuple[CellResults, ...]
    means: tuple[DepthGain, ...]
    singles: tuple[DepthGain, ...]
    slope: GainEstimate | None
    growth: GainEstimate | None
    growth_by_depth: tuple[LineGain, ...]
    overfits: tuple[LossBeyondBest, ...]
    detectable: float | None
    seeds_needed: int | None
    disagreement: tuple[BudgetDisagreement, ...]
    train_sizes: tuple[ShareSummary, ...]
    openings: int
    crossings: tuple[DepthGain, ...] = ()
    everyday: Literal["accuracy", "r2"] | None = None
    by_depth: tuple[DepthScore, ...] = ()
    longer: LongerTraining | None = None
