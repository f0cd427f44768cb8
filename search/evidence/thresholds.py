"""Where to cut the probability of one of two classes, and what a cut brings: on rows that were not learnt from.

pooled validation rows of the repeats -> resamples, the best cut of each -> their median is the threshold
every repeat judged by the threshold of the other ones -> what it gains over one half
sealed rows at the threshold and at one half -> scores, their difference, intervals

All measures are ratios of sums over rows, or means of such ratios, so that a row of weight w counts as w rows, and what
every row adds to a measure is known:

    measure = sum(w top) / sum(w bottom)        added by a row = measure + n w (top - measure bottom) / sum(w bottom)

A row is of the positive class, or it is not; it is taken for positive where its probability is at least the threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL
from ffsearch.search.evidence.intervals import mean_limits
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.terms import row_weights
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.cut_results import MEASURES
from ffsearch.search.folder.results import Estimate

__all__ = [
    "HALF",
    "Costs",
    "Cut",
    "Judgement",
    "Rule",
    "Scored",
    "choose_cut",
    "curve",
    "gain_elsewhere",
    "judged_at",
    "measures_at",
]

HALF: Final = 0.5
"""Where the likelier of two classes is answered."""

N_RESAMPLES: Final = 200
"""Resamples whose best cuts have the threshold as their median.

choice: the best cut of one set of rows jumps from one lucky row to the next; the median of those of resamples is
steadier (bagging, Breiman 1996), and of 200 its own noise is a twelfth of their spread.
"""

N_CURVE: Final = 101
"""Thresholds of a curve: every hundredth. Choice: as fine as a figure shows."""

MAX_CELLS: Final = 40_000_000
"""Rows times resamples, beyond which resamples are fewer. Choice: a few seconds."""

MIN_RESAMPLES: Final = 20
"""Resamples at least."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What errors cost, in any unit.

    Args:
        false_negative: A row of the positive class that is taken for the other one.
        false_positive: A row of the other class that is taken for positive.
    """

    false_negative: float = 1.0
    false_positive: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a threshold is chosen by.

    Args:
        measure: One of `MEASURES` that is to be best; `recall` where precision has a floor.
        costs: What errors cost.
        precision: The least precision; None where nothing is asked of it.
    """

    measure: str
    costs: Costs
    precision: float | None = None

    @property
    def judged(self) -> Rule:
        """What tells on other rows whether a threshold does what it is for: of one with a floor, whether that holds."""
        return self if self.precision is None else Rule(measure="precision", costs=self.costs)

    @property
    def sign(self) -> int:
        """A measure times this is the better the higher it is."""
        return -1 if self.measure == "cost" else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Rows with the probability that a model gave the positive class.

    Args:
        positive: Whether each is of that class, shape (n_rows,).
        probability: Of that class, shape (n_rows,).
        units: What is independent; a row that is there several times is one.
        weight: What each row weighs, shape (n_rows,); None: all alike.
    """

    positive: NDArray[np.bool_]
    probability: NDArray[np.float64]
    units: Units
    weight: RowWeight = None

    @property
    def own(self) -> NDArray[np.float64]:
        """What every row weighs."""
        return np.ones(len(self.positive)) if self.weight is None else np.asarray(self.weight, np.float64)

    def of(self, rows: NDArray[np.bool_]) -> Scored:
        """Some of the rows; units keep their numbers, so that they are the same ones when parts are pooled."""
        return Scored(
            positive=self.positive[rows], probability=self.probability[rows],
            units=Units(kind=self.units.kind, numbers=self.units.numbers[rows]),
            weight=None if self.weight is None else self.weight[rows],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A threshold with the 95 % interval that resampled rows give it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a threshold comes to on rows that did not choose it.

    Args:
        value: The rule's measure at the threshold.
        at_half: The same where the likelier class is answered.
        gain: How much better the threshold is than one half, positive where it is better.
        measures: All measures at the threshold.
        measures_at_half: All measures at one half.
    """

    value: Estimate
    at_half: Estimate
    gain: Estimate
    measures: Mapping[str, float]
    measures_at_half: Mapping[str, float]


# --- what a threshold comes to ---------------------------------------------------------------------------------------


def measures_at(rows: Scored, threshold: float, costs: Costs) -> dict[str, float]:
    """Every measure at a threshold; NaN where it is not defined: of precision, where no row is taken for positive."""
    return {name: float(_ratio(*_sums(rows, threshold, name, costs))) for name in MEASURES}


