"""What a run found of the model it saved: whether it is a mean of several networks, or divides by a temperature."""

from __future__ import annotations

from typing import Final

from ffsearch.search.folder.results import Averaged, Temperature
from ffsearch.search.folder.summary import Summary
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["model_findings", "of_average"]

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
