"""Deeper or wider: a code, decided by intervals, never by ranks.

    deeper        some deeper network is shown to beat the shallowest one of as many parameters, by more than the margin
    wider         no depth gains as much as the margin, and some deeper one is shown to lose more than that
    saturated     no other network, of any depth and budget, gains as much as the margin over the smallest one
    either        no depth gains as much as the margin, at least one is shown equivalent to the shallowest, and at no
                  single budget one is shown to be ahead or behind
    not_settled   seeds and rows at hand cannot tell; what could is said

"Wide" is the shallowest depth of the study: with as many parameters it has the widest layers. Depths are compared with
it by the mean over the budgets that both have, and these comparisons are corrected for their number (Holm). Such a mean
hides a depth that is ahead at one size and behind at another: whether its gain changes with the size is asked, too.

To be shown to gain more than the margin is to have an interval that lies beyond the margin, not beyond zero.

Convolutional networks of the shallowest depth are widened in two ways, by channels and by units of the dense layer.
A deeper one is then compared with both. It beats "wide" when it is shown to beat both, and does not when it is not
better than one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import SIGNIFICANT
from ffsearch.search.capacity.contrasts import Contrast, Scores, contrast, slope_weights
from ffsearch.search.capacity.plan import StudyCell, Widened
from ffsearch.search.evidence.comparison import holm
from ffsearch.search.folder.study_results import StudyLine

__all__ = ["Comparison", "StudyCode", "StudyFindings", "find", "margin_of"]

Pair: TypeAlias = tuple[StudyLine, StudyLine]
"""A deeper line and a wide one."""

_OF_LOSSES: Final = frozenset({"rmse", "mae", "log_loss"})
"""Objectives whose margin is a share of what knowing nothing scores; of the others it is a difference."""


class StudyCode(StrEnum):
    """The answer in a word."""

    DEEPER = "deeper"
    WIDER = "wider"
    SATURATED = "saturated"
    EITHER = "either"
    NOT_SETTLED = "not_settled"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A depth against the shallowest one at equal parameters.

    Args:
        line: The deeper one.
        wide: The shallowest, with what is widened in it.
        budget: The one budget it is made at; None: the mean over all that both have.
        gain: How much better the deeper one is.
        p_holm: That there is no difference, corrected for all comparisons of its kind: means over budgets, or single
            budgets.
        p_margin: That the difference is no larger than the margin, corrected in the same way.
    """

    line: StudyLine
    wide: StudyLine
    budget: int | None
    gain: Contrast
    p_holm: float
    p_margin: float = 1.0

    @property
    def depth(self) -> int:
        """Layers of the deeper one."""
        return self.line.depth

    @property
    def reference(self) -> int:
        """Layers of the shallowest."""
        return self.wide.depth

    @property
    def is_shown(self) -> bool:
        """Whether there is a difference at all."""
        return self.p_holm < SIGNIFICANT

    @property
    def is_gain(self) -> bool:
        """Whether the deeper one is shown to gain more than the margin."""
        return self.p_margin < SIGNIFICANT and self.gain.value > 0

    @property
    def is_loss(self) -> bool:
        """Whether it is shown to lose more than the margin."""
        return self.p_margin < SIGNIFICANT and self.gain.value < 0


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """What a line's largest budget comes to beside its best one, which validation rows named.

    Args:
        budget: The best one.
        gain: How much better the largest is.
        p_holm: Corrected for all lines, and for all questions whether a depth's gain changes with the size.
    """

    budget: int
    gain: Contrast
    p_holm: float

    @property
    def is_shown(self) -> bool:
        """Whether the largest is shown to be worse: networks of this line overfit beyond that budget."""
        return self.p_holm < SIGNIFICANT and self.gain.value < 0


@dataclass(frozen=True, kw_only=True)
class StudyFindings:
    """All that the verdict rests on.

    Args:
        code: The answer in a word.
        margin: Differences below it count as none, in the objective's unit.
        means: Every depth against the shallowest, mean over budgets.
        singles: The same at every budget.
        slope: Gain of doubling the depth at equal parameters; None where depth and size do not vary apart.
        growth: Gain of the largest budget over the smallest, mean over lines that have both; None with one budget.
        growth_by_line: The same for every line.
        beyond_best: For every line how much the largest budget gains over the line's own best budget. None where the
            largest is the best.
        crossings: How much the gain of every depth changes from the smallest to the largest budget that both have, by
            a straight line over the logarithm of the budget; where they have two or more.
    """

    code: StudyCode
    margin: float
    means: tuple[Comparison, ...]
    singles: tuple[Comparison, ...]
    slope: Contrast | None
    growth: Contrast | None
    growth_by_line: Mapping[StudyLine, Contrast]
    beyond_best: Mapping[StudyLine, Beyond | None]
    crossings: tuple[Comparison, ...]

    @property
    def detectable(self) -> float | None:
        """The smallest effect of depth that would be found; the median over depths."""
        n = len(self.means)
        return float(np.median([one.gain.detectable(n) for one in self.means])) if self.means else None

    @property
    def is_near_the_margin(self) -> bool:
        """Whether an effect as large as the margin would be found: what is not settled then lies near the margin."""
        return bool(self.means) and all(one.gain.detectable(len(self.means)) <= self.margin for one in self.means)

    @property
    def seeds_needed(self) -> int | None:
        """Seeds with which an effect of depth as large as the margin would be found; None: seeds alone cannot do it."""
        needed = [one.gain.seeds_to_detect(self.margin, len(self.means)) for one in self.means]
        return None if None in needed or not needed else max(n for n in needed if n is not None)


