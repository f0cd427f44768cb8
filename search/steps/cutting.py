"""Where the probability of one of two classes is cut: chosen on the repeats' rows, judged on the sealed ones.

repeats' validation rows -> threshold, its curve, what others would bring           before the test is opened
sealed rows -> the network and every baseline at its own threshold                  after it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.evidence.baseline_models.baselines import Baseline
from ffsearch.search.evidence.predictions import RepeatPredictions
from ffsearch.search.evidence.thresholds import (
    HALF,
    Cut,
    Rule,
    Scored,
    choose_cut,
    curve,
    gain_elsewhere,
    gain_over,
    judged_at,
    measures_at,
    pooled,
)
from ffsearch.search.evidence.units import Units, units_of
from ffsearch.search.folder.cut_results import CutRule, SealedCut, Threshold
from ffsearch.search.folder.results import Estimate
from ffsearch.search.steps.cut_asked import Asked
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

if TYPE_CHECKING:
    from ffsearch.search.steps.repeats import Round

__all__ = ["learnt_threshold", "sealed_cuts", "unlearnt"]

_CUTS: Final = 12
"""Key of a generator."""

NETWORK: Final = "network"


# --- before the test is opened ---------------------------------------------------------------------------------------


def learnt_threshold(
    asked: Asked | None, round_: Round | None, winner: int, *, divisor: float | None
) -> Threshold | None:
    """The threshold, and what others would bring, by the validation rows of all repeats; None where there are none.

    Args:
        asked: What is wanted.
        round_: The finalists' repeats.
        winner: The trial that is refitted.
        divisor: What the saved model divides its logits by.
    """
    if asked is None or round_ is None or not round_.predictions:
        return None
    repeats = _scored(asked, round_.predictions, round_, lambda one: one.predictions(winner, divisor=divisor))
    rows = pooled(repeats)
    assert rows is not None
    if not 0 < rows.positive.sum() < len(rows.positive):
        return None
    rules = {name: rule for name in asked.others if (rule := _weighed(asked, name, repeats, rows)) is not None}
    chosen = rules.get(asked.wanted)
    return Threshold(
        positive=asked.label,
        share=float(np.average(rows.positive, weights=rows.weight)),
        wanted=asked.wanted,
        value=HALF if chosen is None else chosen.threshold.value,
        in_model=chosen is not None,
        measure=asked.rule.judged.measure if asked.rule is not None else "cost" if asked.costs_given else "f1",
        false_negative=asked.costs.false_negative,
        false_positive=asked.costs.false_positive,
        costs_given=asked.costs_given,
        n_rows=len(np.unique(np.concatenate([one.rows for one in round_.predictions]))),
        curve=tuple(curve(rows, asked.costs)),
        at_half=measures_at(rows, HALF, asked.costs),
        rules=tuple(rules.values()),
    )


def unlearnt(asked: Asked | None, threshold: Threshold | None) -> Finding | None:
    """That a threshold was wanted and none could be chosen."""
    if asked is None or asked.rule is None or (threshold is not None and threshold.in_model):
        return None
    if threshold is None:
        return found(Code.THRESHOLD_UNLEARNT, "rows", wanted=asked.wanted)
    return found(Code.THRESHOLD_UNLEARNT, "unreached", wanted=asked.wanted, label=asked.label)


def _weighed(asked: Asked, name: str, repeats: Sequence[Scored], rows: Scored) -> CutRule | None:
    """What a threshold chosen by one measure brings; None where none can be chosen."""
    rule = asked.rule_of(name)
    cut = choose_cut(rows, rule, rng=_rng(asked))
    if cut is None:
        return None
    return CutRule(
        name=name.partition("=")[0],
        threshold=Estimate(value=cut.value, low=cut.low, high=cut.high),
        measures=measures_at(rows, cut.value, rule.costs),
        # Recall alone would call a threshold worse that keeps a precision which 0.5 does not have.
        gain=None if rule.precision is not None else gain_elsewhere(repeats, rule, rng=_rng(asked)),
    )


def _scored(asked: Asked, predictions: Sequence[RepeatPredictions], round_: Round, of: Any) -> list[Scored]:
    """The validation rows of repeats with the probabilities that `of` gives them; units are those of all together."""
    units = units_of(round_.guide, np.concatenate([one.rows for one in predictions]))
    ends = np.cumsum([len(one.rows) for one in predictions])
    return [
        Scored(
            positive=one.truth == asked.place,
            probability=np.asarray(of(one)[:, asked.place], np.float64),
            units=Units(kind=units.kind, numbers=numbers),
            weight=one.weight,
        )
        for one, numbers in zip(predictions, np.split(units.numbers, ends[:-1]), strict=True)
    ]


def _rng(asked: Asked) -> np.random.Generator:
    """The same resamples for every model and measure."""
    return generator(asked.seed, Purpose.EVIDENCE, _CUTS)


# --- after it --------------------------------------------------------------------------------------------------------


def sealed_cuts(
    asked: Asked | None,
    threshold: Threshold | None,
    round_: Round | None,
    baselines: Sequence[Baseline],
    *,
    truth: NDArray[Any],
    predictions: Mapping[str, NDArray[Any]],
    units: Units,
    weight: NDArray[Any] | None,
) -> Threshold | None:
    """The threshold with what it, and those of the baselines, came to on the sealed rows.

    Args:
        asked: What is wanted.
        threshold: As it was learnt.
        round_: The finalists' repeats.
        baselines: Each chooses its own threshold, on the rows of the repeats whose splits it learnt from.
        truth: Class numbers of the sealed rows.
        predictions: Of the network and of every baseline, (n_rows, 2).
        units: What is independent among these rows.
        weight: What each weighs.
    """
    if asked is None or threshold is None or round_ is None or asked.rule is None or not threshold.in_model:
        return threshold
    known = truth >= 0
    rows = {
        name: Scored(
            positive=truth[known] == asked.place,
            probability=np.asarray(of_model[known, asked.place], np.float64),
            units=units.of(known),
            weight=None if weight is None else weight[known],
        )
        for name, of_model in predictions.items()
    }
    cuts = {NETWORK: threshold.value}
    for baseline in baselines:
        cut = _cut_of(asked, baseline, round_)
        if cut is not None:
            cuts[str(baseline.name)] = cut.value
    sealed = [_sealed(name, cut, rows[name], asked.rule.judged) for name, cut in cuts.items()]
    gains = {
        name: gain_over(rows[NETWORK], threshold.value, rows[name], cut, asked.rule.judged)
        for name, cut in cuts.items()
        if name != NETWORK
    }
    return replace(threshold, sealed=tuple(replace(one, network_gain=gains.get(one.name)) for one in sealed))


def _cut_of(asked: Asked, baseline: Baseline, round_: Round) -> Cut | None:
    """A baseline's own threshold, chosen as the network's is."""
    shared = [one for one in round_.predictions if one.repeat <= len(baseline.valid)]
    rows = pooled(_scored(asked, shared, round_, lambda one: baseline.valid[one.repeat - 1])) if shared else None
    assert asked.rule is not None
    return None if rows is None else choose_cut(rows, asked.rule, rng=_rng(asked))


def _sealed(name: str, cut: float, rows: Scored, rule: Rule) -> SealedCut:
    judged = judged_at(rows, cut, rule)
    return SealedCut(
        name=name, threshold=cut, value=judged.value, at_half=judged.at_half, gain=judged.gain,
        measures=judged.measures, measures_at_half=judged.measures_at_half,
    )  # fmt: skip