def curve(rows: Scored, costs: Costs) -> list[dict[str, float]]:
    """All measures at every hundredth, `threshold` beside them."""
    order = _Ordered.of(rows)
    thresholds = np.linspace(0, 1, N_CURVE)
    taken = np.searchsorted(-order.probability, -thresholds, side="right")
    sums = _taken(order, rows.own[order.places])
    found = {name: _measure(name, *sums, costs) for name in MEASURES}
    return [
        {"threshold": float(threshold), **{name: float(found[name][n]) for name in MEASURES}}
        for threshold, n in zip(thresholds, taken, strict=True)
    ]


def judged_at(rows: Scored, cut: float, rule: Rule) -> Judgement:
    """What a threshold and one half come to on rows that chose neither, with intervals over rows."""
    at_cut, at_half = (_added(rows, threshold, rule) for threshold in (cut, HALF))
    return Judgement(
        value=_estimate(at_cut, rows.units),
        at_half=_estimate(at_half, rows.units),
        gain=_estimate(rule.sign * (at_cut - at_half), rows.units),
        measures=measures_at(rows, cut, rule.costs),
        measures_at_half=measures_at(rows, HALF, rule.costs),
    )


def gain_over(one: Scored, cut: float, other: Scored, other_cut: float, rule: Rule) -> Estimate:
    """How much better one model at its threshold is than another at its own, on the same rows."""
    gained = rule.sign * (_added(one, cut, rule) - _added(other, other_cut, rule))
    return _estimate(gained, one.units)


def gain_elsewhere(repeats: Sequence[Scored], rule: Rule, *, rng: np.random.Generator) -> Estimate | None:
    """What the threshold of the other repeats gains on each repeat's rows over one half.

    Args:
        repeats: The rows of each; units are numbered alike in all of them.
        rule: What thresholds are chosen by.
        rng: Draws resamples.

    Returns:
        None where no repeat has others whose rows can choose.
    """
    added, kept = [], []
    for place, one in enumerate(repeats):
        others = [other for at, other in enumerate(repeats) if at != place]
        apart = [other.of(~np.isin(other.units.numbers, one.units.numbers)) for other in others]
        learnt = pooled([other for other in apart if len(other.positive)])
        cut = None if learnt is None else choose_cut(learnt, rule, rng=rng, n_resamples=MIN_RESAMPLES)
        if cut is None:
            continue
        added.append(rule.sign * (_added(one, cut.value, rule) - _added(one, HALF, rule)))
        kept.append(one)
    together = pooled(kept)
    return None if together is None else _estimate(np.concatenate(added), together.units)


def pooled(parts: Sequence[Scored]) -> Scored | None:
    """All rows of several parts, one after the other; None of no part. Units are those of all parts together."""
    if not parts:
        return None
    weights = [one.weight for one in parts if one.weight is not None]
    labels = np.concatenate([one.units.numbers for one in parts])
    return Scored(
        positive=np.concatenate([one.positive for one in parts]),
        probability=np.concatenate([one.probability for one in parts]),
        units=Units.of_labels(parts[0].units.kind, labels),
        weight=np.concatenate(weights) if weights else None,
    )


# --- choosing one ----------------------------------------------------------------------------------------------------