def margin_of(share: float, *, objective: str, naive: float) -> float:
    """The margin in the objective's unit, fixed before any network is trained.

    Args:
        share: What the space says.
        objective: The metric.
        naive: What the best answer that ignores the features scores on validation rows.
    """
    return share * abs(naive) if objective in _OF_LOSSES else share


def find(cells: Sequence[StudyCell], scores: Scores, *, valid: NDArray[np.float64], margin: float) -> StudyFindings:
    """Everything that is compared, and the verdict.

    Args:
        cells: The cells that exist.
        scores: Of all of them.
        valid: Mean validation score of each, higher is better, shape (n_cells,): it names a line's best budget.
        margin: Differences below it count as none.
    """
    lines = sorted({cell.line for cell in cells})
    wide = [line for line in lines if line.depth == lines[0].depth]
    pairs = [(line, other) for line in lines if line not in wide for other in wide]
    common = {pair: sorted(_budgets(cells, pair[0]) & _budgets(cells, pair[1])) for pair in pairs}
    means = _compared(
        scores, [(pair, None, _difference(cells, pair, common[pair])) for pair in pairs if common[pair]], margin=margin
    )
    singles = _compared(
        scores,
        [(pair, budget, _difference(cells, pair, [budget])) for pair in pairs for budget in common[pair]],
        margin=margin,
    )
    beyond_best, crossings = _secondary(cells, scores, lines, common, valid=valid)
    by_line = {line: _growth(cells, line) for line in lines}
    grown = [weights for weights in by_line.values() if weights.any()]
    growth = contrast(scores, np.mean(grown, axis=0)) if grown else None
    return StudyFindings(
        code=_decide(means, singles, is_saturated=_is_saturated(cells, scores, wide, margin=margin), margin=margin),
        margin=margin,
        means=means,
        singles=singles,
        slope=_slope(cells, scores),
        growth=growth,
        growth_by_line={line: contrast(scores, weights) for line, weights in by_line.items() if weights.any()},
        beyond_best=beyond_best,
        crossings=crossings,
    )


def _decide(
    means: Sequence[Comparison], singles: Sequence[Comparison], *, is_saturated: bool, margin: float
) -> StudyCode:
    """Every deeper line is looked at with all that are wide: one in a study of dense networks, two of convolutional."""
    by_line = [[one for one in means if one.line == line] for line in dict.fromkeys(one.line for one in means)]
    if any(all(one.is_gain for one in of_line) for of_line in by_line):
        return StudyCode.DEEPER
    no_depth_gains = bool(means) and all(any(one.gain.is_below(margin) for one in of_line) for of_line in by_line)
    if no_depth_gains and any(one.is_loss for one in means):
        return StudyCode.WIDER
    if is_saturated:
        return StudyCode.SATURATED
    is_level = no_depth_gains and any(one.gain.is_within(margin) for one in means)
    return StudyCode.EITHER if is_level and not _differs_somewhere(singles) else StudyCode.NOT_SETTLED


def _differs_somewhere(singles: Sequence[Comparison]) -> bool:
    """Whether at some budget a deeper line is shown to be behind one that is wide, or ahead of all that are."""
    of_budget: dict[tuple[StudyLine, int | None], list[Comparison]] = {}
    for one in singles:
        of_budget.setdefault((one.line, one.budget), []).append(one)
    return any(one.is_loss for one in singles) or any(
        all(one.is_gain for one in against) for against in of_budget.values()
    )


def _is_saturated(cells: Sequence[StudyCell], scores: Scores, wide: Sequence[StudyLine], *, margin: float) -> bool:
    """Whether no other network gains as much as the margin over a smallest one: each has to be shown not to.

    Source: Berger 1982, *Multiparameter hypothesis testing and acceptance sampling*: where all of several tests must
    be passed, none needs a correction.
    """
    each = np.eye(len(cells))
    smallest = [
        min((place for place, cell in enumerate(cells) if cell.line == line), key=lambda place: cells[place].budget)
        for line in wide
    ]
    return len(cells) > 1 and any(
        all(
            contrast(scores, each[place] - each[base]).is_below(margin)
            for place in range(len(cells))
            if place not in smallest
        )
        for base in smallest
    )


