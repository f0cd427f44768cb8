"""The verdict in sentences: which ones are due and what stands in them, apart from the words, which are one table.

summary.json keeps keys and values beside the English text, so that another language is another table with these keys.
"""

# ruff: noqa: E501  (a text a line, as a table of words)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ffsearch.search.capacity.plan import Widened
from ffsearch.search.capacity.verdict import Comparison, StudyCode, StudyFindings
from ffsearch.search.evidence.verdict import Sentence

__all__ = ["ENGLISH", "sentences", "spelled", "text_of"]

ENGLISH: Final[Mapping[str, str]] = {
    "verdict.deeper": "Deeper is better here: depth {depth} beats depth {reference} with as many parameters by {gain} {metric} (95 % interval {low} to {high}), mean over budgets.",
    "verdict.wider": "Wider is better here: depth gains nothing over depth {reference} with as many parameters, and depth {depth} loses {gain} {metric} (95 % interval {low} to {high}), mean over budgets.",
    "verdict.saturated": (
        "More capacity does not help here: neither more layers nor more parameters gain as much as {margin} {metric}, so "
        "the smallest network will do."
    ),
    "verdict.either": "Either will do here: at equal parameters no depth gains as much as {margin} {metric} over depth {reference}, and the difference to depth {depth} is shown to be smaller than that.",
    "verdict.not_settled": (
        "Not settled: at equal parameters, differences below {detectable} {metric} would mostly go unseen with these "
        "seeds and test rows, and {margin} would matter."
    ),
    "conv.deeper": "Deeper is better here: at equal parameters {depth} convolutional layers beat {reference} wider ones, those with more channels and those with more dense units alike, mean over budgets.",
    "conv.wider": "Wider is better here: at equal parameters {depth} convolutional layers lose {gain} {metric} (95 % interval {low} to {high}) to {reference} wider ones, and no depth gains over all that are wide, mean over budgets.",
    "conv.either": "Either will do here: at equal parameters no deeper network gains as much as {margin} {metric} over all with {reference} wider convolutional layers, and a difference is shown to be smaller than that.",
    "conv.against.channels": "{depth} convolutional layers against {reference} with more channels: a gain of {gain} (95 % interval {low} to {high}).",
    "conv.against.units": "{depth} convolutional layers against {reference} with more dense units: a gain of {gain} (95 % interval {low} to {high}).",
    "also.loses": "Depth {depth} is shown to be worse than depth {reference}, by {gain} {metric}.",
    "also.gains": "Depth {depth} gains, too: {gain} {metric}.",
    "also.equal": "Depth {depth} is shown to be as good as depth {reference}, to within {margin}.",
    "also.against": "At {budget} parameters it is the other way round: depth {depth} against depth {reference} differs by {gain}.",
    "also.training": (
        "The deeper networks fit their own training rows worse, too: it is training that fails them, not their number of "
        "parameters. Batch normalisation may mend that."
    ),
    "also.growth": "The largest budget gains {gain} {metric} over the smallest (95 % interval {low} to {high}).",
    "also.seeds": "About {n} seeds would settle it (capacity.seeds).",
    "also.rows": "More seeds alone would not settle it: more test rows are needed.",
    "also.edge": (
        "In {n} of {n_cells} cells the best learning rate is the last one tried at an end, so they may be undersold."
    ),
}


_OF_DEPTHS: Final = frozenset({StudyCode.DEEPER, StudyCode.WIDER, StudyCode.EITHER})
"""Codes whose sentence names depths, and so has other words for convolutional networks."""


def sentences(
    findings: StudyFindings, *, metric: str, train_gains: Mapping[int, float], n_at_edge: int, n_cells: int
) -> list[Sentence]:
    """What is to be said.

    Args:
        findings: What was found.
        metric: The objective.
        train_gains: How much better each deeper depth scores on training rows than the shallowest, at equal parameters.
        n_at_edge: Cells whose best learning rate is the last one tried at an end.
        n_cells: All cells.
    """
    main = _main(findings, metric)
    said = [main]
    if _is_convolutional(findings):
        said += _against_wide(findings, metric)
    else:
        said += _other_depths(findings, metric, said_of=main.values.get("depth"))
    if findings.code is StudyCode.WIDER and all(gain < -findings.margin for gain in train_gains.values()):
        said.append(Sentence(key="also.training", values={}))
    if findings.growth is not None:
        low, high = findings.growth.interval()
        values = {"gain": findings.growth.value, "low": low, "high": high, "metric": metric}
        said.append(Sentence(key="also.growth", values=values))
    if findings.code is StudyCode.NOT_SETTLED:
        needed = findings.seeds_needed
        said.append(
            Sentence(key="also.seeds", values={"n": needed}) if needed else Sentence(key="also.rows", values={})
        )
    if n_at_edge:
        said.append(Sentence(key="also.edge", values={"n": n_at_edge, "n_cells": n_cells}))
    return said


