"""Deeper or wider: a code, decided by intervals, never by ranks.

    deeper        some deeper network is shown to beat the shallowest one of as many parameters, by more than the margin
    wider         no depth gains as much as the margin, and some deeper one is shown to lose more than that
    saturated     neither more depth nor more parameters gain as much as the margin: the smallest network will do
    either        no depth gains as much as the margin, and at least one is shown equivalent to the shallowest
    not_settled   seeds and rows at hand cannot tell; what could is said

"Wide" is the shallowest depth of the study: with as many parameters it has the widest layers. Depths are compared with
it by the mean over the budgets that both have, and these comparisons are corrected for their number (Holm).

Convolutional networks of the shallowest depth are widened in two ways, by channels and by units of the dense layer.
A deeper one is then compared with both. It beats "wide" when it is shown to beat both, and does not when it is not
better than one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import SIGNIFICANT
from ffsearch.search.capacity.contrasts import Contrast, Scores, contrast, slope_weights
from ffsearch.search.capacity.plan import StudyCell, Widened
from ffsearch.search.evidence.comparison import holm
from ffsearch.search.folder.study_results import StudyLine

__all__ = ["Comparison", "StudyCode", "StudyFindings", "find", "margin_of"]

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
        p_holm: Corrected for all comparisons of its kind: means over budgets, or single budgets.
    """

    line: StudyLine
    wide: StudyLine
    budget: int | None
    gain: Contrast
    p_holm: float

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
        beyond_best: For every line how much the largest budget gains over the line's own best budget: what is shown
            to be below zero overfits. None where the largest is the best.
    """

    code: StudyCode
    margin: float
    means: tuple[Comparison, ...]
    singles: tuple[Comparison, ...]
    slope: Contrast | None
    growth: Contrast | None
    growth_by_line: Mapping[StudyLine, Contrast]
    beyond_best: Mapping[StudyLine, tuple[int, Contrast] | None]

    @property
    def detectable(self) -> float | None:
        """The smallest effect of depth that would be found; the median over depths."""
        return float(np.median([one.gain.detectable for one in self.means])) if self.means else None

    @property
    def seeds_needed(self) -> int | None:
        """Seeds with which an effect of depth as large as the margin would be found; None: seeds alone cannot do it."""
        needed = [one.gain.seeds_to_detect(self.margin) for one in self.means]
        return None if None in needed or not needed else max(n for n in needed if n is not None)


def margin_of(share: float, *, objective: str, naive: float) -> float:
    """The margin in the objective's unit, fixed before any network is trained.

    Args:
        share: What the space says.
        objective: The metric.
        naive: What the best answer that ignores the features scores on validation rows.
    """
    return share * abs(naive) if objective in _OF_LOSSES else share


def find(cells: Sequence[StudyCell], scores: Scores, *, margin: float) -> StudyFindings:
    """Everything that is compared, and the verdict.

    Args:
        cells: The cells that exist.
        scores: Of all of them.
        margin: Differences below it count as none.
    """
    lines = sorted({cell.line for cell in cells})
    wide = [line for line in lines if line.depth == lines[0].depth]
    pairs = [(line, other) for line in lines if line not in wide for other in wide]
    common = {pair: sorted(_budgets(cells, pair[0]) & _budgets(cells, pair[1])) for pair in pairs}
    means = _compared(cells, scores, [(pair, None, common[pair]) for pair in pairs if common[pair]])
    singles = _compared(cells, scores, [(pair, budget, [budget]) for pair in pairs for budget in common[pair]])
    by_line = {line: _growth(cells, line) for line in lines}
    grown = [weights for weights in by_line.values() if weights.any()]
    growth = contrast(scores, np.mean(grown, axis=0)) if grown else None
    return StudyFindings(
        code=_decide(means, growth, margin=margin),
        margin=margin,
        means=means,
        singles=singles,
        slope=_slope(cells, scores),
        growth=growth,
        growth_by_line={line: contrast(scores, weights) for line, weights in by_line.items() if weights.any()},
        beyond_best={line: _beyond_best(cells, scores, line) for line in lines},
    )


def _decide(means: Sequence[Comparison], growth: Contrast | None, *, margin: float) -> StudyCode:
    """Every deeper line is looked at with all that are wide: one in a study of dense networks, two of convolutional."""
    by_line = [[one for one in means if one.line == line] for line in dict.fromkeys(one.line for one in means)]
    if any(all(one.is_shown and one.gain.value > margin for one in of_line) for of_line in by_line):
        return StudyCode.DEEPER
    no_depth_gains = bool(means) and all(any(one.gain.is_below(margin) for one in of_line) for of_line in by_line)
    if no_depth_gains and any(one.is_shown and one.gain.value < -margin for one in means):
        return StudyCode.WIDER
    if no_depth_gains and growth is not None and growth.is_below(margin):
        return StudyCode.SATURATED
    if no_depth_gains and any(one.gain.is_within(margin) for one in means):
        return StudyCode.EITHER
    return StudyCode.NOT_SETTLED


def _compared(
    cells: Sequence[StudyCell],
    scores: Scores,
    asked: Sequence[tuple[tuple[StudyLine, StudyLine], int | None, Sequence[int]]],
) -> tuple[Comparison, ...]:
    """Deeper lines against wide ones at some budgets, corrected for their number."""
    gains = [
        contrast(scores, _mean_of(cells, line, budgets) - _mean_of(cells, wide, budgets))
        for (line, wide), _, budgets in asked
    ]
    corrected = holm([gain.p_value for gain in gains])
    return tuple(
        Comparison(line=line, wide=wide, budget=budget, gain=gain, p_holm=p_holm)
        for ((line, wide), budget, _), gain, p_holm in zip(asked, gains, corrected, strict=True)
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


def _beyond_best(cells: Sequence[StudyCell], scores: Scores, line: StudyLine) -> tuple[int, Contrast] | None:
    """A line's best budget, and what the largest one gains over it; None where the largest is the best."""
    places = {cell.budget: place for place, cell in enumerate(cells) if cell.line == line}
    best = max(places, key=lambda budget: float(scores.values[places[budget]].mean()))
    if best == max(places):
        return None
    return best, contrast(scores, _mean_of(cells, line, [max(places)]) - _mean_of(cells, line, [best]))


def _budgets(cells: Sequence[StudyCell], line: StudyLine) -> set[int]:
    return {cell.budget for cell in cells if cell.line == line}


def _mean_of(cells: Sequence[StudyCell], line: StudyLine, budgets: Sequence[int]) -> NDArray[np.float64]:
    """Weights that give the mean of a line over some of its budgets."""
    hit = np.array([cell.line == line and cell.budget in budgets for cell in cells])
    weights: NDArray[np.float64] = hit / hit.sum()
    return weights