def _compared(
    scores: Scores,
    asked: Sequence[tuple[Pair, int | None, NDArray[np.float64]]],
    *,
    margin: float,
) -> tuple[Comparison, ...]:
    """Deeper lines against wide ones, corrected for their number.

    Args:
        scores: Of all cells.
        asked: Of every comparison its lines, its budget, and its weights.
        margin: Differences below it count as none.
    """
    gains = [contrast(scores, weights) for *_, weights in asked]
    corrected = holm([gain.p_value for gain in gains]), holm([gain.p_beyond(margin) for gain in gains])
    return tuple(
        Comparison(line=line, wide=wide, budget=budget, gain=gain, p_holm=p_holm, p_margin=p_margin)
        for ((line, wide), budget, _), gain, p_holm, p_margin in zip(asked, gains, *corrected, strict=True)
    )


def _secondary(
    cells: Sequence[StudyCell],
    scores: Scores,
    lines: Sequence[StudyLine],
    common: Mapping[Pair, Sequence[int]],
    *,
    valid: NDArray[np.float64],
) -> tuple[dict[StudyLine, Beyond | None], tuple[Comparison, ...]]:
    """Which lines overfit, and which gains change with the size: one family, corrected for all these questions."""
    bests = {line: _beyond_best(cells, line, valid) for line in lines}
    beyond = {line: (best[0], contrast(scores, best[1])) for line, best in bests.items() if best is not None}
    changes = {
        pair: contrast(scores, _change(cells, pair, budgets)) for pair, budgets in common.items() if len(budgets) > 1
    }
    p_values = holm([gain.p_value for _, gain in beyond.values()] + [gain.p_value for gain in changes.values()])
    of_lines, of_pairs = p_values[: len(beyond)], p_values[len(beyond) :]
    found: dict[StudyLine, Beyond | None] = dict.fromkeys(lines)
    for (line, (budget, gain)), p_holm in zip(beyond.items(), of_lines, strict=True):
        found[line] = Beyond(budget=budget, gain=gain, p_holm=p_holm)
    return found, tuple(
        Comparison(line=line, wide=wide, budget=None, gain=gain, p_holm=p_holm)
        for ((line, wide), gain), p_holm in zip(changes.items(), of_pairs, strict=True)
    )


def _slope(cells: Sequence[StudyCell], scores: Scores) -> Contrast | None:
    """Gain of doubling the depth at equal parameters; networks with a wider dense layer have no place on that line."""
    weights = np.zeros(len(cells))
    places = [place for place, cell in enumerate(cells) if cell.widened is not Widened.UNITS]
    weights[places] = slope_weights(
        [cells[place].depth for place in places], [cells[place].n_params for place in places]
    )
    return contrast(scores, weights) if weights.any() else None


def _growth(cells: Sequence[StudyCell], line: StudyLine) -> NDArray[np.float64]:
    """Weights of a line's largest budget against its smallest; all zero where it has but one."""
    budgets = sorted(_budgets(cells, line))
    return _mean_of(cells, line, budgets[-1:]) - _mean_of(cells, line, budgets[:1])


def _beyond_best(
    cells: Sequence[StudyCell], line: StudyLine, valid: NDArray[np.float64]
) -> tuple[int, NDArray[np.float64]] | None:
    """A line's best budget on validation rows, and the weights of the largest against it; None where that is it."""
    places = {cell.budget: place for place, cell in enumerate(cells) if cell.line == line}
    best = max(places, key=lambda budget: float(valid[places[budget]]))
    if best == max(places):
        return None
    return best, _mean_of(cells, line, [max(places)]) - _mean_of(cells, line, [best])


def _difference(
    cells: Sequence[StudyCell], pair: tuple[StudyLine, StudyLine], budgets: Sequence[int]
) -> NDArray[np.float64]:
    """Weights of a deeper line against a wide one, mean over some budgets."""
    line, wide = pair
    return _mean_of(cells, line, budgets) - _mean_of(cells, wide, budgets)


def _change(
    cells: Sequence[StudyCell], pair: tuple[StudyLine, StudyLine], budgets: Sequence[int]
) -> NDArray[np.float64]:
    """Weights of how much a difference changes over some budgets, by a least-squares line over their logarithm."""
    at = np.log(np.asarray(budgets, np.float64))
    at -= at.mean()
    slopes = at * np.ptp(at) / np.square(at).sum()
    weights = [slope * _difference(cells, pair, [budget]) for slope, budget in zip(slopes, budgets, strict=True)]
    return np.asarray(np.sum(weights, axis=0))


def _budgets(cells: Sequence[StudyCell], line: StudyLine) -> set[int]:
    return {cell.budget for cell in cells if cell.line == line}


def _mean_of(cells: Sequence[StudyCell], line: StudyLine, budgets: Sequence[int]) -> NDArray[np.float64]:
    """Weights that give the mean of a line over some of its budgets."""
    hit = np.array([cell.line == line and cell.budget in budgets for cell in cells])
    weights: NDArray[np.float64] = hit / hit.sum()
    return weights