def text_of(said: Sequence[Sentence]) -> str:
    """English sentences as one text."""
    return " ".join(map(spelled, said))


def spelled(sentence: Sentence) -> str:
    """A sentence in English."""
    return ENGLISH[sentence.key].format(**{name: _shown(value) for name, value in sentence.values.items()})


def _is_convolutional(findings: StudyFindings) -> bool:
    return any(one.wide.widened is not Widened.LAYERS for one in findings.means)


def _against_wide(findings: StudyFindings, metric: str) -> list[Sentence]:
    """Every deeper convolutional network against both ways of being wide."""
    return [
        Sentence(
            key=f"conv.against.{one.wide.widened}",
            values={"metric": metric, "reference": one.reference, **_of(one, is_loss=False)},
        )
        for one in findings.means
    ]


def _main(findings: StudyFindings, metric: str) -> Sentence:
    words = "conv" if _is_convolutional(findings) and findings.code in _OF_DEPTHS else "verdict"
    key = f"{words}.{findings.code}"
    by_gain = sorted(findings.means, key=lambda one: one.gain.value)
    values: dict[str, Any] = {"metric": metric, "margin": findings.margin}
    if by_gain:
        values["reference"] = by_gain[0].reference
    match findings.code:
        case StudyCode.DEEPER:
            return Sentence(key=key, values=values | _of(_best_of_all(by_gain), is_loss=False))
        case StudyCode.WIDER:
            return Sentence(key=key, values=values | _of(by_gain[0], is_loss=True))
        case StudyCode.EITHER:
            equal = [one for one in findings.means if one.gain.is_within(findings.margin)]
            return Sentence(key=key, values=values | {"depth": equal[0].depth})
        case StudyCode.SATURATED | StudyCode.NOT_SETTLED:
            return Sentence(key=key, values=values | {"detectable": findings.detectable})


def _best_of_all(by_gain: Sequence[Comparison]) -> Comparison:
    """The comparison of the depth that gains most over whatever it gains least over."""
    least = {one.line: one for one in reversed(by_gain)}  # of every line the one that stands first
    return max(least.values(), key=lambda one: one.gain.value)


def _other_depths(findings: StudyFindings, metric: str, *, said_of: object) -> list[Sentence]:
    """Depths the first sentence does not speak of, and budgets at which it is the other way round."""
    said = []
    for one in findings.means:
        values = {"metric": metric, "reference": one.reference, "margin": findings.margin}
        if one.depth == said_of:
            continue
        if one.is_shown and one.gain.value < -findings.margin:
            said.append(Sentence(key="also.loses", values=values | _of(one, is_loss=True)))
        elif one.is_shown and one.gain.value > findings.margin:
            said.append(Sentence(key="also.gains", values=values | _of(one, is_loss=False)))
        elif one.gain.is_within(findings.margin):
            said.append(Sentence(key="also.equal", values=values | {"depth": one.depth}))
    sign = {StudyCode.DEEPER: 1, StudyCode.WIDER: -1}.get(findings.code, 0)
    for one in findings.singles:
        if one.depth == said_of and one.is_shown and sign * one.gain.value < -findings.margin:
            values = {"budget": one.budget, "depth": one.depth, "reference": one.reference, "gain": one.gain.value}
            said.append(Sentence(key="also.against", values=values))
    return said


def _of(one: Comparison, *, is_loss: bool) -> dict[str, Any]:
    """A comparison's numbers; of a loss without their sign."""
    low, high = one.gain.interval()
    if is_loss:
        return {"depth": one.depth, "gain": -one.gain.value, "low": -high, "high": -low}
    return {"depth": one.depth, "gain": one.gain.value, "low": low, "high": high}


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("_", " ")
