"""Deeper or wider: a code, decided by intervals, never by ranks.

    deeper        some deeper network is shown to beat the shallowest one of as many parameters, by more than the margin
    wider         no depth gains as much as the margin, and some deeper one is shown to lose more than that
    saturated     neither more depth nor more parameters gain as much as the margin: the smallest network will do
    either        no depth gains as much as the margin, and at least one is shown equivalent to the shallowest
    not_settled   seeds and rows at hand cannot tell; what could is said

"Wide" is the shallowest depth of the study: with as many parameters it has the widest layers. Depths are compared with
it by the mean over the budgets that both have, and these comparisons are corrected for their number (Holm).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.capacity.contrasts import Contrast, Scores, contrast, slope_weights
from ffsearch.search.capacity.plan import Cell
from ffsearch.search.evidence.comparison import holm
from ffsearch.search.evidence.intervals import CONFIDENCE

__all__ = ["Code", "Comparison", "Findings", "find", "margin_of"]

ALPHA: Final = 1 - CONFIDENCE

_OF_LOSSES: Final = frozenset({"rmse", "mae", "log_loss"})
"""Objectives whose margin is a share of what knowing nothing scores; of the others it is a difference."""


class Code(StrEnum):
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
        depth: The deeper one.
        reference: The shallowest.
        budget: The one budget it is made at; None: the mean over all that both have.
        gain: How much better the deeper one is.
        p_holm: Corrected for all comparisons of its kind: means over budgets, or single budgets.
    """

    depth: int
    reference: int
    budget: int | None
    gain: Contrast
    p_holm: float

    @property
    def is_shown(self) -> bool:
        """Whether there is a difference at all."""
        return self.p_holm < ALPHA


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that the verdict rests on.

    Args:
        code: The answer in a word.
        margin: Differences below it count as none, in the objective's unit.
        means: Every depth against the shallowest, mean over budgets.
        singles: The same at every budget.
        slope: Gain of doubling the depth at equal parameters; None where depth and size do not vary apart.
        growth: Gain of the largest budget over the smallest, mean over depths that have both; None with one budget.
        growth_by_depth: The same for every depth.
        beyond_best: For every depth how much the largest budget gains over the depth's own best budget: what is shown
            to be below zero overfits. None where the largest is the best.
    """

    code: Code
    margin: float
    means: tuple[Comparison, ...]
    singles: tuple[Comparison, ...]
    slope: Contrast | None
    growth: Contrast | None
    growth_by_depth: Mapping[int, Contrast]
    beyond_best: Mapping[int, tuple[int, Contrast] | None]

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


def find(cells: Sequence[Cell], scores: Scores, *, margin: float) -> Findings:
    """Everything that is compared, and the verdict.

    Args:
        cells: The cells that exist.
        scores: Of all of them.
        margin: Differences below it count as none.
    """
    shallowest, *deeper = sorted({cell.depth for cell in cells})
    common = {depth: sorted(_budgets(cells, depth) & _budgets(cells, shallowest)) for depth in deeper}
    means = _compared(cells, scores, shallowest, [(depth, None, common[depth]) for depth in deeper if common[depth]])
    singles = _compared(
        cells, scores, shallowest, [(depth, budget, [budget]) for depth in deeper for budget in common[depth]]
    )
    slope = slope_weights([cell.depth for cell in cells], [cell.n_params for cell in cells])
    by_depth = {depth: _growth(cells, depth) for depth in (shallowest, *deeper)}
    grown = [weights for weights in by_depth.values() if weights.any()]
    growth = contrast(scores, np.mean(grown, axis=0)) if grown else None
    return Findings(
        code=_decide(means, growth, margin=margin),
        margin=margin,
        means=means,
        singles=singles,
        slope=contrast(scores, slope) if slope.any() else None,
        growth=growth,
        growth_by_depth={depth: contrast(scores, weights) for depth, weights in by_depth.items() if weights.any()},
        beyond_best={depth: _beyond_best(cells, scores, depth) for depth in (shallowest, *deeper)},
    )


def _decide(means: Sequence[Comparison], growth: Contrast | None, *, margin: float) -> Code:
    if any(one.is_shown and one.gain.value > margin for one in means):
        return Code.DEEPER
    no_depth_gains = bool(means) and all(one.gain.is_below(margin) for one in means)
    if no_depth_gains and any(one.is_shown and one.gain.value < -margin for one in means):
        return Code.WIDER
    if no_depth_gains and growth is not None and growth.is_below(margin):
        return Code.SATURATED
    if no_depth_gains and any(one.gain.is_within(margin) for one in means):
        return Code.EITHER
    return Code.NOT_SETTLED


def _compared(
    cells: Sequence[Cell], scores: Scores, reference: int, asked: Sequence[tuple[int, int | None, Sequence[int]]]
) -> tuple[Comparison, ...]:
    """Depths against the reference at some budgets, corrected for their number."""
    gains = [
        contrast(scores, _mean_of(cells, depth, budgets) - _mean_of(cells, reference, budgets))
        for depth, _, budgets in asked
    ]
    corrected = holm([gain.p_value for gain in gains])
    return tuple(
        Comparison(depth=depth, reference=reference, budget=budget, gain=gain, p_holm=p_holm)
        for (depth, budget, _), gain, p_holm in zip(asked, gains, corrected, strict=True)
    )


def _growth(cells: Sequence[Cell], depth: int) -> NDArray[np.float64]:
    """Weights of a depth's largest budget against its smallest; all zero where it has but one."""
    budgets = sorted(_budgets(cells, depth))
    return _mean_of(cells, depth, budgets[-1:]) - _mean_of(cells, depth, budgets[:1])


def _beyond_best(cells: Sequence[Cell], scores: Scores, depth: int) -> tuple[int, Contrast] | None:
    """A depth's best budget, and what the largest one gains over it; None where the largest is the best."""
    places = {cell.budget: place for place, cell in enumerate(cells) if cell.depth == depth}
    best = max(places, key=lambda budget: float(scores.values[places[budget]].mean()))
    if best == max(places):
        return None
    return best, contrast(scores, _mean_of(cells, depth, [max(places)]) - _mean_of(cells, depth, [best]))


def _budgets(cells: Sequence[Cell], depth: int) -> set[int]:
    return {cell.budget for cell in cells if cell.depth == depth}


def _mean_of(cells: Sequence[Cell], depth: int, budgets: Sequence[int]) -> NDArray[np.float64]:
    """Weights that give the mean of a depth over some of its budgets."""
    hit = np.array([cell.depth == depth and cell.budget in budgets for cell in cells])
    weights: NDArray[np.float64] = hit / hit.sum()
    return weights
