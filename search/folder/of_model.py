"""What a run found of the model it saved: a mean of several networks, a temperature, a threshold of its own."""

from __future__ import annotations

from typing import Final

from ffsearch.search.folder.cut_results import Threshold
from ffsearch.search.folder.results import Averaged, Temperature
from ffsearch.search.folder.summary import Summary
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, Value, found

__all__ = ["model_findings", "of_average", "threshold_finding"]

SHOWN_LEVEL: Final = 0.9
"""Of the intervals that are told. Choice: nine in ten is what people ask for first."""


def model_findings(summary: Summary) -> list[Finding]:
    """What is to be said of the model beside its verdict, which says of a mean that it is one."""
    calibration, findings = summary.calibration, []
    if summary.average is not None and summary.verdict is None:
        findings.append(of_average(summary.average, summary.objective.name))
    if calibration is not None and calibration.temperature is not None and calibration.temperature.in_model:
        findings.append(_of_temperature(calibration.temperature))
    if (told := _of_row_intervals(summary)) is not None:
        findings.append(told)
    if summary.threshold is not None and summary.threshold.in_model:
        findings.append(threshold_finding(summary.threshold))
    return findings


def _of_row_intervals(summary: Summary) -> Finding | None:
    """How far the answer to one row may be off, at the level people ask for; None where that is not known."""
    known = summary.row_intervals
    at = next((one for one in known.levels if one.level == SHOWN_LEVEL), None) if known is not None else None
    if at is None:
        return None
    held = {"level": at.level, "held": at.held.value, "low": at.held.low, "high": at.held.high}
    if not at.widths_alike:
        return found(Code.ROW_INTERVALS, "classes", n_labels=at.widths[0], **held)
    if len(at.widths) > 1:
        return found(Code.ROW_INTERVALS, "targets", **held)
    return found(Code.ROW_INTERVALS, "numbers", width=at.widths[0], alike=at.widths_alike[0], **held)


def threshold_finding(threshold: Threshold) -> Finding:
    """What a threshold was chosen by and came to; where none was asked for, what one would bring, and how to ask."""
    chosen = threshold.chosen
    if chosen is None and threshold.wanted != "half":
        return found(Code.THRESHOLD_UNLEARNT, "unreached", wanted=threshold.wanted, label=threshold.positive)
    if chosen is None:
        return _not_asked(threshold)
    cut = chosen.threshold
    told: dict[str, Value] = {
        "label": threshold.positive, "threshold": rounded(cut.value), "t_low": rounded(cut.low),
        "t_high": rounded(cut.high), "rule": chosen.name, "wanted": threshold.wanted, "n": threshold.n_rows,
    }  # fmt: skip
    network = next((one for one in threshold.sealed if one.name == "network"), None)
    if network is None:
        return found(Code.THRESHOLD_IN_MODEL, "unsealed", **told)
    if chosen.name == "recall_at_precision":
        ends = {"value": network.value.value, "low": network.value.low, "high": network.value.high}
        recalls = {"recall": network.measures["recall"], "recall_half": network.measures_at_half["recall"]}
        return found(Code.THRESHOLD_IN_MODEL, "floor", **told, **ends, **recalls, half=network.at_half.value)
    gain = network.gain
    told |= {"measure": threshold.measure, "at_threshold": network.value.value, "half": network.at_half.value}
    if not gain.is_known:
        return found(Code.THRESHOLD_IN_MODEL, "one_unit", **told)
    form = "better" if gain.low > 0 else "worse" if gain.high < 0 else "level"
    sign = -1 if form == "worse" else 1
    low, high = sorted((sign * gain.low, sign * gain.high))
    return found(Code.THRESHOLD_IN_MODEL, form, **told, value=sign * gain.value, low=low, high=high)


def _not_asked(threshold: Threshold) -> Finding:
    """What the threshold of the rule that gains most would bring, by its own measure."""
    rules = [rule for rule in threshold.rules if rule.name == ("cost" if threshold.costs_given else "f1")]
    if not rules:
        return found(Code.THRESHOLD_NOT_ASKED, "none", label=threshold.positive)
    [rule] = rules
    return found(
        Code.THRESHOLD_NOT_ASKED, "known",
        label=threshold.positive, rule=rule.name, threshold=rounded(rule.threshold.value),
        recall=rule.measures["recall"], precision=rule.measures["precision"],
        recall_half=threshold.at_half["recall"], precision_half=threshold.at_half["precision"],
    )  # fmt: skip


def rounded(threshold: float) -> float:
    """A threshold with the digits that are worth reading."""
    return float(f"{threshold:.2g}")


def of_average(average: Averaged, metric: str) -> Finding:
    """That several networks answer, and what their mean gains over one.

    Args:
        average: The mean.
        metric: Name of the objective.
    """
    gain, n_networks = average.gain, average.n_networks
    if gain is None:
        return found(Code.AVERAGE_ANSWERS, "unsealed", n_networks=n_networks)
    if not gain.is_known:
        return found(Code.AVERAGE_ANSWERS, "one_unit", n_networks=n_networks)
    form = "ahead" if gain.low > 0 else "behind" if gain.high < 0 else "level"
    sign = -1 if form == "behind" else 1
    low, high = sorted((sign * gain.low, sign * gain.high))
    return found(
        Code.AVERAGE_ANSWERS, form, n_networks=n_networks, metric=metric, value=sign * gain.value, low=low, high=high
    )


def _of_temperature(temperature: Temperature) -> Finding:
    """That the model divides its logits, and what that saves."""
    gain, low, high = temperature.gain, temperature.low, temperature.high
    assert gain is not None
    assert low is not None
    assert high is not None
    form = "too_sure" if temperature.value > 1 else "too_timid"
    return found(
        Code.TEMPERATURE_IN_MODEL, form,
        temperature=temperature.value, t_low=low, t_high=high, value=gain.value, low=gain.low, high=gain.high,
    )  # fmt: skip