def choose_cut(rows: Scored, rule: Rule, *, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Cut | None:
    """The median of the best thresholds of resampled rows.

    Args:
        rows: Rows that were not learnt from.
        rule: What is to be best.
        rng: Draws resamples.
        n_resamples: How many, where rows are not too many.

    Returns:
        None where rows are of one class alone, or no threshold has the precision asked for.
    """
    n_rows = len(rows.positive)
    if not 0 < rows.positive.sum() < n_rows:
        return None
    order = _Ordered.of(rows)
    if _best(order, rows.own[order.places], rule) is None:
        return None
    n_drawn = int(min(n_resamples, max(MIN_RESAMPLES, MAX_CELLS // n_rows)))
    found: list[float] = []
    for _ in range(n_drawn):  # one at a time: all at once would be gigabytes
        drawn = row_weights(1, units=rows.units, rng=rng)[0, order.places] * rows.own[order.places]
        best = _best(order, drawn, rule)
        if best is not None:
            found.append(best)
    if not found:
        return None
    low, value, high = np.quantile(found, [TAIL, 0.5, 1 - TAIL])
    return Cut(value=float(value), low=float(low), high=float(high))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ordered:
    """Rows by their probability, the highest first; a threshold takes the first n of them.

    Args:
        places: Place of each among the rows.
        probability: Descending.
        positive: Whether each is positive.
        ends: Numbers of rows that a threshold can take: rows of one probability go together; 0 and all are among them.
    """

    places: NDArray[np.intp]
    probability: NDArray[np.float64]
    positive: NDArray[np.bool_]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, rows: Scored) -> _Ordered:
        places = np.argsort(-rows.probability, kind="stable")
        probability = rows.probability[places]
        ends = np.append(np.flatnonzero(np.diff(probability)) + 1, len(probability))
        return cls(
            places=places,
            probability=probability,
            positive=rows.positive[places],
            ends=np.append(0, ends).astype(np.intp),
        )

    def threshold(self, n: int) -> float:
        """The one that takes the first n rows: half way to the next one, within 0 and 1."""
        if n == 0 and self.probability[0] >= 1:
            return float(np.nextafter(1.0, 2.0))  # no row at all, also where one is certain
        above = 1.0 if n == 0 else float(self.probability[n - 1])
        below = 0.0 if n == len(self.probability) else float(self.probability[n])
        middle = (above + below) / 2
        return middle if below < middle or n == len(self.probability) else above


def _measure(name: str, hit: NDArray[np.float64], false: NDArray[np.float64], costs: Costs) -> NDArray[np.float64]:
    """A measure where the first 0, 1, 2, ... rows are taken, shape (n_rows + 1,), by what is right and wrong."""
    missed, n_positive, n_negative = hit[-1] - hit, hit[-1], false[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        match name:
            case "recall":
                return np.asarray(hit / n_positive)
            case "precision":
                return np.asarray(hit / (hit + false))
            case "f1":
                return np.asarray(2 * hit / (2 * hit + false + missed))
            case "balanced_accuracy":
                return np.asarray((hit / n_positive + 1 - false / n_negative) / 2)
    return np.asarray((costs.false_negative * missed + costs.false_positive * false) / (n_positive + n_negative))


def _taken(order: _Ordered, weight: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight of the positive and of the other rows among the first 0, 1, 2, ... rows, each (n_rows + 1,)."""
    hit, false = (np.cumsum(weight * which, dtype=np.float64) for which in (order.positive, ~order.positive))
    return np.append(0.0, hit), np.append(0.0, false)


def _best(order: _Ordered, weight: NDArray[np.floating[Any]], rule: Rule) -> float | None:
    """The best threshold of one weighing of the rows; of several that are as good the one nearest to one half."""
    hit, false = _taken(order, weight)
    ends = order.ends
    values = rule.sign * _measure(rule.measure, hit, false, rule.costs)[ends]
    legal = np.isfinite(values)
    if rule.precision is not None:
        legal &= np.nan_to_num(_measure("precision", hit, false, rule.costs)[ends], nan=0.0) >= rule.precision
    if not legal.any():
        return None
    best = values[legal].max()
    candidates = [order.threshold(int(n)) for n in ends[legal & (values >= best - 1e-12 * max(1.0, abs(best)))]]
    return min(candidates, key=lambda one: abs(one - HALF))


# --- sums and what rows add to them ----------------------------------------------------------------------------------


def _sums(
    rows: Scored, threshold: float, measure: str, costs: Costs
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Tops and bottoms of a measure's ratios, each (n_ratios, n_rows), and what rows weigh."""
    taken, positive = rows.probability >= threshold, rows.positive
    hit, false, missed = taken & positive, taken & ~positive, ~taken & positive
    ratios: dict[str, list[tuple[Any, Any]]] = {
        "recall": [(hit, positive)],
        "precision": [(hit, taken)],
        "f1": [(2 * hit, 2 * hit + false + missed)],
        "balanced_accuracy": [(hit, positive), (~taken & ~positive, ~positive)],
        "cost": [(costs.false_negative * missed + costs.false_positive * false, np.ones(len(taken)))],
    }
    tops, bottoms = zip(*ratios[measure], strict=True)
    return np.stack(tops).astype(np.float64), np.stack(bottoms).astype(np.float64), rows.own


def _ratio(tops: NDArray[np.float64], bottoms: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(((tops @ own) / (bottoms @ own)).mean())


def _added(rows: Scored, threshold: float, rule: Rule) -> NDArray[np.float64]:
    """What every row adds to the rule's measure at a threshold: their mean is the measure."""
    tops, bottoms, own = _sums(rows, threshold, rule.measure, rule.costs)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (tops @ own) / (bottoms @ own)
        each = values[:, None] + len(own) * own * (tops - values[:, None] * bottoms) / (bottoms @ own)[:, None]
    return np.asarray(each.mean(axis=0))


def _estimate(added: NDArray[np.float64], units: Units) -> Estimate:
    if not np.isfinite(added).all():
        return Estimate(value=float("nan"), low=float("nan"), high=float("nan"))
    low, high = mean_limits(added, units=units, tail=TAIL)
    return Estimate(value=float(added.mean()), low=low, high=high)
