"""Where the probability of one of two classes is cut, as evidence finds it, summary.json keeps it and reports show it.

Differences are positive where the first of two is better, whatever the measure's direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator

from ffsearch.search.folder.plain import Number
from ffsearch.search.folder.results import Estimate

__all__ = ["MEASURES", "CutRule", "SealedCut", "Threshold"]

MEASURES: Final = ("recall", "precision", "f1", "balanced_accuracy", "cost")
"""What is told of every threshold; of costs less is better, of all others more."""


def _with_all(*names: str) -> AfterValidator:
    """What a file says has to have all of these, which whoever shows it asks for by name."""

    def whole(values: Mapping[str, float]) -> Mapping[str, float]:
        missing = [name for name in names if name not in values]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        return values

    return AfterValidator(whole)


Measures = Annotated[Mapping[str, Number], _with_all(*MEASURES)]
CurvePoint = Annotated[Mapping[str, Number], _with_all("threshold", *MEASURES)]


@dataclass(frozen=True, kw_only=True)
class CutRule:
    """What a threshold would bring that is chosen by one measure, on rows that networks did not learn from.

    Args:
        name: `f1`, `balanced_accuracy`, `cost` or `recall_at_precision`.
        threshold: The threshold, with what resamples of the rows make of it.
        measures: All measures at it, on the rows that chose it.
        gain: How much better it is than one half by its own measure, each repeat judged by the threshold of the
            others; None where that is not known, or precision has a floor, which one half may miss.
    """

    name: str
    threshold: Estimate
    measures: Measures
    gain: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class SealedCut:
    """A model at its own threshold on the sealed rows.

    Args:
        name: `network`, `linear` or `boosting`.
        threshold: Chosen on the validation rows of the repeats.
        value: The measure that chose it.
        at_half: The same where the likelier class is answered.
        gain: How much better the threshold is than one half, positive where it is better.
        measures: All measures at the threshold.
        measures_at_half: All measures at one half.
        network_gain: How much better the network at its threshold is than this model at its own; None for itself.
    """

    name: str
    threshold: Number
    value: Estimate
    at_half: Estimate
    gain: Estimate
    measures: Measures
    measures_at_half: Measures
    network_gain: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """From which probability on the positive class is answered, and what another threshold would bring.

    Args:
        positive: The class that is looked for.
        share: Its share of the rows of the curve.
        wanted: What the threshold was to be chosen by, as the space says it: `half`, `f1`, `recall_at_precision=0.9`.
        value: The threshold that labels follow.
        in_model: Whether the saved model has one of its own; else the likelier class is answered.
        measure: What it is judged by on the sealed rows: what chose it, or precision where that has a floor.
        false_negative: What a row of the class costs that is taken for the other one.
        false_positive: What a row of the other class costs that is taken for this one.
        costs_given: Whether the space says what errors cost; else they cost alike.
        n_rows: Validation rows of the repeats, each counted once.
        curve: `threshold` and all measures at every hundredth, on these rows.
        at_half: All measures where the likelier class is answered, on these rows.
        rules: What thresholds chosen by each measure would bring.
        sealed: The network, then the baselines, on the sealed rows; empty where there are none.
    """

    positive: str
    share: Number
    wanted: str
    value: Number
    in_model: bool
    measure: str
    false_negative: Number
    false_positive: Number
    costs_given: bool
    n_rows: int
    curve: tuple[CurvePoint, ...]
    at_half: Measures
    rules: tuple[CutRule, ...]
    sealed: tuple[SealedCut, ...] = ()

    @property
    def chosen(self) -> CutRule | None:
        """The rule that chose the threshold; None where the likelier class is answered."""
        name = self.wanted.partition("=")[0]
        return next((rule for rule in self.rules if rule.name == name), None) if self.in_model else None
